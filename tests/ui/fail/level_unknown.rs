use perf_runtime::*;

#[monitor("checkout", level = "verbose")]
fn f() {}

fn main() {}
