//! Questions that need more than memory holds, on eight days that a part keeps.

use perf_insight::forecast::Reach;
use perf_insight::runtime::{Ahead, Question, anomalies, expectations, forecasts};
use perf_runtime::extend::{Past, PastBucket, PastMetric, PastPoint, PastSink, PastSlice};
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{Labels, Selector, SeriesId, TimeRange};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, Outcome};
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: f64 = 1_440.0;
const KEPT: u64 = 8 * 1_440;
const DISK: &str = "system_disk_utilization_ratio";

/// Minutes of a search whose duration goes with the day, and twice as long for ten minutes an hour ago; and of a disk that fills by
/// 2 % a day.
struct Kept {
    /// The minute since 1970 in which it ends.
    end: u64,
}

impl Kept {
    fn millis(ago: u64) -> f64 {
        let minute = (KEPT - ago) as f64;
        let usual = 50.0 + 20.0 * (TAU * minute / DAY).sin() + (minute * 7.0 % 5.0) * 0.4;
        if (60..70).contains(&ago) { 3.0 * usual } else { usual }
    }

    fn used(ago: u64) -> f64 {
        0.9 - 0.02 * ago as f64 / DAY + (ago % 7) as f64 * 1e-5
    }

    fn time(&self, ago: u64) -> SystemTime {
        UNIX_EPOCH + MINUTE * u32::try_from(self.end - ago).expect("a minute")
    }
}

impl Past for Kept {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let (start, end) = (self.time(KEPT).max(range.start()), self.time(0).min(range.end()));
        TimeRange::between(start, end).into_iter().collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        MINUTE
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        let search: SeriesId = "operation{operation=search}".parse().expect("an id");
        let labels = Labels::default();
        let disk = PastMetric { name: DISK, kind: MetricKind::Gauge, unit: Some("ratio"), labels: &labels };
        for ago in (0..KEPT).rev().filter(|ago| (range.start()..=range.end()).contains(&self.time(*ago))) {
            let end = self.time(ago);
            if selector.selects_series(&search) {
                let nanos =
                    Duration::from_secs_f64(Self::millis(ago) / 1e3).as_nanos().try_into().expect("milliseconds");
                let buckets = [PastBucket { outcome: Outcome::Ok, longest_nanos: nanos, count: 10 }];
                let nanos = [10 * nanos, 0, 0, 0];
                let (expected_errors, expected_cancelled, idle_nanos, slow_polls) = (0, 0, 0, 0);
                let slice = PastSlice {
                    buckets: &buckets,
                    nanos,
                    expected_errors,
                    expected_cancelled,
                    idle_nanos,
                    slow_polls,
                    end,
                };
                sink.slice(&search, &slice);
            }
            if selector.selects_metric(DISK, &labels) {
                sink.point(&disk, &PastPoint { end, sum: Self::used(ago), count: 1.0 });
            }
        }
    }
}

#[test]
fn eight_days_tell_what_comes_and_what_was_unusual() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let minute = now() / 60;
    let monitor = Monitor::builder().build().expect("a monitor");
    let _provided = monitor.provide::<dyn Past>(Arc::new(Kept { end: minute })).expect("the only one");
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    let search = Question::about(Selector::all().label("operation", "search"));

    let coming = forecasts(&monitor, &search, Ahead::Hour, None);
    let [one] = coming.series.as_slice() else { panic!("{coming:#?}") };
    let found = one.found.as_ref().unwrap_or_else(|| panic!("{coming:#?}"));
    assert_eq!((found.forecast.points.len(), &found.reaches), (12, &None));
    // In an hour it is as far in the day as eight days after the beginning, and an hour.
    let expected = (50.0 + 20.0 * (TAU * 60.0 / DAY).sin()) / 1e3;
    let last = found.forecast.points.last().expect("twelve").value;
    assert!((last / expected - 1.0).abs() < 0.1, "{last} where {expected} comes");

    let disk = Question::about(Selector::metric(DISK));
    let coming = forecasts(&monitor, &disk, Ahead::Hour, None);
    let found = coming.series[0].found.as_ref().unwrap_or_else(|| panic!("{coming:#?}"));
    let Some(Reach::At { time, .. }) = found.reaches else { panic!("{:?}", found.reaches) };
    let days = (time as f64 / 60.0 - minute as f64) / DAY;
    assert!((4.8..5.2).contains(&days), "10 % are left, and 2 % go a day: {days} days");

    let unusual = anomalies(&monitor, &search);
    let episodes = unusual.series[0].found.as_ref().unwrap_or_else(|| panic!("{unusual:#?}"));
    let [episode] = episodes.as_slice() else { panic!("{episodes:#?}") };
    let ago = minute - episode.began.unsigned_abs() / 60;
    assert!((60..=71).contains(&ago) && episode.unusual >= 5, "{ago} minutes ago: {episode:?}");

    let expected = expectations(&monitor, &search);
    let steps = expected.series[0].found.as_ref().unwrap_or_else(|| panic!("{expected:#?}"));
    let value = |time: i64| Kept::millis(minute - time.unsigned_abs() / 60 - 1) / 1e3;
    let calm: Vec<_> = steps.iter().filter(|one| one.time < episode.began).collect();
    assert!(calm.len() > 1_300, "{} steps of a day", calm.len());
    assert!(calm.iter().all(|one| one.unusual == Some(false)), "nothing else was unusual");
    assert!(calm.iter().all(|one| one.low <= value(one.time) && value(one.time) <= one.high), "the value was within");
    // It goes with the day, and is not as wide as the day.
    assert!(calm.iter().all(|one| one.high < 1.5 * value(one.time)), "{calm:#?}");
    let unusual = steps.iter().filter(|one| one.unusual == Some(true)).count();
    assert_eq!(unusual, episode.unusual, "the same as in the episode");
}

/// Seconds since 1970.
fn now() -> u64 {
    TimeRange::last(MINUTE).end().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
