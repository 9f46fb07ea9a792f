use perf_runtime::*;

#[monitor_tool("web search")]
fn f() {}

fn main() {}
