//! Once a second, on a thread of its own: a stalled async runtime is exactly when the process must still observe itself.
//!
//! The ticker keeps time by the monotonic clock and begins at full seconds of the wall clock, so that what happened between two
//! ticks is what happened in one second of the day; where the wall clock is set, one wait is up to half a second longer or
//! shorter. Seconds that it slept through, because the machine was suspended or had no core to spare, are not made up for: the
//! next tick sees what happened in all of them. A panic in one tick, say in a `tracing` subscriber that is told of an alert,
//! does not stop the ticker. Both are counted.

use crate::guarded::run_guarded;
use crate::measure::clock;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time between two ticks.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// A thread that ticks until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    counts: Arc<Counts>,
    /// The thread waits on the other end, and ends when this one is gone.
    alive: Mutex<Option<Sender<()>>>,
}

#[derive(Debug, Default)]
struct Counts {
    ticks: AtomicU64,
    missed: AtomicU64,
    panicked: AtomicU64,
}

/// How regularly a monitor observes its process: [`Monitor::ticks`](crate::Monitor::ticks).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TickCounts {
    /// Ticks, of which there is to be one a second.
    pub ticks: u64,
    /// Seconds without a tick, because the process was suspended or starved. Windows that they fall into begin earlier.
    pub missed: u64,
    /// Ticks that panicked and did only part of their work. The usual cause is a `tracing` subscriber.
    pub panicked: u64,
}

impl Ticker {
    /// Starts a thread that calls `tick` once a second until the ticker is dropped or `owner` is gone.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn spawn<T: Send + Sync + 'static>(owner: Weak<T>, tick: fn(&Arc<T>)) -> io::Result<Self> {
        Self::spawn_with(PERIOD, owner, tick)
    }

    fn spawn_with<T: Send + Sync + 'static>(period: Duration, owner: Weak<T>, tick: fn(&Arc<T>)) -> io::Result<Self> {
        let (alive, stopped) = channel();
        let counts = Arc::new(Counts::default());
        let ours = Arc::clone(&counts);
        let thread = thread::Builder::new().name("perf-ticker".to_owned());
        thread.spawn(move || ours.run(period, &stopped, &owner, tick))?;
        Ok(Self { counts, alive: Mutex::new(Some(alive)) })
    }

    /// Ends the thread, after the tick that it may be at. Whether it was running.
    pub(crate) fn stop(&self) -> bool {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    pub(crate) fn counts(&self) -> TickCounts {
        let Counts { ticks, missed, panicked } = &*self.counts;
        let [ticks, missed, panicked] = [ticks, missed, panicked].map(|count| count.load(Ordering::Relaxed));
        TickCounts { ticks, missed, panicked }
    }
}

impl Counts {
    fn run<T>(&self, period: Duration, stopped: &Receiver<()>, owner: &Weak<T>, tick: fn(&Arc<T>)) {
        let mut due = aligned(Instant::now() + period, period);
        loop {
            clock::tune();
            let wait = due.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let Some(owner) = owner.upgrade() else { return };
            self.tick(|| tick(&owner));
            drop(owner);
            let (next, missed) = after(due, Instant::now(), period);
            self.missed.fetch_add(missed, Ordering::Relaxed);
            due = aligned(next, period);
        }
    }

    fn tick(&self, tick: impl FnOnce()) {
        if run_guarded(tick).is_none() {
            self.panicked.fetch_add(1, Ordering::Relaxed);
        }
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }
}

/// The nearest moment to `due` at which the wall clock shows a full period: at most half of one earlier or later.
fn aligned(due: Instant, period: Duration) -> Instant {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    nearest_full(due, since_1970 + due.saturating_duration_since(Instant::now()), period)
}

/// As [`aligned`], where the wall clock shows `at` when it is due.
fn nearest_full(due: Instant, at: Duration, period: Duration) -> Instant {
    let past = Duration::from_nanos(clock::nanos(at) % clock::nanos(period).max(1));
    let earlier = due.checked_sub(past).filter(|_| past < period / 2);
    earlier.unwrap_or_else(|| due + period.saturating_sub(past))
}

/// When the next tick is due after the one that was due at `due` and is done `now`, and how many are left out: those whose
/// second is over.
fn after(due: Instant, now: Instant, period: Duration) -> (Instant, u64) {
    let late = now.saturating_duration_since(due).as_nanos();
    let period_nanos = period.as_nanos().max(1);
    let to_next = u64::try_from(period_nanos - late % period_nanos).unwrap_or(u64::MAX);
    let missed = u64::try_from(late / period_nanos).unwrap_or(u64::MAX);
    (now.max(due) + Duration::from_nanos(to_next), missed)
}

#[cfg(test)]
mod tests;
