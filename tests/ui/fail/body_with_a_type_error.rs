use perf_runtime::*;

#[monitor("checkout")]
fn f(id: u64) -> u64 {
    let text: String = "seven";
    id + text.len() as u64
}

#[monitor("checkout")]
async fn g() -> u64 {
    "seven"
}

fn main() {}
