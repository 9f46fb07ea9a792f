//! The numbers for others to read: Prometheus text, and views for JSON. This room knows nothing of HTTP.

pub(crate) mod prometheus;
pub(crate) mod rules;
pub(crate) mod view;
