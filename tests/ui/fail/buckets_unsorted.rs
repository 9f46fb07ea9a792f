use perf_runtime::*;

#[monitor("checkout", buckets = [1.0, 0.5])]
fn f() {}

fn main() {}
