//! The primitives of the cells: the standard library's, or loom's where a test tries every interleaving.

#[cfg(not(all(test, perf_loom)))]
pub(super) use super::lazy::LazyBox;
#[cfg(not(all(test, perf_loom)))]
pub(super) use std::sync::atomic::AtomicU64;

#[cfg(all(test, perf_loom))]
pub(super) use loom::sync::atomic::AtomicU64;
#[cfg(all(test, perf_loom))]
pub(super) type LazyBox<T> = super::lazy::LazyBox<T, loom::sync::atomic::AtomicPtr<T>>;
