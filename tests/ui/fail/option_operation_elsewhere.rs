use perf_runtime::*;

#[monitor_tool("x", operation = "scan")]
fn f() {}

fn main() {}
