use perf_runtime::*;

#[monitor_tool(7)]
fn f() {}

fn main() {}
