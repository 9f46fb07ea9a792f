//! Rules: what is looked at, when it is too bad, and what was seen of it at a tick.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod condition;
pub(crate) mod definition;
pub(crate) mod estimate;
pub(crate) mod in_force;
pub(crate) mod metric;
pub(crate) mod notes;
pub(crate) mod observation;
pub(crate) mod preset;
pub(crate) mod set;
pub(crate) mod severity;
pub(crate) mod signal;
pub(crate) mod statistic;
#[cfg(test)]
mod tests;
pub(crate) mod threshold;
