use perf_runtime::monitor;

#[monitor("sync")]
fn sync() -> Missing {
    todo!()
}

#[monitor("later")]
async fn later() -> Result<Missing, ()> {
    todo!()
}

fn main() {
    sync();
    drop(later());
}
