//! Questions to a history: dry runs over it, sessions, the clean-up, and a file of nobody's.

mod common;

use common::{LONG, SECOND, begin, second, total};
use perf_history::{Fsync, History, HistoryError, HistoryFile, Session};
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

const MINUTE: u64 = 60;
const SEARCH: &str = "operation{operation=search}";

/// Seconds with a call of so many milliseconds in each.
fn live(monitor: &Monitor, clock: &ManualClock, seconds: u64, millis: u64) {
    for _ in 0..seconds {
        monitor.operation("search").record(Duration::from_millis(millis), Outcome::Ok);
        clock.advance(SECOND);
        monitor.tick();
    }
}

/// Minutes with a call of so many milliseconds in each second, which the history reads while memory has them second by second.
fn live_seen(monitor: &Monitor, history: &History, clock: &ManualClock, stretches: [(u64, u64); 3]) {
    for (minutes, millis) in stretches {
        for _ in 0..minutes {
            live(monitor, clock, MINUTE, millis);
            history.catch_up(LONG);
        }
    }
}

fn last(minutes: u64) -> TimeRange {
    TimeRange::last(Duration::from_secs(minutes * MINUTE))
}

fn now() -> SystemTime {
    TimeRange::last(SECOND).end()
}

fn end(monitor: &Monitor, history: History) {
    assert!(monitor.shutdown(LONG).is_clean());
    drop(history);
}

/// Two lives with a time between them: slow for five minutes of the first, for three of the second.
fn two_lives(clock: &ManualClock, folder: &Path) -> (Monitor, History) {
    let (monitor, history) = begin(folder, |_| ());
    live_seen(&monitor, &history, clock, [(10, 20), (5, 900), (5, 20)]);
    end(&monitor, history);
    clock.advance(Duration::from_secs(30 * MINUTE));
    let (monitor, history) = begin(folder, |_| ());
    live_seen(&monitor, &history, clock, [(5, 20), (3, 900), (5, 20)]);
    history.flush(LONG);
    (monitor, history)
}

fn slow() -> Rule {
    let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::Max).window(Window::LastMinute);
    rule.warning(0.5).build().unwrap()
}

/// When the rule would have fired, and for how long each time, in seconds.
fn fired(rule: &Rule, monitor: &Monitor, range: TimeRange) -> (Duration, Vec<(u64, u64)>) {
    let past = monitor.past_figures_in(rule, SEARCH, range).unwrap();
    let step = past.step;
    let firings = rule.dry_run(past.values).into_iter();
    (step, firings.map(|one| (one.from.as_secs(), one.until.unwrap().saturating_sub(one.from).as_secs())).collect())
}

#[test]
fn a_rule_is_tried_over_restarts_in_the_shortest_steps_that_are_kept() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    // The first call is in the middle of a minute: the steps of a minute do not reach further for that.
    clock.set_time_of_day(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_385_632));
    let (monitor, history) = two_lives(&clock, folder.path());
    let (step, times) = fired(&slow(), &monitor, last(63));
    assert_eq!(step, Duration::from_secs(5));
    let [(first, one), (second, other)] = times.try_into().unwrap();
    // A minute longer than it was slow: so long is the window.
    assert!((600..=610).contains(&first) && (355..=365).contains(&one), "{first} {one}");
    assert!((3_300..=3_310).contains(&second) && (235..=245).contains(&other), "{second} {other}");
    // A rule that waits counts observed time alone.
    let patient = slow().to_builder().hold_for(Duration::from_secs(5 * MINUTE)).build().unwrap();
    let (_, times) = fired(&patient, &monitor, last(63));
    assert!(times.len() == 1 && (900..=915).contains(&times[0].0), "{times:?}");
    // Values outside of the range are not judged, and the window before it counts.
    let (_, times) = fired(&slow(), &monitor, last(20));
    assert_eq!(times.len(), 1);
    // Hours later only memory's minutes are left in memory; the file has the steps of 5 s still.
    clock.advance(Duration::from_secs(3_600));
    monitor.tick();
    history.flush(LONG);
    assert_eq!(fired(&slow(), &monitor, last(130)).1.len(), 2);
}

