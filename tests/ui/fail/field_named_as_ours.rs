use perf_runtime::*;

#[monitor("checkout", fields(outcome = 1))]
fn f() {}

fn main() {}
