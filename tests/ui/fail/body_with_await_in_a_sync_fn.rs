use perf_runtime::monitor;

#[monitor("sync")]
fn sync() -> u8 {
    std::future::ready(1).await
}

fn main() {
    sync();
}
