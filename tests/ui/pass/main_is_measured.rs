//! `main` is a function like others.

#[tokio::main(flavor = "current_thread")]
#[perf_runtime::monitor("main")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n: u8 = "7".parse()?;
    tokio::task::yield_now().await;
    assert_eq!(n, 7);
    Ok(())
}
