//! The helpers that every route of this crate answers with, for the routes of an [`Extension`](crate::Extension): JSON with a
//! tag, [problem documents](Problem), [query parameters](Params), [pages of lists](Listing) and [JSON bodies](Payload) that are checked.
//!
//! ```
//! use axum::http::HeaderMap;
//! use axum::response::Response;
//! use axum::routing::get;
//! use perf_server::Extension;
//! use perf_server::respond::{self, Params, Problem};
//!
//! async fn report(params: Params, headers: HeaderMap) -> Result<Response, Problem> {
//!     let limit = params.only(&["limit"])?.limit(10, 100)?;
//!     respond::json(&headers, move || (1..=limit).collect::<Vec<_>>()).await
//! }
//!
//! let extension = Extension::new("reports").read("/api/v1/reports", get(report));
//! ```
//!
//! # Names of problems
//!
//! Every refusal is a problem document (RFC 9457). Its `type` is `/problems/` followed by a name that stays the same from
//! version to version, so that a program can match it; [`ProblemKind`] lists the names. The text of `detail` is for people and may
//! change.

mod accept;
mod lane;
mod listing;
pub(crate) mod low_priority;
mod params;
mod payload;
mod pieces;
mod problem;
mod reply;
mod streamed;

pub use crate::dashboard::escaped;
pub(crate) use accept::{Format, accepts};
pub(crate) use lane::{ANSWERS, BODIES, Lane, PAST, TRIALS};
pub use lane::{of_the_past, off_the_runtime};
pub use listing::{Listing, Slice, SortKey};
pub(crate) use params::MAX_LABELS;
pub use params::{Labels, Params};
pub use payload::Payload;
pub(crate) use payload::{BodyLimits, LONG as LONG_BODY, body_of};
pub(crate) use pieces::Pieces;
pub use problem::{Problem, ProblemKind};
pub(crate) use reply::try_json_in;
pub use reply::{is_known, json, kept, not_acceptable, past_json, tagged, try_json, with_tag};
pub use streamed::streamed;
