//! Cycles of locks: each is held by one that waits for the next.
//!
//! A cycle is told where each of its waits is old, and each of its holds began before the wait of the same holder, so that the holder cannot let go before
//! it goes on. A holder decides where its mode excludes that of the one who waits: so readers decide for a writer, and for other readers only while a writer
//! waits between them. Semaphores are no step, since permits are given back by anyone, and neither are guards that own their lock, which go from task to task.
//!
//! A task may hold with one of its futures and wait with another (`join!`, `select!`), and so may a thread that polls futures outside of a task. So a wait
//! counts for its thread only where it blocks it; and a wait that does not block is a step only where the holder is not the task that waits, or is another
//! function of that task whose only call there waits as well, once, and began before the hold (see [`calls`](super::calls)). Such a call is taken to hold
//! the lock and to do nothing beside its wait, which a function with a `join!` of its own, or one that gives its guard back, may do.

use crate::watch::Mode;
use crate::watch::holders::Holder;
use crate::watch::instance::Seen;
use crate::watch::owner::{Owner, Who};
use crate::watch::waits::Waiter;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The most steps of a cycle that is told.
const MOST_STEPS: usize = 16;
/// The most cycles that are told at once.
const MOST_CYCLES: usize = 16;
/// So many looks a search takes at most: a crowd that waits is no reason to hold up the tick.
const MOST_LOOKS: usize = 100_000;

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

/// An old wait.
#[derive(Clone, Copy, Debug)]
struct Old {
    /// The place of the lock that is waited for.
    place: usize,
    waiter: Waiter,
}

/// Whether it is certain that the call that took a lock, of which the serial is given, waits for another one.
type IsStuck<'a> = dyn Fn(u64, &Holder) -> bool + 'a;

/// The series of which calls hold what another call of their own task has waited for since before a moment of the clock.
pub(super) fn joined(seen: &[Seen], before: u64) -> BTreeSet<u16> {
    let of_lock = |lock: &Seen| {
        let waits: HashSet<Who> = old(lock, before).map(|waiter| waiter.owner.task_or_thread()).collect();
        let holders = lock.holders.iter().map(|holder| holder.owner);
        let joined =
            holders.filter(|owner| owner.task_or_thread().is_task() && waits.contains(&owner.task_or_thread()));
        joined.map(Owner::series).collect::<Vec<_>>()
    };
    seen.iter().flat_map(of_lock).collect()
}

fn old(lock: &Seen, before: u64) -> impl Iterator<Item = Waiter> {
    lock.waiters.iter().copied().filter(move |waiter| waiter.owner.mode().holds() && waiter.since <= before)
}

/// The cycles among the locks, of waits that began before a moment of the clock. Each is told once, from its oldest lock on. `is_stuck` is asked of holders whose
/// own task waits for their lock.
pub(super) fn cycles(seen: &[Seen], before: u64, is_stuck: &IsStuck<'_>) -> Vec<Vec<Step>> {
    let old: Vec<Old> = seen
        .iter()
        .enumerate()
        .flat_map(|(place, lock)| old(lock, before).map(move |waiter| Old { place, waiter }))
        .collect();
    let has_writer = |lock: &Seen| lock.waiters.iter().any(|waiter| waiter.owner.mode() == Mode::Write);
    let writers = seen.iter().map(has_writer).collect();
    // Young ones too: the call that holds a lock may be the one that began to wait just now.
    let mut waits: HashMap<(Who, u16), usize> = HashMap::new();
    for Waiter { owner, .. } in seen.iter().flat_map(|lock| &lock.waiters) {
        *waits.entry((owner.task_or_thread(), owner.series())).or_default() += 1;
    }
    let by_who = HashMap::new();
    let mut search = Search { seen, old: &old, writers, is_stuck, waits, by_who, looks: 0, found: BTreeSet::new() };
    for (index, Old { waiter, .. }) in old.iter().enumerate() {
        let task = Some(waiter.owner.task_or_thread()).filter(|who| who.is_task());
        for who in [task, waiter.thread].into_iter().flatten() {
            search.by_who.entry(who).or_default().push(index);
        }
    }
    // Each party of a cycle holds something: of a crowd that waits, most do not.
    let holders = seen.iter().flat_map(|lock| lock.holders.iter().map(|holder| holder.owner.task_or_thread()));
    let starts: BTreeSet<usize> = holders.filter_map(|who| search.by_who.get(&who)).flatten().copied().collect();
    for start in starts {
        search.from(start, &mut vec![start]);
    }
    search.found.into_iter().collect()
}

