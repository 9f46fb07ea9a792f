//! The meaning of the numbers: rules, alerts, objectives and health.
//!
//! Pure and deterministic: it sees what was observed at a tick (an [`Observation`](rule::observation::Observation)) and
//! a clock, and gives transitions and verdicts. No I/O, and it does not know who asks.
//!
//! A [`Rule`](rule::definition::Rule) says what is looked at and when it is too bad. For each rule a
//! [`RuleState`](alerts::rule_state::RuleState) holds an `Instance` for each series where there is something to
//! remember: a [`StateMachine`](alerts::state::StateMachine) for each level, with the states of Prometheus, and what
//! was told of it. The [`AlertEngine`](alerts::engine::AlertEngine) holds the states of all rules, the marks and the
//! history.

pub(crate) mod alerts;
pub(crate) mod health;
pub(crate) mod objective;
pub(crate) mod rule;
