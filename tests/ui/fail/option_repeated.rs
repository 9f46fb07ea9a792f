use perf_runtime::*;

#[monitor("checkout", level = "debug", level = "info")]
fn f() {}

fn main() {}
