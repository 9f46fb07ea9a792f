//! The time of day at moments of the monotonic clock.
//!
//! The wall clock is read once a tick and compared with the monotonic one. As long as both agree to [`TOLERANCE`], nothing
//! changes. When somebody sets the wall clock, or the machine was suspended, a new *era* begins: later moments are told by
//! the new time, and earlier ones keep the time that was right for them.

#[cfg(any(test, feature = "test-util"))]
use super::hand;
use super::moment::{Moment, nanos};
#[cfg(any(test, feature = "test-util"))]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Smaller differences are the two clocks' drift within some ticks, or the time between the two readings.
const TOLERANCE: Duration = Duration::from_millis(20);
/// Eras that are kept: memory holds an hour, and clocks are not set more often.
const MAX_ERAS: usize = 16;

/// A time in which the wall clock and the monotonic one ran alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Era {
    from: Moment,
    /// The wall clock's time at the first moment of the monotonic one, in nanoseconds since 1970.
    origin: u64,
}

/// The newest era, so that most readers need no lock. `ORIGIN` is 0 until the clock was read.
static FROM: AtomicU64 = AtomicU64::new(0);
static ORIGIN: AtomicU64 = AtomicU64::new(0);
/// Whether a test holds the monotonic clock: then the wall clock stands as well.
#[cfg(any(test, feature = "test-util"))]
static HELD: AtomicBool = AtomicBool::new(false);
/// All eras, the oldest first.
static ERAS: RwLock<Vec<Era>> = RwLock::new(Vec::new());

/// Compares the wall clock with the monotonic one, which shows `now`. To be called at each tick; costs a reading.
pub(crate) fn follow(now: Moment) {
    #[cfg(any(test, feature = "test-util"))]
    if HELD.load(Ordering::Relaxed) || hand::origin().is_some() {
        return;
    }
    let origin = origin_of(now);
    let known = ORIGIN.load(Ordering::Acquire);
    if known == 0 || known.abs_diff(origin) > nanos(TOLERANCE) {
        let from = if known == 0 { Moment::default() } else { now };
        begin(Era { from, origin });
    }
}

/// The wall clock's time at a moment, in nanoseconds since 1970. Costs two loads for moments since the clock was last set.
pub(crate) fn unix_nanos(moment: Moment) -> u64 {
    let (from, origin) = newest(moment);
    if moment.0 >= from {
        return moment.0.saturating_add(origin);
    }
    let eras = ERAS.read().unwrap_or_else(PoisonError::into_inner);
    let of_then = eras.iter().rev().find(|era| era.from <= moment).or(eras.first());
    moment.0.saturating_add(of_then.map_or(origin, |era| era.origin))
}

/// The wall clock's time now; where a test holds the clock of this thread, that clock's.
pub(crate) fn now() -> SystemTime {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(held) = hand::now() {
        return time_of(held);
    }
    SystemTime::now()
}

/// The wall clock's time at a moment.
pub(crate) fn time_of(moment: Moment) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos(moment))
}

/// A moment that is not later than any at which the wall clock showed this time or a later one. It is exact unless the clock
/// was set.
pub(crate) fn moment_before(unix_nanos: u64) -> Moment {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(origin) = hand::origin() {
        return Moment(unix_nanos.saturating_sub(origin));
    }
    let eras = ERAS.read().unwrap_or_else(PoisonError::into_inner);
    let moments = eras.iter().map(|era| era.from.max(Moment(unix_nanos.saturating_sub(era.origin))));
    moments.min().unwrap_or_default()
}

/// A time in nanoseconds since 1970; 0 for earlier ones.
pub(crate) fn to_unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

/// From when on the newest era lasts, and its origin. Where nobody looked at the clock yet, the moment is taken for now.
fn newest(moment: Moment) -> (u64, u64) {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(origin) = hand::origin() {
        return (0, origin);
    }
    let mut origin = ORIGIN.load(Ordering::Acquire);
    if origin == 0 {
        follow(moment);
        origin = ORIGIN.load(Ordering::Acquire);
    }
    (FROM.load(Ordering::Acquire), origin)
}

/// The wall clock's time at the first moment, where it is `now` at present.
pub(super) fn origin_of(now: Moment) -> u64 {
    unix_now().saturating_sub(now.0).max(1)
}

fn unix_now() -> u64 {
    to_unix_nanos(SystemTime::now())
}

fn begin(era: Era) {
    let mut eras = ERAS.write().unwrap_or_else(PoisonError::into_inner);
    if era.from == Moment::default() {
        eras.clear();
    }
    if eras.len() >= MAX_ERAS {
        eras.remove(0);
    }
    eras.push(era);
    FROM.store(era.from.0, Ordering::Release);
    ORIGIN.store(era.origin, Ordering::Release);
}

/// While a test holds the clock, its first moment is a full hour of the wall clock: cells of time begin where the test
/// counts them from.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn hold(now: Moment) {
    HELD.store(true, Ordering::Relaxed);
    begin(Era { from: Moment::default(), origin: full_hour(now) });
}

/// The origin by which the time of day at `now` is the last full hour: what a test of minutes and hours finds must not depend on
/// when it runs, nor on how long the machine has run.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn full_hour(now: Moment) -> u64 {
    const HOUR: u64 = 3_600_000_000_000;
    (unix_now() / HOUR * HOUR).saturating_sub(now.0).max(1)
}

/// Sets the wall clock while a test holds the other one.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn set(now: Moment, origin: u64) {
    begin(Era { from: now, origin });
}

/// Goes back to real time.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn release() {
    HELD.store(false, Ordering::Relaxed);
    ORIGIN.store(0, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::manual::ManualClock;
    use crate::measure::clock::now;

    #[test]
    fn the_time_of_day_is_that_of_the_wall() {
        // Held and let go, so that no other test has the clock meanwhile.
        drop(ManualClock::hold());
        follow(now());
        let (before, told, after) = (SystemTime::now(), time_of(now()), SystemTime::now());
        assert!(told + TOLERANCE >= before && told <= after + TOLERANCE, "{before:?} {told:?} {after:?}");
    }

    #[test]
    fn earlier_moments_keep_their_time_when_the_clock_is_set() {
        let clock = ManualClock::hold();
        let second = Duration::from_secs(1);
        let (early, was) = (now(), unix_nanos(now()));
        clock.advance(second);
        let hour = nanos(Duration::from_secs(3_600));
        let (_, origin) = newest(now());
        begin(Era { from: now(), origin: origin + hour });
        assert_eq!(unix_nanos(early), was);
        assert_eq!(unix_nanos(now()), was + nanos(second) + hour);
        assert_eq!(moment_before(was), early);
        begin(Era { from: now().after(second), origin: origin - hour });
        clock.advance(2 * second);
        assert_eq!(unix_nanos(now()), was + nanos(3 * second) - hour);
        assert!(moment_before(unix_nanos(now())) <= now());
    }
}
