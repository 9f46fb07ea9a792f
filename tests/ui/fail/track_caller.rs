use perf_runtime::*;

#[monitor("checkout")]
#[track_caller]
fn f() {}

fn main() {}
