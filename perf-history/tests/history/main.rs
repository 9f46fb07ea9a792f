//! A history over many lives of a process, on a clock that the tests move.

mod exact;
mod hours;
mod judged;
mod lines;
mod once;
mod recorded;
mod spread;
mod sums;

use perf_history::{Fsync, History, Settings};
use perf_runtime::alert::{Delivery, DeliveryOutcome, Transition};
use perf_runtime::extend::Service;
use perf_runtime::metric::Gauge;
use perf_runtime::rule::Rule;
use perf_runtime::series::{Selector, TimeRange, Tracks};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, MonitorBuilder, Outcome};
use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

const MOMENT: Duration = Duration::from_millis(3);
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(180);

fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    // Only a crash of the machine would show it, and a flush takes as long as a hundred commits.
    settings.fsync = Fsync::Never;
    settings
}

struct Life {
    monitor: Monitor,
    history: History,
}

impl Life {
    fn begin(folder: &Path) -> Self {
        Self::new(folder, |monitor| monitor, |_| ())
    }

    fn with(folder: &Path, set_up: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Self {
        Self::new(folder, set_up, |_| ())
    }

    fn kept(folder: &Path, keep: impl FnOnce(&mut Settings)) -> Self {
        Self::new(folder, |monitor| monitor, keep)
    }

    fn new(
        folder: &Path,
        set_up: impl FnOnce(MonitorBuilder) -> MonitorBuilder,
        keep: impl FnOnce(&mut Settings),
    ) -> Self {
        let builder = History::set_up(Monitor::builder().service(Service::new("shop").version("1")));
        let monitor = set_up(builder).build().unwrap();
        let mut settings = settings(folder);
        keep(&mut settings);
        let history = History::with_settings(&monitor, settings).unwrap();
        assert_eq!(history.status().off, None);
        Self { monitor, history }
    }

    fn second(&self, clock: &ManualClock, calls: u64) {
        self.after(clock, SECOND, calls);
    }

    fn after(&self, clock: &ManualClock, time: Duration, calls: u64) {
        for _ in 0..calls {
            self.monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
        }
        clock.advance(time);
        self.monitor.tick();
    }

    /// Ends in order, however long that takes: the file is free for the next life.
    fn end(self) {
        assert!(self.monitor.shutdown(LONG).is_clean());
        drop(self.history);
    }

    fn calls(&self, range: TimeRange) -> Tracks {
        self.monitor.tracks(&Selector::kind(Kind::Operation), range)
    }
}

fn total(tracks: &Tracks) -> u64 {
    tracks.series.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum()
}

#[test]
fn a_restart_keeps_the_hour_and_shows_the_time_between_as_null() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = Life::begin(folder.path());
    (0..60).for_each(|_| life.second(&clock, 2));
    life.end();
    clock.advance(120 * SECOND);
    let life = Life::begin(folder.path());
    (0..60).for_each(|_| life.second(&clock, 3));
    let tracks = life.calls(TimeRange::last(Duration::from_secs(240)));
    assert_eq!((total(&tracks), tracks.step), (60 * 2 + 60 * 3, 5.0));
    let counts: Vec<_> = tracks.series[0].points.iter().map(|point| point.count).collect();
    let between = counts.iter().skip_while(|count| count.is_some()).take_while(|count| count.is_none()).count();
    assert!((22..=24).contains(&between), "{counts:?}");
    assert!(tracks.series[0].points.iter().all(|point| point.p99.is_none_or(|p99| (0.019..0.022).contains(&p99))));
}

