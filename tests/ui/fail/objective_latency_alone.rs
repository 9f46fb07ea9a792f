use perf_runtime::*;

#[monitor("checkout", objective(latency = "1s"))]
fn f() {}

fn main() {}
