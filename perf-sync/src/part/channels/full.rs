//! Channels that were full at one look after another, and refused those that would send.

use super::look::Channels;
use crate::channel::existing::Existing;
use crate::watch::name::Number;
use crate::watch::series::SeriesNumber;
use std::collections::HashMap;

/// A channel that is full and refused nobody for so long, in ns, does not refuse any more: nobody asks.
const REFUSED_EACH: u64 = 3_000_000_000;

/// The channels that were full at the last look.
#[derive(Default)]
pub(super) struct Full {
    watched: HashMap<SeriesNumber, Refusing>,
    existing: HashMap<(Number, &'static str), u64>,
}

/// The attempts that were refused for want of room.
#[derive(Clone, Copy)]
struct Refusing {
    refused: u64,
    /// Since when the channel is full and refuses, and when it was last seen that it refused.
    since: Option<(u64, u64)>,
}

impl Full {
    /// Since when the channels of a series have been full at each look and refused attempts. A channel that is full and refuses nobody is one whose senders
    /// wait: they are looked at themselves.
    pub(super) fn refusing_since(&mut self, all: &Channels, now: u64) -> Option<u64> {
        let Channels { number, kind, reading, group, .. } = all;
        if !kind.is_bounded() {
            return None;
        }
        // Of several channels of a name it is certain where all of them are full.
        let is_full = group.capacity > 0 && reading.queued.saturating_add(reading.reserved) >= group.capacity;
        let refused = reading.full.saturating_add(reading.timed_out);
        let known = self.watched.entry(*number).or_insert(Refusing { refused, since: None });
        let has_refused = refused > known.refused;
        known.refused = refused;
        known.since = match known.since.filter(|_| is_full) {
            Some((since, _)) if has_refused => Some((since, now)),
            since @ Some((_, last)) if now.saturating_sub(last) < REFUSED_EACH => since,
            _ => (is_full && has_refused).then_some((now, now)),
        };
        known.since.map(|(since, _)| since)
    }

    /// Since when channels of another make have been full at each look. Those of names that are gone are forgotten.
    pub(super) fn existing_since(&mut self, all: &[Existing], now: u64) -> Vec<Option<u64>> {
        let before = std::mem::take(&mut self.existing);
        let since = |one: &Existing| {
            let key = (one.name, one.kind);
            let is_full = one.capacity.is_some_and(|capacity| capacity > 0 && one.queued >= capacity);
            is_full.then(|| *self.existing.entry(key).or_insert(before.get(&key).copied().unwrap_or(now)))
        };
        all.iter().map(since).collect()
    }
}
