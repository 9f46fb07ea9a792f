//! HTTP for perf: the layer that measures your requests, and the router that serves metrics and health.
//!
//! ```
//! use axum::{Router, routing::get};
//!
//! let monitor = perf_runtime::Monitor::builder().namespace("shop").install()?;
//! let app: Router = Router::new()
//!     .route("/cart/{id}", get(|| async { "empty" }))
//!     .merge(perf_server::router(monitor.clone()))
//!     .layer(perf_server::HttpLayer::new(&monitor));
//! # Ok::<(), perf_runtime::InstallError>(())
//! ```

mod accept;
mod context;
mod layer;
mod params;
mod payload;
mod problem;
mod reply;
mod router;
mod routes;
mod settings;

pub use layer::{HttpFuture, HttpLayer, HttpService};
pub use router::router;

#[cfg(test)]
mod tests;
