//! The failures of a series by group, in slices of time.
//!
//! Each tick cuts off what failed since the one before. Slices are those of [`History`](super::slices): of a tick for a minute, of five
//! seconds for five minutes, of a minute for an hour and some more; so the failures of a window are those of its summary. A group that gave way to
//! others in its meter is joined with all others of its kind, in all slices.
//!
//! # Memory
//!
//! A series that never failed has two words. One that did takes 32 bytes for each slice in which something failed, of which there are about
//! 170, and 8 for each group in it: 6.5 KiB where one group fails all the time, 31 KiB where twenty do.

use super::ring::cell_of;
use super::wanted::Wanted;
use crate::measure::cells::failures::Group;
use crate::measure::clock::{self, Moment, wall};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// The lengths of the cells of a tier, and how old a slice of it becomes.
const FINE: (Duration, Duration) = (Duration::from_millis(500), MINUTE);
const MIDDLE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// An hour, and as long as a store may take to ask for it.
const COARSE: (Duration, Duration) = (MINUTE, Duration::from_secs(3_600 + 360));

/// The number that stands for failures of no group that is kept.
const OTHERS: u32 = 0;

/// Shows the groups of each meter that writes a series, by its address, and how many failures are in none.
type ForEach<'a> = dyn FnMut(usize, &[Group], u64) + 'a;

/// The failures of a series, from the first one on.
#[derive(Debug, Default)]
pub(crate) struct FailureNotes(OnceLock<Box<Mutex<Notes>>>);

#[derive(Debug, Default)]
struct Notes {
    /// The groups that were there at the last tick.
    known: HashMap<(usize, u32), Known>,
    /// The failures of each meter that were in no group then.
    others: HashMap<usize, u64>,
    numbers: u32,
    fine: VecDeque<Slice>,
    middle: VecDeque<Slice>,
    coarse: VecDeque<Slice>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    number: u32,
    seen: u64,
}

/// Failures up to `end`, by the number of their group, in order.
#[derive(Debug)]
struct Slice {
    end: Moment,
    counts: Vec<(u32, u32)>,
}

/// The failures of a series in a range of time.
#[derive(Debug, Default)]
pub(crate) struct FailedGroups {
    /// The groups that there are, and how many failures of each were in the range; some of them none.
    pub(crate) groups: Vec<(Group, u64)>,
    /// How many failures of the range are in none of them.
    pub(crate) others: u64,
}

