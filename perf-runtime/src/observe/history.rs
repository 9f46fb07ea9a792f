//! What happened to one series, in slices of time.
//!
//! Memory: a slice costs 72 bytes and 8 for each bucket that was hit in it; slices in which nothing happened are not kept.
//! A latency that spreads over 30 buckets fills the three rings with about 60 KiB; an idle series holds none.

use super::window::Window;
use crate::measure::cells::{Reading, add_counts, moved};
use crate::measure::clock::Moment;
use crate::measure::histogram::Layout;
use crate::measure::outcome::Outcome;
use std::array;
use std::collections::VecDeque;
use std::time::Duration;

const OUTCOMES: usize = Outcome::ALL.len();
/// The rings: how long a slice of each is.
const SLICES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(60)];
/// How many slices a ring spans.
const SLICES_IN_RING: u32 = 60;

/// What happened from `start` to `end`.
#[derive(Clone, Debug)]
pub(crate) struct Delta {
    start: Moment,
    end: Moment,
    nanos: [u64; OUTCOMES],
    /// The buckets that were hit, in order.
    hits: Vec<Hit>,
}

#[derive(Clone, Copy, Debug)]
struct Hit {
    outcome: u8,
    bucket: u16,
    count: u32,
}

impl Hit {
    fn place(self) -> (u8, u16) {
        (self.outcome, self.bucket)
    }
}

impl Delta {
    /// What `now` has that `before` had not.
    #[expect(clippy::cast_possible_truncation, reason = "4 outcomes, about 740 buckets, and a tick's calls")]
    fn between(before: &Reading, start: Moment, now: &Reading, end: Moment) -> Self {
        let mut hits = Vec::new();
        for outcome in 0..OUTCOMES {
            let earlier = before.buckets[outcome].iter().copied().chain(std::iter::repeat(0));
            for (bucket, (&count, earlier)) in now.buckets[outcome].iter().zip(earlier).enumerate() {
                let mut more = count - earlier;
                // More than four billion hits in one slice are kept as several entries.
                while more > 0 {
                    let count = u32::try_from(more).unwrap_or(u32::MAX);
                    hits.push(Hit { outcome: outcome as u8, bucket: bucket as u16, count });
                    more -= u64::from(count);
                }
            }
        }
        Self { start, end, nanos: array::from_fn(|outcome| now.nanos[outcome] - before.nanos[outcome]), hits }
    }

    fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// Joins a later slice to this one.
    fn extend(&mut self, later: &Self) {
        self.end = later.end;
        for (sum, nanos) in self.nanos.iter_mut().zip(later.nanos) {
            *sum += nanos;
        }
        for hit in &later.hits {
            match self.hits.binary_search_by_key(&hit.place(), |hit| hit.place()) {
                Ok(at) if self.hits[at].count.checked_add(hit.count).is_some() => self.hits[at].count += hit.count,
                Ok(at) | Err(at) => self.hits.insert(at, *hit),
            }
        }
    }

    fn add_to(&self, slice: &mut Slice) {
        for (sum, nanos) in slice.nanos.iter_mut().zip(self.nanos) {
            *sum += nanos;
        }
        for hit in &self.hits {
            let buckets = &mut slice.buckets[usize::from(hit.outcome)];
            let bucket = usize::from(hit.bucket);
            if buckets.len() <= bucket {
                buckets.resize(bucket + 1, 0);
            }
            buckets[bucket] += u64::from(hit.count);
        }
    }
}

/// What happened in a window.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// The time that the slice really spans; shorter than the window while the process is young.
    pub(crate) covered: Duration,
    pub(crate) nanos: [u64; OUTCOMES],
    /// The buckets of each outcome, up to the last that was hit.
    pub(crate) buckets: [Vec<u64>; OUTCOMES],
}

impl Slice {
    /// The same in the buckets of another layout.
    pub(super) fn moved(&self, from: &Layout, to: &Layout) -> Self {
        let buckets = self.buckets.each_ref().map(|counts| moved(counts, from, to));
        Self { covered: self.covered, nanos: self.nanos, buckets }
    }

    /// Adds what another series did, in the same buckets.
    pub(super) fn add(&mut self, other: &Self) {
        self.covered = self.covered.max(other.covered);
        for outcome in 0..OUTCOMES {
            self.nanos[outcome] += other.nanos[outcome];
            add_counts(&mut self.buckets[outcome], &other.buckets[outcome]);
        }
    }
}

/// One ring, and the slice that is still being filled.
#[derive(Debug, Default)]
struct Ring {
    slices: VecDeque<Delta>,
    filling: Option<Delta>,
}

impl Ring {
    fn push(&mut self, delta: &Delta, slice: Duration) {
        match &mut self.filling {
            Some(filling) => filling.extend(delta),
            None => self.filling = Some(delta.clone()),
        }
        self.slices.extend(self.filling.take_if(|filling| filling.end.since(filling.start) >= slice));
    }

    fn forget(&mut self, now: Moment, slice: Duration) {
        let oldest = now.before(slice * SLICES_IN_RING);
        while self.slices.front().is_some_and(|delta| delta.end <= oldest) {
            self.slices.pop_front();
        }
        // A slice that quiet time followed is full, too: nothing more is to be joined to it.
        self.slices.extend(self.filling.take_if(|filling| now.since(filling.start) >= slice));
    }
}

/// The rings of one series.
#[derive(Debug)]
pub(crate) struct History {
    rings: [Ring; 3],
    /// The series as it stood at the last tick.
    last: Reading,
    last_tick: Moment,
    /// The series as it stood when it was made or last reset: what totals are counted from.
    baseline: Reading,
    since: Moment,
}

