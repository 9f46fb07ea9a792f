//! The static description of an annotated function, the directory of all of them, and the spans and events of their calls.

pub(crate) mod annotated;
pub(crate) mod callsite;
pub(crate) mod directory;
pub(crate) mod error_event;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod isolation;
pub(crate) mod opened;
pub(crate) mod span;
