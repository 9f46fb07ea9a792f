use perf_runtime::*;

#[monitor_tool("web\u{7}search")]
fn f() {}

fn main() {}
