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
mod client;
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
mod trace_context;

pub use auth::Access;
pub use client::{ClientLayer, ClientRequest, ClientResponse, ClientService};
pub use error::ServeError;
pub use layer::{HttpFuture, HttpLayer, HttpService, MeasuredBody};
pub use router::router;
pub use server::{Server, ServerBuilder, serve};
pub use trace_context::TraceContext;

#[cfg(test)]
mod tests;
