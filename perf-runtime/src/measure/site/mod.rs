//! The static description of an annotated function, the directory of all of them, and the span of their calls.

pub(crate) mod annotated;
pub(crate) mod directory;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod isolation;
pub(crate) mod span;