#[test]
fn metrics_are_kept_and_counters_do_not_go_back_at_a_restart() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let mut depth: Option<Gauge> = None;
    for life in 0..3_u32 {
        let life_of = Life::begin(folder.path());
        let metrics = life_of.monitor.metrics();
        let jobs = metrics.counter("jobs_total").register();
        let gauge = metrics.gauge("depth").register();
        gauge.set(f64::from(life));
        depth = Some(gauge);
        for _ in 0..20 {
            jobs.add(2.0);
            life_of.second(&clock, 0);
        }
        if life < 2 {
            life_of.end();
            clock.advance(30 * SECOND);
            continue;
        }
        let tracks = life_of.monitor.tracks(&Selector::metrics(), TimeRange::last(Duration::from_secs(200)));
        let of = |name: &str| tracks.metrics.iter().find(|track| track.name == name).unwrap().points.clone();
        let jobs: f64 = of("jobs_total").iter().filter_map(|point| point.value).sum();
        assert!((jobs - 120.0).abs() < 1e-9, "{jobs}");
        let values: Vec<f64> = of("depth").iter().filter_map(|point| point.value).collect();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]) && values[0] == 0.0, "{values:?}");
        assert!((values.last().unwrap() - 2.0).abs() < 1e-9, "{values:?}");
    }
    drop(depth);
}

/// Three calls in each quarter of an hour, on a clock whose quarters begin so long after those of the day, or as the machine's do.
fn old_steps_add_up(quarters: u64, phase: Option<Duration>) {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    if let Some(phase) = phase {
        // Set back by weeks while the process lives, too.
        let hours = TimeRange::last(SECOND).end().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 3_600;
        clock.set_time_of_day(SystemTime::UNIX_EPOCH + Duration::from_secs((hours - 1_000) * 3_600) + phase);
    }
    let keep = |settings: &mut Settings| {
        settings.keep_5s.0 = Duration::from_secs(2 * 3_600);
        settings.keep_1m.0 = Duration::from_secs(24 * 3_600);
        settings.commit_every.0 = 60 * SECOND;
    };
    let life = Life::kept(folder.path(), keep);
    for quarter in 0..quarters {
        for call in 0..3 {
            life.second(&clock, 1);
            // The history has seen the calls of a quarter in part when its slices are joined.
            if quarter % 4 == call {
                life.history.catch_up(LONG);
            }
        }
        clock.advance(897 * SECOND);
        life.monitor.tick();
        if quarter % 4 == 0 {
            life.history.flush(LONG);
        }
    }
    life.history.flush(LONG);
    let all = |hours: u64| life.calls(TimeRange::last(Duration::from_secs(hours * 3_600)));
    let (days, day, hours) = (all(quarters / 4 + 1), all(12), all(2));
    assert_eq!(total(&days), quarters * 3, "step {}, {phase:?}", days.step);
    assert_eq!((days.step, day.step), (3_600.0, 60.0));
    assert!(hours.step < 60.0, "{}", hours.step);
    assert!((12 * 12 - 3..=12 * 12 + 3).contains(&total(&day)), "{} {phase:?}", total(&day));
    // Functions of other tests are series without calls here.
    let p99 = days.series.iter().flat_map(|series| &series.points).find_map(|point| point.p99).unwrap();
    assert!((0.019..0.022).contains(&p99), "{p99}");
    // A range that ends within an hour of which the steps of 5 s are gone.
    let hour = Duration::from_secs(3_600);
    let now = TimeRange::last(SECOND).end();
    let (begun, end) = (now - Duration::from_secs(quarters * 900), now - 10 * hour - Duration::from_secs(300));
    let tracks = life.calls(TimeRange::between(now - 29 * hour, end).unwrap().with_step(hour));
    let ends = (0..quarters).flat_map(|quarter| (1..=3).map(move |second| quarter * 900 + second));
    let ends = ends.map(|seconds| begun + Duration::from_secs(seconds));
    let late = Duration::from_millis(500);
    let expected = ends.filter(|ended| *ended - late >= tracks.start && *ended <= end).count() as u64;
    assert_eq!((total(&tracks), tracks.step), (expected, 3_600.0), "{phase:?}");
    assert_eq!(life.history.status().damaged, 0);
}

#[test]
fn what_is_old_is_kept_in_longer_steps_and_adds_up() {
    old_steps_add_up(4 * 24 * 4, None);
}

/// With the edges of hours before, within and after the calls of a quarter, and the half second by which a tick may be late: no call
/// is told twice or not at all where memory takes over from the file.
#[test]
fn what_is_old_adds_up_wherever_the_hour_ends() {
    for millis in [0, 898_400, 899_600, 450_000] {
        old_steps_add_up(4 * 30, Some(Duration::from_millis(millis)));
    }
}

