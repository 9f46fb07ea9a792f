//! Cycles of locks: each is held by one that waits for the next.
//!
//! A cycle is told where each of its waits is old, and each of its holds began before the wait of the same holder. A holder decides where its mode excludes
//! that of the one who waits: so readers decide for a writer, and for other readers only while a writer waits between them. Semaphores are no step, since
//! permits are given back by anyone, and neither are guards that own their lock, which go from task to task.
//!
//! A task may hold with one of its futures and wait with another (`join!`, `select!`), and so may a thread that polls futures outside of a task. So a cycle is a
//! deadlock where each wait keeps its holder from going on: it blocks the thread, or the very call that took the lock waits for nothing else (see
//! `perf_runtime`'s `Alone`: those that wait are asked before). Else it is one that may be a deadlock, where all of its waits are of different tasks and no other
//! future of theirs is known to wait.

use crate::watch::Mode;
use crate::watch::holders::Holder;
use crate::watch::instance::Seen;
use crate::watch::owner::{Owner, Who};
use crate::watch::waits::Waiter;
use perf_runtime::__locks::Alone;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The most steps of a cycle that is told.
const MOST_STEPS: usize = 16;
/// The most cycles that are told at once: those that are certain, and others in what is left.
const MOST_CYCLES: usize = 16;
/// So many looks a search for either takes at most: a crowd that waits is no reason to hold up the tick.
const MOST_LOOKS: usize = 100_000;
/// The number of questions after which those that wait have had the time to answer.
const ASKED_ENOUGH: u8 = 2;

/// A step of a cycle: one that holds a lock, and waits for that of the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    /// The serial of the lock that it holds.
    pub(super) lock: u64,
    /// The place of that lock in what was seen.
    pub(super) place: usize,
    /// The series whose call waits; zero where none runs.
    pub(super) series: u16,
}

/// A cycle of locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    /// From its oldest lock on, in the order in which each step waits for the lock of the next.
    pub(super) steps: Vec<Step>,
    /// Whether none of its holders can go on by itself.
    pub(super) is_certain: bool,
}

/// An old wait.
#[derive(Clone, Copy, Debug)]
struct Old<'a> {
    /// The place of the lock that is waited for.
    place: usize,
    waiter: &'a Waiter,
}

fn old(lock: &Seen, before: u64) -> impl Iterator<Item = &Waiter> {
    lock.waiters.iter().filter(move |waiter| waiter.owner.mode().holds() && waiter.since <= before)
}

/// Whether a wait is to be asked which calls wait for nothing else: it is an old one that has not told any yet, of one that holds what others have long waited for.
pub(super) fn to_be_asked(seen: &[Seen], before: u64) -> impl Fn(&Waiter) -> bool {
    let contested = seen.iter().filter(|lock| old(lock, before).any(|waiter| waiter.owner.mode().is_step()));
    let holders = contested.flat_map(|lock| &lock.holders).map(|holder| holder.owner);
    let holders: HashSet<Who> =
        holders.filter(|holder| !holder.is_owned() && holder.mode().is_step()).map(Owner::task_or_thread).collect();
    move |waiter| {
        waiter.since <= before
            && waiter.owner.mode().is_step()
            && waiter.thread.is_none()
            && waiter.alone.as_ref().is_none_or(Alone::is_empty)
            && holders.contains(&waiter.owner.task_or_thread())
    }
}

/// The cycles among the locks, of waits that began before a moment of the clock. Each is told once. Those that are certain are looked for first: crowds of others leave none of
/// them out.
pub(super) fn cycles(seen: &[Seen], before: u64) -> Vec<Cycle> {
    let old: Vec<Old<'_>> = seen
        .iter()
        .enumerate()
        .flat_map(|(place, lock)| old(lock, before).map(move |waiter| Old { place, waiter }))
        .collect();
    let has_writer = |lock: &Seen| lock.waiters.iter().any(|waiter| waiter.owner.mode() == Mode::Write);
    let writers = seen.iter().map(has_writer).collect();
    // Young ones too: each is a future of its own.
    let mut waits: HashMap<Who, usize> = HashMap::new();
    for waiter in seen.iter().flat_map(|lock| &lock.waiters) {
        *waits.entry(waiter.owner.task_or_thread()).or_default() += 1;
    }
    let by_who = HashMap::new();
    let mut search =
        Search { seen, old: &old, writers, waits, by_who, only_certain: true, looks: 0, found: BTreeMap::new() };
    for (index, Old { waiter, .. }) in old.iter().enumerate() {
        let who = waiter.owner.task_or_thread();
        for who in [Some(who), waiter.thread.filter(|thread| *thread != who)].into_iter().flatten() {
            search.by_who.entry(who).or_default().push(index);
        }
    }
    // Each party of a cycle holds something: of a crowd that waits, most do not.
    let holders = seen.iter().flat_map(|lock| lock.holders.iter().map(|holder| holder.owner.task_or_thread()));
    let starts: BTreeSet<usize> = holders.filter_map(|who| search.by_who.get(&who)).flatten().copied().collect();
    for only_certain in [true, false] {
        (search.only_certain, search.looks) = (only_certain, 0);
        for &start in &starts {
            search.from(start, &mut vec![start], true);
        }
    }
    search.found.into_iter().map(|(steps, is_certain)| Cycle { steps, is_certain }).collect()
}

