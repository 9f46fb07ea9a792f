use perf_runtime::*;

#[monitor("checkout", labels(id = id))]
fn f(id: u64) -> u64 {
    id
}

fn main() {}
