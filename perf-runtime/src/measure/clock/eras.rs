//! Times in which the wall clock and the monotonic one ran alike.

use super::moment::{Moment, nanos};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Smaller differences are corrections of a clock that runs, not somebody who set it.
const CORRECTION: Duration = Duration::from_secs(1);
/// Eras that are kept. A clock that is slowly put right begins one after the other, and these are joined first.
pub(super) const MAX_ERAS: usize = 16;

/// A time in which the wall clock and the monotonic one ran alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era {
    pub(super) from: Moment,
    /// The wall clock's time at the first moment of the monotonic one, in nanoseconds since 1970.
    pub(super) origin: u64,
}

/// The wall clock's times at the moments of a monotonic one.
#[derive(Debug)]
pub(super) struct Eras {
    /// The newest era, so that most readers need no lock. `origin` is 0 until the clock was read.
    pub(super) from: AtomicU64,
    pub(super) origin: AtomicU64,
    /// All eras, the oldest first: it holds for all moments before it too.
    all: RwLock<Vec<Era>>,
}

impl Eras {
    pub(super) const fn new() -> Self {
        Self { from: AtomicU64::new(0), origin: AtomicU64::new(0), all: RwLock::new(Vec::new()) }
    }

    /// Begins an era; with the first moment all anew.
    pub(super) fn begin(&self, era: Era) {
        let mut eras = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if era.from == Moment::default() {
            eras.clear();
        }
        if eras.len() >= MAX_ERAS {
            let place = least_missed(&eras);
            eras.remove(place);
        }
        eras.push(era);
        if let Some(oldest) = eras.first_mut() {
            oldest.from = Moment::default();
        }
        self.from.store(era.from.0, Ordering::Release);
        self.origin.store(era.origin, Ordering::Release);
    }

    /// Begins anew: the wall clock shows the last full hour at a moment, and runs alike from the first one on.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn begin_at_full_hour(&self, now: Moment) {
        self.begin(Era { from: Moment::default(), origin: full_hour(now) });
    }

    /// Begins anew with the real time.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn begin_at_real_time(&self, now: Moment) {
        self.begin(Era { from: Moment::default(), origin: origin_of(now) });
    }

    /// Sets the wall clock while a test holds the other one.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn set(&self, now: Moment, unix_nanos: u64) {
        self.begin(Era { from: now, origin: unix_nanos.saturating_sub(now.0).max(1) });
    }

    pub(super) fn all(&self) -> RwLockReadGuard<'_, Vec<Era>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Era {
    /// The wall clock's time at a moment of it.
    pub(super) fn at(self, moment: Moment) -> u64 {
        moment.0.saturating_add(self.origin)
    }

    /// The moment at which the wall clock showed a time, if it was one of this era.
    pub(super) fn moment_of(self, unix_nanos: u64) -> Moment {
        Moment(unix_nanos.saturating_sub(self.origin))
    }
}

/// Each era with the one after it.
pub(super) fn with_next(eras: &[Era]) -> impl Iterator<Item = (Era, Option<Era>)> {
    let next = eras.iter().skip(1).copied().map(Some).chain([None]);
    eras.iter().copied().zip(next)
}

/// The last moment at which one of these showed a time; where none did, the last one before that.
pub(super) fn last_in(eras: &[Era], unix_nanos: u64) -> Moment {
    let mut last = Moment::default();
    for (era, next) in with_next(eras) {
        if era.at(era.from) <= unix_nanos {
            let moment = era.moment_of(unix_nanos);
            last = next.map_or(moment, |next| moment.min(next.from.before(Duration::from_nanos(1))));
        }
    }
    last
}

/// Whether somebody set the clock between two eras, and it was not only put right.
pub(super) fn is_set(era: Era, next: Era) -> bool {
    era.origin.abs_diff(next.origin) > nanos(CORRECTION)
}

/// The place of the era whose times are told by the one before it with the smallest error, where that is a correction; else of the oldest.
fn least_missed(eras: &[Era]) -> usize {
    let pairs = eras.iter().zip(eras.iter().skip(1)).enumerate();
    let nearest = pairs
        .filter(|(_, (era, next))| !is_set(**era, **next))
        .min_by_key(|(_, (era, next))| era.origin.abs_diff(next.origin));
    nearest.map_or(0, |(place, _)| place + 1)
}

/// The wall clock's time at the first moment, where it is `now` at present.
pub(super) fn origin_of(now: Moment) -> u64 {
    unix_now().saturating_sub(now.0).max(1)
}

fn unix_now() -> u64 {
    to_unix_nanos(SystemTime::now())
}

/// A time in nanoseconds since 1970; 0 for earlier ones.
pub(crate) fn to_unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

/// The origin by which the time of day at `now` is the last full hour: what a test of minutes and hours finds must not depend on
/// when it runs, nor on how long the machine has run.
#[cfg(any(test, feature = "test-util"))]
fn full_hour(now: Moment) -> u64 {
    const HOUR: u64 = 3_600_000_000_000;
    (unix_now() / HOUR * HOUR).saturating_sub(now.0).max(1)
}