struct Search<'a> {
    seen: &'a [Seen],
    old: &'a [Old<'a>],
    /// Whether an attempt to write waits for a lock, by its place.
    writers: Vec<bool>,
    /// The old waits of each task, and of each thread.
    by_who: HashMap<Who, Vec<usize>>,
    /// The number of all waits of each task or thread.
    waits: HashMap<Who, usize>,
    /// Whether steps that only may be some are left out.
    only_certain: bool,
    looks: usize,
    found: BTreeMap<Vec<Step>, bool>,
}

impl Search<'_> {
    /// Goes on from the last of the waits on the path to those that hold what it waits for, and back to the first.
    fn from(&mut self, last: usize, path: &mut Vec<usize>, is_certain: bool) {
        let Some(wait) = self.old.get(last).copied() else { return };
        let (seen, has_writer) = (self.seen, self.writers.get(wait.place).is_some_and(|has_writer| *has_writer));
        let Some(lock) = seen.get(wait.place) else { return };
        let decide = |holder: &&Holder| !holder.owner.is_owned() && excludes(holder, wait.waiter, has_writer);
        for holder in lock.holders.iter().filter(decide) {
            for next in self.by_who.get(&holder.owner.task_or_thread()).cloned().unwrap_or_default() {
                self.looks += 1;
                if self.looks > MOST_LOOKS || self.found.len() >= MOST_CYCLES {
                    return;
                }
                let keeps = self.old.get(next).and_then(|next| self.keeps(next.waiter, holder, wait.waiter));
                let is_wanted = |keeps: &Keeps| *keeps == Keeps::Certainly || !self.only_certain;
                let Some(keeps) = keeps.filter(is_wanted) else { continue };
                let is_certain = is_certain && keeps == Keeps::Certainly;
                if path.first() == Some(&next) {
                    self.tell(path, is_certain);
                } else if path.len() < MOST_STEPS && !path.contains(&next) {
                    path.push(next);
                    self.from(next, path, is_certain);
                    path.pop();
                }
            }
        }
    }

    /// Whether a wait keeps a holder from going on, of a lock that another waits for.
    fn keeps(&self, wait: &Waiter, holder: &Holder, other: &Waiter) -> Option<Keeps> {
        if holder.since > wait.since {
            return None;
        }
        let is_alone = |alone: &Alone| holder.call != 0 && alone.has(holder.call, holder.since);
        if wait.thread.is_some() {
            return Some(if wait.is_timed { Keeps::MayBe } else { Keeps::Certainly });
        }
        if wait.alone.as_ref().is_some_and(is_alone) {
            return Some(Keeps::Certainly);
        }
        let who = holder.owner.task_or_thread();
        let has_answered = wait.alone.as_ref().is_some_and(|alone| !alone.is_empty());
        let may_be = who.is_task()
            && other.owner.task_or_thread() != who
            && (has_answered || wait.asked.times >= ASKED_ENOUGH)
            && self.waits.get(&who) == Some(&1);
        may_be.then_some(Keeps::MayBe)
    }

    /// Notes a cycle. On the path each wait is followed by that of the holder of its lock: so the waits in turn hold the lock of the one before.
    fn tell(&mut self, path: &[usize], is_certain: bool) {
        let of = |index: usize| self.old.get(index);
        let before = path.iter().cycle().skip(path.len() - 1);
        let steps = path.iter().zip(before).filter_map(|(&wait, &before)| {
            let place = of(before)?.place;
            Some(Step { lock: self.seen.get(place)?.serial, place, series: of(wait)?.waiter.owner.series() })
        });
        let mut steps: Vec<Step> = steps.collect();
        // From a wait the path goes to the holder of what it waits for, so that is the order in which each step waits for the lock of the next.
        let first = steps.iter().enumerate().min_by_key(|(_, step)| **step).map_or(0, |(first, _)| first);
        steps.rotate_left(first);
        *self.found.entry(steps).or_default() |= is_certain;
    }
}

/// Whether a wait keeps one that holds a lock from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Certainly,
    /// Unless the holder is another future of its task than the one that waits, or one that waits for more than this, or for a time.
    MayBe,
}

/// Whether the mode of a holder excludes that of the one who waits. Readers wait for readers only behind a writer, and `read_recursive` never.
fn excludes(holder: &Holder, waiter: &Waiter, has_writer: bool) -> bool {
    match (waiter.owner.mode(), holder.owner.mode()) {
        (Mode::Write, Mode::UpgradableRead) => !waiter.is(holder.owner.task_or_thread()),
        (Mode::Lock | Mode::Write, _) | (_, Mode::Write) | (Mode::UpgradableRead, Mode::UpgradableRead) => true,
        (Mode::UpgradableRead, _) => has_writer,
        (Mode::Read, _) => has_writer && !waiter.is_recursive,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
