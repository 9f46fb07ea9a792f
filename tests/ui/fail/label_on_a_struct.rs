use perf_runtime::*;

#[derive(Label)]
struct Tier;

fn main() {}
