use perf_runtime::{monitor_agent, monitor_tool};

#[monitor_agent("researcher", budget = "5 euros")]
fn research() {}

#[monitor_tool("search", budget = "$1")]
fn search() {}

fn main() {}
