//! The history of one series, in slices of time.
//!
//! Each tick cuts off what happened since the last one. The last minute is kept in slices of a tick; what is older is
//! joined into slices of five seconds, and after five minutes into slices of one minute, up to an hour. Each call is kept
//! once. A window is what was counted by now less what was counted when it began ([`Ledger`]), so to ask for it costs the
//! same whatever its length, and it is exact: no count is rounded, lost or seen twice when slices are joined.
//!
//! A window covers whole slices. It begins where the oldest of them began, and says so: with a tick a second, `1m` covers
//! 60 to 61 seconds (up to the time since the last tick), `5m` up to 6 s more than five minutes, `15m` and `1h` up to a
//! minute more. A tick that comes late makes a longer slice, and the window that begins in it covers that much more.
//! While nobody ticks, all is one slice up to now.
//!
//! # Memory
//!
//! A series that was never called costs the bytes of a [`History`] (736) and none on the heap. The cost when it is
//! called grows with the number of buckets that its durations fall into: 42 bytes for each bucket that was ever hit; and
//! for each slice in which anything happened (about 165, when an hour is full) 32 bytes, about 18 for the sums and 2 to 3
//! for each bucket hit in it. With 30 buckets hit in every second that is 19 KiB, of which 11 go in an hour without calls.
//! The worst there is, every bucket of every outcome hit in every second, is 1.1 MiB: so a slice needs no bound of its own.
//! `tests/memory.rs` holds these figures.

use super::counts::{CountedSlice, OUTCOMES, Sums, WindowCounts};
use super::packed::Hits;
use super::ring::{Ring, Slice};
use super::unseen::{self, Counted, HitsOf, Room, Seen};
use super::window::Window;
use super::window_totals::Ledger;
use crate::measure::cells::reading::Reading;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::{Expected, OutcomeCounts};
use std::array;
use std::time::Duration;

/// The cells of the rings. Ticks that come more often than twice a second share a slice.
const FINE: Duration = Duration::from_millis(500);
const MIDDLE: Duration = Duration::from_secs(5);
const COARSE: Duration = Duration::from_secs(60);

/// The slices of one series, and what it counted.
#[derive(Debug)]
pub(crate) struct History {
    ledger: Ledger,
    /// The last minute.
    fine: Ring,
    /// Before that, up to five minutes.
    middle: Ring,
    /// Before that, up to an hour.
    coarse: Ring,
    /// How many slices of the coarse ring ended before the last 15 minutes began.
    passed: usize,
    ticked: Moment,
    /// When the series was made or first looked at: nothing is known of earlier times.
    since: Moment,
    /// The last reset. Slices of before stay; windows and totals do not look beyond.
    baseline: Option<Box<Baseline>>,
    /// Calls in flight at the last tick.
    in_flight: u64,
    /// The meters' number of changes at the last tick; `None` where nobody asked.
    changes: Option<u64>,
}

/// The counts at the last reset.
#[derive(Debug)]
struct Baseline {
    at: Moment,
    /// Calls that had ended, by outcome: what totals are counted from.
    finished: [u64; OUTCOMES],
    expected: Expected,
    /// The same by bucket, for as long as slices of before are kept.
    counted: Option<Counted>,
}

impl History {
    /// Begins now. `known` is what the series counted at times unknown, before anybody observed it: it is in the totals
    /// and in no window.
    pub(crate) fn new(begun: Moment, known: &Reading) -> Self {
        Self {
            ledger: Ledger::new(known),
            fine: Ring::new(FINE),
            middle: Ring::new(MIDDLE),
            coarse: Ring::new(COARSE),
            passed: 0,
            ticked: begun,
            since: begun,
            baseline: None,
            in_flight: known.in_flight(),
            changes: None,
        }
    }

    /// The last tick.
    pub(crate) fn ticked(&self) -> Moment {
        self.ticked
    }

    /// Whether there may be more to read than at the last tick. `changes` is a number that is another one whenever a call
    /// started or ended.
    pub(crate) fn is_behind(&self, changes: u64) -> bool {
        self.changes != Some(changes)
    }

    /// Cuts off what happened since the last tick. `changes` was asked before the series was read.
    pub(crate) fn tick(&mut self, now: Moment, changes: u64, reading: &Reading, bytes: &mut Vec<u8>) {
        let end = now.max(self.ticked);
        match self.ledger.cut(reading, bytes) {
            Some(delta) => self.fine.push(Slice { start: self.ticked, end, delta }, bytes),
            None => self.fine.stretch(end),
        }
        self.in_flight = reading.started.saturating_sub(self.ledger.finished().iter().sum());
        self.changes = Some(changes);
        self.ticked = end;
        self.forget(end, bytes);
    }

    /// As [`tick`](Self::tick), where nothing happened.
    pub(crate) fn tick_idle(&mut self, now: Moment, bytes: &mut Vec<u8>) {
        let end = now.max(self.ticked);
        self.fine.stretch(end);
        self.ticked = end;
        self.forget(end, bytes);
    }

