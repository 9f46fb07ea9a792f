//! The slices of time that one series is kept in, and the windows over them.

pub(crate) mod counts;
pub(crate) mod failures;
mod notes;
pub(crate) mod packed;
pub(crate) mod profile;
pub(crate) mod ring;
pub(crate) mod sampled;
pub(crate) mod slices;
pub(crate) mod streams;
pub(crate) mod unseen;
pub(crate) mod wanted;
pub(crate) mod window;
mod window_totals;
