//! The atomics of the words that say who holds a lock: the standard library's, or loom's where a test tries every interleaving.

#[cfg(all(test, perf_loom))]
pub(super) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
#[cfg(not(all(test, perf_loom)))]
pub(super) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