    /// Advances each window to `now` and moves expired slices to the next, coarser ring.
    fn forget(&mut self, now: Moment, bytes: &mut Vec<u8>) {
        let Self { ledger, fine, middle, coarse, passed, .. } = self;
        while let Some(slice) = fine.pop_ended(Window::LastMinute.duration(), now) {
            ledger.leave(Window::LastMinute, &slice.delta);
            middle.push(slice, bytes);
        }
        while let Some(slice) = middle.pop_cell_ended(Window::Last5Minutes.duration(), now) {
            ledger.leave(Window::Last5Minutes, &slice.delta);
            coarse.push(slice, bytes);
        }
        while let Some(slice) = coarse.cell_ended(*passed, Window::Last15Minutes.duration(), now) {
            ledger.leave(Window::Last15Minutes, &slice.delta);
            *passed += 1;
        }
        while let Some(slice) = coarse.pop_cell_ended(Window::LastHour.duration(), now) {
            ledger.leave(Window::LastHour, &slice.delta);
            *passed = passed.saturating_sub(1);
        }
        // Most have none, and to look at the oldest slice is to wait for memory.
        if self.baseline.is_some() {
            self.forget_baseline();
        }
    }

    /// Forgets the counts by bucket at the last reset once all slices of before are gone.
    fn forget_baseline(&mut self) {
        let oldest = self.oldest(Window::LastHour).map(|slice| slice.start);
        if let Some(reset) = &mut self.baseline
            && oldest.is_none_or(|oldest| oldest >= reset.at)
        {
            reset.counted = None;
        }
    }

    /// Moves the baseline to now: windows and totals begin here. Slices stay, so that the past can still be looked at.
    pub(crate) fn reset(&mut self, now: Moment, changes: u64, reading: &Reading, bytes: &mut Vec<u8>) {
        self.tick(now, changes, reading, bytes);
        let (finished, expected, counted) = (reading.finished(), reading.expected, Some(self.ledger.counted()));
        self.baseline = Some(Box::new(Baseline { at: self.ticked, finished, expected, counted }));
    }

    /// Counts of the window: up to now where there is a `live` reading, and as the last tick left it where there is none.
    pub(crate) fn window(
        &mut self,
        window: Window,
        now: Moment,
        live: Option<&Reading>,
        bytes: &mut Vec<u8>,
    ) -> WindowCounts {
        let now = now.max(self.ticked);
        self.forget(now, bytes);
        let start = self.oldest(window).map(|slice| slice.start);
        let baseline = self.baseline.as_deref().and_then(|reset| Some((reset.at, reset.counted.as_ref()?)));
        // A slice may have begun before the reset and ended after it.
        if let Some((at, counted)) = baseline.filter(|(at, _)| start.is_some_and(|start| start < *at)) {
            let (sums, hits) = self.ledger.since(counted, live);
            return WindowCounts { covered: now.since(at), sums, hits };
        }
        let (sums, hits) = match live {
            Some(reading) => self.ledger.by(reading, window),
            None => self.ledger.at_last_tick(window),
        };
        let since = self.baseline.as_ref().map_or(self.since, |reset| reset.at);
        let from = now.before(window.duration()).max(since);
        // Counts in no slice came after the last tick.
        let live_start = (!hits.is_empty()).then_some(self.ticked);
        let start = start.or(live_start);
        let covered = now.since(from.min(start.unwrap_or(from)));
        WindowCounts { covered, sums, hits }
    }

    /// The slices of a window, the oldest first, and what came since the last tick where there is a `live` reading.
    pub(crate) fn slices(
        &mut self,
        window: Window,
        now: Moment,
        live: Option<&Reading>,
        bytes: &mut Vec<u8>,
    ) -> Vec<CountedSlice> {
        let now = now.max(self.ticked);
        self.forget(now, bytes);
        let coarse = match window {
            Window::LastMinute | Window::Last5Minutes => None,
            Window::Last15Minutes => Some(self.coarse.iter_from(self.passed)),
            Window::LastHour => Some(self.coarse.iter_from(0)),
        };
        let middle = (window != Window::LastMinute).then(|| self.middle.iter_from(0));
        let kept = coarse.into_iter().flatten().chain(middle.into_iter().flatten()).chain(self.fine.iter_from(0));
        let mut slices: Vec<CountedSlice> = kept.map(Slice::counted).collect();
        let (sums, hits) = live.map_or_else(Default::default, |reading| self.ledger.since_last_tick(reading));
        if !hits.is_empty() {
            let counts = WindowCounts { covered: now.since(self.ticked), sums, hits };
            slices.push(CountedSlice { start: self.ticked, end: now, counts });
        }
        slices
    }

    /// The oldest slice that a window holds.
    fn oldest(&self, window: Window) -> Option<&Slice> {
        let coarse = match window {
            Window::LastMinute | Window::Last5Minutes => None,
            Window::Last15Minutes => self.coarse.get(self.passed),
            Window::LastHour => self.coarse.get(0),
        };
        let middle = if window == Window::LastMinute { None } else { self.middle.get(0) };
        coarse.or(middle).or(self.fine.get(0))
    }

