use perf_runtime::*;

const TOOL: &str = "";

#[monitor_tool(TOOL)]
fn f() {}

fn main() {}