#[test]
fn alerts_and_their_state_go_on_after_a_restart() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let rule = || Rule::builder("deep").metric("depth").warning(10.0).build().unwrap();
    let life = Life::with(folder.path(), |builder| builder.add_rules([rule()].into_iter().collect()));
    life.monitor.record_custom_metric("depth", 20.0, "");
    (0..10).for_each(|_| life.second(&clock, 0));
    let before = life.monitor.alerts().active();
    assert_eq!(before.len(), 1, "{before:?}");
    let begun = SystemTime::now() - Duration::from_secs(24 * 3_600);
    life.end();
    clock.advance(60 * SECOND);
    let life = Life::with(folder.path(), |builder| builder.add_rules([rule()].into_iter().collect()));
    life.monitor.record_custom_metric("depth", 20.0, "");
    life.second(&clock, 0);
    let after = life.monitor.alerts().active();
    assert_eq!((after.len(), after[0].id, after[0].since), (1, before[0].id, before[0].since));
    let range = TimeRange::between(begun, SystemTime::now() + Duration::from_secs(24 * 3_600)).unwrap();
    let fired = |life: &Life| {
        let events = life.monitor.alerts().events_in(range);
        events.iter().filter(|event| event.transition == Transition::Fired).count()
    };
    assert_eq!(fired(&life), 1);
    life.end();
}

#[test]
fn attempts_to_tell_people_are_kept_over_restarts_and_forgotten_with_the_rest() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let noted = |life: &Life, outcome| {
        let mut delivery = Delivery::new("team", "4f2a", outcome, life.monitor.time_of_day());
        (delivery.status, delivery.seconds) = (Some(200), Some(0.25));
        life.monitor.alerts().note_delivery(delivery);
        life.second(&clock, 0);
    };
    let life = Life::begin(folder.path());
    noted(&life, DeliveryOutcome::Failed);
    noted(&life, DeliveryOutcome::Delivered);
    let before = life.monitor.alerts().deliveries_since(0).deliveries;
    life.end();
    clock.advance(3_600 * SECOND);
    let life = Life::begin(folder.path());
    noted(&life, DeliveryOutcome::Dead);
    let all = |life: &Life| life.monitor.alerts().deliveries_in(TimeRange::last(2 * 3_600 * SECOND));
    let found = all(&life);
    assert_eq!((found.len(), &found[..2]), (3, &before[..]));
    assert_eq!((found[2].outcome, found[2].service.as_deref().unwrap().name.as_str()), (DeliveryOutcome::Dead, "shop"));
    life.history.flush(LONG);
    assert_eq!(all(&life), found, "each once, from memory and the file");
    life.history.view().forget_before(found[2].at, LONG).unwrap();
    assert_eq!(all(&life), found[2..]);
    life.end();
}

#[test]
fn a_file_that_is_damaged_is_set_aside_and_a_second_process_has_its_own() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (first, second) = (Life::begin(folder.path()), Life::begin(folder.path()));
    first.second(&clock, 1);
    second.second(&clock, 1);
    let [one, other] = [&first, &second].map(|life| life.history.status().path.unwrap());
    assert_ne!(one, other);
    first.end();
    second.end();
    std::fs::write(&one, b"this is no history at all, and it is long enough to be taken for one".repeat(100)).unwrap();
    let life = Life::begin(folder.path());
    assert_eq!(life.history.status().set_aside, 1);
    life.second(&clock, 4);
    assert_eq!(total(&life.calls(TimeRange::last(10 * SECOND))), 4);
    // It goes with the time in which it was written, and not before.
    let aside = one.with_extension("damaged");
    let now = life.monitor.time_of_day();
    File::options().append(true).open(&aside).unwrap().set_modified(now - 10 * SECOND).unwrap();
    life.history.view().forget_before(now - 20 * SECOND, LONG).unwrap();
    assert!(aside.exists());
    life.history.view().forget_before(now, LONG).unwrap();
    assert!(!aside.exists() && one.exists());
}

