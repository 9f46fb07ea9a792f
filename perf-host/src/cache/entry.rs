//! A value and how long it is good for.

use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    /// The entry's own, where it has one.
    pub(super) time_to_live: Option<Duration>,
}

impl<V> Entry<V> {
    pub(super) fn new(value: V) -> Self {
        Self { value, time_to_live: None }
    }
}

/// Has each entry live as long as it says.
pub(super) struct PerEntry;

impl<K, V> moka::Expiry<K, Entry<V>> for PerEntry {
    fn expire_after_create(&self, _: &K, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        entry.time_to_live
    }

    fn expire_after_update(&self, _: &K, entry: &Entry<V>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        entry.time_to_live
    }
}
