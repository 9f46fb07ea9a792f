use super::*;
use crate::collect::{DeltaSeries, DeltaSink, DeltaSlice};
use crate::measure::clock::manual::ManualClock;
use crate::measure::clock::wall;
use crate::measure::model::outcome::Outcome;
use crate::metric::SampledMetric;
use crate::monitor::Monitor;
use crate::observe::history::window::Window;
use crate::observe::query::past::{PastBucket, PastMetric, PastPoint, PastSink, PastSlice};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn monitor() -> Monitor {
    Monitor::builder().build().unwrap()
}

/// So many seconds with a call in each and a tick at the end.
fn seconds_pass(clock: &ManualClock, monitor: &Monitor, count: u64, called: impl Fn(u64) -> bool) {
    for second in 0..count {
        if called(second) {
            monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
        }
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn search() -> Selector {
    Selector::kind(Kind::Operation).label("operation", "search")
}

fn counts(tracks: &Tracks) -> Vec<Option<u64>> {
    let [track] = &tracks.series[..] else { panic!("{} series", tracks.series.len()) };
    track.points.iter().map(|point| point.count).collect()
}

fn total(tracks: &Tracks) -> u64 {
    counts(tracks).into_iter().flatten().sum()
}

#[test]
fn every_call_is_in_the_step_in_which_it_ended_and_steps_are_those_of_the_wall_clock() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    seconds_pass(&clock, &monitor, 4_000, |_| true);
    for (window, step, most) in [(Window::LastMinute, 1, 60), (Window::Last5Minutes, 5, 60), (Window::LastHour, 60, 60)]
    {
        let tracks = monitor.tracks(&search(), window);
        assert_eq!(Duration::from_secs_f64(tracks.step).as_secs(), step, "{window}");
        assert_eq!(wall::to_unix_nanos(tracks.start) % (step * 1_000_000_000), 0, "{window} begins at a full step");
        let [first, middle @ .., _] = &tracks.series[0].points[..] else { panic!("{tracks:#?}") };
        assert!(
            middle.iter().all(|point| point.count == Some(step) && (point.covered - step as f64).abs() < 1e-6),
            "{middle:#?}"
        );
        assert!(
            first.count <= Some(step) && (most - 1..=most).contains(&(middle.len() + 2)),
            "{window}: {}",
            middle.len()
        );
    }
}

#[test]
fn no_call_is_zero_and_nobody_there_is_null() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    seconds_pass(&clock, &monitor, 10, |second| second == 4);
    let known = counts(&monitor.tracks(&search(), Window::LastMinute));
    let ours: Vec<u64> = known.iter().skip_while(|count| count.is_none()).map(|count| count.unwrap()).collect();
    assert_eq!(ours.iter().sum::<u64>(), 1);
    assert!((10..=11).contains(&ours.len()) && known.len() > 50, "{known:?}");
    // Nobody ticks, as while a process is stopped: what happened is told where it was found.
    monitor.operation("search").record(Duration::ZERO, Outcome::Ok);
    clock.advance(20 * SECOND);
    monitor.tick();
    seconds_pass(&clock, &monitor, 3, |_| true);
    let known = counts(&monitor.tracks(&search(), Window::LastMinute));
    let ours: Vec<Option<u64>> = known.iter().copied().skip_while(Option::is_none).collect();
    let nulls = ours.iter().filter(|count| count.is_none()).count();
    assert!((18..=20).contains(&nulls), "{ours:?}");
    assert_eq!(ours.iter().flatten().sum::<u64>(), 5);
}

#[test]
fn a_reset_changes_nothing_of_the_past() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    seconds_pass(&clock, &monitor, 30, |_| true);
    let before = total(&monitor.tracks(&search(), Window::LastMinute));
    monitor.reset();
    seconds_pass(&clock, &monitor, 5, |_| true);
    assert_eq!(total(&monitor.tracks(&search(), Window::LastMinute)), before + 5);
    assert_eq!(monitor.summary(Window::LastMinute).find(Kind::Operation, &["search"]).unwrap().count, 5);
}

