use perf_runtime::*;

#[monitor("checkout", err)]
fn f() -> u8 {
    7
}

fn main() {}
