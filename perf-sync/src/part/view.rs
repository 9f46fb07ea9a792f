//! Everything that is known of locks, for JSON.

use super::deadlock::{self, Cycle};
use super::names::{MOST_LISTED, Names};
use super::times::{CallerView, TimesView, WaiterView, seconds, whole_millis};
use crate::watch::cells::{self, Reading, Series};
use crate::watch::holders::Holder;
use crate::watch::instance::{self, Seen};
use crate::watch::mode::Mode;
use crate::watch::name::Number;
use crate::watch::series::Counts;
use crate::watch::waits::Waiter;
use perf_runtime::__locks::Asking;
use perf_runtime::Monitor;
use perf_runtime::series::SeriesId;
use serde::Serialize;
use std::sync::Arc;

/// A wait that is older is too old, in nanoseconds: cycles are looked for, and a rule looks at it.
pub(super) const TOO_LONG: u64 = 5_000_000_000;

/// The sign between two locks of a cycle.
const ARROW: &str = " → ";

/// Locks as they are now, and what happened to them since the process began.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct View {
    /// By name and mode.
    pub locks: Vec<LockView>,
    /// Cycles of locks, each of which is held by one that waits for the next: looked for where something has waited for more than five seconds.
    pub deadlocks: Vec<DeadlockView>,
}

/// A name in a mode. `attempts` are `at_once`, `waited`, `resumed`, `refused`, `cancelled` and `waiting` together; of those that were
/// taken, and `made`, each is over (`hold.count`), `holding`, `forgotten` or `merged`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LockView {
    /// The name.
    pub lock: Arc<str>,
    /// The way in which it is taken: `lock`, `read`, `write`, `upgradable_read`, `acquire`, `notified` or `wait`.
    pub mode: &'static str,
    /// Attempts to take it.
    pub attempts: u64,
    /// Taken without waiting.
    pub at_once: u64,
    /// Taken after a wait.
    pub waited: u64,
    /// Taken again by a condition variable, after a wait or not.
    pub resumed: u64,
    /// Not taken: an attempt that does not wait, a time that was over, a closed semaphore.
    pub refused: u64,
    /// Given up while it waited.
    pub cancelled: u64,
    /// Taken and found poisoned.
    pub poisoned: u64,
    /// Those that wait now.
    pub waiting: u64,
    /// Holds now; null where nothing is held in this mode.
    pub holding: Option<u64>,
    /// Permits that are out now; null where it is no semaphore.
    pub permits: Option<u64>,
    /// Guards that were leaked, and permits that were forgotten.
    pub forgotten: u64,
    /// Holds that became of others without an attempt: a writer that became a reader, permits that were split off.
    pub made: u64,
    /// Holds that were merged into others.
    pub merged: u64,
    /// How long it was waited for, of those that took it after a wait.
    pub wait: TimesView,
    /// How long it was held; not there where nothing is held in this mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<TimesView>,
    /// For how long the oldest of those that wait has waited, in seconds, without the time in which the process was stopped and nobody
    /// observed it; null where nobody waits.
    pub longest_wait_seconds: Option<f64>,
    /// Those who hold such a lock, the longest first; 20 at most. Of one lock four are named.
    pub holders: Vec<HolderView>,
    /// Those who wait for one, the longest first; 20 at most.
    pub waiters: Vec<WaiterView>,
    /// The calls that waited for one, those first that waited longest in all; 20 at most. Of a series of locks 32 are told apart.
    pub callers: Vec<CallerView>,
}

/// One that holds a lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HolderView {
    /// The number of the lock, among all that were made.
    pub instance: u64,
    /// The series whose call took it; null where none ran.
    pub series: Option<SeriesId>,
    /// The task or the thread: `task 7`, `thread 2`.
    pub by: String,
    /// For how long, in whichever modes since it took the lock.
    pub held_seconds: f64,
    /// The name of the lock that it waits for meanwhile, where it does.
    pub waits_for: Option<Arc<str>>,
}

/// A cycle of locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeadlockView {
    /// The locks in the order in which each is held by one that waits for the next: `a → b → a`.
    pub cycle: String,
    /// The cycle, and the calls that hold and wait.
    pub text: String,
    /// Whether none of them can go on by itself. `false` where a task of the cycle may hold its lock with another future than the one that waits (`join!`, `select!`), or
    /// wait for more than the lock, as for a time that is over: then no alert is raised of the cycle.
    pub certain: bool,
    /// The serials of its locks.
    #[serde(skip)]
    pub(super) locks: Vec<u64>,
    /// The part of the text behind the cycle.
    #[serde(skip)]
    pub(super) steps: String,
}

