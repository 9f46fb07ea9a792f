use perf_runtime::*;

#[derive(ErrorType)]
struct Broken;

fn main() {}