    /// Shows each slice that ended after a moment, the oldest first: when it ended, its sums and its hits.
    pub(crate) fn for_each_slice(&self, after: Moment, mut look: impl FnMut(Moment, Sums, Hits<'_>)) {
        for slice in [&self.coarse, &self.middle, &self.fine].into_iter().flat_map(|ring| ring.after(after)) {
            let (sums, hits) = slice.delta.read();
            look(slice.end, sums, hits);
        }
    }

    /// Counts that a reader has seen who begins at the last tick.
    pub(crate) fn seen(&self) -> Seen {
        let (changes, in_flight) = (self.changes, self.in_flight);
        Seen { counted: self.ledger.counted(), until: self.ticked, changes, in_flight }
    }

    /// Counts that a reader has seen who begins before all slices.
    pub(crate) fn seen_before_all(&self) -> Seen {
        let mut counted = self.ledger.counted();
        self.all_slices().for_each(|slice| counted.take_out(&slice.delta));
        Seen { counted, ..Seen::default() }
    }

    /// Keeps in `room` what a reader has not seen, the oldest first, and moves the reader on to the last tick. Where nothing
    /// happened, it is a comparison.
    pub(crate) fn unseen(&self, by: &mut Seen, room: &mut Room) {
        if self.changes.is_some() && self.changes == by.changes {
            by.until = self.ticked;
            return;
        }
        let from = by.until.max(self.since.min(self.ticked));
        let sums = self.ledger.unseen(&mut by.counted, &mut room.all);
        let has_moved = by.in_flight != self.in_flight;
        (by.until, by.changes, by.in_flight) = (self.ticked, self.changes, self.in_flight);

        let whole = || self.all_slices().skip_while(|slice| slice.start < from);
        room.rest.clone_from(&room.all);
        let mut rest = sums;
        let are_whole =
            whole().try_for_each(|slice| unseen::take_out(&mut rest, &mut room.rest, &slice.delta)).is_some();
        if !are_whole {
            room.rest.clone_from(&room.all);
            rest = sums;
        }
        room.rest.retain(|hit| hit.count > 0);
        let slices = || whole().take(if are_whole { usize::MAX } else { 0 });
        let told_alone = !room.all.is_empty() || sums != Sums::default();
        if !room.rest.is_empty() || rest != Sums::default() || (has_moved && !told_alone) {
            let next = slices().next().map_or(self.ticked, |slice| slice.start);
            let end = if told_alone && are_whole { self.end_of_rest(from, next) } else { next };
            room.keep((from, end), rest, HitsOf::Rest, self.in_flight);
        }
        for slice in slices() {
            let (sums, hits) = slice.delta.read();
            room.slice.clear();
            room.slice.extend(hits);
            room.keep((slice.start, slice.end), sums, HitsOf::Slice, self.in_flight);
        }
    }

    /// When the rest ended that a reader is told who has seen everything up to a moment: where the slices say so, and by the
    /// next one at the latest. A later end would be in a cell in which no window has these calls.
    fn end_of_rest(&self, from: Moment, next: Moment) -> Moment {
        let seen_in_part = self.all_slices().take_while(|slice| slice.start < from).last();
        let left = self.ticked.before(Window::LastHour.duration());
        match seen_in_part.filter(|slice| slice.end > from) {
            Some(slice) => slice.end.min(next),
            // It has left the rings.
            None if from < left => left.min(next),
            None => next,
        }
    }

    /// The oldest first.
    fn all_slices(&self) -> impl Iterator<Item = &Slice> {
        [&self.coarse, &self.middle, &self.fine].into_iter().flat_map(|ring| ring.iter_from(0))
    }

    /// Bytes in memory, estimated from the sizes of its fields.
    pub(crate) fn bytes(&self) -> usize {
        let rings = [&self.fine, &self.middle, &self.coarse];
        let reset = self
            .baseline
            .as_ref()
            .map_or(0, |reset| size_of::<Baseline>() + reset.counted.as_ref().map_or(0, Counted::heap_bytes));
        size_of::<Self>() + self.ledger.heap_bytes() + reset + rings.into_iter().map(Ring::heap_bytes).sum::<usize>()
    }

    /// Calls that ended since the baseline, by outcome.
    pub(crate) fn total(&self, live: Option<&Reading>) -> OutcomeCounts {
        let at_last_tick = || (self.ledger.finished(), self.ledger.expected());
        let (now, expected) = live.map_or_else(at_last_tick, |reading| (reading.finished(), reading.expected));
        let (before, expected_before) = self.baseline.as_ref().map_or_else(Default::default, |reset| {
            let Baseline { finished, expected, .. } = **reset;
            (finished, expected)
        });
        let since = array::from_fn(|outcome| now[outcome].saturating_sub(before[outcome]));
        OutcomeCounts::from_array(since).with_expected(Expected {
            errors: expected.errors.saturating_sub(expected_before.errors),
            cancelled: expected.cancelled.saturating_sub(expected_before.cancelled),
        })
    }

    /// Calls in flight.
    pub(crate) fn in_flight(&self, live: Option<&Reading>) -> u64 {
        live.map_or(self.in_flight, Reading::in_flight)
    }
}

#[cfg(test)]
mod tests;
