//! A week of minutes of all series, as a history would give it, made as it is read.

use super::SERIES;
use perf_runtime::extend::{Past, PastBucket, PastSink, PastSlice};
use perf_runtime::series::{Selector, SeriesId, TimeRange};
use perf_runtime::{Monitor, Outcome};
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: u32 = 7 * 1_440;
const DAY: f64 = 1_440.0;

pub(super) struct Week {
    start: SystemTime,
    end: SystemTime,
    series: Vec<SeriesId>,
}

impl Week {
    /// The week until now.
    pub(super) fn until(monitor: &Monitor) -> Self {
        let end = monitor.time_of_day();
        let series = (0..SERIES).filter_map(|number| format!("operation{{operation=operation-{number}}}").parse().ok());
        Self { start: end - MINUTES * MINUTE, end, series: series.collect() }
    }
}

impl Past for Week {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        TimeRange::between(self.start.max(range.start()), self.end.min(range.end())).into_iter().collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        MINUTE
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        let minutes = |at: SystemTime| {
            let since = at.duration_since(self.start).unwrap_or_default().as_secs() / MINUTE.as_secs();
            u32::try_from(since).unwrap_or(MINUTES).min(MINUTES)
        };
        let (from, to) = (minutes(range.start()) + 1, minutes(range.end()));
        for id in self.series.iter().filter(|id| selector.selects_series(id)) {
            for minute in from..=to {
                let end = self.start + minute * MINUTE;
                let minute = f64::from(minute);
                let millis = 50.0 + 20.0 * (std::f64::consts::TAU * minute / DAY).sin() + (minute * 7.0 % 5.0) * 0.4;
                let nanos = (1e6 * millis) as u64;
                let slice = PastSlice {
                    buckets: &[PastBucket { outcome: Outcome::Ok, longest_nanos: nanos, count: 10 }],
                    nanos: [10 * nanos, 0, 0, 0],
                    expected_errors: 0,
                    expected_cancelled: 0,
                    idle_nanos: 0,
                    slow_polls: 0,
                    end,
                };
                sink.slice(id, &slice);
            }
        }
    }
}
