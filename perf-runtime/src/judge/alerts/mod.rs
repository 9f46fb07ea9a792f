//! Alerts: the state of each rule on each series, what was told of it, and what happened.

pub(crate) mod alert;
mod alert_instance;
pub(crate) mod backtest;
pub(crate) mod delivery;
pub(crate) mod engine;
mod event_log;
pub(crate) mod fingerprint;
pub(crate) mod log;
pub(crate) mod message;
mod mute;
pub(crate) mod record;
pub(crate) mod rule_state;
pub(crate) mod saved;
pub(crate) mod state;
pub(crate) mod subscription;
