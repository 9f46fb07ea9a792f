//! The numbers for others to read: Prometheus text, and views for JSON. This room knows nothing of HTTP.

pub(crate) mod block;
#[cfg(feature = "metrics")]
pub(crate) mod facade;
pub(crate) mod family;
pub(crate) mod merge;
pub(crate) mod rules;
pub(crate) mod series;
pub(crate) mod text;
