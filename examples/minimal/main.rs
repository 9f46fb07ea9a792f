//! An axum application as it was, and the lines (marked `perf`) that have it measured and shown. Run it, and open
//! <http://127.0.0.1:3000/perf>:
//!
//! ```text
//! cargo run --example minimal
//! ```

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use perf_runtime::monitor_db_operation; // perf

#[monitor_db_operation("select", "users")] // perf
async fn find_user(id: u64) -> Result<String, String> {
    if id > 0 { Ok(format!("user {id}")) } else { Err("no such user".to_owned()) }
}

async fn user(Path(id): Path<u64>) -> Result<String, String> {
    find_user(id).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let perf = perf_kit::builder("shop").without_server().start()?; // perf
    let app = Router::new().route("/users/{id}", get(user));
    let app = perf.mount(app)?; // perf
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    perf.shutdown().await; // perf
    Ok(())
}
