//! Rows of calls: histograms with their sums.

use super::buckets::{self, Buckets, Hit};
use super::column::{Columns, Packing, Reader, folded, unfolded};
use super::numbers::Numbers;
use super::{At, Damaged, Row, Steps, places, put_places};
use perf_runtime::Outcome;
use std::borrow::Borrow;
use std::ops::Range;

pub(crate) const OUTCOMES: usize = Outcome::ALL.len();

/// The calls of a series in a step of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallRow {
    pub(crate) at: At,
    /// Nanoseconds by outcome.
    pub(crate) nanos: [u64; OUTCOMES],
    pub(crate) idle_nanos: u64,
    pub(crate) slow_polls: u64,
    /// Of the errors and of the cancelled calls, those that are part of the plan.
    pub(crate) expected: [u64; 2],
    /// Sorted by bucket, each once.
    pub(crate) hits: Vec<Hit>,
}

impl Row for CallRow {
    const SORT: u8 = 0;

    fn at(&self) -> &At {
        &self.at
    }

    fn at_mut(&mut self) -> &mut At {
        &mut self.at
    }

    fn join(&mut self, other: &Self) {
        self.add_sums(other);
        for hit in &other.hits {
            match self.hits.binary_search_by_key(&hit.bucket, |hit| hit.bucket) {
                Ok(place) => self.hits[place].count = self.hits[place].count.wrapping_add(hit.count),
                Err(place) => self.hits.insert(place, *hit),
            }
        }
    }

    fn encode<R: Borrow<Self>>(rows: &[R], packing: Packing) -> Vec<u8> {
        let mut out = Columns::new(packing);
        put_places::<Self, R>(&mut out, rows);
        let likely: Vec<_> = rows.iter().map(|row| row.borrow().likely_nanos()).collect();
        for outcome in 0..OUTCOMES {
            let beyond =
                |(row, likely): (&R, &[u64; OUTCOMES])| row.borrow().nanos[outcome].wrapping_sub(likely[outcome]);
            out.whole(rows.iter().zip(&likely).map(beyond).map(folded));
        }
        // Async calls wait most of their time.
        let waits = rows.iter().any(|row| row.borrow().idle_nanos > 0);
        out.number(u64::from(waits));
        if waits {
            out.whole(rows.iter().map(|row| folded(row.borrow().all_nanos().wrapping_sub(row.borrow().idle_nanos))));
        }
        out.whole(rows.iter().map(|row| row.borrow().slow_polls));
        for sort in 0..2 {
            out.whole(rows.iter().map(|row| row.borrow().expected[sort]));
        }
        buckets::put(&mut out, rows);
        out.into_bytes()
    }

    fn decode(bytes: &[u8], step_of: impl FnMut(&At) -> Option<u64>) -> Result<Vec<Self>, Damaged> {
        let mut reader = Reader::new(bytes)?;
        let places = places(&mut reader)?;
        let length = places.len();
        let mut nanos = Vec::new();
        for _ in 0..OUTCOMES {
            nanos.push(reader.numbers(length)?);
        }
        let waits = reader.number()? > 0;
        let busy = if waits { reader.numbers(length)? } else { Numbers::Same(0) };
        let slow_polls = reader.numbers(length)?;
        let expected = [reader.numbers(length)?, reader.numbers(length)?];
        let buckets = Buckets::read(&mut reader, length)?;
        reader.end()?;

        let (mut joined, mut stretches, mut steps) = (Vec::<Self>::new(), Vec::new(), Steps::new(step_of));
        for (row, at) in places.into_iter().enumerate() {
            match steps.next(&at) {
                None => continue,
                Some(false) => joined.push(Self::default()),
                Some(true) => {}
            }
            let place = joined.len().saturating_sub(1);
            joined.last_mut().into_iter().for_each(|last| last.at = at);
            match stretches.last_mut() {
                Some((of, Range { end, .. })) if *of == place && *end == row => *end = row + 1,
                _ => stretches.push((place, row..row + 1)),
            }
        }
        for (place, rows) in &stretches {
            let Some(row) = joined.get_mut(*place) else { continue };
            row.add_sums(&Self {
                nanos: std::array::from_fn(|outcome| nanos.get(outcome).map_or(0, |column| column.sum(rows, unfolded))),
                // Less what was busy: that of all calls is added when it is known.
                idle_nanos: busy.sum(rows, unfolded).wrapping_neg(),
                slow_polls: slow_polls.sum(rows, |polls| polls),
                expected: expected.each_ref().map(|column| column.sum(rows, |expected| expected)),
                ..Self::default()
            });
        }
        buckets.add_to(&mut joined, &stretches);
        for row in &mut joined {
            let likely = row.likely_nanos();
            row.nanos.iter_mut().zip(likely).for_each(|(nanos, likely)| *nanos = nanos.wrapping_add(likely));
            if waits {
                row.idle_nanos = row.idle_nanos.wrapping_add(row.all_nanos());
            }
        }
        Ok(joined)
    }
}

impl CallRow {
    /// The nanoseconds of each outcome as far as the buckets tell them: every call in the middle of its bucket, which is a 16th wide.
    /// The difference from the real ones is much smaller than they are.
    fn likely_nanos(&self) -> [u64; OUTCOMES] {
        let mut likely = [0_u64; OUTCOMES];
        for Hit { bucket: (outcome, longest), count } in &self.hits {
            if let Some(likely) = likely.get_mut(usize::from(*outcome)) {
                *likely = likely.wrapping_add((longest - longest / 32).wrapping_mul(*count));
            }
        }
        likely
    }

    fn all_nanos(&self) -> u64 {
        self.nanos.iter().fold(0, |sum, nanos| sum.wrapping_add(*nanos))
    }

    fn add_sums(&mut self, other: &Self) {
        for (sum, nanos) in self.nanos.iter_mut().zip(other.nanos) {
            *sum = sum.wrapping_add(nanos);
        }
        self.idle_nanos = self.idle_nanos.wrapping_add(other.idle_nanos);
        self.slow_polls = self.slow_polls.wrapping_add(other.slow_polls);
        for (sum, expected) in self.expected.iter_mut().zip(other.expected) {
            *sum = sum.wrapping_add(expected);
        }
    }
}
