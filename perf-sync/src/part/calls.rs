//! Calls of functions that one task runs side by side, as far as it is certain that each waits for a lock.
//!
//! Locks and calls cannot be looked at in one moment. So the locks are looked at, then the calls, then the locks again: what was there both times was there when
//! the calls were counted.

use super::names::Names;
use crate::watch::holders::Holder;
use crate::watch::instance::{self, Seen};
use crate::watch::owner::{Owner, Who};
use perf_runtime::{__locks, Monitor};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Something that somebody has or waits for: the serial of the lock, who, and since when.
type Lasting = (u64, Owner, u64);

/// The calls of some series between two looks at the locks.
#[derive(Default)]
pub(super) struct Calls {
    of: HashMap<u16, OfSeries>,
    /// What was held all the while: the serials of locks, and by whom since when.
    held: HashSet<Lasting>,
}

/// The calls of a series.
#[derive(Debug, Default)]
struct OfSeries {
    /// When those in flight began.
    begun: Vec<u64>,
    /// The tasks and threads in which one waited for a lock all the while.
    waits: HashSet<Who>,
}

impl OfSeries {
    /// Whether each call waits, in a task of its own: there are as many as tasks in which one does.
    fn all_wait(&self) -> bool {
        self.begun.len() == self.waits.len()
    }
}

impl Calls {
    /// Looks at the calls of these series after a look at the locks, and at the locks again.
    pub(super) fn after(seen: &[Seen], monitor: &Monitor, names: &Names, series: BTreeSet<u16>) -> Self {
        let known = series.into_iter().filter(|&series| series != 0 && series != __locks::OVERFLOW);
        // Functions of the same labels have numbers of their own, and are counted together.
        let of = |series| {
            let name = names.series(series)?;
            let waits: Vec<Lasting> =
                waits(seen).filter(|wait| names.series(wait.1.series()).as_ref() == Some(&name)).collect();
            let labels: Vec<&str> = name.labels.pairs().map(|(_, value)| value).collect();
            let begun = __locks::begun(monitor, name.kind, &labels, waits.len() + 1);
            Some((series, begun, waits))
        };
        let found: Vec<_> = known.filter_map(of).collect();
        if found.is_empty() {
            return Self::default();
        }
        let again = instance::look();
        let (holds_again, waits_again): (HashSet<_>, HashSet<_>) = (holds(&again).collect(), waits(&again).collect());
        let held = holds(seen).filter(|hold| holds_again.contains(hold)).collect();
        let of = found.into_iter().map(|(series, begun, waits)| {
            let lasting = waits.into_iter().filter(|wait| waits_again.contains(wait));
            (series, OfSeries { begun, waits: lasting.map(|(_, owner, _)| owner.task_or_thread()).collect() })
        });
        Self { of: of.collect(), held }
    }

    /// Whether the only call of a holder's series in its task waits for a lock, and began before the hold of a lock, which lasts: so it is the one that has it, unless
    /// one that ended since gave the guard away.
    pub(super) fn is_stuck(&self, lock: u64, holder: &Holder) -> bool {
        let Some(calls) = self.of.get(&holder.owner.series()) else { return false };
        calls.all_wait()
            && calls.waits.contains(&holder.owner.task_or_thread())
            && calls.begun.iter().all(|&began| began < holder.since)
            && self.held.contains(&(lock, holder.owner, holder.since))
    }
}

fn holds(seen: &[Seen]) -> impl Iterator<Item = Lasting> {
    seen.iter().flat_map(|lock| lock.holders.iter().map(|holder| (lock.serial, holder.owner, holder.since)))
}

fn waits(seen: &[Seen]) -> impl Iterator<Item = Lasting> {
    let all = seen.iter().flat_map(|lock| lock.waiters.iter().map(|waiter| (lock.serial, waiter.owner, waiter.since)));
    all.filter(|(_, owner, _)| owner.mode().holds())
}
