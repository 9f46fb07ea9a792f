use perf_runtime::*;

#[monitor("checkout", buckets = [0.25], slow = "255ms")]
fn f() {}

fn main() {}
