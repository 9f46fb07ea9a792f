//! The room that the file takes: what is too old goes, and what does not fit.

use super::Writer;
use crate::store::{HOUR, Store, StoreError, TIERS, late};
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

/// Of the room that it may take, the file is made smaller when it takes so much: the rest is for a commit, and for what it
/// moves when it is made smaller.
const FULL_PERCENT: u64 = 75;
/// A file is made smaller, too, when less than this much of it is in use.
const SPARSE_PERCENT: u64 = 60;
/// Of a file that was full, so much of the room is left in use.
const LEFT_PERCENT: u64 = 50;
/// Events take so much of the room at most, when there is little of it.
const EVENTS_PERCENT: u64 = 15;

/// Longer steps are made for so long with each commit, until all are: of a thousand series, in some minutes.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Two measurements of the file that lie so far apart, in nanoseconds, say how it grows; those further apart say nothing of now.
const APART: RangeInclusive<u64> = HOUR / 2..=2 * HOUR;

/// The growth between two measurements of time and bytes; `None` where they do not follow each other.
fn growth_an_hour((before, bytes_before): (u64, u64), (now, bytes): (u64, u64)) -> Option<f64> {
    let passed = now.checked_sub(before).filter(|passed| APART.contains(passed))?;
    let hours = passed as f64 / HOUR as f64;
    Some((bytes as f64 - bytes_before as f64) / hours)
}

impl Writer {
    /// Seals the hour that is over, forgets what is older than the settings say, and gives back room that is no longer used.
    pub(super) fn end_hour(&mut self, store: &Store, now: u64) -> Result<(), StoreError> {
        store.seal_until(now.saturating_sub(late()))?;
        if self.is_believed(store, now)? {
            store.forget_before(self.settings.keep().map(|keep| now.saturating_sub(keep)))?;
        }
        let used = store.used_bytes()?;
        if used < self.bytes() / 100 * SPARSE_PERCENT {
            store.compact()?;
        }
        let before = store.note_used(now, used, *APART.start())?;
        self.tell_growth(before.and_then(|before| growth_an_hour(before, (now, used))));
        Ok(())
    }

    /// Makes longer steps of what is over, a few with each commit: steps of a minute when a chunk of them is over, and steps of an hour at
    /// once of those, few as they are.
    pub(super) fn make_longer(&mut self, store: &Store, now: u64) -> Result<(), StoreError> {
        if !self.is_made {
            let sealed = now.saturating_sub(late()) / HOUR * HOUR;
            let [_, minutes, _] = TIERS;
            let over = sealed / minutes.period() * minutes.period();
            self.is_made = store.make_longer([over; TIERS.len()], AT_ONCE)?;
        }
        Ok(())
    }

    /// Tells by how many bytes an hour the used part of the file grows.
    fn tell_growth(&mut self, growth: Option<f64>) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).growth_bytes_per_hour = growth;
        let Some(growth) = growth else { return self.gauges.growth = None };
        let gauge = self.gauges.growth.get_or_insert_with(|| {
            let gauge = self.monitor.metrics().gauge("history_growth_bytes_per_hour");
            let help = "Bytes an hour by which the used part of the history's file grows: what was added less what was forgotten.";
            gauge.help(help).unit("bytes").register()
        });
        gauge.set(growth);
    }

    /// Whether to forget by this time of day. Of a clock that is far after the last process, an hour is waited for: it may be one
    /// that nobody set yet, by which everything would be too old.
    fn is_believed(&self, store: &Store, now: u64) -> Result<bool, StoreError> {
        let (number, boot) = &self.boot;
        let [shortest, ..] = self.settings.keep();
        let others = store.boots()?.into_iter().filter(|(other, _)| other != number);
        let last = others.filter_map(|(_, boot)| boot.ended()).max();
        let observed: u64 = boot.observed.iter().map(|(from, to)| to - from).sum();
        Ok(last.is_none_or(|last| now <= last.saturating_add(shortest)) || observed >= HOUR)
    }

    /// Makes a file smaller that takes nearly all it may: free pages first, then journals, which take the most room for their
    /// rows, then the oldest of the finest tier.
    pub(super) fn make_room(&self, store: &Store, now: u64) -> Result<(), StoreError> {
        let percent = |percent: u64| self.settings.max_bytes / 100 * percent;
        if self.bytes() <= percent(FULL_PERCENT) {
            return Ok(());
        }
        let left = percent(LEFT_PERCENT);
        store.seal_until(now.saturating_sub(late()))?;
        if store.used_bytes()? > left {
            store.seal_until(u64::MAX)?;
            let beyond = store.used_bytes()?.saturating_sub(left);
            store.shrink(beyond, percent(EVENTS_PERCENT), now)?;
        }
        // While somebody reads, the file stays as long as it is: its free pages are used all the same.
        store.compact()?;
        Ok(())
    }
}
