//! A monitor with a history that lives by the clock of a test.

use perf_history::{Fsync, History, Settings};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome};
use std::path::Path;
use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LONG: Duration = Duration::from_secs(180);

pub(crate) fn begin(folder: &Path, set: impl FnOnce(&mut Settings)) -> (Monitor, History) {
    let monitor = History::set_up(Monitor::builder()).build().unwrap();
    let mut settings = settings(folder);
    set(&mut settings);
    let history = History::with_settings(&monitor, settings).unwrap();
    (monitor, history)
}

/// Settings without a flush: only a crash of the machine would show it, and a flush takes as long as a hundred commits.
fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    settings.fsync = Fsync::Never;
    settings
}

/// As [`begin`], with rules.
#[allow(dead_code, reason = "not in every binary of tests")]
pub(crate) fn with_rules(
    folder: &Path,
    rules: impl IntoIterator<Item = perf_runtime::rule::Rule>,
) -> (Monitor, History) {
    let builder = History::set_up(Monitor::builder()).add_rules(rules.into_iter().collect());
    let monitor = builder.build().unwrap();
    let settings = settings(folder);
    let history = History::with_settings(&monitor, settings).unwrap();
    (monitor, history)
}

/// A second with one call.
pub(crate) fn second(monitor: &Monitor, clock: &ManualClock) {
    monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
    clock.advance(SECOND);
    monitor.tick();
}

pub(crate) fn total(monitor: &Monitor, length: Duration) -> u64 {
    let tracks = monitor.tracks(&Selector::kind(Kind::Operation), TimeRange::last(length));
    tracks.series.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum()
}