#[test]
fn where_only_minutes_are_kept_a_rule_is_tried_on_minutes() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = two_lives(&clock, folder.path());
    // Steps of 5 s are kept for 48 hours.
    for _ in 0..49 {
        clock.advance(Duration::from_secs(3_600));
        live(&monitor, &clock, 10, 20);
        history.flush(LONG);
    }
    let (step, times) = fired(&slow(), &monitor, last(51 * 60));
    assert_eq!(step, Duration::from_secs(60));
    assert_eq!(times.len(), 2, "{times:?}");
    assert!(times.iter().all(|(_, length)| (180..=420).contains(length)), "{times:?}");
    let unknown = monitor.past_figures_in(&slow(), "operation{operation=other}", last(60)).unwrap_err();
    assert_eq!((unknown.field.as_str(), unknown.allowed.as_str()), ("series", "one series of operation"));
}

#[test]
fn a_gauge_of_the_past_is_tried_by_the_means_of_its_steps() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    // The sixth hour ends an hour later: what is read at a time ends there, and memory begins behind it.
    clock.set_time_of_day(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_403_632));
    let (monitor, history) = begin(folder.path(), |_| ());
    let depth = monitor.metrics().gauge("depth").register();
    for minute in 0..90 {
        depth.set(if (30..40).contains(&minute) { 20.0 } else { 1.0 });
        for _ in 0..MINUTE {
            live(&monitor, &clock, 1, 20);
            history.catch_up(LONG);
        }
    }
    history.flush(LONG);
    let deep = Rule::builder("deep").metric("depth").warning(10.0).build().unwrap();
    let past = monitor.past_figures_in(&deep, "depth", last(90)).unwrap();
    let [firing] = deep.dry_run(past.values).try_into().unwrap();
    let length = firing.until.unwrap().saturating_sub(firing.from);
    assert!((1_795..=1_810).contains(&firing.from.as_secs()) && (595..=605).contains(&length.as_secs()), "{firing:?}");
}

fn sessions(history: &History) -> Vec<Session> {
    let view = history.view();
    view.overview().boots.iter().map(|boot| view.session(boot.number).unwrap()).collect()
}

#[test]
fn a_session_has_the_figures_of_its_boot_and_of_no_other() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = begin(folder.path(), |_| ());
    live(&monitor, &clock, 100 * MINUTE, 20);
    for _ in 0..7 {
        monitor.operation("search").record(Duration::from_millis(40), Outcome::Error);
    }
    live(&monitor, &clock, 10, 20);
    end(&monitor, history);
    // Within the same five seconds.
    let (monitor, history) = begin(folder.path(), |_| ());
    live(&monitor, &clock, 30, 900);
    monitor.record_mcp_call("context7", "resolve", Duration::from_millis(5), true);
    live(&monitor, &clock, 2, 900);
    history.flush(LONG);
    let [first, second] = sessions(&history).try_into().unwrap();
    let calls = first.calls.clone().unwrap();
    assert_eq!((calls.count, calls.errors), (100 * MINUTE + 17, 7));
    assert!(calls.p95.is_some_and(|p95| (0.02..0.0215).contains(&p95)), "{calls:?}");
    assert!(calls.max.is_some_and(|max| (0.04..0.043).contains(&max)), "{calls:?}");
    assert!((first.duration.unwrap() - 6_010.0).abs() < 2.0, "{first:?}");
    assert_eq!((first.boot.clean, second.boot.clean), (true, false));
    let kinds = second.kinds.unwrap();
    let counts: Vec<_> = kinds.iter().map(|(kind, calls)| (*kind, calls.count)).collect();
    assert_eq!(counts, [(Kind::McpCall, 1), (Kind::Operation, 32)]);
    assert_eq!((second.calls.unwrap().count, second.alerts_fired), (33, Some(0)));
    assert_eq!(history.view().session(99), None);
    // The hours are sealed, and it is told the same.
    clock.advance(Duration::from_secs(2 * 3_600));
    live(&monitor, &clock, 10, 20);
    history.flush(LONG);
    let [again, _] = sessions(&history).try_into().unwrap();
    assert_eq!(again.calls, first.calls);
}

#[test]
fn a_session_tells_the_alerts_that_fired_in_it() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) =
        common::with_rules(folder.path(), [Rule::builder("deep").metric("depth").warning(10.0).build().unwrap()]);
    monitor.record_custom_metric("depth", 20.0, "");
    live(&monitor, &clock, 60, 20);
    history.flush(LONG);
    let [only] = sessions(&history).try_into().unwrap();
    assert_eq!(only.alerts_fired, Some(1));
}

