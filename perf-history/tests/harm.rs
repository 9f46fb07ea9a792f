//! Harm done to a history: kills, cuts, flipped bytes, no room, no folder.

use perf_history::{History, Settings};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);
const CHILD: &str = "PERF_HISTORY_TEST_CHILD";

fn begin(folder: &Path, set: impl FnOnce(&mut Settings)) -> (Monitor, History) {
    let monitor = History::set_up(Monitor::builder()).build().unwrap();
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    set(&mut settings);
    let history = History::with_settings(&monitor, settings).unwrap();
    (monitor, history)
}

fn second(monitor: &Monitor, clock: &ManualClock) {
    monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
    clock.advance(SECOND);
    monitor.tick();
}

fn total(monitor: &Monitor, length: Duration) -> u64 {
    told(monitor, TimeRange::last(length))
}

fn told(monitor: &Monitor, range: TimeRange) -> u64 {
    let tracks = monitor.tracks(&Selector::kind(Kind::Operation), range);
    tracks.series.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum()
}

/// The process that is killed: it lives fast, a second of its clock in two milliseconds, and says each that it lived.
#[test]
fn child_that_is_killed() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(env::var("PERF_HISTORY_TEST_LATER").unwrap().parse().unwrap()));
    let (monitor, history) = begin(Path::new(&folder), |_| ());
    assert_eq!(history.status().off, None);
    for lived in 1_u64.. {
        second(&monitor, &clock);
        if lived.is_multiple_of(5) {
            history.flush(LONG);
        }
        println!("lived {lived}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_process_that_is_killed_loses_five_seconds_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let begun = SystemTime::now() - SECOND;
    let (mut later, mut least, mut most) = (0_u64, 0_u64, 0_u64);
    let kills = env::var("PERF_HISTORY_KILLS").map_or(8, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(CHILD, folder.path())
            .env("PERF_HISTORY_TEST_LATER", later.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 7 + kill * 37 % 101;
        let mut lived = 0;
        for line in lines.by_ref().map(Result::unwrap) {
            let Some(number) = line.strip_prefix("lived ") else { continue };
            lived = number.parse().unwrap();
            if lived >= wanted {
                break;
            }
        }
        thread::sleep(Duration::from_micros(kill * 733 % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let rest = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("lived ")?.parse().ok()).last();
        let lived: u64 = rest.unwrap_or(lived);
        // A second may have been lived that was not said any more.
        (least, most) = (least + lived.saturating_sub(5), most + lived + 1);
        later += lived + 100;
    }
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(later + 600));
    let (monitor, history) = begin(folder.path(), |_| ());
    second(&monitor, &clock);
    // The clock of this process may be further than theirs: another test may have moved it.
    let told = told(&monitor, TimeRange::between(begun, TimeRange::last(SECOND).end()).unwrap()) - 1;
    assert!((least..=most).contains(&told), "{told} of {least} to {most}");
    assert_eq!((history.status().off, history.status().set_aside), (None, 0));
}

#[test]
fn a_file_with_flipped_or_missing_bytes_never_fails_a_start() {
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let (monitor, history) = begin(folder.path(), |_| ());
    (0..200).for_each(|_| second(&monitor, &clock));
    let path = history.status().path.unwrap();
    drop(history);
    let whole = fs::read(&path).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for round in 0..60_usize {
        let mut bytes = whole.clone();
        let place = round * 7_919 % used;
        if round % 3 == 0 {
            bytes.truncate(place)
        } else {
            bytes[place] ^= 1 << (round % 8)
        }
        let harmed = tempfile::tempdir().unwrap();
        fs::write(harmed.path().join("history.redb"), bytes).unwrap();
        let (monitor, history) = begin(harmed.path(), |_| ());
        assert_eq!(history.status().off, None, "round {round} at {place}");
        second(&monitor, &clock);
        history.flush(LONG);
        let told = total(&monitor, Duration::from_secs(600));
        assert!(told <= 201, "round {round} at {place}: {told}");
    }
}

#[test]
fn the_file_never_takes_more_than_it_may_and_goes_on() {
    const MOST: u64 = 1 << 20;
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let (monitor, history) = begin(folder.path(), |settings| {
        settings.max_bytes = MOST;
        settings.commit_every.0 = 60 * SECOND;
    });
    let gauges: Vec<_> = (0..8).map(|place| monitor.metrics().gauge(&format!("gauge_{place}")).register()).collect();
    let mut noise = 1_u64;
    for round in 0..14 * 3_600_u64 / 5 {
        for gauge in &gauges {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            gauge.set((noise >> 11) as f64);
        }
        clock.advance(5 * SECOND);
        monitor.tick();
        if round % 60 == 0 {
            history.flush(LONG);
            let status = history.status();
            assert!(status.bytes <= MOST, "{} after {round}", status.bytes);
        }
    }
    assert_eq!(history.status().off, None);
    let kept = monitor.tracks(&Selector::metric("gauge_0"), TimeRange::last(Duration::from_secs(14 * 3_600)));
    assert!(kept.metrics[0].points.iter().any(|point| point.value.is_some()));
}

#[test]
fn a_folder_that_cannot_be_used_is_tried_again() {
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("history");
    fs::write(&place, "in the way").unwrap();
    let (monitor, history) = begin(&place, |_| ());
    assert!(history.status().off.is_some());
    (0..5).for_each(|_| second(&monitor, &clock));
    assert!(monitor.render_prometheus().contains("\nhistory_up 0\n"));
    assert_eq!(total(&monitor, 10 * SECOND), 5, "memory answers for itself");
    fs::remove_file(&place).unwrap();
    for _ in 0..15 {
        second(&monitor, &clock);
        history.flush(LONG);
    }
    assert_eq!(history.status().off, None);
    assert!(monitor.render_prometheus().contains("\nhistory_up 1\n"));
}