#[test]
fn steps_are_as_long_as_was_asked_or_as_what_is_kept() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    seconds_pass(&clock, &monitor, 3_700, |_| true);
    let step = |length: u64, step: Option<u64>| {
        let range = TimeRange::last(Duration::from_secs(length));
        let range = step.map_or(range, |step| range.with_step(Duration::from_secs(step)));
        monitor.tracks(&search(), range).step
    };
    assert_eq!((step(30, None), step(30, Some(10)), step(200, Some(1)), step(200, Some(7))), (1.0, 10.0, 5.0, 10.0));
    assert_eq!((step(3_000, Some(90)), step(3_000, Some(120))), (120.0, 120.0));
    assert_eq!((step(30 * 86_400, None), step(30 * 86_400, Some(1))), (3_600.0, 240.0), "11,000 steps at most");
    let wide = monitor.tracks(&search(), TimeRange::last(HOUR).with_step(Duration::from_secs(600)));
    assert!((3_500..=3_661).contains(&total(&wide)), "{}", total(&wide));
}

#[test]
fn a_range_as_a_whole_has_the_percentiles_of_all_its_calls_and_routes_are_joined_whatever_their_status() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    for (method, millis, status) in [("GET", 10, 200), ("GET", 400, 500), ("POST", 20, 200), ("GET", 12, 200)] {
        let request = monitor.http_request(method, "/carts");
        clock.advance(Duration::from_millis(millis));
        request.answer(status);
        clock.advance(SECOND);
        monitor.tick();
    }
    let selector = Selector::kind(Kind::HttpRequest);
    let tracks = monitor.tracks(&selector.clone().joined(), Window::LastMinute);
    let shown: Vec<(String, Option<u64>)> =
        tracks.series.iter().map(|track| (track.id.to_string(), track.whole.count)).collect();
    let of_route = |method: &str| format!("http_request{{method={method},route=/carts}}");
    let expected = [("http_request{}".to_owned(), Some(4)), (of_route("GET"), Some(3)), (of_route("POST"), Some(1))];
    assert_eq!(shown, expected);
    let get = &tracks.series[1];
    assert_eq!(get.points.iter().filter_map(|point| point.count).sum::<u64>(), 3);
    assert_eq!(get.whole.outcomes.map(|outcomes| (outcomes.ok, outcomes.error)), Some((2, 1)));
    assert_eq!(get.whole.buckets.iter().sum::<u64>(), 3);
    let near = |value: Option<f64>, wanted: f64| value.is_some_and(|value| (value / wanted - 1.0).abs() < 0.07);
    assert!(near(get.whole.p50, 0.012) && near(get.whole.p99, 0.4), "{:?}", get.whole);
    assert!((3.0..=6.0).contains(&get.whole.covered), "{}", get.whole.covered);
    // Series that the limit leaves out are in the whole all the same.
    let few = monitor.tracks(&selector.clone().joined().limit(1), Window::LastMinute);
    assert_eq!((few.series.len(), few.left_out, few.series[0].whole.count), (2, 1, Some(4)));
    let apart = monitor.tracks(&selector, Window::LastMinute);
    assert_eq!(
        (apart.series.len(), apart.left_out),
        (5, 0),
        "GET with two statuses, POST with one, and each while it has none"
    );
}

#[test]
fn metrics_of_the_application_have_tracks_too() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let metrics = monitor.metrics();
    let jobs = metrics.counter("jobs").label("kind", "mail").register();
    let wait = metrics.histogram("wait_seconds").register();
    for second in 0..10 {
        monitor.record_custom_metric("depth", f64::from(second), "jobs");
        if second % 2 == 0 {
            jobs.add(3.0);
            wait.record(0.5);
        }
        clock.advance(SECOND);
        monitor.tick();
    }
    let tracks = monitor.tracks(&Selector::metrics(), Window::LastMinute);
    let of = |name: &str| {
        let track = tracks.metrics.iter().find(|track| track.name.starts_with(name)).unwrap();
        track.points.iter().filter(|point| point.covered > 0.5).copied().collect::<Vec<_>>()
    };
    let sum = |points: &[MetricSeriesPoint]| points.iter().filter_map(|point| point.value).sum::<f64>();
    assert_eq!((sum(&of("depth")), sum(&of("jobs"))), (45.0, 15.0));
    assert!(of("jobs").iter().all(|point| point.value.is_some()), "a counter that stands added nothing");
    assert_eq!(
        of("wait").iter().filter_map(|point| point.count).collect::<Vec<_>>(),
        [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    );
    let depth = monitor.tracks(&"depth".parse::<Selector>().unwrap(), Window::LastMinute);
    assert_eq!((depth.metrics.len(), depth.series.len()), (1, 0));
    let one = monitor.tracks(&Selector::metrics().limit(1), Window::LastMinute);
    assert_eq!((one.metrics.len(), one.left_out), (1, tracks.metrics.len() - 1));
}

