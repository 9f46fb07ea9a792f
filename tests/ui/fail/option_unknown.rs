use perf_runtime::*;

#[monitor("checkout", colour = "red")]
fn f() {}

fn main() {}
