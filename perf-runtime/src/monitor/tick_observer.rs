//! Telling others that a tick is over.

use super::Monitor;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

type Observer = dyn Fn() + Send + Sync;

/// Those who want to know of each tick.
#[derive(Default)]
pub(super) struct TickObservers(Mutex<Vec<Weak<Observer>>>);

/// Is told of each tick until it is dropped: what [`Monitor::on_tick`] gives.
#[must_use = "who drops it is told of no tick"]
pub struct TickObserver(Arc<Observer>);

impl Monitor {
    /// Has `observer` called after each tick, when the windows hold the last second and the alerts were judged by it. It is
    /// called on the ticker's thread, which has other things to do: wake somebody up there, and come back.
    ///
    /// ```
    /// let monitor = perf_runtime::monitor();
    /// let (told, ticks) = std::sync::mpsc::channel();
    /// let observer = monitor.on_tick(move || {
    ///     let _ = told.send(());
    /// });
    /// # drop((observer, ticks));
    /// ```
    pub fn on_tick(&self, observer: impl Fn() + Send + Sync + 'static) -> TickObserver {
        let observer: Arc<Observer> = Arc::new(observer);
        self.inner.tick_observers.add(Arc::downgrade(&observer));
        TickObserver(observer)
    }
}

impl TickObservers {
    fn add(&self, observer: Weak<Observer>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    pub(super) fn tell(&self) {
        let mut observers = Vec::new();
        // Called when nothing is locked: an observer may come or go meanwhile.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|observer| {
            observers.extend(observer.upgrade());
            observer.strong_count() > 0
        });
        for observer in observers {
            observer();
        }
    }
}

impl fmt::Debug for TickObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickObservers").finish_non_exhaustive()
    }
}

impl fmt::Debug for TickObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickObserver").field("observer", &Arc::as_ptr(&self.0).cast::<()>()).finish()
    }
}
