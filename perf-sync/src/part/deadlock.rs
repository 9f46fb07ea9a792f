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
mod tests {
    use super::*;
    use crate::watch::name::Name;
    use crate::watch::waits::Asked;
    use perf_runtime::__locks::AsyncCall;

    fn holder(who: u64, since: u64) -> Holder {
        holds(who, Mode::Lock, since)
    }

    fn holds(who: u64, mode: Mode, since: u64) -> Holder {
        Holder { owner: Owner::new(who, 0, mode), since, call: 0 }
    }

    /// A wait of a thread, which it blocks, or of a task, which it does not, and of which nothing is known after it was asked.
    fn waiter(who: u64, mode: Mode, since: u64) -> Waiter {
        let owner = Owner::new(who, u16::try_from(who).unwrap(), mode);
        let thread = Some(owner.task_or_thread()).filter(|who| !who.is_task());
        Waiter {
            owner,
            thread,
            is_timed: false,
            is_recursive: false,
            since,
            asked: Asked::so_often(ASKED_ENOUGH),
            alone: None,
        }
    }

    fn lock(serial: u64, holders: &[Holder], waiters: &[Waiter]) -> Seen {
        let name = Name::Given("deadlock tests").number();
        Seen { serial, name, holders: holders.to_vec(), unnamed: 0, waiters: waiters.to_vec() }
    }

    fn found(seen: &[Seen]) -> Vec<Vec<(u64, u16)>> {
        let steps = |cycle: &Cycle| cycle.steps.iter().map(|step| (step.lock, step.series)).collect();
        cycles(seen, 100).iter().map(steps).collect()
    }

    /// Whether each cycle that is found is certain.
    fn certain(seen: &[Seen]) -> Vec<bool> {
        cycles(seen, 100).iter().map(|cycle| cycle.is_certain).collect()
    }

    /// A hold of a call in a task, taken at a moment.
    fn of_call(who: u64, call: usize, since: u64) -> Holder {
        Holder { call, ..holder(who, since) }
    }

