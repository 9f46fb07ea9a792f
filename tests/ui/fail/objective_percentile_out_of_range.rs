use perf_runtime::*;

#[monitor("checkout", objective(latency = "1s", percentile = 100.0))]
fn f() {}

fn main() {}
