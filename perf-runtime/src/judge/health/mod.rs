//! Health: indicators with their limits, the two verdicts and the score that they make, and advice.

pub(crate) mod advice;
mod finding;
pub(crate) mod history;
pub(crate) mod indicator;
mod of_alerts;
mod of_kind;
mod of_servers;
pub(crate) mod part_resource;
mod points;
pub(crate) mod report;
pub(crate) mod resource;
mod taken;
pub(crate) mod verdict;
