use perf_runtime::*;

const TOOL: u32 = 7;

#[monitor_tool(TOOL)]
fn f() {}

fn main() {}