#[test]
fn a_clean_up_forgets_what_is_older_of_every_step() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = two_lives(&clock, folder.path());
    // Beyond memory.
    clock.advance(Duration::from_secs(3 * 3_600));
    live(&monitor, &clock, 5 * MINUTE, 20);
    history.flush(LONG);
    let whole = last(300).with_step(Duration::from_secs(5));
    let all = total(&monitor, whole.duration());
    assert_eq!(all, (20 + 13 + 5) * MINUTE);
    // In the middle of the second life.
    let at = now() - Duration::from_secs(5 * MINUTE + 3 * 3_600 + 5 * MINUTE);
    history.view().forget_before(at, LONG).unwrap();
    let [five, minute] = [5, 60].map(|step| {
        let tracks = monitor.tracks(&Selector::kind(Kind::Operation), last(300).with_step(Duration::from_secs(step)));
        let counts = tracks.series.iter().flat_map(|track| &track.points).map(|point| (point.start, point.count));
        let before = counts.clone().filter(|(start, count)| *start < at && count.is_some()).count();
        assert!(before <= 1, "{step}: {before}");
        counts.filter_map(|(_, count)| count).sum::<u64>()
    });
    assert!((10 * MINUTE - 5..=10 * MINUTE).contains(&five), "{five}");
    assert!((9 * MINUTE..=10 * MINUTE).contains(&minute), "{minute}");
    let overview = history.view().overview();
    assert_eq!(overview.boots.len(), 1, "{:?}", overview.boots);
    assert!(overview.tiers.iter().all(|tier| tier.oldest.is_some_and(|oldest| oldest >= at)), "{overview:?}");
    assert_eq!(history.view().session(overview.boots[0].number).unwrap().calls, None, "a part of it is forgotten");
    // The next start sees no more, and everything that came since.
    live(&monitor, &clock, 60, 20);
    end(&monitor, history);
    let (monitor, history) = begin(folder.path(), |_| ());
    live(&monitor, &clock, 5, 20);
    let told = total(&monitor, Duration::from_secs(300 * MINUTE));
    assert!((11 * MINUTE..=11 * MINUTE + 5).contains(&told), "{told}");
    assert_eq!(history.status().damaged, 0);
    end(&monitor, history);
    let (_, off) = begin(Path::new("/dev/null/none"), |_| ());
    assert!(matches!(off.view().forget_before(at, LONG), Err(HistoryError::Closed)));
}

#[test]
fn the_growth_is_told_once_it_is_known() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = begin(folder.path(), |settings| settings.commit_every.0 = 60 * SECOND);
    let gauges: Vec<_> = (0..20).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    let mut noise = 1_u64;
    let mut minutes = |minutes: u64| {
        for _ in 0..minutes * 12 {
            for gauge in &gauges {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                gauge.set((noise >> 11) as f64);
            }
            clock.advance(5 * SECOND);
            monitor.tick();
            history.catch_up(LONG);
        }
    };
    minutes(10);
    assert!(!monitor.render_prometheus().contains("history_growth_bytes_per_hour"));
    assert_eq!(history.status().growth_bytes_per_hour, None);
    minutes(4 * 60);
    let growth = history.status().growth_bytes_per_hour.unwrap();
    // 20 series of numbers that nothing makes shorter: 8 bytes each, in whole pages.
    assert!((80_000.0..200_000.0).contains(&growth), "{growth}");
    assert!(monitor.render_prometheus().contains("\nhistory_growth_bytes_per_hour "));
}

#[test]
fn a_file_of_nobodys_is_read_and_left_as_it_is() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = two_lives(&clock, folder.path());
    let path = history.status().path.unwrap();
    assert!(matches!(HistoryFile::open(&path), Err(HistoryError::Busy)));
    // A copy of a file in use, and that of a service that stopped.
    let copy = folder.path().join("copy.redb");
    fs::copy(&path, &copy).unwrap();
    end(&monitor, history);
    for path in [&copy, &path] {
        let before = fs::read(path).unwrap();
        let file = HistoryFile::open(path).unwrap();
        let reader = Monitor::builder().build().unwrap();
        let provided = file.provide_to(&reader).unwrap();
        let tracks = reader.tracks(&Selector::kind(Kind::Operation), last(120));
        let told: u64 = tracks.series.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum();
        assert_eq!(told, (20 + 13) * MINUTE, "{}", path.display());
        assert_eq!(file.view().overview().boots.len(), 2);
        assert_eq!(file.view().session(1).unwrap().calls.unwrap().count, 20 * MINUTE);
        assert!(matches!(file.view().forget_before(now(), LONG), Err(HistoryError::Closed)));
        file.check().unwrap();
        drop((provided, tracks, reader));
        assert_eq!(fs::read(path).unwrap(), before);
        // The owner has it for itself meanwhile, and the reader is told.
        if path.ends_with("history.redb") {
            let (monitor, history) = begin(folder.path(), |_| ());
            assert_eq!(history.status().path.as_deref(), Some(path.as_path()));
            assert!(matches!(file.check(), Err(HistoryError::Busy)));
            end(&monitor, history);
            assert!(matches!(file.check(), Err(HistoryError::Busy)), "it was written");
        }
    }
}

