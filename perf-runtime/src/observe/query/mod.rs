//! Questions over all series: summaries, tracks, calls in flight, blocked threads.

pub(crate) mod blocked;
pub(crate) mod in_flight;
mod statistics;
pub(crate) mod summary;
pub(crate) mod timeline;
pub(crate) mod tracks;
pub(crate) mod whole_or_parts;
