//! Lines by time: events, deliveries, what each hour had of failures and of calls inside calls, recorded calls, and [lines](super::lines) of parts.

use super::lines::LINES;
use super::{Batch, HOUR, Store, StoreError, get, guarded, nanos_of, parse, put, without_sum};
use perf_runtime::alert::{AlertEvent, Delivery};
use perf_runtime::extend::{ErrorSlice, TreeSlice};
use perf_runtime::series::{CallInside, RecordedCall, RecordedTree};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// Lines by nanoseconds since 1970 and number.
pub(super) type Log<'a> = TableDefinition<'a, (u64, u64), &'static [u8]>;

const EVENTS: Log<'_> = TableDefinition::new("events");
/// As the events.
const DELIVERIES: Log<'_> = TableDefinition::new("deliveries");
/// The failures of a series in an hour, or the part of it that a process saw, by its end and a number that no other process gives.
const ERRORS: Log<'_> = TableDefinition::new("errors");
/// The calls inside calls of such a stretch of time, by the same key.
const TREES: Log<'_> = TableDefinition::new("trees");
/// Recorded calls, by the two numbers of their names: when they ended, and another one for each call of a process. Those inside them are apart, so
/// that a list reads none of them.
const CALLS: Log<'_> = TableDefinition::new("calls");
const CALLS_INSIDE: Log<'_> = TableDefinition::new("calls-inside");
/// All of them.
pub(super) const LOGS: [Log<'_>; 7] = [EVENTS, DELIVERIES, ERRORS, TREES, CALLS, CALLS_INSIDE, LINES];
/// Those of them that are as large as the program's calls, and kept no longer than steps of a minute.
pub(super) const CALL_LOGS: [Log<'_>; 2] = [CALLS, CALLS_INSIDE];

/// Failures and calls inside calls are of stretches that are no longer, in nanoseconds: of an hour at most, and a little more.
pub(crate) const LONGEST_SLICE: u64 = 2 * HOUR;

/// The two numbers of the name of a recorded call; `None` of what is no such name.
fn numbers_of(id: &str) -> Option<(u64, u64)> {
    let (ended, number) = id.split_once('-')?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    Some((hex(ended)?, hex(number)?))
}

/// The bytes of a recorded call in the file, without what the file itself needs.
pub(crate) fn bytes_of_recorded(tree: &RecordedTree) -> u64 {
    // An entry that cannot be written is larger than any room.
    let length = |written: serde_json::Result<Vec<u8>>| written.map_or(u64::MAX, |bytes| bytes.len() as u64);
    length(serde_json::to_vec(&tree.call)).saturating_add(length(serde_json::to_vec(&tree.inside)))
}

impl Store {
    pub(super) fn put_logs(transaction: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
        let began = batch.boot.1.began.0;
        let mut events = transaction.open_table(EVENTS)?;
        for event in &batch.events {
            put(&mut events, (nanos_of(event.at), event.seq), event)?;
        }
        let mut deliveries = transaction.open_table(DELIVERIES)?;
        for delivery in &batch.deliveries {
            put(&mut deliveries, (nanos_of(delivery.at), delivery.seq), delivery)?;
        }
        // Of a boot whose clock was set back by a moment, two may end at the same time.
        let mut numbers = (0_u64..).map(|place| began.wrapping_add(batch.slices_before).wrapping_add(place));
        let mut errors = transaction.open_table(ERRORS)?;
        for (slice, number) in batch.errors.iter().zip(&mut numbers) {
            put(&mut errors, (nanos_of(slice.end), number), slice)?;
        }
        let mut trees = transaction.open_table(TREES)?;
        for (slice, number) in batch.trees.iter().zip(&mut numbers) {
            put(&mut trees, (nanos_of(slice.end()), number), slice)?;
        }
        Self::put_lines(transaction, batch)?;
        let mut calls = transaction.open_table(CALLS)?;
        let mut inside = transaction.open_table(CALLS_INSIDE)?;
        for tree in &batch.recorded {
            if let Some(key) = numbers_of(&tree.call.id) {
                put(&mut calls, key, &tree.call)?;
                put(&mut inside, key, &tree.inside)?;
            }
        }
        Ok(())
    }

    /// Shows the recorded calls that ended in a stretch of time, the oldest first.
    pub(crate) fn for_each_recorded(
        &self,
        (from, to): (SystemTime, SystemTime),
        show: &mut dyn FnMut(RecordedCall),
    ) -> Result<(), StoreError> {
        self.for_each_line(CALLS, from, to, show)
    }

    /// When each recorded call ended that did so after a time, and its bytes.
    pub(crate) fn bytes_recorded_since(&self, time: u64) -> Result<Vec<(u64, u64)>, StoreError> {
        guarded(|| {
            let transaction = self.read()?;
            let mut sizes = Vec::new();
            for log in CALL_LOGS {
                for entry in transaction.open_table(log)?.range((time, 0)..)? {
                    let (key, line) = entry?;
                    sizes.push((key.value().0, line.value().len() as u64));
                }
            }
            Ok(sizes)
        })
    }

    /// Whether the recorded call of this name is kept.
    pub(crate) fn has_recorded(&self, id: &str) -> Result<bool, StoreError> {
        let Some(key) = numbers_of(id) else { return Ok(false) };
        guarded(|| Ok(self.read()?.open_table(CALLS)?.get(key)?.is_some()))
    }

    /// A recorded call by its name, with those inside it.
    pub(crate) fn recorded(&self, id: &str) -> Result<Option<RecordedTree>, StoreError> {
        let Some(key) = numbers_of(id) else { return Ok(None) };
        guarded(|| {
            let transaction = self.read()?;
            let call: Option<RecordedCall> = get(&transaction.open_table(CALLS)?, key)?;
            let inside: Option<Vec<CallInside>> = get(&transaction.open_table(CALLS_INSIDE)?, key)?;
            // Of a name that is written in another way there is none.
            let call = call.filter(|call| call.id == id);
            Ok(call.zip(inside).map(|(call, inside)| RecordedTree::new(call, inside)))
        })
    }

    /// The events of a stretch of time, the oldest first.
    pub(crate) fn events(&self, from: SystemTime, to: SystemTime) -> Result<Vec<AlertEvent>, StoreError> {
        self.lines(EVENTS, from, to)
    }

    /// The deliveries of a stretch of time, the oldest first.
    pub(crate) fn deliveries(&self, from: SystemTime, to: SystemTime) -> Result<Vec<Delivery>, StoreError> {
        self.lines(DELIVERIES, from, to)
    }

    /// Everything that is in the file now.
    pub(crate) fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        guarded(|| self.read())
    }

    /// Shows the failures of the hours that ended in a stretch of time, the oldest first.
    pub(crate) fn for_each_errors(
        &self,
        snapshot: &ReadTransaction,
        ends: (SystemTime, SystemTime),
        show: &mut dyn FnMut(ErrorSlice),
    ) -> Result<(), StoreError> {
        guarded(|| self.for_each_line_of(snapshot, ERRORS, ends, show))
    }

    /// Shows the calls inside calls of the hours that ended in a stretch of time, the oldest first.
    pub(crate) fn for_each_tree(
        &self,
        snapshot: &ReadTransaction,
        ends: (SystemTime, SystemTime),
        show: &mut dyn FnMut(TreeSlice),
    ) -> Result<(), StoreError> {
        guarded(|| self.for_each_line_of(snapshot, TREES, ends, show))
    }

    /// The first calls inside calls that are kept.
    pub(crate) fn first_tree(&self) -> Result<Option<TreeSlice>, StoreError> {
        guarded(|| {
            let table = self.read()?.open_table(TREES)?;
            Ok(table.first()?.and_then(|(_, line)| parse(line.value()).ok()))
        })
    }

    fn lines<T: DeserializeOwned>(&self, log: Log<'_>, from: SystemTime, to: SystemTime) -> Result<Vec<T>, StoreError> {
        let mut lines = Vec::new();
        self.for_each_line(log, from, to, &mut |line| lines.push(line))?;
        Ok(lines)
    }

    fn for_each_line<T: DeserializeOwned>(
        &self,
        log: Log<'_>,
        from: SystemTime,
        to: SystemTime,
        show: &mut dyn FnMut(T),
    ) -> Result<(), StoreError> {
        guarded(|| self.for_each_line_of(&self.read()?, log, (from, to), show))
    }

    fn for_each_line_of<T: DeserializeOwned>(
        &self,
        snapshot: &ReadTransaction,
        log: Log<'_>,
        (from, to): (SystemTime, SystemTime),
        show: &mut dyn FnMut(T),
    ) -> Result<(), StoreError> {
        for entry in snapshot.open_table(log)?.range((nanos_of(from), 0)..(nanos_of(to), 0))? {
            match parse(entry?.1.value()) {
                Ok(line) => show(line),
                Err(_) => self.count_damage(),
            }
        }
        Ok(())
    }

    /// Drops the failures, and the calls inside calls, of stretches that began before a time and ended after it: nobody can tell their
    /// parts apart.
    pub(super) fn drop_slices_since_before(transaction: &WriteTransaction, time: u64) -> Result<(), StoreError> {
        let at = |time: u64| (time, 0);
        let ends = at(time)..at(time.saturating_add(LONGEST_SLICE));
        let mut errors = transaction.open_table(ERRORS)?;
        let began_later = |line: &[u8]| parse::<ErrorSlice>(line).is_ok_and(|slice| nanos_of(slice.start) >= time);
        errors.retain_in(ends.clone(), |_, line| began_later(line))?;
        let mut trees = transaction.open_table(TREES)?;
        let began_later = |line: &[u8]| parse::<TreeSlice>(line).is_ok_and(|slice| nanos_of(slice.start()) >= time);
        trees.retain_in(ends, |_, line| began_later(line))?;
        Ok(())
    }

    /// Takes in all lines of another file that are whole.
    pub(super) fn take_in_logs(transaction: &WriteTransaction, other: &Self) -> Result<(), StoreError> {
        for log in LOGS {
            let mut ours = transaction.open_table(log)?;
            for entry in other.read()?.open_table(log)?.range::<(u64, u64)>(..)? {
                let (key, line) = entry?;
                if without_sum(line.value()).is_some() {
                    ours.insert(key.value(), line.value())?;
                } else {
                    other.count_damage();
                }
            }
        }
        Ok(())
    }
}
