//! Processor time of a series over a window, where a profiler samples it.
//!
//! The sums are [noted](super::notes) at each tick. Only series that were sampled at least once pay for it: 5 KiB each once an hour has
//! passed.

use super::notes::Notes;
use super::window::Window;
use crate::measure::cells::profiler;
use crate::measure::cells::sampled::SampledReading;
use crate::measure::clock::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Processor time of a series in a window, by the samples of a profiler.
///
/// Each sample stands for the processor time of its thread since the sample before, and belongs to the innermost call alone: to compare it with
/// [`self_seconds`](crate::series::SeriesSummary::self_seconds). Calls count while they run, not when they end. What they spawn, and what other
/// threads do for them, is not theirs. Of a request, whose status is not known while it runs, it is in the series without one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampledCpu {
    /// The seconds that the figures cover, up to now.
    pub covered: f64,
    /// Samples that met a call of the series as the innermost of its thread. Of none, little is known: three samples' worth may have been missed
    /// by chance (the "rule of three" at 95 %).
    pub samples: u64,
    /// Seconds on a processor.
    pub seconds: f64,
    /// The standard error of `seconds`: `seconds` divided by the square root of `samples`. Of a count of rare events the variance is the
    /// count itself (Poisson); where a series takes most of its threads' time, the error is smaller than this.
    pub standard_error: f64,
}

/// Samples of a series, or several together, in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SampledWindow {
    covered: Duration,
    sums: SampledReading,
}

impl SampledWindow {
    /// Adds samples of another series.
    pub(crate) fn add(&mut self, other: &Self) {
        self.covered = self.covered.max(other.covered);
        self.sums.add(other.sums);
    }

    pub(crate) fn summary(&self) -> SampledCpu {
        let (samples, seconds) = (self.sums.samples, Duration::from_nanos(self.sums.nanos).as_secs_f64());
        let standard_error = if samples > 0 { seconds / (samples as f64).sqrt() } else { 0.0 };
        SampledCpu { covered: self.covered.as_secs_f64(), samples, seconds, standard_error }
    }
}

/// The samples of a series at earlier ticks, from its first sample on.
#[derive(Debug, Default)]
pub(crate) struct SampledNotes(Notes<SampledReading>);

impl SampledNotes {
    /// Notes the sums of a tick. The tick before was at `since`: samples that are the first are later than that.
    pub(crate) fn tick(&self, since: Moment, now: Moment, sums: impl FnOnce() -> SampledReading) {
        if !profiler::is_told() {
            return;
        }
        let sums = sums();
        if sums.samples > 0 {
            self.0.begin(since);
            self.0.tick(now, || sums);
        }
    }

    /// Begins anew: samples of before are in no window.
    pub(crate) fn reset(&self, now: Moment, sums: impl FnOnce() -> SampledReading) {
        self.0.reset(now, sums);
    }

    /// Samples in a window up to now; `None` of a series that had none up to the last tick.
    pub(crate) fn window(
        &self,
        window: Window,
        now: Moment,
        sums: impl FnOnce() -> SampledReading,
    ) -> Option<SampledWindow> {
        let (covered, before) = self.0.at_the_begin_of(window, now)?;
        Some(SampledWindow { covered, sums: sums().since(before) })
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default().after(Duration::from_secs(seconds))
    }

    fn sums(samples: u64) -> SampledReading {
        SampledReading { samples, nanos: samples * 10_000_000 }
    }

    /// Four samples a second, from the eleventh on, for two hours.
    #[test]
    fn a_window_has_the_samples_since_it_began() {
        profiler::begin();
        let notes = SampledNotes::default();
        for second in 1..=7_200_u64 {
            let so_far = sums(4 * second.saturating_sub(10));
            notes.tick(at(second - 1), at(second), || so_far);
            let seen = notes.window(Window::LastMinute, at(second), || so_far);
            assert_eq!(seen.is_some(), second > 10, "{second}");
            let Some(seen) = seen.map(|seen| seen.summary()) else { continue };
            let expected = second.saturating_sub(10).min(60);
            assert_eq!((seen.samples, seen.covered), (4 * expected, expected as f64), "{second}");
        }
        assert!(notes.bytes() < 6 * 1_024, "{}", notes.bytes());
    }

    #[test]
    fn the_error_shrinks_with_the_root_of_the_samples() {
        let of = |samples| SampledWindow { covered: Duration::ZERO, sums: sums(samples) }.summary();
        let (few, many, none) = (of(100), of(10_000), of(0));
        assert!((few.seconds - 1.0).abs() < 1e-9 && (few.standard_error - 0.1).abs() < 1e-9, "{few:?}");
        assert!((many.standard_error / many.seconds - 0.01).abs() < 1e-9, "{many:?}");
        assert_eq!((none.seconds, none.standard_error), (0.0, 0.0));
    }

    #[test]
    fn a_series_without_a_sample_keeps_nothing() {
        let notes = SampledNotes::default();
        notes.tick(at(0), at(1), SampledReading::default);
        assert_eq!(notes.bytes(), 0);
        assert!(notes.window(Window::LastHour, at(1), SampledReading::default).is_none());
    }
}
