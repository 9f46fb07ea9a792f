use perf_runtime::*;

#[derive(Label)]
enum Tier {
    Free,
    Paid(u32),
}

fn main() {}
