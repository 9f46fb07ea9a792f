use perf_runtime::*;

#[monitor("checkout", level = 3)]
fn f() {}

fn main() {}
