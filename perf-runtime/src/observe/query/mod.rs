//! Questions over all series: summaries, tracks, calls in flight, blocked threads.

pub(crate) mod blocked;
mod cells;
pub(crate) mod edge_log;
mod edge_sums;
pub(crate) mod edges;
pub(crate) mod error_log;
pub(crate) mod errors;
pub(crate) mod grid;
pub(crate) mod in_flight;
pub(crate) mod lookback;
pub(crate) mod panorama;
pub(crate) mod past;
pub(crate) mod range;
pub(crate) mod recorded;
pub(crate) mod recorded_error;
pub(crate) mod selector;
pub(crate) mod shares;
mod show;
mod span;
mod statistics;
mod stored;
pub(crate) mod summary;
pub(crate) mod trace_url;
pub(crate) mod tracks;
pub(crate) mod tree;
pub(crate) mod tree_log;
pub(crate) mod whole_or_parts;
