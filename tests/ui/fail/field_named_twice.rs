use perf_runtime::*;

#[monitor("checkout", fields(a = 1, a = 2))]
fn f() {}

fn main() {}