#[test]
fn tracks_are_read_back_as_they_were_written() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    monitor.record_custom_metric("depth", 2.0, "jobs");
    seconds_pass(&clock, &monitor, 3, |second| second == 1);
    let tracks = monitor.tracks(&Selector::all(), Window::LastMinute);
    let text = serde_json::to_string(&tracks).unwrap();
    assert_eq!(serde_json::from_str::<Tracks>(&text).unwrap(), tracks);
}

type KeptSlice = (SeriesId, SystemTime, [u64; 4], Vec<PastBucket>);

/// A store that keeps each slice that a cursor gives, in memory, and loses none.
#[derive(Default)]
struct Kept {
    slices: Mutex<Vec<KeptSlice>>,
    observed: Mutex<Vec<(SystemTime, SystemTime)>>,
}

impl Past for Kept {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let all = self.observed.lock().unwrap();
        let parts = all.iter().map(|(start, end)| ((*start).max(range.start()), (*end).min(range.end())));
        parts.filter_map(|(start, end)| TimeRange::between(start, end).ok()).collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        5 * SECOND
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        for (id, end, nanos, buckets) in self.slices.lock().unwrap().iter() {
            if selector.selects_series(id) && *end >= range.start() {
                let slice = PastSlice {
                    buckets,
                    nanos: *nanos,
                    expected_errors: 0,
                    expected_cancelled: 0,
                    idle_nanos: 0,
                    slow_polls: 0,
                    end: *end,
                };
                sink.slice(id, &slice);
            }
        }
        let labels = Labels::default();
        let metric = PastMetric { name: "depth", kind: MetricKind::Gauge, unit: Some("jobs"), labels: &labels };
        if selector.selects_metric("depth", &labels) {
            sink.point(&metric, &PastPoint { end: range.start() + 10 * SECOND, sum: 8.0, count: 2.0 });
        }
    }
}

struct Keep<'a>(&'a Kept);

impl DeltaSink for Keep<'_> {
    fn slice(&mut self, series: &DeltaSeries<'_>, slice: &DeltaSlice<'_>) {
        let labels = series.labels().iter().collect();
        let bucket = |bucket: crate::collect::DeltaBucket| PastBucket {
            outcome: bucket.outcome,
            longest_nanos: series.range(bucket.index).1,
            count: bucket.count,
        };
        self.0.slices.lock().unwrap().push((
            SeriesId { kind: series.kind(), labels },
            slice.end,
            Outcome::ALL.map(|outcome| slice.nanos(outcome)),
            slice.buckets().map(bucket).collect(),
        ));
    }
}

/// A second in the life of a process, and whether its store looked.
fn live(clock: &ManualClock, kept: &Arc<Kept>, seconds: &[(bool, bool)]) -> Monitor {
    let monitor = monitor();
    let mut cursor = monitor.cursor();
    let begun = wall::time_of(clock::now());
    kept.observed.lock().unwrap().push((begun, begun));
    for &(called, looked) in seconds {
        if called {
            monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
        }
        clock.advance(SECOND);
        monitor.tick();
        if looked {
            cursor.read(&mut Keep(kept));
            kept.observed.lock().unwrap().last_mut().unwrap().1 = wall::time_of(clock::now());
        }
    }
    monitor
}

