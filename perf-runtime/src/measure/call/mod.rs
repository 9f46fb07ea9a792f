//! One execution of an annotated function, from its first poll or entry to its end.

pub(crate) mod at_once;
pub(crate) mod execution;
mod failed;
pub(crate) mod future;
pub(crate) mod leaves;
pub(crate) mod locks;
pub(crate) mod metered;
pub(crate) mod probe;
pub(crate) mod profiled;
pub(crate) mod scope;
pub(crate) mod stream;
pub(crate) mod tally;
mod wakes;
