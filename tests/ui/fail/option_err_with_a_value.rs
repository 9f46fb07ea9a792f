use perf_runtime::*;

#[monitor("checkout", err = true)]
fn f() -> Result<(), String> {
    Ok(())
}

fn main() {}
