//! The numbers for others to read: Prometheus text, and views for JSON. This room knows nothing of HTTP.

pub(crate) mod block;
pub(crate) mod text;
pub(crate) mod view;
