use perf_runtime::*;

#[monitor("checkout", buckets = [])]
fn f() {}

fn main() {}
