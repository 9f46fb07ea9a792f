use perf_runtime::*;

#[monitor("checkout", max_series = 10)]
fn f() {}

fn main() {}
