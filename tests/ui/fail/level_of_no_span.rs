use perf_runtime::*;

#[monitor("checkout", span = false, level = "debug")]
fn f() {}

fn main() {}