impl History {
    /// Begins now. `known` is what the series counted at times unknown, before anybody observed it: it is in the totals
    /// and in no window.
    pub(crate) fn new(begun: Moment, known: Reading) -> Self {
        Self { rings: Default::default(), last: known, last_tick: begun, baseline: Reading::default(), since: begun }
    }

    /// Cuts off what happened since the last tick.
    pub(crate) fn tick(&mut self, now: Moment, reading: Reading) {
        let delta = Delta::between(&self.last, self.last_tick, &reading, now);
        for (ring, slice) in self.rings.iter_mut().zip(SLICES) {
            if !delta.is_empty() {
                ring.push(&delta, slice);
            }
            ring.forget(now, slice);
        }
        self.last = reading;
        self.last_tick = now;
    }

    /// Forgets everything before now.
    pub(crate) fn reset(&mut self, now: Moment, reading: Reading) {
        *self = Self { baseline: reading.clone(), ..Self::new(now, reading) };
    }

    /// What the window holds, the live part since the last tick included.
    pub(crate) fn slice(&self, window: Window, now: Moment, reading: &Reading) -> Slice {
        let from = now.before(window.duration()).max(self.since);
        let live = Delta::between(&self.last, self.last_tick, reading, now);
        let ring = &self.rings[window.tier()];
        let mut earliest = from;
        let mut slice = Slice::default();
        let kept = ring.slices.iter().chain(&ring.filling).filter(|delta| delta.end > from);
        for delta in kept.chain([&live]) {
            // A slice that began before the window counts whole, and the window covers that much more.
            earliest = earliest.min(if delta.is_empty() { from } else { delta.start });
            delta.add_to(&mut slice);
        }
        slice.covered = now.since(earliest);
        slice
    }

    /// Calls finished since the baseline, by outcome.
    pub(crate) fn total(&self, reading: &Reading) -> [u64; OUTCOMES] {
        let (before, now) = (self.baseline.finished(), reading.finished());
        array::from_fn(|outcome| now[outcome] - before[outcome])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::{self, manual::ManualClock};

    /// A reading with `calls` calls of outcome `Ok` in bucket 7.
    fn reading(calls: u64) -> Reading {
        let mut buckets: [Vec<u64>; 4] = Default::default();
        buckets[0] = vec![0; 8];
        buckets[0][7] = calls;
        Reading { started: calls, nanos: [calls * 7, 0, 0, 0], buckets, ..Reading::default() }
    }

    fn calls(history: &History, window: Window, reading: &Reading) -> u64 {
        history.slice(window, clock::now(), reading).buckets[0].iter().sum()
    }

    #[test]
    fn windows_forget_what_is_older_and_keep_what_is_not() {
        let clock = ManualClock::hold();
        let mut history = History::new(clock::now(), reading(0));
        for second in 1..=4_000 {
            clock.advance(Duration::from_secs(1));
            history.tick(clock::now(), reading(second));
        }
        let now = reading(4_000);
        assert_eq!(calls(&history, Window::LastMinute, &now), 60);
        for (window, slice) in [(Window::Last5Minutes, 5), (Window::Last15Minutes, 60), (Window::LastHour, 60)] {
            let slice_of_window = history.slice(window, clock::now(), &now);
            let seconds = window.duration().as_secs();
            let seen = slice_of_window.buckets[0][7];
            assert!(seen >= seconds && seen < seconds + slice, "{window}: {seen}");
            assert_eq!(slice_of_window.covered.as_secs(), seen, "{window}: the rate is still one a second");
        }
    }

    #[test]
    fn the_live_part_counts_at_once_and_a_young_window_says_how_young() {
        let clock = ManualClock::hold();
        let history = History::new(clock::now(), reading(0));
        clock.advance(Duration::from_millis(400));
        let slice = history.slice(Window::LastHour, clock::now(), &reading(3));
        assert_eq!(slice.buckets[0][7], 3);
        assert_eq!(slice.covered, Duration::from_millis(400));
    }

    #[test]
    fn a_gap_in_the_ticks_is_one_long_slice() {
        let clock = ManualClock::hold();
        let mut history = History::new(clock::now(), reading(0));
        clock.advance(Duration::from_secs(1));
        history.tick(clock::now(), reading(10));
        clock.advance(Duration::from_secs(200));
        history.tick(clock::now(), reading(30));
        let slice = history.slice(Window::LastMinute, clock::now(), &reading(30));
        assert_eq!(slice.buckets[0][7], 20);
        assert_eq!(slice.covered, Duration::from_secs(200));
        clock.advance(Duration::from_secs(61));
        history.tick(clock::now(), reading(30));
        assert_eq!(calls(&history, Window::LastMinute, &reading(30)), 0);
        assert_eq!(calls(&history, Window::Last5Minutes, &reading(30)), 30);
    }

    #[test]
    fn a_reset_moves_the_baseline() {
        let clock = ManualClock::hold();
        let mut history = History::new(clock::now(), reading(0));
        clock.advance(Duration::from_secs(1));
        history.tick(clock::now(), reading(10));
        history.reset(clock::now(), reading(12));
        assert_eq!(calls(&history, Window::LastHour, &reading(12)), 0);
        assert_eq!(history.total(&reading(15)), [3, 0, 0, 0]);
    }

    #[test]
    fn an_idle_series_holds_nothing() {
        let clock = ManualClock::hold();
        let mut history = History::new(clock::now(), reading(0));
        for _ in 0..100 {
            clock.advance(Duration::from_secs(1));
            history.tick(clock::now(), reading(0));
        }
        assert!(history.rings.iter().all(|ring| ring.slices.is_empty() && ring.filling.is_none()));
    }
}