/// The locks and their names at one moment.
pub(super) struct Look {
    pub(super) seen: Vec<Seen>,
    pub(super) names: Names,
}

impl Look {
    pub(super) fn take(monitor: &Monitor, observed_from: u64) -> Self {
        let seen = instance::look();
        let is_named = seen.iter().any(|lock| !lock.holders.is_empty() || !lock.waiters.is_empty());
        Self { seen, names: Names::now(monitor, observed_from, is_named) }
    }

    /// The same with the names of all series, for calls that wait no longer.
    fn with_names(monitor: &Monitor, observed_from: u64) -> Self {
        Self { seen: instance::look(), names: Names::now(monitor, observed_from, true) }
    }

    /// The oldest wait for a lock in a mode, for how long it was observed in nanoseconds, and the lock.
    pub(super) fn oldest(&self, name: Number, mode: Mode) -> Option<(u64, &Seen)> {
        let of_mode = |waiter: &&Waiter| waiter.owner.mode() == mode;
        let waits = self.seen.iter().filter(|lock| lock.name == name);
        let waits = waits.flat_map(|lock| lock.waiters.iter().filter(of_mode).map(move |waiter| (waiter.since, lock)));
        let oldest = waits.min_by_key(|(since, _)| *since);
        oldest.map(|(since, lock)| (self.names.observed_age(since), lock))
    }

    /// The oldest wait for a lock in a mode, in words: the call that holds the lock, and the calls that wait for it, in whichever mode.
    pub(super) fn wait_in_words(&self, lock: &Seen, mode: Mode, holder: Option<&str>) -> String {
        let held = holder.map(|holder| format!("held by {holder}, ")).unwrap_or_default();
        let waiters = lock.waiters.iter().filter(|waiter| waiter.owner.mode().holds());
        let of_mode = waiters.clone().filter(|waiter| waiter.owner.mode() == mode);
        let first = of_mode.min_by_key(|waiter| waiter.since).map(|waiter| waiter.owner.series());
        let first = first.map_or_else(|| "a call that went on".to_owned(), |series| self.names.caller(series));
        match waiters.count().saturating_sub(1) {
            0 => format!("{held}waited for by {first}"),
            1 => format!("{held}waited for by {first} and one more"),
            others => format!("{held}waited for by {first} and {others} more"),
        }
    }

    /// The cycles of locks, where something has waited too long.
    pub(super) fn deadlocks(&self) -> Vec<DeadlockView> {
        let Some(before) = self.too_old() else { return Vec::new() };
        let mut deadlocks: Vec<_> =
            deadlock::cycles(&self.seen, before).iter().map(|cycle| self.deadlock(cycle)).collect();
        deadlocks.sort_by_key(|deadlock| !deadlock.certain);
        deadlocks
    }

    /// Asks those that have waited too long which calls wait for nothing else, where they hold what others wait for. They tell it while what is returned lives: a caller
    /// holds it until the next tick. `None` where no answer is awaited.
    pub(super) fn ask(&self) -> Option<Asking> {
        let wants = deadlock::to_be_asked(&self.seen, self.too_old()?);
        let asked = self.seen.iter().flat_map(|lock| &lock.waiters).filter(|waiter| wants(waiter));
        let asked: Vec<_> = asked.map(|waiter| waiter.asked).collect();
        let now = self.names.now;
        // Before anything is woken: the bodies that are polled then are to count.
        let asking = asked.iter().any(|asked| asked.is_open(now)).then(Asking::new)?;
        if asked.iter().any(|asked| asked.is_due(now)) {
            instance::ask(now, wants);
        }
        Some(asking)
    }

    /// The moment before which waits began that are too old.
    fn too_old(&self) -> Option<u64> {
        self.names.now.checked_sub(TOO_LONG).filter(|before| *before >= self.names.observed_from)
    }

