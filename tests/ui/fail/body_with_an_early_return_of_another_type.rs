use perf_runtime::monitor;

#[monitor("sync")]
fn sync(n: u8) -> Option<u8> {
    if n == 0 {
        return n;
    }
    Some(n)
}

#[monitor("later")]
async fn later(n: u8) -> Option<u8> {
    if n == 0 {
        return n;
    }
    Some(n)
}

fn main() {
    sync(1);
    drop(later(1));
}
