use perf_runtime::*;

trait Stream {}

impl Stream for u8 {}

#[monitor("numbers")]
fn f() -> impl Stream {
    7
}

fn main() {}