    fn deadlock(&self, Cycle { steps, is_certain }: &Cycle) -> DeadlockView {
        let name =
            |step: &deadlock::Step| self.seen.get(step.place).map_or_else(|| "?".into(), |lock| lock.name.text());
        let names: Vec<_> = steps.iter().chain(steps.first()).map(name).collect();
        let cycle = names.join(ARROW);
        let each = steps.iter().zip(names.windows(2)).map(|(step, names)| {
            let caller = self.names.caller(step.series);
            match names {
                [holds, waits] => format!("{caller} holds {holds} and waits for {waits}"),
                _ => caller,
            }
        });
        let said = each.collect::<Vec<_>>().join(", ");
        let kind = if *is_certain { "deadlock" } else { "possible deadlock" };
        let text = format!("{kind}: {cycle}; {said}");
        DeadlockView {
            cycle,
            text,
            certain: *is_certain,
            locks: steps.iter().map(|step| step.lock).collect(),
            steps: said,
        }
    }

    fn holders(&self, name: Number, mode: Mode) -> Vec<HolderView> {
        let of_name = self.seen.iter().filter(|lock| lock.name == name);
        let held = of_name.flat_map(|lock| lock.holders.iter().map(move |holder| (lock.serial, holder)));
        let mut held: Vec<_> = held.filter(|(_, holder)| holder.owner.mode() == mode).collect();
        held.sort_by_key(|(_, holder)| holder.since);
        held.truncate(MOST_LISTED);
        let view = |(instance, holder): (u64, &Holder)| HolderView {
            instance,
            series: self.names.series(holder.owner.series()),
            by: holder.owner.task_or_thread().to_string(),
            held_seconds: seconds(self.names.age(holder.since)),
            waits_for: self.waits_for(holder.owner.task_or_thread()),
        };
        held.into_iter().map(view).collect()
    }

    fn waits_for(&self, who: crate::watch::owner::Who) -> Option<Arc<str>> {
        self.seen.iter().find(|lock| lock.waiters.iter().any(|waiter| waiter.is(who))).map(|lock| lock.name.text())
    }

    fn waiters(&self, name: Number, mode: Mode) -> Vec<WaiterView> {
        let of_name = self.seen.iter().filter(|lock| lock.name == name);
        let waits = of_name.flat_map(|lock| lock.waiters.iter().map(move |waiter| (lock.serial, waiter)));
        self.names.waiters(waits.filter(|(_, waiter)| waiter.owner.mode() == mode).collect())
    }
}

/// Every series with its counts.
pub(super) fn readings() -> impl Iterator<Item = (Number, Mode, Reading)> {
    all().map(|(name, mode, series)| (name, mode, series.read()))
}

fn all() -> impl Iterator<Item = (Number, Mode, &'static Series)> {
    cells::all().filter_map(|(number, series)| match number.counts() {
        Counts::Lock(mode) => Some((number.name(), mode, series)),
        Counts::Channel(_) => None,
    })
}

impl View {
    pub(super) fn empty() -> Self {
        Self { locks: Vec::new(), deadlocks: Vec::new() }
    }

    pub(super) fn take(monitor: &Monitor, observed_from: u64, with_deadlocks: bool) -> Self {
        let look = Look::with_names(monitor, observed_from);
        let mut locks: Vec<_> = all().map(|(name, mode, series)| LockView::new(&look, name, mode, series)).collect();
        let order = |lock: &LockView| {
            (std::cmp::Reverse(whole_millis(lock.longest_wait_seconds)), Arc::clone(&lock.lock), lock.mode)
        };
        locks.sort_by_key(order);
        let deadlocks = if with_deadlocks { look.deadlocks() } else { Vec::new() };
        Self { locks, deadlocks }
    }
}

impl LockView {
    fn new(look: &Look, name: Number, mode: Mode, series: &Series) -> Self {
        let (holds, reading) = (mode.holds(), series.read());
        Self {
            lock: name.text(),
            mode: mode.as_str(),
            attempts: reading.attempts(),
            at_once: reading.at_once,
            waited: reading.waited.count(),
            resumed: reading.resumed,
            refused: reading.refused,
            cancelled: reading.cancelled,
            poisoned: reading.poisoned,
            waiting: reading.waiting,
            holding: holds.then_some(reading.holding),
            permits: (mode == Mode::Acquire).then_some(reading.units_in_use),
            forgotten: reading.forgotten,
            made: reading.made,
            merged: reading.merged,
            wait: TimesView::new(&reading.waited),
            hold: holds.then(|| TimesView::new(&reading.held)),
            longest_wait_seconds: look.oldest(name, mode).map(|(nanos, _)| seconds(nanos)),
            holders: look.holders(name, mode),
            waiters: look.waiters(name, mode),
            callers: look.names.callers(series.slow.callers.read()),
        }
    }
}
