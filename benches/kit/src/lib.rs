//! The common parts of the benches: statistics, cores, costs, child processes.

pub mod alloc;
pub mod child;
pub mod cores;
pub mod cost;
pub mod stats;