impl FailureNotes {
    /// Cuts off what failed between two ticks. Where nothing changed, slices only grow older.
    pub(crate) fn tick(&self, (from, now): (Moment, Moment), has_changed: bool, for_each: impl Fn(&mut ForEach<'_>)) {
        if has_changed && self.0.get().is_none() {
            self.begin_if_any(&for_each);
        }
        let Some(notes) = self.0.get() else { return };
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = if has_changed { notes.since_last(true, &for_each) } else { Vec::new() };
        let end = now.max(from);
        notes.push(Slice { end, counts });
        notes.forget(end);
    }

    fn begin_if_any(&self, for_each: &impl Fn(&mut ForEach<'_>)) {
        let mut are_any = false;
        for_each(&mut |_, _, _| are_any = true);
        if are_any {
            self.0.get_or_init(Box::default);
        }
    }

    /// Begins anew: failures of before are in no range.
    pub(crate) fn reset(&self, for_each: impl Fn(&mut ForEach<'_>)) {
        self.begin_if_any(&for_each);
        let Some(notes) = self.0.get() else { return };
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.since_last(true, &for_each);
        for tier in notes.tiers() {
            tier.clear();
        }
    }

    /// The failures of the slices that end in a range, so that each is in one of several ranges that follow each other. What failed after
    /// the last tick, up to now, is the last slice.
    pub(crate) fn read(
        &self,
        wanted: &Wanted,
        (ticked, now): (Moment, Moment),
        for_each: impl Fn(&mut ForEach<'_>),
    ) -> Option<FailedGroups> {
        self.begin_if_any(&for_each);
        let mut notes = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.max(ticked);
        notes.forget(now);
        let mut sums: HashMap<u32, u64> = HashMap::new();
        let mut add = |counts: &[(u32, u32)]| {
            for &(number, count) in counts {
                *sums.entry(number).or_default() += u64::from(count);
            }
        };
        for (tier, cells, older) in
            [(&notes.coarse, (COARSE.0, MIDDLE.0), MIDDLE.1), (&notes.middle, (MIDDLE.0, Duration::ZERO), FINE.1)]
        {
            let within = |slice: &&Slice| wanted.has_told(slice.end, told_at(slice.end, cells, older, now));
            tier.iter().filter(within).for_each(|slice| add(&slice.counts));
        }
        notes.fine.iter().filter(|slice| wanted.has(slice.end)).for_each(|slice| add(&slice.counts));
        let live = notes.since_last(false, &for_each);
        if wanted.has(now) {
            add(&live);
        }
        let mut groups = Vec::new();
        for_each(&mut |meter, all, _| {
            for group in all {
                // One that came since is told the next time.
                let known = notes.known.get(&(meter, group.serial));
                let count = known.and_then(|known| sums.remove(&known.number)).unwrap_or(0);
                groups.push((group.clone(), count));
            }
        });
        Some(FailedGroups { groups, others: sums.into_values().sum() })
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let Some(notes) = self.0.get() else { return 0 };
        let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_slice = |slice: &Slice| size_of::<Slice>() + slice.counts.capacity() * size_of::<(u32, u32)>();
        let slices = [&notes.fine, &notes.middle, &notes.coarse].into_iter().flatten().map(of_slice);
        size_of::<Mutex<Notes>>() + notes.known.capacity() * size_of::<((usize, u32), Known)>() + slices.sum::<usize>()
    }
}

impl Notes {
    fn tiers(&mut self) -> [&mut VecDeque<Slice>; 3] {
        [&mut self.fine, &mut self.middle, &mut self.coarse]
    }

    /// The failures since the last tick. Groups are given their numbers; where this `is_tick`, the failures are seen from now on, and
    /// groups that are gone are others in all slices.
    fn since_last(&mut self, is_tick: bool, for_each: &impl Fn(&mut ForEach<'_>)) -> Vec<(u32, u32)> {
        let mut counts: HashMap<u32, u64> = HashMap::new();
        let mut gone: Vec<u32> = Vec::new();
        let Self { known, others, numbers, .. } = self;
        for_each(&mut |meter, groups, in_none| {
            for group in groups {
                let known = known.entry((meter, group.serial)).or_insert_with(|| {
                    *numbers = numbers.wrapping_add(1).max(1);
                    Known { number: *numbers, seen: 0 }
                });
                *counts.entry(known.number).or_default() += group.count.saturating_sub(known.seen);
                if is_tick {
                    known.seen = group.count;
                }
            }
            let seen = others.entry(meter).or_default();
            let mut grown = in_none.saturating_sub(*seen);
            if is_tick {
                *seen = in_none;
            }
            // A group that gave way since is among the others with all that it had. What was seen of it before is not new.
            let is_gone = |key: &(usize, u32)| key.0 == meter && groups.iter().all(|group| group.serial != key.1);
            for (_, known) in known.iter().filter(|(key, _)| is_gone(key)) {
                grown = grown.saturating_sub(known.seen);
                gone.push(known.number);
            }
            if is_tick {
                known.retain(|key, _| !is_gone(key));
            }
            *counts.entry(OTHERS).or_default() += grown;
        });
        if is_tick && !gone.is_empty() {
            self.tiers().into_iter().flatten().for_each(|slice| slice.join_with_others(&gone));
        }
        let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let mut counts: Vec<(u32, u32)> =
            counts.into_iter().filter(|(_, count)| *count > 0).map(|(number, count)| (number, short(count))).collect();
        counts.sort_unstable();
        counts
    }

    /// Adds what failed in a tick, or that nothing did.
    fn push(&mut self, slice: Slice) {
        push(&mut self.fine, slice, FINE.0);
    }

    /// Moves slices that grew old to the next tier.
    fn forget(&mut self, now: Moment) {
        let Self { fine, middle, coarse, .. } = self;
        while let Some(slice) = pop(fine, Duration::ZERO, FINE.1, now) {
            push(middle, slice, MIDDLE.0);
        }
        while let Some(slice) = pop(middle, MIDDLE.0, MIDDLE.1, now) {
            push(coarse, slice, COARSE.0);
        }
        while pop(coarse, COARSE.0, COARSE.1, now).is_some() {}
    }
}

impl Slice {
    fn add(&mut self, counts: &[(u32, u32)]) {
        for &(number, count) in counts {
            match self.counts.binary_search_by_key(&number, |one| one.0) {
                Ok(place) => {
                    if let Some((_, own)) = self.counts.get_mut(place) {
                        *own = own.saturating_add(count);
                    }
                }
                Err(place) => self.counts.insert(place, (number, count)),
            }
        }
    }

    fn join_with_others(&mut self, gone: &[u32]) {
        let of_gone = self.counts.iter().filter(|(number, _)| gone.contains(number));
        let joined = of_gone.fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        if joined > 0 {
            self.counts.retain(|(number, _)| !gone.contains(number));
            self.add(&[(OTHERS, joined)]);
        }
    }
}

/// Adds a slice, to the last one where both end in the same cell. An empty one says that nothing failed up to its end.
fn push(tier: &mut VecDeque<Slice>, slice: Slice, cell: Duration) {
    let number = |end| cell_of(end, clock::nanos(cell));
    // A time that came again is another one: of the two, a log may have the first already.
    let is_same = |end| number(end) == number(slice.end) && !wall::is_set_between(end, slice.end);
    match tier.back_mut().filter(|back| is_same(back.end)) {
        Some(back) => {
            back.end = slice.end;
            back.add(&slice.counts);
        }
        None if slice.counts.is_empty() => {}
        None => tier.push_back(slice),
    }
}

/// Takes the oldest slice off, if it, or the whole of its cell, ended so long ago.
fn pop(tier: &mut VecDeque<Slice>, cell: Duration, age: Duration, now: Moment) -> Option<Slice> {
    let ended = end_of_cell(tier.front()?.end, cell);
    if now.since(ended) >= age { tier.pop_front() } else { None }
}

/// When a slice of a tier ended for those who ask for ranges, in nanoseconds since 1970. It is told with its cell once all of that is so
/// old, as windows tell it; and until then with the shorter cell of the tier before.
fn told_at(end: Moment, (cell, shorter): (Duration, Duration), older: Duration, now: Moment) -> u64 {
    let whole = end_of_cell(end, cell);
    let ended = if now.since(whole) >= older { whole } else { end_of_cell(end, shorter) };
    // By the clock as it was then, though it may have been set before the cell was over.
    wall::unix_nanos(end).saturating_add(ended.nanos_since(end))
}

/// The end of the cell in which a slice ended; where there are no cells, its own.
fn end_of_cell(end: Moment, cell: Duration) -> Moment {
    if cell.is_zero() {
        return end;
    }
    let cell = clock::nanos(cell);
    let late = clock::nanos(super::ring::LATE);
    let into = wall::unix_nanos(end).saturating_sub(late) % cell.max(1);
    end.after(Duration::from_nanos(cell - into))
}
