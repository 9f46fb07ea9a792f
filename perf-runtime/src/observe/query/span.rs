//! The steps of a range, what of them memory answers and what the past, and in which of them anybody observed.

use super::grid::{Grid, step_of};
use super::past::Past;
use super::range::TimeRange;
use super::statistics::seconds;
use crate::measure::clock::{self, Moment, wall};
use crate::observe::history::ring::{LATE, before_cell, cell_of};
use crate::observe::history::window::Window;
use crate::observe::series::registry::Registry;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Windows whose cells differ, the shortest first: sixty cells of each length are in memory.
const LENGTHS: [Window; 3] = [Window::LastMinute, Window::Last5Minutes, Window::LastHour];
const CELLS: u64 = 60;
/// The lengths of steps that a past may keep.
const MOST_TIERS: usize = 8;
/// The steps of a range of which one is not missed.
const MISSED_BY_NOBODY: u64 = 100;

/// The steps where nobody asked for certain ones, in seconds.
const USUAL_STEPS: [u64; 15] = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400];
/// The most steps where nobody asked for certain ones, and where somebody did.
const MOST_BY_DEFAULT: u64 = 1_000;
const MOST: u64 = 11_000;

/// The steps of a range.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) grid: Grid,
    memory: Memory,
    /// The end of the part from the past, in nanoseconds since 1970.
    seam: u64,
    before_memory: Option<TimeRange>,
    /// The first and the last moment that are told of, where not all of the first and the last step is.
    exact: Option<(u64, u64)>,
}

/// The part that memory holds in cells of one length.
#[derive(Clone, Copy, Debug)]
struct Memory {
    window: Window,
    /// In nanoseconds.
    length: u64,
    oldest: u64,
    newest: u64,
}

impl Memory {
    fn of(window: Window, registry: &Registry) -> Self {
        let length = clock::nanos(step_of(window));
        let newest = cell_of(registry.last_tick(), length);
        Self { window, length, oldest: (newest + 1).saturating_sub(CELLS), newest }
    }

    /// When the oldest cell begins, in nanoseconds since 1970.
    fn begin(&self) -> u64 {
        self.oldest * self.length
    }

    /// The part of it from a full step of the past on: a step that lies on both sides would be told by neither. `None` where
    /// the past does not reach so far, or memory has no such step.
    fn since(self, step: u64, until: u64) -> Option<Self> {
        let begin = self.begin().div_ceil(step) * step;
        let oldest = begin / self.length;
        let is_here = begin.is_multiple_of(self.length) && begin <= until && oldest <= self.newest + 1;
        is_here.then_some(Self { oldest, ..self })
    }

    /// Whether it reaches back to a time, or a cell less: a window ends now, and the last tick was a moment ago.
    fn reaches(&self, start: u64) -> bool {
        start.saturating_add(self.length) >= self.begin()
    }
}

