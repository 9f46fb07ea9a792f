//! The application's own metrics: counters, gauges and histograms under names that only it knows, and what samplers read.

pub(crate) mod bounds;
pub(crate) mod cell;
pub(crate) mod handle;
pub(crate) mod kind;
pub mod known;
pub(crate) mod metric;
mod names;
pub(crate) mod reading;
pub(crate) mod recent;
pub(crate) mod sampled;
pub(crate) mod store;
mod track;
