use perf_runtime::*;

#[monitor("checkout", labels(operation = "x"))]
fn f() {}

fn main() {}
