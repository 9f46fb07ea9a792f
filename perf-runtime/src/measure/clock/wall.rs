//! The time of day at moments of the monotonic clock.
//!
//! The wall clock is read once a tick and compared with the monotonic one. As long as both agree to [`TOLERANCE`], nothing
//! changes. When somebody sets the wall clock, or the machine was suspended, a new *era* begins: later moments are told by
//! the new time, and earlier ones keep the time that was right for them.

use super::eras::{Era, Eras, is_set, last_in, origin_of, with_next};
#[cfg(any(test, feature = "test-util"))]
use super::hand;
use super::moment::{Moment, nanos};
#[cfg(any(test, feature = "test-util"))]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use super::eras::to_unix_nanos;

/// Smaller differences are the two clocks' drift within some ticks, or the time between the two readings.
const TOLERANCE: Duration = Duration::from_millis(20);
/// Those of the process's clock.
static OF_PROCESS: Eras = Eras::new();
/// Whether a test holds the monotonic clock: then the wall clock stands as well.
#[cfg(any(test, feature = "test-util"))]
static HELD: AtomicBool = AtomicBool::new(false);

/// The eras that this thread goes by.
fn eras() -> &'static Eras {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(of_hand) = hand::eras() {
        return of_hand;
    }
    &OF_PROCESS
}

/// Compares the wall clock with the monotonic one, which shows `now`. To be called at each tick; costs a reading.
pub(crate) fn follow(now: Moment) {
    #[cfg(any(test, feature = "test-util"))]
    if HELD.load(Ordering::Relaxed) || hand::eras().is_some() {
        return;
    }
    let origin = origin_of(now);
    let known = OF_PROCESS.origin.load(Ordering::Acquire);
    if known == 0 || known.abs_diff(origin) > nanos(TOLERANCE) {
        let from = if known == 0 { Moment::default() } else { now };
        OF_PROCESS.begin(Era { from, origin });
    }
}

/// The wall clock's time at a moment, in nanoseconds since 1970. Costs two loads for moments since the clock was last set.
pub(crate) fn unix_nanos(moment: Moment) -> u64 {
    let (from, origin) = newest(moment);
    if moment.0 >= from {
        return moment.0.saturating_add(origin);
    }
    let eras = eras().all();
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
/// was set: of what ended after it, only what the time of day says belongs to the time that is meant.
pub(crate) fn moment_before(unix_nanos: u64) -> Moment {
    let moments = eras().all().iter().map(|era| era.from.max(era.moment_of(unix_nanos))).min();
    moments.unwrap_or_default()
}

/// The first moment from another on at which the wall clock showed a time from `start` on and before `end`; `None` where it never did.
pub(crate) fn first_within(since: Moment, start: u64, end: u64) -> Option<Moment> {
    let eras = eras().all();
    with_next(&eras).find_map(|(era, next)| {
        let first = era.from.max(era.moment_of(start)).max(since);
        (next.is_none_or(|next| first < next.from) && era.at(first) < end).then_some(first)
    })
}

/// The last moment at which the wall clock showed a time; where it never did, the last one before that.
pub(crate) fn last_at(unix_nanos: u64) -> Moment {
    last_in(&eras().all(), unix_nanos)
}

/// The earliest time that the wall clock showed from a moment on.
pub(crate) fn earliest_since(moment: Moment) -> u64 {
    let eras = eras().all();
    let later = with_next(&eras).filter(|(_, next)| next.is_none_or(|next| next.from > moment));
    later.map(|(era, _)| era.at(era.from.max(moment))).min().unwrap_or_else(|| unix_nanos(moment))
}

/// The times that the wall clock showed between two moments, in the order in which it did.
pub(crate) fn times_between(from: Moment, to: Moment) -> Vec<(u64, u64)> {
    let eras = eras().all();
    let parts = with_next(&eras).map(|(era, next)| {
        let [first, last] = [era.from.max(from), next.map_or(to, |next| next.from.min(to))];
        (era.at(first), era.at(last))
    });
    parts.filter(|(first, last)| first < last).collect()
}

/// The stretches from a moment on until the wall clock shows a time, apart where somebody set it: the first moment of each, and the first
/// one after it. Where the clock has yet to come to that time, the last one ends when it was set.
pub(crate) fn stretches(since: Moment, until: u64) -> Vec<(Moment, Moment)> {
    let eras = eras().all();
    let (mut stretches, mut from) = (Vec::new(), since);
    for (era, next) in with_next(&eras) {
        let to = match next {
            Some(next) if is_set(era, next) => next.from,
            Some(_) => continue,
            // Where the clock was only put right since, the moment at which it showed the time is one of before.
            None => last_in(&eras, until.saturating_sub(1)).after(Duration::from_nanos(1)),
        };
        if to > from {
            stretches.push((from, to));
            from = to;
        }
    }
    stretches
}

/// Whether somebody set the clock after a moment, and up to another.
pub(crate) fn is_set_between(from: Moment, to: Moment) -> bool {
    if from.0 >= newest(to).0 {
        return false;
    }
    let eras = eras().all();
    with_next(&eras)
        .any(|(era, next)| next.is_some_and(|next| next.from > from && next.from <= to && is_set(era, next)))
}

/// From when on the newest era lasts, and its origin. Where nobody looked at the clock yet, the moment is taken for now.
fn newest(moment: Moment) -> (u64, u64) {
    let eras = eras();
    let mut origin = eras.origin.load(Ordering::Acquire);
    if origin == 0 {
        follow(moment);
        origin = eras.origin.load(Ordering::Acquire);
    }
    (eras.from.load(Ordering::Acquire), origin)
}

/// While a test holds the clock, its first moment is a full hour of the wall clock: cells of time begin where the test
/// counts them from.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn hold(now: Moment) {
    HELD.store(true, Ordering::Relaxed);
    OF_PROCESS.begin_at_full_hour(now);
}

