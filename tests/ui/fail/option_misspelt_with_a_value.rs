use perf_runtime::*;

#[monitor("checkout", leval = "debug")]
fn f() {}

fn main() {}