struct Search<'a> {
    seen: &'a [Seen],
    old: &'a [Old],
    /// Whether an attempt to write waits for a lock, by its place.
    writers: Vec<bool>,
    /// The old waits of each task, and of each thread that is blocked.
    by_who: HashMap<Who, Vec<usize>>,
    is_stuck: &'a IsStuck<'a>,
    /// The number of all waits, of calls of a series in a task or thread.
    waits: HashMap<(Who, u16), usize>,
    looks: usize,
    found: BTreeSet<Vec<Step>>,
}

impl Search<'_> {
    /// Goes on from the last of the waits on the path to those that hold what it waits for, and back to the first.
    fn from(&mut self, last: usize, path: &mut Vec<usize>) {
        let Some(wait) = self.old.get(last).copied() else { return };
        let (seen, has_writer) = (self.seen, self.writers.get(wait.place).is_some_and(|has_writer| *has_writer));
        let Some(lock) = seen.get(wait.place) else { return };
        let decide = |holder: &&Holder| !holder.owner.is_owned() && excludes(holder, &wait.waiter, has_writer);
        for holder in lock.holders.iter().filter(decide) {
            let is_other = is_another(holder, &wait.waiter);
            if !is_other && !self.is_joined(lock.serial, holder, &wait.waiter) {
                continue;
            }
            for next in self.by_who.get(&holder.owner.task_or_thread()).cloned().unwrap_or_default() {
                self.looks += 1;
                if self.looks > MOST_LOOKS || self.found.len() >= MOST_CYCLES {
                    return;
                }
                let series = holder.owner.series();
                let goes_on = |next: &&Old| is_other || next.waiter.owner.series() == series;
                if !self.old.get(next).filter(goes_on).is_some_and(|next| began_later(&next.waiter, holder)) {
                    continue;
                }
                if path.first() == Some(&next) {
                    self.tell(path);
                } else if path.len() < MOST_STEPS && !path.contains(&next) {
                    path.push(next);
                    self.from(next, path);
                    path.pop();
                }
            }
        }
    }

    /// Whether a holder is another function of the task that waits, of which one call waits in it, and it is certain that this is the one that has the lock.
    fn is_joined(&self, lock: u64, holder: &Holder, waiter: &Waiter) -> bool {
        let (who, series) = (holder.owner.task_or_thread(), holder.owner.series());
        who == waiter.owner.task_or_thread()
            && who.is_task()
            && series != waiter.owner.series()
            && self.waits.get(&(who, series)) == Some(&1)
            && (self.is_stuck)(lock, holder)
    }

    /// Notes a cycle. On the path each wait is followed by that of the holder of its lock: so the waits in turn hold the lock of the one before.
    fn tell(&mut self, path: &[usize]) {
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
        self.found.insert(steps);
    }
}

