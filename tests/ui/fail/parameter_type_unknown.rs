use perf_runtime::monitor;

#[monitor("sync")]
fn sync(n: Missing) -> u8 {
    n.len()
}

#[monitor("later")]
async fn later((n, _): (Missing, u8)) -> u8 {
    1
}

fn main() {}
