use perf_runtime::*;

#[monitor("checkout", fields(error_type = "mine"))]
fn f() {}

fn main() {}
