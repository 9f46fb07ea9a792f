//! What the numbers were over the last minutes.
//!
//! The [`Registry`](registry::Registry) knows every series. Once a second the [`Ticker`](ticker::Ticker) has each of them
//! cut off what happened since the last tick; these deltas fill three rings (60 of 1 s, 60 of 5 s, 60 of 60 s). A
//! [`Summary`](summary::Summary) adds up the deltas of a window and the live part since the last tick. This room knows
//! nothing of thresholds or exposition.

pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod in_flight;
pub(crate) mod operation;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod series;
pub(crate) mod summary;
pub(crate) mod ticker;
pub(crate) mod window;
