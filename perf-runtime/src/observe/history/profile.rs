//! Resources that the calls of a series used over a window, of functions with `profile`.
//!
//! The sums are [noted](super::notes) at each tick. Only series that profile pay for it: 13 KiB each once an hour has passed.

use super::notes::Notes;
use super::window::Window;
use crate::measure::cells::meter::Meter;
use crate::measure::cells::profile::ProfileReading;
use crate::measure::cells::usage::{cpu_is_told, memory_is_told};
use crate::measure::clock::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Resources that the calls of a series used in a window, of functions with `profile`.
///
/// A call counts when it ends, whichever way, and brings what its body used from beginning to end: of a future in its own
/// polls, whatever thread they were on. Calls and polls within are included, profiled themselves or not; work on
/// other threads and in spawned tasks is not. Figures without a source are absent: processor time on systems other than Linux,
/// memory in a program whose global allocator is not `perf-host`'s `CountingAllocator`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfileSummary {
    /// The seconds that the figures cover, up to now.
    pub covered: f64,
    /// Calls that ended.
    pub calls: u64,
    /// Seconds on a processor, of all calls together.
    pub cpu_seconds: Option<f64>,
    /// Of one call on average. `None`, as all averages, where no call ended.
    pub cpu_seconds_per_call: Option<f64>,
    /// Seconds that futures waited to run: from when they were woken, or from the end of the poll in which they were, until they were polled. It is no part of
    /// what they waited for; a long one tells of a runtime whose threads are busy or blocked. Zero for functions that are not async. `None` in what was kept by a version that did not
    /// know it.
    #[serde(default)]
    pub scheduled_seconds: Option<f64>,
    /// Of one call on average.
    #[serde(default)]
    pub scheduled_seconds_per_call: Option<f64>,
    /// How often memory was asked for. A change of size counts as a release of the old and an allocation of the new.
    pub allocations: Option<u64>,
    /// By one call on average.
    pub allocations_per_call: Option<f64>,
    /// Bytes that were asked for.
    pub allocated_bytes: Option<u64>,
    /// By one call on average.
    pub allocated_bytes_per_call: Option<f64>,
    /// Bytes that were asked for less those that were given back: what calls left behind, or took away where it is below
    /// zero.
    pub net_bytes: Option<i64>,
    /// By one call on average.
    pub net_bytes_per_call: Option<f64>,
    /// Units of work that calls did which ended `ok`. `None` where no function says `units`.
    pub units: Option<u64>,
    /// Units for each second that these calls took, by the wall clock.
    pub units_per_second: Option<f64>,
}

/// Resources that a series, or several together, used in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileWindow {
    covered: Duration,
    used: ProfileReading,
    has_units: bool,
}

impl ProfileWindow {
    /// Adds what another series used.
    pub(crate) fn add(&mut self, other: &Self) {
        self.covered = self.covered.max(other.covered);
        self.used.add(other.used);
        self.has_units |= other.has_units;
    }

    pub(crate) fn summary(&self) -> ProfileSummary {
        let ProfileReading { calls, used, scheduled_nanos, units, unit_nanos } = self.used;
        let per_call = |sum: f64| (calls > 0).then(|| sum / calls as f64);
        let cpu_seconds = cpu_is_told().then(|| Duration::from_nanos(used.cpu_nanos).as_secs_f64());
        let scheduled_seconds = Duration::from_nanos(scheduled_nanos).as_secs_f64();
        let memory = memory_is_told().then_some(used.memory);
        let net_bytes = memory.map(|memory| memory.allocated_bytes.wrapping_sub(memory.released_bytes).cast_signed());
        let of_memory = |count: Option<u64>| count.and_then(|count| per_call(count as f64));
        let allocations = memory.map(|memory| memory.allocations);
        let allocated_bytes = memory.map(|memory| memory.allocated_bytes);
        let units = self.has_units.then_some(units);
        let took = Duration::from_nanos(unit_nanos).as_secs_f64();
        ProfileSummary {
            covered: self.covered.as_secs_f64(),
            calls,
            cpu_seconds,
            cpu_seconds_per_call: cpu_seconds.and_then(per_call),
            scheduled_seconds: Some(scheduled_seconds),
            scheduled_seconds_per_call: per_call(scheduled_seconds),
            allocations,
            allocations_per_call: of_memory(allocations),
            allocated_bytes,
            allocated_bytes_per_call: of_memory(allocated_bytes),
            net_bytes,
            net_bytes_per_call: net_bytes.and_then(|bytes| per_call(bytes as f64)),
            units,
            units_per_second: units.filter(|_| took > 0.0).map(|units| units as f64 / took),
        }
    }
}