impl Span {
    pub(super) fn of(registry: &Registry, past: Option<&dyn Past>, range: &TimeRange) -> Self {
        let [start, end] = [range.start(), range.end()].map(wall::to_unix_nanos);
        // Where the clock was set back, this process saw times before it began.
        let begun = wall::earliest_since(registry.begun());
        let lengths = LENGTHS.map(|window| Memory::of(window, registry));
        let [.., hour] = lengths;
        let step_by = |shortest: u64| step(range, shortest, end.saturating_sub(start));
        // From where the first step begins.
        let first = |memory: &Memory| start / step_by(memory.length) * step_by(memory.length);
        let alone = lengths.into_iter().find(|memory| memory.reaches(first(memory))).unwrap_or(hour);
        // Of a range that begins in memory's time and in that of this process, nothing else is known. Of a first step of several
        // cells that begins before memory, the past knows the rest.
        let is_whole = first(&alone) >= alone.begin() || step_by(alone.length) == alone.length;
        // Of a life, nothing of before is told.
        let known_from = if range.is_exact() { start } else { first(&alone) };
        let is_all_known = alone.reaches(first(&alone)) && is_whole && known_from >= begun;
        // The past may have shorter steps. Where it has none, it is not asked: it may be busy.
        let is_finer = |past: &dyn Past| {
            let shortest = clock::nanos(past.shortest_step()).max(1);
            shortest < alone.length && step_by(shortest) < step_by(alone.length)
        };
        let kept = past.filter(|past| !is_all_known || is_finer(*past)).and_then(|past| {
            let until = past.observed(range).last().map(|last| wall::to_unix_nanos(last.end()))?;
            let from_begin = |memory: Memory| (begun > memory.begin() && begun <= until).then_some(memory);
            // A range that is over before a memory begins, or this process, has no seam with it; a longer memory may know of what the past
            // lacks.
            let is_past_whole = until >= end || end <= begun.max(hour.begin());
            let apart = |memory: Memory| (is_past_whole && end <= memory.begin().max(begun)).then_some(memory);
            let by = |of_past: u64| {
                let joined = |memory: Memory| {
                    from_begin(memory).or_else(|| memory.since(of_past, until)).or_else(|| apart(memory))
                };
                let memory = lengths.into_iter().find_map(joined).unwrap_or(hour);
                (memory, least_common_multiple(memory.length, of_past))
            };
            // The first step begins before the range does, where shorter ones may be forgotten already: it is left out where nobody
            // misses it, and else all steps are as long as those that are kept there.
            let mut begins_later = false;
            let mut of_past = clock::nanos(past.step_since(range.start())).max(1);
            for _ in 0..MOST_TIERS {
                let step = step_by(by(of_past).1);
                let first = if range.is_exact() { start } else { start / step * step };
                let at_first = clock::nanos(past.step_since(time(first)));
                begins_later = at_first > of_past && step.saturating_mul(MISSED_BY_NOBODY) <= end.saturating_sub(start);
                if at_first <= of_past || begins_later {
                    break;
                }
                of_past = at_first;
            }
            let (memory, length) = by(of_past);
            Some((memory, length, begins_later)).filter(|_| !is_all_known || length < alone.length)
        });
        let (memory, shortest, begins_later) = kept.unwrap_or((alone, alone.length, false));

        let step = step_by(shortest);
        let newest = cell_of(registry.last_tick(), step).min(end.saturating_sub(1) / step);
        let mut oldest = start / step + u64::from(begins_later);
        if kept.is_none() && alone.reaches(first(&alone)) {
            oldest = oldest.max(memory.begin() / step);
        }
        let from = before_cell(memory.oldest, memory.length);
        let exact = range.is_exact().then_some((start, end));
        let since = kept.map_or(0, |_| memory.begin());
        // A process that began when the life was over has no part in it.
        let is_own = exact.is_none_or(|(_, end)| begun < end);
        let seam = if begun > memory.begin() { begun + 1 } else { memory.begin() + clock::nanos(LATE) };
        let first = exact.map_or(oldest * step, |(start, _)| start.max(oldest * step));
        let before = TimeRange::between(time(first), range.end().min(time(seam)));
        Self {
            grid: Grid { step, oldest, newest, from, since: if is_own { since } else { u64::MAX }, ..Grid::default() },
            memory,
            seam,
            before_memory: before
                .ok()
                .map(|before| before.with_step(Duration::from_nanos(step)))
                .map(|before| if exact.is_some() { before.exactly() } else { before })
                .filter(|_| kept.is_some()),
            exact,
        }
    }

    /// The range to ask the past for.
    pub(super) fn before_memory(&self) -> Option<TimeRange> {
        self.before_memory
    }

    /// The numbers of all steps.
    pub(super) fn cells(&self) -> RangeInclusive<u64> {
        self.grid.oldest..=self.grid.newest
    }

    pub(super) fn start_of(&self, cell: u64) -> SystemTime {
        time(cell * self.grid.step)
    }

    /// In nanoseconds since 1970.
    pub(super) fn end_of(&self, cell: u64) -> u64 {
        (cell + 1) * self.grid.step
    }

