//! What the numbers mean: rules, alerts, objectives and health.
//!
//! Pure and deterministic: it sees what was observed at a tick (a [`Sight`](rule::observation::Sight)) and a clock, and
//! gives transitions and verdicts. No I/O, and it does not know who asks.
//!
//! A [`Rule`](rule::definition::Rule) says what is looked at and when it is too bad. For each rule a
//! [`Watch`](alerts::rule_state::Watch) holds an `Instance` for each series where there
//! is something to remember: a [`Machine`](alerts::state::Machine) for each level, with the states of Prometheus, and what
//! was told of it. The [`AlertBook`](alerts::engine::AlertBook) holds the watches, the marks and the history.

pub(crate) mod alerts;
pub(crate) mod health;
pub(crate) mod objective;
pub(crate) mod rule;
