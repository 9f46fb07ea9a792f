//! The report of a process's life, written when it ends.

use super::*;
use perf_report::{Reports, Settings, Sources};
use std::path::Path;

/// A service that lives for a minute and a half, calls something each second, and ends; with reports that say so in this file.
fn lives_and_ends(at_shutdown: &Path) {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().service(Service::new("shop")).build().unwrap();
    let mut settings = Settings::default();
    settings.at_shutdown = Some(at_shutdown.to_owned());
    let sources = Sources::default().alongside(|_, _| told());
    let reports = Reports::with_settings(&monitor, settings, sources).unwrap();
    monitor.tick();
    for _ in 0..90 {
        clock.advance(Duration::from_secs(1));
        monitor.operation("checkout").record(Duration::from_millis(3), Outcome::Ok);
        monitor.tick();
    }
    let ended = monitor.shutdown(Duration::from_secs(10));
    assert_eq!(ended.finished, ["report"], "a file that cannot be written ends nothing badly: {ended:?}");
    drop(reports);
}

fn files(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    std::fs::read_dir(folder).unwrap().map(name).collect()
}

#[test]
fn the_whole_life_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("life.json");
    std::fs::write(&file, "of the process before").unwrap();
    lives_and_ends(&file);
    let report = Report::from_json(&std::fs::read(&file).unwrap()).unwrap();
    let calls: u64 = report.tracks.series.iter().filter_map(|track| track.whole.count).sum();
    assert_eq!((calls, report.alongside), (90, told()));
    let length = report.end.duration_since(report.start).unwrap();
    assert!((Duration::from_secs(90)..Duration::from_secs(91)).contains(&length), "no more than its life: {length:?}");
    assert_eq!(files(folder.path()), ["life.json"], "nothing is left beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600, "labels are nobody else's");
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    lives_and_ends(&taken);
    lives_and_ends(&folder.path().join("missing/life.json"));
    assert_eq!(files(folder.path()), ["taken"]);
}

#[test]
fn a_path_without_a_name_is_refused() {
    for path in ["", "/", ".."] {
        let mut settings = Settings::default();
        settings.at_shutdown = Some(path.into());
        let monitor = Monitor::builder().build().unwrap();
        let error = Reports::with_settings(&monitor, settings, Sources::default()).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), ("report.at_shutdown", path));
        assert!(error.allowed.contains("a file"), "{error}");
    }
}

/// The length of a life of a minute, after which the clock of the day is this much further.
fn length_after(further: Duration) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let mut settings = Settings::default();
    let file = folder.path().join("life.json");
    settings.at_shutdown = Some(file.clone());
    let _reports = Reports::with_settings(&monitor, settings, Sources::default()).unwrap();
    clock.advance(Duration::from_secs(60));
    clock.set_time_of_day(monitor.time_of_day() + further);
    monitor.shutdown(Duration::from_secs(10));
    let report = Report::from_json(&std::fs::read(&file).unwrap()).unwrap();
    report.end.duration_since(report.start).unwrap()
}

#[test]
fn the_life_has_the_time_in_which_the_machine_slept_but_not_a_wrong_clock() {
    let hour = Duration::from_secs(3_600);
    assert!(length_after(8 * hour) >= 8 * hour, "the uptime stood still");
    assert!(length_after(900 * 24 * hour) <= hour, "the clock was wrong at the start");
}