    /// The step of a slice from the past that ended then; `None` where memory has it, or it is not wanted.
    pub(super) fn of_past(&self, end: SystemTime) -> Option<u64> {
        let end = wall::to_unix_nanos(end);
        let cell = end.saturating_sub(clock::nanos(LATE)) / self.grid.step;
        let is_within = self.exact.is_none_or(|(first, last)| end > first && end <= last);
        (is_within && end < self.seam && self.cells().contains(&cell)).then_some(cell)
    }

    /// The window whose cells memory is read in, and which of them.
    pub(super) fn memory_cells(&self) -> (Window, RangeInclusive<u64>) {
        let Memory { window, length, oldest, newest } = self.memory;
        let ours = self.grid.step / length;
        let (first, last) = (self.grid.oldest * ours, (self.grid.newest + 1) * ours - 1);
        // None where memory has no part in it.
        let first = first.max(self.grid.since / length);
        (window, oldest.max(first)..=newest.min(last))
    }

    /// The step that a cell of memory is in.
    pub(super) fn wider(&self, cell: u64) -> u64 {
        cell * self.memory.length / self.grid.step
    }
}

/// Stretches of time, ascending: those that overlap, as where the clock was set back, are one.
fn joined(mut times: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    times.sort_unstable();
    times.dedup_by(|later, earlier| {
        let overlap = later.0 < earlier.1;
        if overlap {
            earlier.1 = earlier.1.max(later.1);
        }
        overlap
    });
    times
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

/// The length of a step: a multiple of the shortest that is kept.
fn step(range: &TimeRange, shortest: u64, length: u64) -> u64 {
    let of = |most: u64| shortest.max(length / most);
    let least = range.step().map_or(of(MOST_BY_DEFAULT), |step| clock::nanos(step).max(of(MOST)));
    let usual = USUAL_STEPS.into_iter().map(|step| clock::nanos(Duration::from_secs(step)));
    let usual = usual.into_iter().find(|step| *step >= least && step % shortest == 0);
    let by_default = usual.filter(|_| range.step().is_none());
    by_default.unwrap_or_else(|| least.div_ceil(shortest).saturating_mul(shortest))
}

fn least_common_multiple(one: u64, other: u64) -> u64 {
    let (mut divisor, mut rest) = (one, other);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (one / divisor.max(1)).saturating_mul(other)
}

/// The times in which the process was observed, ascending, in nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Observed(Vec<(u64, u64)>);

impl Observed {
    pub(super) fn of(registry: &Registry, past: Option<&dyn Past>, span: &Span) -> Self {
        let start = wall::earliest_since(registry.begun()).max(span.memory.begin());
        let before = past.zip(span.before_memory).map(|(past, range)| past.observed(&range)).unwrap_or_default();
        let clipped = before.into_iter().map(|part| {
            let [from, to] = [part.start(), part.end()].map(wall::to_unix_nanos);
            // Slices that come late are of the time before memory's first cell: that time is the past's alone.
            (from, to.min(start))
        });
        let mut times: Vec<(u64, u64)> = clipped.collect();
        let mut begin = registry.begun();
        for (from, to) in registry.gaps().into_iter().chain([(registry.last_tick(), Moment::default())]) {
            let seen = wall::times_between(begin, from).into_iter();
            times.extend(seen.map(|(first, last)| (first.max(start), last)));
            begin = begin.max(to);
        }
        if let Some((first, last)) = span.exact {
            for (from, to) in &mut times {
                (*from, *to) = (first.max(*from), last.min(*to));
            }
        }
        times.retain(|(start, end)| start < end);
        Self(joined(times))
    }

    /// The seconds of a step in which the process was observed.
    pub(super) fn seconds_in(&self, cell: u64, span: &Span) -> f64 {
        let (start, end) = (cell * span.grid.step, span.end_of(cell));
        let first = self.0.partition_point(|&(_, to)| to <= start);
        let parts = self.0.iter().skip(first).take_while(|&&(from, _)| from < end);
        seconds(parts.map(|&(from, to)| to.min(end).saturating_sub(from.max(start))).sum())
    }
}
