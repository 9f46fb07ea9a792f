use perf_runtime::*;

#[monitor("checkout", labels(le = "x"))]
fn f() {}

fn main() {}
