//! What the numbers mean: rules, alerts, objectives and health.
//!
//! Pure and deterministic: it sees what was observed at a tick (a [`Sight`](sight::Sight)) and a clock, and gives
//! transitions and verdicts. No I/O, and it does not know who asks.
//!
//! A [`Rule`](rule::Rule) says what is looked at and when it is too bad. For each rule a [`Watch`](watch::Watch) holds an
//! [`Instance`](instance::Instance) for each series where there is something to remember: a
//! [`Machine`](machine::Machine) for each level, with the states of Prometheus, and what was told of it. The
//! [`AlertBook`](book::AlertBook) holds the watches, the marks and the history.

pub(crate) mod advice;
pub(crate) mod alert;
pub(crate) mod book;
pub(crate) mod dry_run;
pub(crate) mod health;
pub(crate) mod indicator;
mod instance;
pub(crate) mod machine;
pub(crate) mod objective;
pub(crate) mod preset;
pub(crate) mod rule;
pub(crate) mod sight;
pub(crate) mod subscription;
mod telling;
pub(crate) mod threshold;
pub(crate) mod watch;
mod words;
