use perf_runtime::*;

#[monitor("checkout", slow = "250")]
fn f() {}

fn main() {}
