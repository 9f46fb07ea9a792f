//! Slices of time in a row.

use super::counts::{CountedSlice, WindowCounts};
use super::packed::Packed;
use crate::measure::clock::{self, Moment, wall};
use std::collections::VecDeque;
use std::time::Duration;

/// The end of a slice that belongs to a cell may lie so much after the end of that cell. Ticks come a little after each full
/// second of the wall clock, and tell what happened in the second before.
pub const LATE: Duration = Duration::from_millis(500);

/// The number of the cell, of this length in nanoseconds, to which a slice belongs that ended at `end`. Cell `n` begins `n`
/// times its length after the start of 1970 by the wall clock, so that cells of a minute are minutes of the day.
pub(crate) fn cell_of(end: Moment, cell: u64) -> u64 {
    since_1970(end) / cell.max(1)
}

/// The last moment that is before each slice of a cell and of later ones.
pub(crate) fn before_cell(number: u64, cell: u64) -> Moment {
    let begin = number.saturating_mul(cell).saturating_add(clock::nanos(LATE));
    wall::moment_before(begin).before(Duration::from_nanos(1))
}

fn since_1970(end: Moment) -> u64 {
    wall::unix_nanos(end).saturating_sub(clock::nanos(LATE))
}

/// Counts after `start` and up to `end`.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) delta: Packed,
}

impl Slice {
    /// Its counts.
    pub(crate) fn counted(&self) -> CountedSlice {
        let (sums, hits) = self.delta.read();
        let counts = WindowCounts { covered: self.end.since(self.start), sums, hits: hits.collect() };
        CountedSlice { start: self.start, end: self.end, counts }
    }
}

/// Slices, the oldest first; times when nothing happened have none.
///
/// Slices that end in the same *cell* of time are one (see [`cell_of`]). All series have the same cells: their slices can be
/// told apart, joined and forgotten at the same moments, and counts of several series over a window are counts of the same
/// span.
#[derive(Debug)]
pub(crate) struct Ring {
    slices: VecDeque<Slice>,
    cell: Duration,
}

impl Ring {
    pub(crate) const fn new(cell: Duration) -> Self {
        Self { slices: VecDeque::new(), cell }
    }

    /// Adds what happened since the last slice.
    pub(crate) fn push(&mut self, slice: Slice, bytes: &mut Vec<u8>) {
        let same = self.back_in_cell_of(slice.end);
        match same {
            Some(back) => {
                back.end = slice.end;
                back.delta = back.delta.join(&slice.delta, bytes);
            }
            None => self.slices.push_back(slice),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let packed: usize = self.slices.iter().map(|slice| slice.delta.len()).sum();
        self.slices.capacity() * size_of::<Slice>() + packed
    }

    /// Says that nothing happened up to a moment: a slice that ended in the same cell now ends there.
    pub(crate) fn stretch(&mut self, end: Moment) {
        if let Some(back) = self.back_in_cell_of(end) {
            back.end = end;
        }
    }

    fn back_in_cell_of(&mut self, end: Moment) -> Option<&mut Slice> {
        let cell = self.cell_of(end);
        let back = self.slices.back()?;
        if self.cell_of(back.end) == cell { self.slices.back_mut() } else { None }
    }

    fn cell_of(&self, moment: Moment) -> u64 {
        cell_of(moment, clock::nanos(self.cell))
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Slice> {
        self.slices.get(place)
    }

    /// The slices from a place on.
    pub(crate) fn iter_from(&self, place: usize) -> impl Iterator<Item = &Slice> {
        self.slices.iter().skip(place)
    }

    /// The slices that ended after a moment, the oldest first.
    pub(crate) fn after(&self, moment: Moment) -> impl Iterator<Item = &Slice> {
        self.slices.range(self.slices.partition_point(|slice| slice.end <= moment)..)
    }

    /// Takes the oldest slice off if it ended so long ago.
    pub(crate) fn pop_ended(&mut self, age: Duration, now: Moment) -> Option<Slice> {
        let ended = now.since(self.slices.front()?.end) >= age;
        if ended { self.slices.pop_front() } else { None }
    }

    /// Takes the oldest slice off if its whole cell ended so long ago.
    pub(crate) fn pop_cell_ended(&mut self, age: Duration, now: Moment) -> Option<Slice> {
        self.cell_ended(0, age, now)?;
        self.slices.pop_front()
    }

    /// The slice at a place if its whole cell ended so long ago.
    pub(crate) fn cell_ended(&self, place: usize, age: Duration, now: Moment) -> Option<&Slice> {
        let cell = clock::nanos(self.cell).max(1);
        // By the monotonic clock, whatever the wall clock was set to meanwhile.
        let to_end = |slice: &Slice| Duration::from_nanos(cell - since_1970(slice.end) % cell);
        self.get(place).filter(|slice| now.since(slice.end.after(to_end(slice))) >= age)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slices.len()
    }
}
