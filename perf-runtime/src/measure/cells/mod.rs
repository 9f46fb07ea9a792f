//! Where calls are counted: cumulative cells, one set for each thread and series, and how they are read.

pub(crate) mod cell_table;
pub(crate) mod exemplar;
pub(crate) mod expected;
pub(crate) mod failures;
pub(crate) mod histogram;
mod lazy;
pub(crate) mod meter;
pub(crate) mod profile;
pub(crate) mod profiler;
pub(crate) mod reading;
pub(crate) mod recorder;
pub(crate) mod sampled;
mod slot;
pub(crate) mod streams;
mod sync;
mod thread_cells;
pub(crate) mod times;
pub(crate) mod tree;
pub(crate) mod usage;
pub(crate) mod waiting;
mod writers;
