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
mod auth;
mod context;
mod error;
mod layer;
mod params;
mod payload;
mod problem;
mod reply;
mod router;
mod routes;
mod server;
mod settings;

pub use auth::Access;
pub use error::ServeError;
pub use layer::{HttpFuture, HttpLayer, HttpService};
pub use router::router;
pub use server::{Server, ServerBuilder, serve};

#[cfg(test)]
mod tests;
