//! Counts of a series that a reader has not seen yet: each once, whatever became of the slices meanwhile.
//!
//! A reader keeps what it has seen of a series, in total ([`Seen`]). The total by now less these is unseen. Of it, slices
//! that began after the reader looked are told one by one, as long as the rings have them. The rest is told as one slice:
//! what was joined with slices that the reader has seen, has left the rings, or was let go by a reset. So the sum of all that
//! a reader is told is what was counted, exactly.

use super::counts::{Hit, Place, Sums};
use super::packed::Packed;
use crate::measure::clock::Moment;
use std::ops::Range;

/// Counts of one series that a reader has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(super) counted: Counted,
    /// The tick up to which.
    pub(super) until: Moment,
    /// The meters' number of changes at that tick, where known.
    pub(super) changes: Option<u64>,
    pub(super) in_flight: u64,
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// At the last tick.
    Now,
    /// Before all slices that are in memory.
    BeforeMemory,
}

/// Totals: ascending places with their counts, and the sums.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(super) places: Vec<Place>,
    pub(super) counts: Vec<u64>,
    pub(super) sums: Sums,
}

/// Something that a reader has not seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unseen<'a> {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) sums: Sums,
    /// Sorted by place.
    pub(crate) hits: &'a [Hit],
    /// Calls in flight at the last tick.
    pub(crate) in_flight: u64,
}

/// Room to work in.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Unseen counts that are in no slice of their own.
    pub(super) rest: Vec<Hit>,
    /// The same, before slices were taken out.
    pub(super) all: Vec<Hit>,
    /// The hits of one slice.
    pub(super) slice: Vec<Hit>,
    /// Slices to be told once nothing is locked.
    told: Vec<Told>,
    hits: Vec<Hit>,
}

/// Something that a reader has not seen, and where its hits are.
#[derive(Debug)]
struct Told {
    start: Moment,
    end: Moment,
    sums: Sums,
    hits: Range<usize>,
    in_flight: u64,
}

impl Room {
    /// Keeps something to be told later.
    pub(super) fn keep(&mut self, (start, end): (Moment, Moment), sums: Sums, hits: HitsOf, in_flight: u64) {
        let begin = self.hits.len();
        self.hits.extend(match hits {
            HitsOf::Rest => &self.rest,
            HitsOf::Slice => &self.slice,
        });
        self.told.push(Told { start, end, sums, hits: begin..self.hits.len(), in_flight });
    }

    /// Tells what was kept, in its order, and keeps it no longer.
    pub(crate) fn tell(&mut self, mut show: impl FnMut(&Unseen<'_>)) {
        for Told { start, end, sums, hits, in_flight } in self.told.drain(..) {
            let hits = self.hits.get(hits).unwrap_or_default();
            show(&Unseen { start, end, sums, hits, in_flight });
        }
        self.hits.clear();
    }
}

/// Whose hits are kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum HitsOf {
    /// Those in no slice of its own.
    Rest,
    /// Those of one slice.
    Slice,
}

impl Counted {
    pub(super) fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>() + self.counts.capacity() * size_of::<u64>()
    }

    /// Goes back before a slice; what it does not hold is left alone.
    pub(super) fn take_out(&mut self, delta: &Packed) {
        let (sums, hits) = delta.read();
        self.sums = self.sums.since(sums);
        let mut counts = self.places.iter().zip(&mut self.counts);
        for hit in hits {
            if let Some((_, count)) = counts.find(|&(&place, _)| place == hit.place) {
                *count = count.saturating_sub(hit.count);
            }
        }
    }

    /// Moves on to what is counted by now, and gives what that is more: its hits into `more`.
    pub(super) fn move_on(&mut self, places: &[Place], counts: &[u64], sums: Sums, more: &mut Vec<Hit>) -> Sums {
        more.clear();
        let mut at = 0;
        for (&place, &count) in places.iter().zip(counts) {
            while self.places.get(at).is_some_and(|&known| known < place) {
                at += 1;
            }
            if self.places.get(at) != Some(&place) {
                self.places.insert(at, place);
                self.counts.insert(at, 0);
            }
            if let Some(known) = self.counts.get_mut(at).filter(|known| **known < count) {
                more.push(Hit { place, count: count - *known });
                *known = count;
            }
            at += 1;
        }
        let more = sums.since(self.sums);
        self.sums = sums;
        more
    }
}

/// Takes a slice out of what is unseen. `None` where it is not all in there: then it was seen in part.
pub(super) fn take_out(sums: &mut Sums, rest: &mut [Hit], delta: &Packed) -> Option<()> {
    let (of_slice, hits) = delta.read();
    *sums = sums.checked_since(of_slice)?;
    let mut rest = rest.iter_mut();
    for hit in hits {
        let found = rest.find(|one| one.place == hit.place)?;
        found.count = found.count.checked_sub(hit.count)?;
    }
    Some(())
}
