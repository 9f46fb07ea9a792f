//! Whether the process keeps more and more memory: the slope of its RSS over the last hour, by time and by traffic.
//!
//! Each minute is one point: the median of RSS in it, and the calls that were counted by its end. The slopes are Theil
//! and Sen's, with the interval that holds them with a confidence of 99 % (see `regression`). A leak is suspected where all
//! of this holds:
//!
//! - there were at least 30 minutes, the first five after the start left out;
//! - the whole of the interval is above zero, and so it is in either half: what grew once and then stayed is a cache;
//! - the growth is more than a megabyte an hour and more than 1 % of the RSS;
//! - calls were counted, and the interval of the slope by traffic is above zero too.

use crate::regression::{Slope, slope};
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::VecDeque;
use std::time::Duration;

const GROWTH: SampledMetric = SampledMetric::gauge(
    names::PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR,
    "bytes_per_hour",
    "How fast the RSS grew over the last hour (Theil-Sen), and the ends of the interval with 99 % confidence.",
);
const BY_CALL: SampledMetric = SampledMetric::gauge(
    names::PROCESS_MEMORY_GROWTH_BYTES_PER_CALL,
    "bytes_per_call",
    "How much the RSS grew with each call over the last hour (Theil-Sen), and the ends of the interval with 99 % confidence.",
);
const SUSPECTED: SampledMetric = SampledMetric::gauge(
    names::PROCESS_MEMORY_LEAK_SUSPECTED,
    "",
    "1 where the RSS grows steadily with the traffic, 0 where not; absent for the first 35 minutes.",
);

const MINUTE: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(300);
const HOUR: usize = 60;
const FEWEST: usize = 30;
const LEAST_BYTES_PER_HOUR: f64 = 1_048_576.0;
const LEAST_SHARE_PER_HOUR: f64 = 0.01;

/// A minute.
#[derive(Clone, Copy, Debug)]
struct Point {
    hours: f64,
    bytes: f64,
    calls: f64,
}

#[derive(Debug, Default)]
pub(crate) struct LeakWatch {
    first: Option<Duration>,
    /// When this minute began, and what was seen in it.
    minute: Option<(Duration, Vec<f64>)>,
    points: VecDeque<Point>,
    found: Option<Finding>,
    told: bool,
}

/// The finding of the last hour.
#[derive(Clone, Copy, Debug)]
struct Finding {
    by_time: Slope,
    by_call: Option<Slope>,
    leak: bool,
}

impl LeakWatch {
    /// Takes what the process has in RAM, in bytes, and how many calls there ever were.
    pub(crate) fn sample(&mut self, at: Duration, resident: Option<f64>, calls: u64, samples: &mut Samples<'_>) {
        if let Some(resident) = resident {
            self.take(at, resident, calls as f64);
        }
        let Some(found) = &self.found else { return };
        tell(&GROWTH, &found.by_time, samples);
        if let Some(by_call) = &found.by_call {
            tell(&BY_CALL, by_call, samples);
        }
        samples.put(&SUSPECTED, &[], if found.leak { 1.0 } else { 0.0 });
    }

    fn take(&mut self, at: Duration, resident: f64, calls: f64) {
        let first = *self.first.get_or_insert(at);
        if at.saturating_sub(first) < WARM_UP {
            return;
        }
        let (began, seen) = self.minute.get_or_insert_with(|| (at, Vec::new()));
        if at.saturating_sub(*began) < MINUTE {
            seen.push(resident);
            return;
        }
        seen.sort_by(f64::total_cmp);
        let bytes = seen.get(seen.len() / 2).copied().unwrap_or(resident);
        self.minute = Some((at, vec![resident]));
        self.points.push_back(Point { hours: at.as_secs_f64() / 3_600.0, bytes, calls });
        if self.points.len() > HOUR {
            self.points.pop_front();
        }
        self.found = Finding::of(self.points.make_contiguous());
        self.tell_once();
    }

    fn tell_once(&mut self) {
        let Some(found) = self.found.filter(|found| found.leak != self.told) else { return };
        self.told = found.leak;
        let Slope { low, median, high } = found.by_time;
        let by_call = found.by_call.map(|by_call| by_call.median);
        if found.leak {
            tracing::warn!(
                target: "perf::host",
                bytes_per_hour = median,
                low,
                high,
                bytes_per_call = by_call,
                "memory grows steadily with the traffic: {:.1} MiB an hour ({:.1} to {:.1} with 99 % confidence)",
                median / LEAST_BYTES_PER_HOUR,
                low / LEAST_BYTES_PER_HOUR,
                high / LEAST_BYTES_PER_HOUR
            );
        } else {
            tracing::info!(target: "perf::host", bytes_per_hour = median, low, high, "memory does not grow steadily any more");
        }
    }
}