/// The program of another user: it opens the file of this variable.
const OTHER: &str = "PERF_HISTORY_TEST_OTHER_USER";

#[test]
fn other_user_that_reads() {
    let Some(path) = std::env::var_os(OTHER) else { return };
    println!("told: {}", HistoryFile::open(path).unwrap_err());
}

/// Only where the tests may take the part of another user, as in a container.
#[cfg(unix)]
#[test]
fn another_user_is_told_who_may_read_the_file() {
    use std::os::unix::process::CommandExt;
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = begin(folder.path(), |_| ());
    second(&monitor, &clock);
    let path = history.status().path.unwrap();
    end(&monitor, history);
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "other_user_that_reads", "--nocapture"]).env(OTHER, &path).uid(65_534);
    let Ok(done) = program.output() else { return eprintln!("skipped: only root may be another user") };
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(told.contains("told: the file is its owner's alone: read it as that user"), "{told}");
    // Root reads it.
    HistoryFile::open(&path).unwrap();
}

#[test]
fn what_is_no_history_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        HistoryFile::open(&path).unwrap_err()
    };
    assert!(matches!(open(b""), HistoryError::Foreign(_)));
    let text = open(&b"this is no history at all, and it is long enough to be taken for one".repeat(100));
    assert!(matches!(text, HistoryError::Damaged(_)), "{text:?}");
    assert!(matches!(HistoryFile::open(folder.path().join("none")).unwrap_err(), HistoryError::Other(_)));
}

#[test]
fn without_flushing_everything_is_there_after_the_end() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let (monitor, history) = begin(folder.path(), |settings| settings.fsync = Fsync::Never);
    (0..30).for_each(|_| second(&monitor, &clock));
    end(&monitor, history);
    let (monitor, _history) = begin(folder.path(), |_| ());
    second(&monitor, &clock);
    assert_eq!(total(&monitor, 60 * SECOND), 31);
}

/// The names of files of histories in a folder.
fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.rsplit('.').next() == Some("redb")).collect();
    names.sort();
    names
}

#[test]
fn after_restarts_that_overlap_the_past_of_the_processes_before_is_seen() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let mut lives = vec![begin(folder.path(), |_| ())];
    live(&lives[0].0, &clock, 2 * 3_600, 20);
    let mut expected = 2 * 3_600;
    for life in 1..4 {
        // The next one starts, both serve for a while, and the one before ends.
        lives.push(begin(folder.path(), |_| ()));
        for _ in 0..40 {
            lives[0].0.operation("search").record(Duration::from_millis(20), Outcome::Ok);
            live(&lives[1].0, &clock, 1, 20);
            lives[0].0.tick();
        }
        assert_eq!(files(folder.path()).len(), 2);
        let (monitor, history) = lives.remove(0);
        end(&monitor, history);
        expected += 80;
        for _ in 0..80 {
            live(&lives[0].0, &clock, 1, 20);
            lives[0].1.catch_up(LONG);
        }
        expected += 80;
        lives[0].1.flush(LONG);
        assert_eq!(files(folder.path()).len(), 1, "life {life}");
        let calls: u64 = sessions(&lives[0].1).iter().map(|one| one.calls.as_ref().unwrap().count).sum();
        assert_eq!((sessions(&lives[0].1).len(), calls), (life + 1, expected));
        let status = lives[0].1.status();
        assert_eq!((status.off, status.damaged, status.set_aside), (None, 0, 0));
    }
    // A restart in order finds the file, whatever its name is by now.
    let (monitor, history) = lives.remove(0);
    end(&monitor, history);
    let (monitor, history) = begin(folder.path(), |_| ());
    live(&monitor, &clock, 5, 20);
    history.flush(LONG);
    assert_eq!(
        total(&monitor, Duration::from_secs(3 * 3_600)),
        expected + 5,
        "times that two saw show the sum of both"
    );
    assert_eq!((sessions(&history).len(), files(folder.path()).len()), (5, 1));
}