/// Sets the wall clock while a test holds the other one.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn set(now: Moment, unix_nanos: u64) {
    OF_PROCESS.set(now, unix_nanos);
}

/// Goes back to real time.
#[cfg(any(test, feature = "test-util"))]
pub(super) fn release() {
    HELD.store(false, Ordering::Relaxed);
    OF_PROCESS.origin.store(0, Ordering::Release);
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
        clock.set_time_of_day(time_of(now()) + Duration::from_nanos(hour));
        assert_eq!(unix_nanos(early), was);
        assert_eq!(unix_nanos(now()), was + nanos(second) + hour);
        assert_eq!(moment_before(was), early);
        clock.advance(second);
        clock.set_time_of_day(time_of(now()) - Duration::from_nanos(2 * hour));
        clock.advance(second);
        assert_eq!(unix_nanos(now()), was + nanos(3 * second) - hour);
        assert!(moment_before(unix_nanos(now())) <= now());
    }

    #[test]
    fn times_that_come_again_are_told_apart_by_their_moments() {
        let clock = ManualClock::hold();
        let [second, minute] = [1, 60].map(Duration::from_secs);
        let (begun, was) = (now(), unix_nanos(now()));
        clock.advance(10 * minute);
        let set = now();
        clock.set_time_of_day(time_of(now()) - 5 * minute);
        clock.advance(2 * minute);
        let at = |minutes: u32| was + nanos(minutes * minute);
        let after = |minutes: u32| begun.after(minutes * minute);
        // Shown are the minutes 0 to 10, and then 5 to 7.
        assert_eq!((first_within(begun, at(6), at(7)), last_at(at(6))), (Some(after(6)), after(11)));
        assert_eq!((last_at(at(3)), first_within(begun, at(8), at(9))), (after(3), Some(after(8))));
        assert_eq!((earliest_since(begun), earliest_since(after(7)), earliest_since(set)), (at(0), at(5), at(5)));
        assert_eq!(times_between(after(9), now()), [(at(9), at(10)), (at(5), at(7))]);
        assert_eq!(stretches(after(1), at(6)), [(after(1), set), (set, after(11))]);
        assert_eq!((stretches(after(1), at(4)), stretches(now(), at(6))), (vec![(after(1), set)], Vec::new()));
        assert_eq!((is_set_between(begun, set), is_set_between(set, now())), (true, false));
        // Forward, over minutes that it never shows.
        clock.set_time_of_day(time_of(now()) + 60 * minute);
        assert_eq!((first_within(begun, at(20), at(30)), first_within(begun, at(20), at(70))), (None, Some(now())));
        assert_eq!(last_at(at(30)), now().before(Duration::from_nanos(1)));
        // By less than a second, it is only put right.
        clock.set_time_of_day(time_of(now()) + second / 2);
        assert!(!is_set_between(now(), now().after(second)) && stretches(now(), at(70)).len() == 1);
    }

    #[test]
    fn a_correction_near_a_time_moves_no_moment_of_before() {
        for (after, by) in [(30.0, -0.6), (1.0, 0.6), (0.3, -0.6), (0.3, 0.2)] {
            let clock = ManualClock::hold();
            let seconds = |seconds: f64| Duration::from_secs_f64(seconds);
            let begun = now();
            clock.advance(seconds(1_800.0));
            let (hour, over) = (now(), unix_nanos(now()));
            assert_eq!(stretches(begun, over), [(begun, hour)]);
            clock.advance(seconds(after));
            let later = if by < 0.0 { time_of(now()) - seconds(-by) } else { time_of(now()) + seconds(by) };
            clock.set_time_of_day(later);
            clock.advance(seconds(60.0));
            let told = stretches(begun, over);
            let comes_again = after + by < 0.0;
            let end = if comes_again { hour.after(seconds(-by)) } else { hour };
            assert_eq!(told, [(begun, end)], "{after} s after the hour by {by} s");
            // A stretch that was told is not told again.
            assert_eq!(stretches(end, over), [], "{after} s after the hour by {by} s");
        }
    }

    #[test]
    fn a_clock_that_is_slowly_put_right_pushes_no_era_out_in_which_it_was_set() {
        let clock = ManualClock::hold();
        let (begun, second) = (now(), Duration::from_secs(1));
        let (day, was) = (86_400 * second, unix_nanos(now()));
        clock.advance(600 * second);
        let set = now();
        clock.set_time_of_day(time_of(now()) + day);
        for _ in 0..40 {
            clock.advance(30 * second);
            clock.set_time_of_day(time_of(now()) + Duration::from_millis(25));
        }
        assert_eq!((unix_nanos(begun), unix_nanos(set)), (was, was + nanos(600 * second + day)));
        assert!(is_set_between(begun, set) && !is_set_between(set, now()));
        let told = Duration::from_nanos(unix_nanos(set.after(600 * second)) - unix_nanos(set));
        assert!(told >= 600 * second && told < 602 * second, "{told:?}");
    }

    #[test]
    fn of_many_eras_the_newest_are_kept_and_earlier_moments_have_a_time() {
        let clock = ManualClock::hold();
        let (begun, second) = (now(), Duration::from_secs(1));
        for _ in 0..2 * crate::measure::clock::eras::MAX_ERAS {
            clock.advance(second);
            clock.set_time_of_day(time_of(now()) + 2 * second);
        }
        assert!(moment_before(unix_nanos(begun)) <= begun);
        assert_eq!(first_within(begun, unix_nanos(begun), unix_nanos(now())), Some(begun));
    }
}
