use perf_runtime::*;

#[monitor("checkout", objective(success = 0))]
fn f() {}

fn main() {}
