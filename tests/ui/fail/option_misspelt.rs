use perf_runtime::*;

#[monitor("checkout", lable(a = true))]
fn f() {}

fn main() {}
