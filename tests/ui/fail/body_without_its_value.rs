use perf_runtime::monitor;

#[monitor("sync")]
fn sync(n: u8) -> u8 {
    n + 1;
}

#[monitor("later")]
async fn later(n: u8) -> u8 {
    n + 1;
}

fn main() {
    sync(1);
    drop(later(1));
}
