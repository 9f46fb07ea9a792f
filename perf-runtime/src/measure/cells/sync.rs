//! The primitives of the cells: the standard library's, or loom's where a test tries every interleaving.

#[cfg(not(all(test, perf_loom)))]
pub(crate) use super::lazy::LazyBox;
#[cfg(not(all(test, perf_loom)))]
pub(crate) use std::sync::atomic::AtomicU64;

#[cfg(all(test, perf_loom))]
pub(crate) use loom::sync::atomic::AtomicU64;
#[cfg(all(test, perf_loom))]
pub(crate) type LazyBox<T> = super::lazy::LazyBox<T, loom::sync::atomic::AtomicPtr<T>>;
