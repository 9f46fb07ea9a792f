use perf_runtime::*;

#[monitor(skip)]
fn f() {}

fn main() {}
