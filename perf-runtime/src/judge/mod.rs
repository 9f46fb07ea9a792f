//! What the numbers mean: thresholds, health and alerts.
//!
//! Pure and deterministic: it sees summaries and a clock, and gives verdicts. It does not know who asks.

pub(crate) mod advice;
pub(crate) mod alert;
pub(crate) mod health;
pub(crate) mod indicator;
pub(crate) mod threshold;