    /// A wait of a task, of which is known which calls, by their addresses and starts, wait for nothing else.
    fn alone(who: u64, since: u64, calls: &[(usize, u64)]) -> Waiter {
        let alone = Alone::default();
        for &(address, started) in calls {
            alone.add(AsyncCall { address, started });
        }
        Waiter { alone: Some(alone), ..waiter(who, Mode::Lock, since) }
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
    fn a_deadlock_is_found_behind_many_that_only_may_be_some() {
        let pair = |serial: u64, one: u64, other: u64| {
            let first = lock(serial, &[holder(one, 1)], &[waiter(other, Mode::Lock, 20)]);
            [first, lock(serial + 1, &[holder(other, 1)], &[waiter(one, Mode::Lock, 20)])]
        };
        let of_tasks =
            (0..MOST_CYCLES as u64).flat_map(|number| pair(1 + 2 * number, 101 + 4 * number, 103 + 4 * number));
        let all: Vec<_> = of_tasks.chain(pair(99, 2, 4)).collect();
        assert!(!certain(&all[..2 * MOST_CYCLES]).contains(&true));
        let certain = certain(&all);
        assert_eq!((certain.len(), certain.iter().filter(|is_certain| **is_certain).count()), (MOST_CYCLES, 1));
    }

    #[test]
    fn those_are_asked_whose_tasks_hold_what_others_wait_for() {
        let a = lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)]);
        let seen = [a, lock(2, &[holder(5, 1)], &[waiter(3, Mode::Lock, 20)])];
        let wants = to_be_asked(&seen, 100);
        assert!(wants(&waiter(3, Mode::Lock, 20)) && wants(&waiter(5, Mode::Read, 20)));
        assert!(!wants(&waiter(7, Mode::Lock, 20)), "it holds nothing");
        assert!(!wants(&waiter(3, Mode::Lock, 101)), "it has not waited for long");
        assert!(!wants(&waiter(3, Mode::Acquire, 20)) && !wants(&alone(3, 20, &[(30, 1)])));
        let convoy = [lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)])];
        assert!(!to_be_asked(&convoy, 100)(&waiter(5, Mode::Lock, 20)), "the one that holds does not wait");
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
        let for_a_time = Waiter { is_timed: true, ..blocks.clone() };
        assert_eq!(found(&[lock(7, &[holder(3, 1)], &[blocks])]).len(), 1, "nothing of the task goes on");
        let cycles = cycles(&[lock(7, &[holder(3, 1)], &[for_a_time])], 100);
        assert!(matches!(cycles[..], [Cycle { is_certain: false, .. }]), "until its time is over: {cycles:?}");
        let a = lock(1, &[holder(3, 1)], &[waiter(5, Mode::Lock, 20)]);
        let b = lock(2, &[holder(5, 1)], &[waiter(3, Mode::Lock, 20)]);
        assert_eq!(found(&[a.clone(), b]), [[(1, 3), (2, 5)]]);
        let own = lock(2, &[holder(3, 1)], &[waiter(3, Mode::Lock, 20)]);
        assert!(found(&[a, own]).is_empty());
    }

    #[test]
    fn a_cycle_of_tasks_is_certain_where_each_call_that_holds_waits_for_nothing_else() {
        let both = |of_a: Waiter, of_b: Waiter| {
            [lock(1, &[of_call(3, 30, 5)], &[of_a]), lock(2, &[of_call(5, 50, 5)], &[of_b])]
        };
        let waits = |who, calls: &[_]| alone(who, 20, calls);
        assert_eq!(certain(&both(waits(5, &[(50, 4)]), waits(3, &[(31, 6), (30, 5)]))), [true]);
        for other in [
            waits(3, &[(31, 4)]),
            // Another call where that one was.
            waits(3, &[(30, 6)]),
            waiter(3, Mode::Lock, 20),
        ] {
            assert_eq!(certain(&both(waits(5, &[(50, 4)]), other)), [false]);
        }
        let not_asked = Waiter { asked: Asked::so_often(1), ..waiter(3, Mode::Lock, 20) };
        assert!(found(&both(waits(5, &[(50, 4)]), not_asked)).is_empty(), "it may answer yet");
        let [a, b] = both(waits(5, &[(50, 4)]), waiter(3, Mode::Lock, 20));
        let young = lock(3, &[], &[waiter(3, Mode::Notified, 101)]);
        assert!(found(&[a, b, young]).is_empty(), "3 is known to wait with two futures");
    }

    #[test]
    fn calls_of_one_task_that_hold_what_the_other_waits_for_are_a_cycle() {
        let both = |of_a: &[(usize, u64)], of_b: &[(usize, u64)]| {
            let of = |call| Holder { call, ..holder(3, 5) };
            [lock(1, &[of(30)], &[alone(3, 20, of_a)]), lock(2, &[of(40)], &[alone(3, 20, of_b)])]
        };
        assert_eq!(certain(&both(&[(40, 1)], &[(30, 1)])), [true]);
        assert!(found(&both(&[(40, 1)], &[(50, 1)])).is_empty(), "a third call waits");
        assert!(found(&both(&[(40, 1)], &[])).is_empty(), "the one that holds b may go on");
        assert_eq!(found(&both(&[(30, 1)], &[(40, 1)])).len(), 2, "each waits for what it holds itself");
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
        let waiters: Vec<_> = others.iter().cloned().chain([waits]).collect();
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
        assert_eq!(all.map(|of| waits_for(recursive.clone(), holds(4, of, 1), &writer)), [false, false, true]);
    }

    #[test]
    fn permits_and_guards_that_may_have_gone_to_another_task_are_no_steps() {
        let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 10)]);
        let permits = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(4, Mode::Acquire, 20)]);
        assert!(found(&[permits, b.clone()]).is_empty());
        let own = lock(1, &[holds(2, Mode::Acquire, 1)], &[waiter(2, Mode::Acquire, 20)]);
        assert!(found(&[own]).is_empty());
        let sent = Holder { owner: holder(2, 1).owner.owned(), since: 1, call: 0 };
        assert!(found(&[lock(1, &[sent], &[waiter(4, Mode::Lock, 20)]), b]).is_empty());
    }
}
