//! Health: indicators with their limits, the score they leave, and advice.

pub(crate) mod advice;
pub(crate) mod indicator;
mod of_kind;
pub(crate) mod part_resource;
pub(crate) mod report;
mod resource;