#[test]
fn the_names_of_a_range_are_those_of_memory_and_of_the_past() {
    let clock = ManualClock::hold();
    let kept = Arc::new(Kept::default());
    drop(live(&clock, &kept, &[(true, true), (false, true)]));
    let monitor = monitor();
    let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
    monitor.operation("buy").record(Duration::from_millis(20), Outcome::Ok);
    clock.advance(SECOND);
    monitor.tick();
    for range in [Window::LastMinute, Window::LastHour] {
        let names = monitor.series_in(&Selector::calls(), range);
        let of_tracks: Vec<SeriesId> =
            monitor.tracks(&Selector::calls(), range).series.into_iter().map(|track| track.id).collect();
        assert_eq!(names, of_tracks, "{range}");
        assert!(names.iter().any(|name| name.labels.get("operation") == Some("buy")), "{names:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each call is told once, whether it lies in the past, in memory or in both.
    #[test]
    fn between_the_past_and_memory_is_no_seam(
        first in prop::collection::vec((any::<bool>(), Just(true)), 1..40),
        away in 1_u64..200,
        second in prop::collection::vec((any::<bool>(), prop::bool::weighted(0.9)), 1..400),
        begin in 0_u64..700,
        back in prop_oneof![Just(0_u64), 0_u64..400],
        step in prop::option::of(1_u64..200),
        phase in 0_u64..300_000,
    ) {
        let clock = ManualClock::hold();
        clock.advance(Duration::from_millis(phase));
        let kept = Arc::new(Kept::default());
        drop(live(&clock, &kept, &first));
        clock.advance(Duration::from_secs(away));
        let born = wall::time_of(clock::now());
        let monitor = live(&clock, &kept, &second);
        let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
        let until = wall::time_of(clock::now()) - Duration::from_secs(back);
        let range = TimeRange::between(until - Duration::from_secs(begin + 1), until).unwrap();
        let range = step.map_or(range, |step| range.with_step(Duration::from_secs(step)));
        let tracks = monitor.tracks(&search(), range);
        let end_of = |since: SystemTime, place: usize| since + SECOND * u32::try_from(place + 1).unwrap();
        let first_born = kept.observed.lock().unwrap()[0].0;
        let late = Duration::from_millis(500);
        let ends = [(first_born, &first), (born, &second)].into_iter().flat_map(|(since, seconds)| {
            let called = seconds.iter().enumerate().filter(|(_, (called, _))| *called);
            called.map(move |(place, _)| end_of(since, place))
        });
        let ends: Vec<SystemTime> = ends.filter(|end| *end - late >= tracks.start).collect();
        // Memory tells the first and the last step whole, though the range begins or ends within it; the past need not.
        let begun = ends.iter().filter(|end| **end - late < until + Duration::from_secs_f64(tracks.step)).count() as u64;
        let over = ends.iter().filter(|end| (range.start() + late..until).contains(*end)).count() as u64;
        let least = if back == 0 { begun } else { over };
        let told = if tracks.series.is_empty() { 0 } else { total(&tracks) };
        prop_assert!((least..=begun).contains(&told), "{least}..={begun} and not {told}: step {}, {} steps", tracks.step, tracks.series.first().map_or(0, |one| one.points.len()));
    }
}

/// Its steps are longer than the cells of memory, of which the oldest may begin within the first step.
#[test]
fn a_first_step_that_begins_before_memory_is_told_whole() {
    for at in (0..50).step_by(3) {
        let clock = ManualClock::hold();
        // Not set, but gone on: of a clock that was set, memory looks through more than it needs.
        let next = UNIX_EPOCH + Duration::from_secs((wall::unix_nanos(clock::now()) / 50_000_000_000 + 1) * 50 + at);
        clock.advance(next.duration_since(wall::time_of(clock::now())).unwrap());
        let kept = Arc::new(Kept::default());
        let monitor = live(&clock, &kept, &[(true, true); 400]);
        let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
        let now = wall::time_of(clock::now());
        let range = TimeRange::between(now - 271 * SECOND, now).unwrap().with_step(50 * SECOND);
        let tracks = monitor.tracks(&search(), range);
        let told = now.duration_since(tracks.start).unwrap().as_secs();
        assert!((told..=told + 1).contains(&total(&tracks)), "{at}: {} of {told}", total(&tracks));
    }
}

#[test]
fn a_life_before_this_one_is_told_and_the_time_between_is_null() {
    let clock = ManualClock::hold();
    let kept = Arc::new(Kept::default());
    drop(live(&clock, &kept, &[(true, true); 60]));
    clock.advance(120 * SECOND);
    let monitor = live(&clock, &kept, &[(true, true); 60]);
    let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
    let tracks = monitor.tracks(&search().or(Selector::metric("depth")), TimeRange::last(Duration::from_secs(240)));
    let counts = counts(&Tracks { metrics: Vec::new(), ..tracks.clone() });
    assert_eq!((tracks.step, counts.iter().flatten().sum::<u64>()), (5.0, 120));
    let between = counts.iter().skip_while(|count| count.is_some()).take_while(|count| count.is_none()).count();
    assert!((22..=24).contains(&between), "{counts:?}");
    let depth = tracks.metrics.iter().find(|metric| metric.name == "depth").unwrap();
    assert!(depth.points.iter().any(|point| point.value == Some(4.0)), "{depth:?}");
}

#[test]
fn a_range_that_is_over_before_memory_begins_is_told_in_the_steps_of_the_past() {
    let clock = ManualClock::hold();
    let kept = Arc::new(Kept::default());
    let monitor = live(&clock, &kept, &[(true, true); 4_000]);
    let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
    let ago = |seconds: u64| wall::time_of(clock::now()) - Duration::from_secs(seconds);
    let steps = |from: u64, to: u64| {
        let range = TimeRange::between(ago(from), ago(to)).unwrap().with_step(5 * SECOND);
        let tracks = monitor.tracks(&search(), range);
        (tracks.step, total(&tracks))
    };
    // Within the hour that memory has minutes of, before it, and over its begin.
    for (from, to) in [(2_400, 1_800), (4_000, 3_700), (3_900, 3_300), (400, 20)] {
        let (step, told) = steps(from, to);
        assert_eq!((from, to, step), (from, to, 5.0));
        assert!((from - to - 5..=from - to + 10).contains(&told), "{from} {to}: {told}");
    }
}

#[test]
fn a_past_that_ends_too_early_is_completed_from_the_minutes_of_memory() {
    let clock = ManualClock::hold();
    let kept = Arc::new(Kept::default());
    let seconds: Vec<_> = (0..4_000).map(|second| (true, second < 2_000)).collect();
    let monitor = live(&clock, &kept, &seconds);
    let _provided = monitor.provide::<dyn Past>(Arc::<Kept>::clone(&kept)).unwrap();
    let ago = |seconds: u64| wall::time_of(clock::now()) - Duration::from_secs(seconds);
    let range = TimeRange::between(ago(2_400), ago(1_200)).unwrap().with_step(5 * SECOND);
    let tracks = monitor.tracks(&search(), range);
    let told = total(&tracks);
    assert_eq!((tracks.step, tracks.left_out), (60.0, 0));
    assert!((1_200..=1_320).contains(&told), "{told}");
}

#[test]
fn a_metric_that_is_read_no_more_is_told_for_the_time_in_which_it_was() {
    const SPOOLED: SampledMetric = SampledMetric::gauge("spool_size_bytes", "bytes", "Bytes that wait in the spool.");
    let clock = ManualClock::hold();
    let monitor = monitor();
    let sampler = monitor.sampler("spool", Duration::ZERO, |samples| samples.put(&SPOOLED, &[], 7.0));
    seconds_pass(&clock, &monitor, 600, |_| false);
    drop(sampler);
    seconds_pass(&clock, &monitor, 600, |_| false);
    let spooled = Selector::metric(SPOOLED.name());
    let range = TimeRange::last(1_200 * SECOND).with_step(60 * SECOND);
    let tracks = monitor.tracks(&spooled, range);
    let [track] = &tracks.metrics[..] else { panic!("{tracks:#?}") };
    let known: Vec<bool> = track.points.iter().map(|point| point.value.is_some()).collect();
    assert!(known[1..9].iter().all(|is| *is) && !known[11..].iter().any(|is| *is), "{known:?}");
    // It is no metric of now.
    assert!(monitor.metrics().read().iter().all(|metric| metric.name != SPOOLED.name()));
    assert!(monitor.tracks(&spooled, Window::LastMinute).metrics.is_empty());
}
