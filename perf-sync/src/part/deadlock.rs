//! Cycles of locks: each is held by one that waits for the next.
//!
//! A cycle is told where each of its waits is old, and each of its holds began before the wait of the same holder, so that the holder cannot let go before
//! it goes on. Of a lock that one holds alone, its holder decides; of one that readers hold, each of them does, since a writer waits for all, and readers
//! wait behind a writer; of permits, all of their holders together, so a cycle goes through a semaphore only where one holder alone has permits.

use crate::watch::Mode;
use crate::watch::holders::Holder;
use crate::watch::instance::{Seen, Waiter};
use crate::watch::owner::Who;
use std::collections::{BTreeSet, HashMap};

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

/// The cycles among the locks, of waits that began before a moment of the clock. Each is told once, from its oldest lock on.
pub(super) fn cycles(seen: &[Seen], before: u64) -> Vec<Vec<Step>> {
    let old: Vec<Old> = seen
        .iter()
        .enumerate()
        .flat_map(|(place, lock)| lock.waiters.iter().map(move |&waiter| Old { place, waiter }))
        .filter(|old| old.waiter.owner.mode().holds() && old.waiter.since <= before)
        .collect();
    let mut search = Search { seen, old: &old, by_who: HashMap::new(), looks: 0, found: BTreeSet::new() };
    for (index, Old { waiter, .. }) in old.iter().enumerate() {
        let task = waiter.owner.task_or_thread();
        let thread = waiter.thread.filter(|&thread| thread != task);
        for who in [Some(task), thread].into_iter().flatten() {
            search.by_who.entry(who).or_default().push(index);
        }
    }
    // Whoever is in a cycle holds something: of a crowd that waits, most do not.
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
    /// The old waits of each task and thread.
    by_who: HashMap<Who, Vec<usize>>,
    looks: usize,
    found: BTreeSet<Vec<Step>>,
}

impl Search<'_> {
    /// Goes on from the last of the waits on the path to those that hold what it waits for, and back to the first.
    fn from(&mut self, last: usize, path: &mut Vec<usize>) {
        let Some(wait) = self.old.get(last).copied() else { return };
        let Some(lock) = self.seen.get(wait.place) else { return };
        for holder in deciding(lock, wait.waiter) {
            for next in self.by_who.get(&holder.owner.task_or_thread()).cloned().unwrap_or_default() {
                self.looks += 1;
                if self.looks > MOST_LOOKS || self.found.len() >= MOST_CYCLES {
                    return;
                }
                if !self.old.get(next).is_some_and(|next| is_stuck(&holder, &next.waiter)) {
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

    /// Notes a cycle. On the path each wait is followed by that of whoever holds its lock: so the waits in turn hold the lock of the one before.
    fn tell(&mut self, path: &[usize]) {
        let of = |index: usize| self.old.get(index);
        let before = path.iter().cycle().skip(path.len() - 1);
        let steps = path.iter().zip(before).filter_map(|(&wait, &before)| {
            let place = of(before)?.place;
            Some(Step { lock: self.seen.get(place)?.serial, place, series: of(wait)?.waiter.owner.series() })
        });
        let mut steps: Vec<Step> = steps.collect();
        // From a wait the path goes to the holder of what it waits for, so that is the order in which each step waits for the lock of the next.
        let first = steps.iter().enumerate().min_by_key(|(_, step)| step.lock).map_or(0, |(first, _)| first);
        steps.rotate_left(first);
        self.found.insert(steps);
    }
}

/// The holders each of which keeps the lock from whoever waits for it.
fn deciding(lock: &Seen, waiter: Waiter) -> Vec<Holder> {
    let is_alone = lock.unnamed == 0 && lock.holders.len() == 1;
    if waiter.owner.mode() == Mode::Acquire && !is_alone { Vec::new() } else { lock.holders.clone() }
}

/// Whether a holder who waits in this wait does so since after it took what it holds.
fn is_stuck(holder: &Holder, waiter: &Waiter) -> bool {
    holder.since <= waiter.since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::name::Name;
    use crate::watch::owner::Owner;

    fn holder(who: u64, since: u64) -> Holder {
        Holder { owner: Owner::new(who, 0, Mode::Lock), since }
    }

    fn waiter(who: u64, mode: Mode, since: u64) -> Waiter {
        Waiter { serial: who, owner: Owner::new(who, u16::try_from(who).unwrap(), mode), thread: None, since }
    }

    fn lock(serial: u64, holders: &[Holder], waiters: &[Waiter]) -> Seen {
        let name = Name::Given("deadlock tests").number();
        Seen { serial, name, holders: holders.to_vec(), unnamed: 0, waiters: waiters.to_vec() }
    }

    fn found(seen: &[Seen]) -> Vec<Vec<(u64, u16)>> {
        let cycles = cycles(seen, 100);
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
    fn a_semaphore_of_several_holders_may_be_released_by_another() {
        let a = lock(1, &[holder(2, 1), holder(8, 1)], &[waiter(4, Mode::Acquire, 20)]);
        let b = lock(2, &[holder(4, 1)], &[waiter(2, Mode::Lock, 10)]);
        assert!(found(&[a, b.clone()]).is_empty());
        let alone = lock(1, &[holder(2, 1)], &[waiter(4, Mode::Acquire, 20)]);
        assert_eq!(found(&[alone, b]).len(), 1);
    }
}
