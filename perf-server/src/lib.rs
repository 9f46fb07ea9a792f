//! HTTP for perf, in both directions: layers that measure requests, and routes that show what is measured.
//!
//! ```
//! use axum::{Router, routing::get};
//!
//! let monitor = perf_runtime::Monitor::builder().namespace("shop").install()?;
//! let app: Router = Router::new().route("/cart/{id}", get(|| async { "empty" }));
//! let app = perf_server::mount(app, &monitor);
//! # Ok::<(), perf_runtime::InstallError>(())
//! ```
//!
//! | what | for |
//! |---|---|
//! | [`HttpLayer`] | the requests that a service answers, by method, route template and status |
//! | [`ClientLayer`] | the requests that it sends to others |
//! | [`mount`], [`mount_at`] | an application whose requests are measured, with metrics, health, alerts and the dashboard below `/perf` |
//! | [`router`](router()) | these routes alone, to be merged or nested |
//! | [`serve`] | the same on a port of its own |
//! | [`Server::builder`] | any of the three with tokens, limits and readiness checks |
//!
//! # Who may see it, and who may change it
//!
//! Tokens come from the program or from the environment, in each of the three ways of serving alike. Without any, this machine may read and
//! nobody may change anything (acknowledge, silence, reset): a server of [`serve`] listens on loopback only, and mounted routes but the
//! probes refuse names other than those of this machine, peers elsewhere (where the application serves with
//! `into_make_service_with_connect_info`), and what a proxy forwards. Where nothing tells the peer, whoever reaches the port and sends
//! `Host: localhost` may read: set a token there. With a read token or an admin token, everything but the probes and the
//! login page needs one: `Authorization: Bearer ..`, or a session of the login page. Changes need the admin token, and are
//! refused where they come from a page of another site. Each of them, and each that is refused, is an event of the `tracing`
//! target `perf_server::audit`: its `peer` is the address of the socket, and `forwarded_for`, which anybody can forge, what headers of
//! proxies tell of the client. A session lasts for 12 hours; a log-out ends it, with what listens in it, and takes
//! the browser's other tabs to the login. Its cookie holds no token, and has a name by service, instance and port. A token is good until
//! the service has another.
//!
//! ```no_run
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! # let monitor = perf_runtime::monitor();
//! // PERF_READ_TOKEN and PERF_ADMIN_TOKEN, or the names of files in PERF_READ_TOKEN_FILE and PERF_ADMIN_TOKEN_FILE.
//! perf_server::Server::builder(&monitor).bind("0.0.0.0:9464").await?.run().await;
//! # Ok(())
//! # }
//! ```
//!
//! An application that knows its users says so with [`Access`] in place of tokens.
//!
//! # Features
//!
//! `server`, on by default: everything but the layers. Without it there are [`HttpLayer`], [`ClientLayer`] and [`TraceContext`], and
//! of axum only the router that tells the layer a route's template: no server, no WebSocket, no JSON.
//!
//! `reqwest`: [`ClientLayer`] around a `reqwest::Client`.

mod client;
mod layer;
mod trace_context;

pub use client::{ClientLayer, ClientRequest, ClientResponse, ClientService};
pub use layer::{HttpFuture, HttpLayer, HttpService, MeasuredBody};
pub use perf_runtime::extend::TraceContext;

#[cfg(feature = "server")]
mod auth;
#[cfg(feature = "server")]
mod card;
#[cfg(feature = "server")]
mod context;
#[cfg(feature = "server")]
mod dashboard;
#[cfg(feature = "server")]
mod error;
#[cfg(feature = "server")]
mod extension;
#[cfg(feature = "server")]
mod feed;
#[cfg(feature = "server")]
mod frames;
#[cfg(feature = "server")]
mod mounted;
#[cfg(feature = "server")]
pub mod openapi;
#[cfg(feature = "server")]
mod page;
#[cfg(feature = "server")]
pub mod respond;
#[cfg(feature = "server")]
mod router;
#[cfg(feature = "server")]
mod routes;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod serving;
#[cfg(feature = "server")]
mod settings;
#[cfg(feature = "server")]
pub mod shapes;
#[cfg(feature = "server")]
mod table;
#[cfg(feature = "server")]
mod within;

#[cfg(feature = "server")]
pub use auth::Access;
/// The axum whose routers this crate takes and gives.
#[cfg(feature = "server")]
pub use axum;
#[cfg(feature = "server")]
pub use card::Card;
#[cfg(feature = "server")]
pub use error::ServeError;
#[cfg(feature = "server")]
pub use extension::Extension;
#[cfg(feature = "server")]
pub use page::{Page, Place};
#[cfg(feature = "server")]
pub use router::{mount, mount_at, router};
#[cfg(feature = "server")]
pub use server::{Server, ServerBuilder, ServerThread, serve};
#[cfg(feature = "server")]
pub use table::{Route, RouteAccess};
#[cfg(feature = "server")]
pub use within::Within;

#[cfg(all(test, feature = "server"))]
mod tests;
