use perf_runtime::*;

#[monitor("checkout")]
#[track_caller]
fn f(text: &str) -> Result<u8, std::num::ParseIntError> {
    Ok(text.parse::<u8>()? + 1)
}

fn main() {}
