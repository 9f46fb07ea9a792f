//! Objectives: the promises of series, their error budgets and burn rates.

pub(crate) mod budget_ledger;
pub(crate) mod history;
pub(crate) mod spec;
pub(crate) mod tracker;
