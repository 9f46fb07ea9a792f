use perf_runtime::*;

#[monitor("checkout", buckets = [0.5, f64::NAN])]
fn f() {}

fn main() {}