fn tell(metric: &SampledMetric, slope: &Slope, samples: &mut Samples<'_>) {
    for (estimate, value) in [("low", slope.low), ("median", slope.median), ("high", slope.high)] {
        samples.put(metric, &[("estimate", estimate)], value);
    }
}

impl Finding {
    fn of(points: &[Point]) -> Option<Self> {
        if points.len() < FEWEST {
            return None;
        }
        let over_time = |points: &[Point]| slope(&points.iter().map(|one| (one.hours, one.bytes)).collect::<Vec<_>>());
        let by_time = over_time(points)?;
        let by_call = slope(&points.iter().map(|one| (one.calls, one.bytes)).collect::<Vec<_>>());
        let (earlier, later) = points.split_at(points.len() / 2);
        let grows = |slope: Option<Slope>| slope.is_some_and(|slope| slope.low > 0.0);
        let bytes = points.last()?.bytes;
        let is_much = by_time.median > LEAST_BYTES_PER_HOUR && by_time.median > LEAST_SHARE_PER_HOUR * bytes;
        let all = [Some(by_time), by_call, over_time(earlier), over_time(later)];
        Some(Self { by_time, by_call, leak: is_much && all.into_iter().all(grows) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1_048_576.0;

    /// An hour and a half of samples, one in ten seconds; RSS and calls by the minute.
    fn watch(bytes: impl Fn(f64) -> f64, calls: impl Fn(f64) -> f64) -> LeakWatch {
        let mut watch = LeakWatch::default();
        for step in 0..540_u32 {
            let minute = f64::from(step) / 6.0;
            // A sawtooth of 200 KiB, as allocators make it.
            let noise = f64::from(step * 7 % 11) * 20_480.0;
            watch.take(Duration::from_secs(10 * u64::from(step)), bytes(minute) + noise, calls(minute));
        }
        watch
    }

    fn is_leak(bytes: impl Fn(f64) -> f64, calls: impl Fn(f64) -> f64) -> bool {
        watch(bytes, calls).found.unwrap().leak
    }

    fn traffic(minute: f64) -> f64 {
        6_000.0 * minute
    }

    #[test]
    fn steady_growth_with_the_traffic_is_a_leak_and_its_slope_is_said() {
        let watch = watch(|minute| 300.0 * MIB + minute * MIB, traffic);
        let found = watch.found.unwrap();
        assert!(found.leak && watch.told);
        assert!((found.by_time.median / MIB - 60.0).abs() < 1.0, "{found:?}");
        assert!((found.by_call.unwrap().median - MIB / 6_000.0).abs() < 5.0, "{found:?}");
        assert!(found.by_time.low > 55.0 * MIB && found.by_time.high < 65.0 * MIB, "{found:?}");
    }

    #[test]
    fn what_stays_or_grew_once_or_does_not_matter_is_none() {
        assert!(!is_leak(|_| 300.0 * MIB, traffic));
        assert!(
            !is_leak(|minute| if minute < 60.0 { 300.0 * MIB } else { 400.0 * MIB }, traffic),
            "a cache was filled"
        );
        assert!(!is_leak(|minute| 300.0 * MIB + 100.0 * MIB * (1.0 - (-minute / 5.0).exp()), traffic), "it levels off");
        assert!(!is_leak(|minute| 3_000.0 * MIB + 0.1 * minute * MIB, traffic), "6 MiB of 3 GiB an hour");
        assert!(!is_leak(|minute| 300.0 * MIB - minute * MIB, traffic), "it shrinks");
    }

    #[test]
    fn growth_without_traffic_is_not_blamed_on_it() {
        let found = watch(|minute| 300.0 * MIB + minute * MIB, |_| 500.0).found.unwrap();
        assert!(!found.leak && found.by_call.is_none() && found.by_time.low > 0.0);
    }

    #[test]
    fn nothing_is_said_before_half_an_hour() {
        let mut watch = LeakWatch::default();
        for second in 0..2_000 {
            watch.take(Duration::from_secs(second), second as f64 * MIB, second as f64);
        }
        assert!(watch.found.is_none());
    }
}
