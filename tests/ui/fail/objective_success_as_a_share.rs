use perf_runtime::*;

#[monitor("checkout", objective(success = 0.999))]
fn f() {}

fn main() {}