/// Whether a holder is, without doubt, not a future of the task that waits which may go on by itself.
fn is_another(holder: &Holder, waiter: &Waiter) -> bool {
    let (holds, waits) = (holder.owner.task_or_thread(), waiter.owner.task_or_thread());
    waiter.thread.is_some() || waits.is_task() && holds != waits
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

/// Whether a holder that waits in this wait does so since after it took what it holds.
fn began_later(waiter: &Waiter, holder: &Holder) -> bool {
    holder.since <= waiter.since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::name::Name;

    fn holder(who: u64, since: u64) -> Holder {
        holds(who, Mode::Lock, since)
    }

    fn holds(who: u64, mode: Mode, since: u64) -> Holder {
        Holder { owner: Owner::new(who, 0, mode), since }
    }

    /// A wait of a thread, which it blocks, or of a task, which it does not.
    fn waiter(who: u64, mode: Mode, since: u64) -> Waiter {
        let owner = Owner::new(who, u16::try_from(who).unwrap(), mode);
        let thread = Some(owner.task_or_thread()).filter(|who| !who.is_task());
        Waiter { owner, thread, is_recursive: false, since }
    }

    fn lock(serial: u64, holders: &[Holder], waiters: &[Waiter]) -> Seen {
        let name = Name::Given("deadlock tests").number();
        Seen { serial, name, holders: holders.to_vec(), unnamed: 0, waiters: waiters.to_vec() }
    }

    fn found(seen: &[Seen]) -> Vec<Vec<(u64, u16)>> {
        found_where(seen, &|_, _| true)
    }

    fn found_where(seen: &[Seen], is_stuck: &IsStuck<'_>) -> Vec<Vec<(u64, u16)>> {
        let cycles = cycles(seen, 100, is_stuck);
        cycles.iter().map(|steps| steps.iter().map(|step| (step.lock, step.series)).collect()).collect()
    }

    #[test]
    fn two_that_hold_what_the_other_waits_for_are_a_cycle_told_once() {
        let a = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
        let b = lock(2, &[holder(4, 2)], &[waiter(2, Mode::Lock, 10)]);
        assert_eq!(found(&[a.clone(), b.clone()]), [[(1, 2), (2, 4)]]);
        assert_eq!(found(&[b, a]), [[(1, 2), (2, 4)]]);
    }

    #[test]
    fn one_that_waits_for_itself_is_a_cycle() {
        let a = lock(7, &[holder(2, 1)], &[waiter(2, Mode::Lock, 20)]);
        assert_eq!(found(&[a]), [[(7, 2)]]);
    }

    #[test]
    fn three_in_a_ring_are_told_in_the_order_in_which_they_wait() {
        let a = lock(1, &[holder(2, 1)], &[waiter(6, Mode::Lock, 20)]);
        let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 20)]);
        let c = lock(3, &[holder(6, 1)], &[waiter(4, Mode::Lock, 20)]);
        // 2 holds a and waits for b, 4 holds b and waits for c, 6 holds c and waits for a.
        assert_eq!(found(&[a, b, c]), [[(1, 2), (2, 4), (3, 6)]]);
    }

    #[test]
    fn a_convoy_a_young_wait_and_a_hold_that_came_later_are_no_cycles() {
        let convoy = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 10), waiter(6, Mode::Lock, 20)]);
        assert!(found(&[convoy]).is_empty());
        let a = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
        let young = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 101)]);
        assert!(found(&[a.clone(), young]).is_empty());
        let later = lock(2, &[holder(4, 30)], &[waiter(2, Mode::Lock, 10)]);
        assert!(found(&[a, later]).is_empty(), "4 waits in another future than the one that holds");
    }

    #[test]
    fn a_cycle_is_found_behind_a_crowd() {
        let crowd: Vec<_> = (0..5_000).map(|number| waiter(100 + 2 * number, Mode::Lock, 30)).collect();
        let mut a = lock(1, &[holder(2, 1)], &crowd);
        a.waiters.push(waiter(4, Mode::Lock, 20));
        let b = lock(2, &[holder(4, 2)], &[waiter(2, Mode::Lock, 10)]);
        assert_eq!(found(&[a, b]), [[(1, 2), (2, 4)]]);
    }

    #[test]
    fn one_that_upgrades_does_not_wait_for_itself_but_for_readers_and_other_upgraders() {
        let own = holds(2, Mode::UpgradableRead, 1);
        assert!(found(&[lock(7, &[own], &[waiter(2, Mode::Write, 20)])]).is_empty());
        // A task that blocks its thread, which is the one that holds.
        let blocked = Waiter { thread: Some(own.owner.task_or_thread()), ..waiter(3, Mode::Write, 20) };
        assert!(found(&[lock(7, &[own], &[blocked])]).is_empty());
        let reads_too = lock(7, &[own, holds(2, Mode::Read, 1)], &[waiter(2, Mode::Write, 20)]);
        assert_eq!(found(&[reads_too]), [[(7, 2)]]);
        let two = [waiter(2, Mode::Write, 20), waiter(4, Mode::Write, 21)];
        let both = lock(7, &[own, holds(4, Mode::UpgradableRead, 1)], &two);
        assert_eq!(found(&[both]), [[(7, 2), (7, 4)]]);
        let upgraded = lock(1, &[own, holds(4, Mode::Read, 1)], &[waiter(2, Mode::Write, 20)]);
        let other = lock(2, &[holder(2, 1)], &[waiter(4, Mode::Lock, 20)]);
        assert_eq!(found(&[upgraded, other]), [[(1, 4), (2, 2)]]);
    }

    #[test]
    fn one_task_that_waits_with_one_future_and_holds_with_another_is_no_cycle() {
        assert!(found(&[lock(7, &[holder(3, 1)], &[waiter(3, Mode::Lock, 20)])]).is_empty());
        let blocks =
            Waiter { thread: Some(Owner::new(2, 0, Mode::Lock).task_or_thread()), ..waiter(3, Mode::Lock, 20) };
        assert_eq!(found(&[lock(7, &[holder(3, 1)], &[blocks])]).len(), 1, "nothing of the task goes on");
        let a = lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)]);
        let b = lock(2, &[holder(5, 1)], &[waiter(3, Mode::Lock, 20)]);
        assert_eq!(found(&[a.clone(), b]), [[(1, 3), (2, 5)]]);
        let own = lock(2, &[holder(3, 1)], &[waiter(3, Mode::Lock, 20)]);
        assert!(found(&[a, own]).is_empty());
    }

    #[test]
    fn two_functions_of_one_task_that_hold_what_the_other_waits_for_are_a_cycle() {
        let owner = |series, mode| Owner::new(3, series, mode);
        let holds = |series| Holder { owner: owner(series, Mode::Lock), since: 1 };
        let waits = |series| Waiter { owner: owner(series, Mode::Lock), ..waiter(3, Mode::Lock, 20) };
        let both = |of_a: &[u16], of_b: &[u16]| {
            let waits = |of: &[u16]| of.iter().map(|&series| waits(series)).collect::<Vec<_>>();
            [lock(1, &[holds(7)], &waits(of_a)), lock(2, &[holds(8)], &waits(of_b))]
        };
        assert_eq!(found(&both(&[8], &[7])), [[(1, 7), (2, 8)]]);
        assert_eq!(joined(&both(&[8], &[7]), 100), [7, 8].into());
        assert!(joined(&both(&[8], &[7]), 19).is_empty() && joined(&both(&[], &[7]), 100) == [8].into());
        let not_8 = |lock, holder: &Holder| lock == 1 && holder.owner.series() == 7;
        assert!(found_where(&both(&[8], &[7]), &not_8).is_empty(), "a call of 8 may hold and sleep");
        let young = |mode| lock(3, &[], &[Waiter { since: 101, ..Waiter { owner: owner(7, mode), ..waits(7) } }]);
        for mode in [Mode::Lock, Mode::Notified] {
            let [a, b] = both(&[8], &[7]);
            assert!(found(&[a, b, young(mode)]).is_empty(), "what waits for a short time may be what holds a");
        }
        assert!(found(&both(&[8, 7], &[7])).is_empty(), "another call of 7 waits for b");
        assert!(found(&both(&[7], &[8])).is_empty(), "each waits for itself, or for another call");
        assert!(found(&both(&[0], &[0])).is_empty(), "nothing is known of them");
        let one = [lock(1, &[holds(7)], &[waits(7)]), lock(2, &[holds(7)], &[waits(7)])];
        assert!(found(&one).is_empty(), "a third call may hold both");
    }

    #[test]
    fn a_thread_outside_of_tasks_is_known_by_waits_that_block_it_alone() {
        let polled = |who| Waiter { thread: None, ..waiter(who, Mode::Lock, 20) };
        assert!(found(&[lock(7, &[holder(2, 1)], &[polled(2)])]).is_empty());
        let a = lock(1, &[holder(2, 1)], &[polled(4)]);
        let b = lock(2, &[holder(4, 1)], &[polled(2)]);
        assert!(found(&[a, b]).is_empty());
        // A task waits for a lock of the thread's, and the thread is blocked by a wait for one of the task's.
        let a = lock(1, &[holder(2, 1)], &[waiter(5, Mode::Lock, 20)]);
        let b = lock(2, &[holder(5, 1)], &[waiter(2, Mode::Lock, 20)]);
        assert_eq!(found(&[a.clone(), b]), [[(1, 2), (2, 5)]]);
        let b = lock(2, &[holder(5, 1)], &[polled(2)]);
        assert!(found(&[a, b]).is_empty());
    }

    /// Whether one that waits so is kept waiting by a holder of the same lock, which waits for another one's.
    fn waits_for(waits: Waiter, holds: Holder, others: &[Waiter]) -> bool {
        let waiters: Vec<_> = others.iter().copied().chain([waits]).collect();
        let asked = lock(1, &[holds], &waiters);
        let back = lock(2, &[holder(2, 1)], &[waiter(4, Mode::Lock, 30)]);
        !found(&[asked, back]).is_empty()
    }

    #[test]
    fn modes_decide_where_they_exclude_each_other() {
        let writer = [waiter(8, Mode::Write, 15)];
        let all = [Mode::Read, Mode::UpgradableRead, Mode::Write];
        for (mode, alone, behind) in [
            (Mode::Write, [true, true, true], [true, true, true]),
            (Mode::UpgradableRead, [false, true, true], [true, true, true]),
            (Mode::Read, [false, false, true], [true, true, true]),
        ] {
            let decide = |others: &[Waiter]| all.map(|of| waits_for(waiter(2, mode, 20), holds(4, of, 1), others));
            assert_eq!((decide(&[]), decide(&writer)), (alone, behind), "{mode:?}");
        }
        let recursive = Waiter { is_recursive: true, ..waiter(2, Mode::Read, 20) };
        assert_eq!(all.map(|of| waits_for(recursive, holds(4, of, 1), &writer)), [false, false, true]);
    }

    #[test]
    fn permits_and_guards_that_may_have_gone_to_another_task_are_no_steps() {
        let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 10)]);
        let permits = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(4, Mode::Acquire, 20)]);
        assert!(found(&[permits, b.clone()]).is_empty());
        let own = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(2, Mode::Acquire, 20)]);
        assert!(found(&[own]).is_empty());
        let sent = Holder { owner: holder(2, 1).owner.owned(), since: 1 };
        assert!(found(&[lock(1, &[sent], &[waiter(4, Mode::Lock, 20)]), b]).is_empty());
    }
}