/// The sums of a series at earlier ticks, where it profiles.
#[derive(Debug, Default)]
pub(crate) struct ProfileNotes(Notes<ProfileReading>);

impl ProfileNotes {
    /// Begins, if a function that writes the series profiles.
    pub(crate) fn begin(&self, meter: &Meter, now: Moment) {
        if meter.targets().profile {
            self.0.begin(now);
        }
    }

    /// Whether any function profiles.
    pub(crate) fn are_kept(&self) -> bool {
        self.0.are_kept()
    }

    /// Notes the sums of a tick.
    pub(crate) fn tick(&self, now: Moment, sums: impl FnOnce() -> ProfileReading) {
        self.0.tick(now, sums);
    }

    /// Begins anew: what was used before is in no window.
    pub(crate) fn reset(&self, now: Moment, sums: impl FnOnce() -> ProfileReading) {
        self.0.reset(now, sums);
    }

    /// Resources used in a window up to now.
    pub(crate) fn window(
        &self,
        window: Window,
        now: Moment,
        has_units: bool,
        sums: impl FnOnce() -> ProfileReading,
    ) -> Option<ProfileWindow> {
        let (covered, before) = self.0.at_the_begin_of(window, now)?;
        Some(ProfileWindow { covered, used: sums().since(before), has_units })
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::model::kind::Kind;
    use crate::measure::model::target::Targets;

    static TARGETS: Targets = Targets::new("noted").profile();

    fn at(seconds: u64) -> Moment {
        Moment::default().after(Duration::from_secs(seconds))
    }

    fn sums(calls: u64) -> ProfileReading {
        ProfileReading { calls, ..ProfileReading::default() }
    }

    fn notes() -> ProfileNotes {
        let notes = ProfileNotes::default();
        notes.begin(&Meter::with_targets(Kind::Tool, &TARGETS), at(0));
        notes
    }

    /// A call a second, for two hours.
    #[test]
    fn a_window_is_what_was_used_since_it_began() {
        let notes = notes();
        for second in 1..=7_200 {
            notes.tick(at(second), || sums(second));
            for window in Window::ALL {
                let seen = notes.window(window, at(second), false, || sums(second)).unwrap();
                let (covered, calls) = (seen.covered.as_secs(), seen.used.calls);
                assert_eq!(covered, calls, "{window} at {second}");
                let (length, step) =
                    (window.duration().as_secs(), if window >= Window::Last15Minutes { 60 } else { 5 });
                assert!(covered >= length.min(second) && covered < length + step, "{window} at {second}: {covered}");
            }
        }
        assert!(notes.bytes() < 16 * 1_024, "{}", notes.bytes());
    }

    #[test]
    fn a_reset_begins_anew_and_who_does_not_profile_keeps_nothing() {
        let (notes, none) = (notes(), ProfileNotes::default());
        notes.tick(at(10), || sums(10));
        notes.reset(at(20), || sums(20));
        let seen = notes.window(Window::LastHour, at(25), true, || sums(22)).unwrap();
        assert_eq!((seen.covered.as_secs(), seen.used.calls, seen.summary().units), (5, 2, Some(0)));
        none.begin(&Meter::new(Kind::Tool), at(0));
        none.tick(at(1), || unreachable!());
        assert!(!none.are_kept() && none.window(Window::LastHour, at(1), false, || sums(1)).is_none());
    }
}
