use perf_runtime::*;

#[monitor("checkout", objective(speed = "1s"))]
fn f() {}

fn main() {}
