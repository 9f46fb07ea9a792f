//! What the numbers were over the last minutes.
//!
//! The [`Registry`](registry::Registry) knows every series. Once a second the [`Ticker`](ticker::Ticker) has each of them
//! cut off what happened since the last tick; these slices fill three rings (the last minute by the second, then five
//! minutes by five seconds, then an hour by the minute). A [`Summary`](summary::Summary) is of the slices of a window and of
//! the live part since the last tick. This room knows nothing of thresholds or exposition.

pub(crate) mod blocked;
pub(crate) mod counts;
#[cfg_attr(not(feature = "metrics"), allow(dead_code, unused_imports, reason = "the facade counts in them"))]
pub(crate) mod custom;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod in_flight;
pub(crate) mod lookup;
pub(crate) mod marks;
pub(crate) mod operation;
pub(crate) mod overflow;
pub(crate) mod panorama;
pub(crate) mod profile;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod series;
pub(crate) mod sheet;
mod sites;
mod statistics;
pub(crate) mod summary;
pub(crate) mod ticker;
pub(crate) mod timeline;
mod turns;
pub(crate) mod window;
