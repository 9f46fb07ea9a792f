//! The words of measuring: kinds, outcomes, labels, targets and types of errors. Plain data.

pub(crate) mod budget;
pub(crate) mod error_type;
pub(crate) mod failure;
pub(crate) mod field_access;
pub(crate) mod kind;
pub(crate) mod label;
pub(crate) mod outcome;
pub(crate) mod run_budget;
pub(crate) mod service;
pub(crate) mod shape;
pub(crate) mod target;
