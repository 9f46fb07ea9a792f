//! Not to be kept: calls that wait, as a tree.
use perf_runtime::{InCurrentCall, Monitor, monitor_agent, monitor_db_operation, monitor_tool, monitor_workflow};
use std::future::pending;
use std::time::Duration;

#[monitor_db_operation("select", "points")]
async fn points() {
    tokio::time::sleep(Duration::from_secs(3)).await;
    pending().await
}

#[monitor_tool("web_search")]
async fn search() {
    points().await
}

#[monitor_agent("researcher")]
async fn research(n: usize) {
    let tasks: Vec<_> = (0..n).map(|_| tokio::spawn(search().in_current_call())).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    points().await;
    drop(tasks);
}

#[monitor_workflow("nightly")]
async fn nightly() {
    research(4).await
}

#[monitor_agent("stuck_agent")]
async fn stuck() {
    research(200).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let monitor = Monitor::builder().recorder(true).install()?;
    tokio::spawn(nightly());
    tokio::time::sleep(Duration::from_secs(1)).await;
    tokio::spawn(stuck());
    tokio::spawn(async {
        let op = perf_runtime::monitor().operation("orphans");
        op.run(|| tokio::spawn(points().in_current_call()));
    });
    perf_server::serve(monitor, "127.0.0.1:9877").await?;
    Ok(())
}