#[cfg(unix)]
#[test]
fn the_folder_is_its_owners_alone_and_no_link_is_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let own = folder.path().join("own");
    let life = Life::begin(&own);
    life.second(&clock, 1);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&own), mode(&life.history.status().path.unwrap())), (0o700, 0o600));
    life.end();
    let link = folder.path().join("link");
    symlink(&own, &link).unwrap();
    let monitor = History::set_up(Monitor::builder()).build().unwrap();
    let history = History::with_settings(&monitor, settings(&link)).unwrap();
    let off = history.status().off.unwrap();
    assert!(off.contains("link"), "{off}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_could_read_is_its_owners_and_a_folder_that_all_may_change_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let life = Life::begin(folder.path());
    life.second(&clock, 1);
    let path = life.history.status().path.unwrap();
    life.end();
    set(&path, 0o644);
    set(folder.path(), 0o755);
    Life::begin(folder.path()).end();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    set(folder.path(), 0o777);
    let monitor = History::set_up(Monitor::builder()).build().unwrap();
    let off = History::with_settings(&monitor, settings(folder.path())).unwrap().status().off.unwrap();
    assert!(off.contains("everybody may write into it (mode 777)"), "{off}");
}

#[test]
fn expected_errors_and_cancellations_are_read_back_as_such() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let read = |life: &Life| {
        let tracks = life.calls(TimeRange::last(Duration::from_secs(600)));
        let points = tracks.series.iter().flat_map(|track| &track.points);
        let outcomes = points.filter_map(|point| point.outcomes);
        outcomes.fold((0, 0), |(all, meant), of| (all + of.cancelled, meant + of.expected_cancelled))
    };
    let life = Life::begin(folder.path());
    let hedged = life.monitor.operation("hedged").cancel_expected();
    for _ in 0..20 {
        hedged.record(SECOND, Outcome::Cancelled);
        life.second(&clock, 1);
    }
    life.end();
    clock.advance(30 * SECOND);
    let life = Life::begin(folder.path());
    life.second(&clock, 0);
    assert_eq!(read(&life), (20, 20));
}

#[test]
fn a_boot_whose_clock_was_ahead_does_not_hide_the_others() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let now = || TimeRange::last(SECOND).end();
    let life = Life::begin(folder.path());
    (0..30).for_each(|_| life.second(&clock, 1));
    life.end();
    let right = now();
    clock.set_time_of_day(right + Duration::from_secs(20 * 365 * 24 * 3_600));
    let life = Life::begin(folder.path());
    life.second(&clock, 1);
    life.end();
    clock.set_time_of_day(right + Duration::from_secs(60));
    let life = Life::begin(folder.path());
    life.second(&clock, 1);
    assert_eq!(total(&life.calls(TimeRange::last(Duration::from_secs(600)))), 31);
}

#[test]
fn settings_that_are_not_allowed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("perf.toml");
    let error = |text: &str| {
        std::fs::write(&file, format!("[history]\n{text}\n")).unwrap();
        let monitor = History::set_up(Monitor::builder()).config_file(&file).build().unwrap();
        History::open(&monitor).unwrap_err().to_string()
    };
    for (text, field) in [
        ("max_bytes = 1000", "history.max_bytes"),
        ("commit_every = \"1h\"", "history.commit_every"),
        ("keep_5s = \"1h\"", "history.keep_5s"),
        ("keep_1m = \"3h\"", "history.keep_1m"),
        ("keep_1h = \"3h\"", "history.keep_1h"),
        ("keep_1d = \"3h\"", "keep_1d"),
        ("fsync = \"sometimes\"", "fsync"),
    ] {
        let error = error(text);
        assert!(error.contains(field), "{text}: {error}");
    }
    let in_code = |set: &dyn Fn(&mut Settings)| {
        let monitor = History::set_up(Monitor::builder()).build().unwrap();
        let mut settings = settings(folder.path());
        set(&mut settings);
        let error = History::with_settings(&monitor, settings).unwrap_err();
        (error.field, error.value)
    };
    assert_eq!(in_code(&|settings| settings.max_bytes = 0), ("history.max_bytes".to_owned(), "0".to_owned()));
    let hour = 3_600 * SECOND;
    assert_eq!(in_code(&|settings| settings.commit_every.0 = hour).0, "history.commit_every");
    assert_eq!(in_code(&|settings| settings.keep_1h.0 = hour).0, "history.keep_1h");
}
