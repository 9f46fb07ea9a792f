//! Series, their windows and the application's own metrics, over the last hour.
//!
//! The [`Registry`](series::registry::Registry) knows every series. Once a second the [`Ticker`](ticker::Ticker) has each
//! of them cut off what happened since the last tick; these slices fill three rings (the last minute by the second, then
//! five minutes by five seconds, then an hour by the minute). A [`Summary`](query::summary::Summary) is of the slices of a
//! window and of the live part since the last tick. This room knows nothing of thresholds or exposition.

pub(crate) mod history;
#[cfg_attr(not(feature = "metrics"), allow(dead_code, unused_imports, reason = "the facade counts in them"))]
pub(crate) mod metrics;
pub(crate) mod pace;
pub(crate) mod query;
pub(crate) mod series;
pub(crate) mod ticker;
