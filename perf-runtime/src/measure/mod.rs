//! The hot path: what happens at the start and at the end of each call.
//!
//! A [`Site`](site::Site) is one annotated function, a `static` that the attribute made. A [`Call`](call::Call) is one
//! execution of it. Both write into a [`Meter`](meter::Meter): counts by outcome and duration, in cells that threads
//! rarely share. This room knows nothing of windows, rules or exposition: it only adds numbers that never go back.

pub(crate) mod call;
pub(crate) mod cells;
pub(crate) mod clock;
pub(crate) mod directory;
pub(crate) mod error_type;
pub(crate) mod exemplar;
pub(crate) mod future;
pub(crate) mod histogram;
pub(crate) mod kind;
pub(crate) mod label;
mod lazy;
pub(crate) mod meter;
pub(crate) mod outcome;
pub(crate) mod probe;
pub(crate) mod profile;
pub(crate) mod profiled;
pub(crate) mod reading;
mod shard;
pub(crate) mod site;
mod slot;
pub(crate) mod span;
mod sync;
pub(crate) mod target;
pub(crate) mod usage;
mod waiting;
