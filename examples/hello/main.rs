//! The smallest use: one attribute, one question.

use perf_runtime::{Monitor, monitor_db_operation};

#[monitor_db_operation("select", "users")]
async fn find_user(id: u64) -> Result<&'static str, String> {
    if id > 0 { Ok("ada") } else { Err(format!("no user {id}")) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let monitor = Monitor::builder().namespace("shop").install()?;
    for id in 0..200 {
        let _ = find_user(id % 8).await;
    }
    for line in monitor.render_prometheus().lines().filter(|line| line.starts_with("shop_db_operations")) {
        println!("{line}");
    }
    let health = monitor.health();
    println!("health {:.0}, {}: {}", health.score(), health.status(), health.recommendations()[0]);
    Ok(())
}
