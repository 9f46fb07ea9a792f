//! The tree of calls: those that run on each thread, one inside another, and the counts of each pair.

pub(crate) mod around;
pub(crate) mod bound;
pub(super) mod children;
pub(crate) mod context;
pub(crate) mod edges;
pub(crate) mod frame;
pub(crate) mod node;
mod outlived;
pub(crate) mod parent;
