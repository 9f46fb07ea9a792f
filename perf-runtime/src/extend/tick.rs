//! The tick, as parts are told of it.

use super::cost::{Cost, Costs};
use crate::guarded::run_guarded;
use crate::log_level::tell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

/// One tick of a monitor: the windows hold everything up to it, and the alerts were judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The number of the tick, from 1 on.
    pub number: u64,
    /// The time on the wall.
    pub at: SystemTime,
    /// The time since the monitor was made.
    pub uptime: Duration,
    /// The time since the tick before; since the monitor was made for the first. About a second, unless the process was
    /// stopped or starved meanwhile.
    pub elapsed: Duration,
}

type Observe = dyn Fn(&Tick) + Send + Sync;

/// The observers of a monitor's ticks, and the number of ticks so far.
#[derive(Default)]
pub(crate) struct TickObservers {
    observers: Mutex<Vec<Weak<Observer>>>,
    ticks: AtomicU64,
    begun: AtomicBool,
    /// The uptime at the last tick, in nanoseconds.
    last: AtomicU64,
}

struct Observer {
    name: Box<str>,
    cost: Cost,
    has_panicked: AtomicBool,
    observe: Box<Observe>,
}

/// The guard of an observer that [`Monitor::on_tick`](crate::Monitor::on_tick) registered.
#[must_use = "dropping the guard unsubscribes"]
pub struct TickObserver(Arc<Observer>);

impl TickObservers {
    /// Has `observe` called at each tick, until the guard is dropped.
    pub(crate) fn add(&self, name: &str, costs: &Costs, observe: Box<Observe>) -> TickObserver {
        let has_panicked = AtomicBool::new(false);
        let observer = Arc::new(Observer { name: name.into(), cost: costs.of(name), has_panicked, observe });
        self.observers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&observer));
        TickObserver(observer)
    }

    /// Whether no tick began yet, and no state was restored.
    pub(crate) fn may_restore(&self) -> bool {
        !self.begun.load(Ordering::Relaxed)
    }

    /// Says that a tick begins, or that a state is restored.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Counts a tick, and describes it.
    pub(crate) fn next(&self, at: SystemTime, uptime: Duration) -> Tick {
        let number = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        let nanos = u64::try_from(uptime.as_nanos()).unwrap_or(u64::MAX);
        let last = Duration::from_nanos(self.last.swap(nanos, Ordering::Relaxed));
        Tick { number, at, uptime, elapsed: uptime.saturating_sub(last) }
    }

    /// Calls every observer, each by itself: a panic of one is counted and logged, and the next is called.
    pub(crate) fn tell(&self, tick: &Tick) {
        let mut observers = Vec::new();
        // Called when nothing is locked: an observer may come or go meanwhile.
        self.observers.lock().unwrap_or_else(PoisonError::into_inner).retain(|observer| {
            observers.extend(observer.upgrade());
            observer.strong_count() > 0
        });
        for observer in observers {
            let ran = observer.cost.time(|| run_guarded(|| (observer.observe)(tick)));
            if ran.is_none() {
                observer.cost.add_panic();
                let first = !observer.has_panicked.swap(true, Ordering::Relaxed);
                if first {
                    let name = &*observer.name;
                    tell!(
                        ERROR,
                        observer = name,
                        "the tick observer {name:?} panicked; it is called again at the next tick"
                    );
                }
            }
            // The last owner drops what the observer kept.
            run_guarded(|| drop(observer));
        }
    }
}

impl fmt::Debug for TickObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickObservers").field("ticks", &self.ticks).finish_non_exhaustive()
    }
}

impl fmt::Debug for TickObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickObserver").field("name", &self.0.name).finish_non_exhaustive()
    }
}
