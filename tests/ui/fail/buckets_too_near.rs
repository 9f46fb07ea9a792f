use perf_runtime::*;

#[monitor("checkout", buckets = [0.5, 0.51])]
fn f() {}

fn main() {}
