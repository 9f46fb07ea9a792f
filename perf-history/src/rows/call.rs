//! Rows of calls: histograms with their sums.

use super::column::{Columns, Packing, number, whole};
use super::{At, Damaged, Row, Steps, places, put_places};
use perf_runtime::Outcome;
use std::borrow::Borrow;

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
        for outcome in 0..OUTCOMES {
            out.whole(rows.iter().map(|row| row.borrow().nanos[outcome]));
        }
        out.whole(rows.iter().map(|row| row.borrow().idle_nanos));
        out.whole(rows.iter().map(|row| row.borrow().slow_polls));
        for sort in 0..2 {
            out.whole(rows.iter().map(|row| row.borrow().expected[sort]));
        }
        put_buckets(&mut out, rows);
        out.into_bytes()
    }

    fn decode(mut bytes: &[u8], step_of: impl FnMut(&At) -> Option<u64>) -> Result<Vec<Self>, Damaged> {
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
        let buckets = Buckets::read(bytes, rows.len())?;
        if bytes.is_empty() { buckets.of(rows, step_of) } else { Err(Damaged) }
    }
}

impl CallRow {
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

/// Writes the buckets: a dictionary of those that were hit at all, then how many of them each row has, their places in the
/// dictionary, each as the distance from the one before, and their counts.
fn put_buckets<R: Borrow<CallRow>>(out: &mut Columns, rows: &[R]) {
    let hits = || rows.iter().flat_map(|row| &row.borrow().hits);
    let mut dictionary: Vec<Bucket> = Vec::new();
    for hit in hits() {
        if let Err(place) = dictionary.binary_search(&hit.bucket) {
            dictionary.insert(place, hit.bucket);
        }
    }
    out.number(dictionary.len() as u64);
    out.whole(dictionary.iter().map(|(outcome, _)| u64::from(*outcome)));
    let mut before = 0;
    out.whole(dictionary.iter().map(|(_, longest)| longest.wrapping_sub(std::mem::replace(&mut before, *longest))));

    out.whole(rows.iter().map(|row| row.borrow().hits.len() as u64));
    out.whole(rows.iter().flat_map(|row| {
        let mut rest = dictionary.as_slice();
        row.borrow().hits.iter().map(move |hit| {
            let step = rest.partition_point(|bucket| *bucket < hit.bucket);
            rest = rest.get(step + 1..).unwrap_or_default();
            step as u64
        })
    }));
    out.whole(hits().map(|hit| hit.count));
}

/// The buckets of rows, as they are stored.
struct Buckets {
    dictionary: Vec<Bucket>,
    /// How many hits each row has.
    lengths: Vec<u64>,
    /// The distance of the place of each from the one before, and its count.
    steps: Vec<u64>,
    counts: Vec<u64>,
}

impl Buckets {
    fn read(bytes: &mut &[u8], rows: usize) -> Result<Self, Damaged> {
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
        let lengths = whole(bytes, rows)?;
        let all = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length)).ok_or(Damaged)?;
        let all = usize::try_from(all).ok().filter(|all| (*all as u64) < MOST_BUCKETS).ok_or(Damaged)?;
        Ok(Self { dictionary, lengths, steps: whole(bytes, all)?, counts: whole(bytes, all)? })
    }

    /// The rows with their hits, of each step one.
    fn of(self, rows: Vec<CallRow>, step_of: impl FnMut(&At) -> Option<u64>) -> Result<Vec<CallRow>, Damaged> {
        let (mut joined, mut steps) = (Vec::<CallRow>::new(), Steps::new(step_of));
        let mut hits = self.steps.iter().zip(&self.counts);
        let mut tally = Tally { dictionary: &self.dictionary, hits: Vec::new(), counts: Vec::new(), rows: 0 };
        for (row, length) in rows.into_iter().zip(&self.lengths) {
            let joins = steps.next(&row.at);
            match (joins, joined.last_mut()) {
                (None, _) => {}
                (Some(true), Some(last)) => {
                    last.add_sums(&row);
                    last.at = row.at;
                    tally.rows += 1;
                }
                (Some(_), last) => {
                    if let Some(last) = last {
                        tally.empty_into(&mut last.hits);
                    }
                    tally.rows = 1;
                    joined.push(row);
                }
            }
            let mut next = 0_usize;
            for _ in 0..*length {
                let (step, count) = hits.next().ok_or(Damaged)?;
                let place = usize::try_from(*step).ok().and_then(|step| next.checked_add(step)).ok_or(Damaged)?;
                if place >= self.dictionary.len() {
                    return Err(Damaged);
                }
                if joins.is_some() {
                    tally.hits.push((place, *count));
                }
                next = place + 1;
            }
        }
        if let Some(last) = joined.last_mut() {
            tally.empty_into(&mut last.hits);
        }
        Ok(joined)
    }
}

/// The hits of the rows of a step, by their places in the dictionary.
struct Tally<'a> {
    dictionary: &'a [Bucket],
    hits: Vec<(usize, u64)>,
    /// By place; zeros between two steps.
    counts: Vec<u64>,
    rows: usize,
}

impl Tally<'_> {
    fn empty_into(&mut self, hits: &mut Vec<Hit>) {
        if self.rows > 1 {
            self.counts.resize(self.dictionary.len(), 0);
            for (place, count) in self.hits.drain(..) {
                self.counts[place] = self.counts[place].wrapping_add(count);
            }
            let counts = self.counts.iter_mut().map(std::mem::take).enumerate();
            self.hits.extend(counts.filter(|(_, count)| *count > 0));
        }
        let bucket = |place: usize| self.dictionary.get(place).copied().unwrap_or_default();
        hits.reserve_exact(self.hits.len());
        hits.extend(self.hits.drain(..).map(|(place, count)| Hit { bucket: bucket(place), count }));
    }
}
