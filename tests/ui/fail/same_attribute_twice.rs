use perf_runtime::*;

#[monitor("one")]
#[monitor("other")]
fn f() {}

fn main() {}
