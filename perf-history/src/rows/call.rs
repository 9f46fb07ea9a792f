//! Rows of calls: histograms with their sums.

use super::column::{number, put_number, put_whole, whole};
use super::{At, Damaged, Row, places, put_places};
use perf_runtime::Outcome;
use std::collections::BTreeSet;

pub(crate) const OUTCOMES: usize = Outcome::ALL.len();

/// No chunk has more hit buckets: a thousand in each of 720 rows.
const MOST_BUCKETS: u64 = 4_000_000;

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

/// Calls of one outcome in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) bucket: Bucket,
    pub(crate) count: u64,
}

/// The number of an outcome, and the longest nanoseconds of a bucket.
pub(crate) type Bucket = (u8, u64);

impl Row for CallRow {
    fn at(&self) -> &At {
        &self.at
    }

    fn at_mut(&mut self) -> &mut At {
        &mut self.at
    }

    fn join(&mut self, other: &Self) {
        for (sum, nanos) in self.nanos.iter_mut().zip(other.nanos) {
            *sum = sum.wrapping_add(nanos);
        }
        self.idle_nanos = self.idle_nanos.wrapping_add(other.idle_nanos);
        self.slow_polls = self.slow_polls.wrapping_add(other.slow_polls);
        for (sum, expected) in self.expected.iter_mut().zip(other.expected) {
            *sum = sum.wrapping_add(expected);
        }
        for hit in &other.hits {
            match self.hits.binary_search_by_key(&hit.bucket, |hit| hit.bucket) {
                Ok(place) => self.hits[place].count = self.hits[place].count.wrapping_add(hit.count),
                Err(place) => self.hits.insert(place, *hit),
            }
        }
    }

    fn encode(rows: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        put_places(&mut out, rows);
        for outcome in 0..OUTCOMES {
            put_whole(&mut out, &rows.iter().map(|row| row.nanos[outcome]).collect::<Vec<_>>());
        }
        put_whole(&mut out, &rows.iter().map(|row| row.idle_nanos).collect::<Vec<_>>());
        put_whole(&mut out, &rows.iter().map(|row| row.slow_polls).collect::<Vec<_>>());
        for sort in 0..2 {
            put_whole(&mut out, &rows.iter().map(|row| row.expected[sort]).collect::<Vec<_>>());
        }
        put_buckets(&mut out, rows);
        out
    }

    fn decode(mut bytes: &[u8]) -> Result<Vec<Self>, Damaged> {
        let bytes = &mut bytes;
        let mut rows: Vec<Self> = places(bytes)?.into_iter().map(|at| Self { at, ..Self::default() }).collect();
        for outcome in 0..OUTCOMES {
            let nanos = whole(bytes, rows.len())?;
            rows.iter_mut().zip(nanos).for_each(|(row, nanos)| row.nanos[outcome] = nanos);
        }
        let idle = whole(bytes, rows.len())?;
        rows.iter_mut().zip(idle).for_each(|(row, idle)| row.idle_nanos = idle);
        let slow = whole(bytes, rows.len())?;
        rows.iter_mut().zip(slow).for_each(|(row, slow)| row.slow_polls = slow);
        for sort in 0..2 {
            let expected = whole(bytes, rows.len())?;
            rows.iter_mut().zip(expected).for_each(|(row, expected)| row.expected[sort] = expected);
        }
        read_buckets(bytes, &mut rows)?;
        if bytes.is_empty() { Ok(rows) } else { Err(Damaged) }
    }
}

/// Writes the buckets: a dictionary of those that were hit at all, then how many of them each row has, their places in the
/// dictionary, each as the distance from the one before, and their counts.
fn put_buckets(out: &mut Vec<u8>, rows: &[CallRow]) {
    let dictionary: BTreeSet<Bucket> = rows.iter().flat_map(|row| row.hits.iter().map(|hit| hit.bucket)).collect();
    let dictionary: Vec<Bucket> = dictionary.into_iter().collect();
    put_number(out, dictionary.len() as u64);
    put_whole(out, &dictionary.iter().map(|(outcome, _)| u64::from(*outcome)).collect::<Vec<_>>());
    let mut before = 0;
    let longest = dictionary.iter().map(|(_, longest)| longest.wrapping_sub(std::mem::replace(&mut before, *longest)));
    put_whole(out, &longest.collect::<Vec<_>>());

    put_whole(out, &rows.iter().map(|row| row.hits.len() as u64).collect::<Vec<_>>());
    let (mut steps, mut counts) = (Vec::new(), Vec::new());
    for row in rows {
        let mut rest = dictionary.as_slice();
        for hit in &row.hits {
            let step = rest.partition_point(|bucket| *bucket < hit.bucket);
            steps.push(step as u64);
            counts.push(hit.count);
            rest = rest.get(step + 1..).unwrap_or_default();
        }
    }
    put_whole(out, &steps);
    put_whole(out, &counts);
}

fn read_buckets(bytes: &mut &[u8], rows: &mut [CallRow]) -> Result<(), Damaged> {
    let size = number(bytes)?;
    let size = usize::try_from(size).ok().filter(|size| (*size as u64) < MOST_BUCKETS).ok_or(Damaged)?;
    let outcomes = whole(bytes, size)?;
    let distances = whole(bytes, size)?;
    let mut longest = 0_u64;
    let mut dictionary = Vec::with_capacity(size);
    for (outcome, distance) in outcomes.into_iter().zip(distances) {
        longest = longest.wrapping_add(distance);
        let outcome = u8::try_from(outcome).ok().filter(|outcome| usize::from(*outcome) < OUTCOMES);
        dictionary.push((outcome.ok_or(Damaged)?, longest));
    }

    let lengths = whole(bytes, rows.len())?;
    let all = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length)).ok_or(Damaged)?;
    let all = usize::try_from(all).ok().filter(|all| (*all as u64) < MOST_BUCKETS).ok_or(Damaged)?;
    let mut hits = whole(bytes, all)?.into_iter().zip(whole(bytes, all)?);
    for (row, length) in rows.iter_mut().zip(lengths) {
        let mut next = 0_usize;
        row.hits.reserve_exact(usize::try_from(length).unwrap_or_default());
        for _ in 0..length {
            let (step, count) = hits.next().ok_or(Damaged)?;
            let place = usize::try_from(step).ok().and_then(|step| next.checked_add(step)).ok_or(Damaged)?;
            row.hits.push(Hit { bucket: *dictionary.get(place).ok_or(Damaged)?, count });
            next = place + 1;
        }
    }
    Ok(())
}
