//! All of perf, started by one line.
//!
//! ```no_run
//! use perf_runtime::monitor_db_operation;
//!
//! #[monitor_db_operation("select", "users")]
//! async fn find_user(id: u64) -> Result<&'static str, String> {
//!     if id > 0 { Ok("ada") } else { Err("no such user".into()) }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let perf = perf_kit::start("shop")?; // dashboard at http://127.0.0.1:9464
//!     find_user(7).await?;
//!     perf.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! An application adds `perf-runtime`, which the attributes name, and this crate beside it, as it adds `tracing` and a
//! subscriber. A library that only annotates adds `perf-runtime` alone. This crate has everything that `perf_runtime` has
//! under the same names, so an application that wants one line in its `Cargo.toml` can let it stand for both:
//!
//! ```toml
//! perf-runtime = { package = "perf-kit", path = "../perf/perf-kit", features = ["full"] }
//! ```
//!
//! The [`guide`] goes on from here.
//!
//! # Settings
//!
//! [`start`] reads `perf.toml` in the working directory where there is one (another file by `PERF_CONFIG`), with the feature
//! `toml`, and the variables `PERF_..`, which win. [`config`] lists the monitor's own settings; parts have a section each:
//!
//! ```toml
//! [server]
//! enabled = true              # PERF_SERVER_ENABLED
//! host = "127.0.0.1"          # PERF_SERVER_HOST: outside of loopback only with a token
//! port = 9464                 # PERF_PORT or PERF_SERVER_PORT; 0 takes any that is free
//! read_token_file = "/run/secrets/perf-read"     # or PERF_READ_TOKEN, PERF_READ_TOKEN_FILE
//! admin_token_file = "/run/secrets/perf-admin"   # or PERF_ADMIN_TOKEN, PERF_ADMIN_TOKEN_FILE
//! allow_origins = ["https://ops.example.com"]
//! allow_hosts = ["ops.example.com"]
//! mount_at = "/perf"          # below which `Perf::mount` puts the routes
//! public_url = "https://ops.example.com/perf"    # where others reach them: for links in messages
//!
//! [insight]                   # incidents and bottlenecks
//! enabled = true
//!
//! [sync]                      # locks and channels
//! enabled = true
//! deadlocks = true            # whether cycles of locks are looked for
//!
//! [sql]                       # statements that `perf_kit::sql::layer()` hears of
//! enabled = true
//! max_statements = 500
//!
//! [report]                    # reports that are kept: the chapter `report` of the guide lists the keys, and PERF_REPORT_..
//! daily = "06:00"             # of the day before; with a history
//! weekly = "monday 06:00"
//! session = true              # of the process before, also where it crashed
//! time_zone = "Europe/Berlin"
//! at_shutdown = "report.json" # of this process, when it ends in order
//!
//! [host]                      # the keys that perf-host lists, and PERF_HOST_..
//! enabled = true
//! interval = "1s"
//! ```
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `server` (default) | the dashboard, scrapes and JSON over HTTP, and [`server`]: layers for requests |
//! | `host` (default) | processors, memory, disks and network of the host, the process, and [`host`](mod@host) |
//! | `metrics` (default) | the `metrics` facade in both directions |
//! | `toml` | `perf.toml` |
//! | `host-tokio`, `host-sqlx`, `host-deadpool`, `host-bb8`, `host-moka`, `host-jemalloc`, `host-alloc`, `host-profiler`, `gpu` | executor, pools, caches, allocators, processor time by function, devices |
//! | `insight` | incidents with their causes, and bottlenecks |
//! | `notify`, `notify-email` | who is told of alerts |
//! | `llm` | tokens, cost and budgets of language models |
//! | `report` | exports, dashboards for Grafana, and one HTML report |
//! | `sql`, `sql-diesel`, `sql-sqlx` | [`sql`]: SQL statements by text, caller and request; of sqlx by its events; with their outcomes those of diesel, and those over a pool around sqlx's |
//! | `reqwest` | a layer around a `reqwest::Client` |
//! | `sync`, `sync-parking-lot`, `sync-async-channel`, `sync-crossbeam-channel`, `sync-flume` | [`sync`]: locks that tell who holds them and who waits, and channels with their messages, lost ones and backpressure |
//! | `full` | `toml`, `server`, `host`, `host-tokio`, `insight`, `llm`, `metrics`, `report`, `sql`, `sync` |

#[cfg(feature = "history")]
pub use perf_history as history;
#[cfg(feature = "host")]
pub use perf_host as host;
#[cfg(feature = "insight")]
pub use perf_insight as insight;
#[cfg(feature = "llm")]
pub use perf_llm as llm;
#[cfg(feature = "notify")]
pub use perf_notify as notify;
#[cfg(feature = "report")]
pub use perf_report as report;
pub use perf_runtime::*;
#[doc(hidden)]
pub use perf_runtime::{__allocator, __private};
#[cfg(feature = "server")]
pub use perf_server as server;
#[cfg(feature = "sql")]
pub use perf_sql as sql;
#[cfg(feature = "sync")]
pub use perf_sync as sync;

pub use error::StartError;
#[cfg(all(feature = "history", feature = "server"))]
pub use past_api::PastApi;
pub use perf::{Perf, Shutdown};
pub use start::{Builder, builder, start};

mod error;
#[cfg(all(feature = "insight", any(feature = "history", feature = "server")))]
mod explaining;
#[cfg(feature = "full")]
pub mod guide;
#[cfg(feature = "host")]
mod hosting;
#[cfg(feature = "sync")]
mod locking;
#[cfg(all(feature = "history", feature = "server"))]
mod past_api;
mod perf;
#[cfg(feature = "sql")]
mod querying;
#[cfg(feature = "history")]
mod remembering;
#[cfg(feature = "report")]
mod reporting;
#[cfg(feature = "server")]
mod serving;
#[cfg(feature = "llm")]
mod spending;
mod start;
#[cfg(all(feature = "notify", feature = "server"))]
mod telling;
