//! What the benches have in common: statistics, cores, costs, child processes.

pub mod alloc;
pub mod child;
pub mod cores;
pub mod cost;
pub mod stats;
