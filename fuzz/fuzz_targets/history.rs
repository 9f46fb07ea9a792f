//! The file of a history: whatever its bytes are, it is opened and read, or refused, without a panic.
//!
//! The input is a whole file or, where its first byte is odd, changes to a good one: an offset of three bytes and a new byte, and so on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_history::{History, HistoryFile, Settings};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome};
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

/// A folder for the files, and the bytes of a good one: four hours in which a function is called, and a gauge moves.
static GOOD: LazyLock<(TempDir, Vec<u8>)> = LazyLock::new(|| {
    // The engine panics where a page is not what it wrote, and the history catches that: it is no finding. One that is not caught ends
    // the process all the same.
    std::panic::set_hook(Box::new(|_| ()));
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::hold();
    let monitor = History::set_up(Monitor::builder()).build().expect("no setting is wrong");
    let mut settings = Settings::default();
    settings.path = Some(folder.path().to_owned());
    let history = History::with_settings(&monitor, settings).expect("a history");
    for step in 0..2_880_u32 {
        monitor.operation("resize").record(Duration::from_millis(u64::from(step % 70)), Outcome::Ok);
        monitor.record_custom_metric("queue_depth", f64::from(step % 13), "items");
        clock.advance(Duration::from_secs(5));
        monitor.tick();
    }
    let path = history.status().path.expect("a file");
    assert!(monitor.shutdown(Duration::from_secs(60)).is_clean());
    drop(history);
    let bytes = fs::read(path).expect("a file");
    std::mem::forget(clock);
    (folder, bytes)
});

fuzz_target!(|input: &[u8]| {
    let (folder, good) = &*GOOD;
    let bytes = match input.split_first() {
        Some((first, changes)) if first % 2 == 1 => changed(good, changes),
        _ => input.to_vec(),
    };
    let path = folder.path().join("file");
    fs::write(&path, bytes).expect("room on the disk");
    let Ok(file) = HistoryFile::open(&path) else { return };
    let view = file.view();
    for boot in view.overview().boots {
        view.session(boot.number);
    }
    let monitor = Monitor::builder().build().expect("no setting is wrong");
    let provided = file.provide_to(&monitor).expect("it has no past");
    let range = TimeRange::last(Duration::from_secs(24 * 3_600));
    for step in [5, 60, 3_600] {
        monitor.tracks(&Selector::all(), range.with_step(Duration::from_secs(step)));
    }
    monitor.alerts().events_in(range);
    drop(provided);
});

fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for change in changes.chunks_exact(4) {
        let [one, two, three, new] = *change else { continue };
        let place = usize::from(one) << 16 | usize::from(two) << 8 | usize::from(three);
        let length = bytes.len();
        bytes[place % length] = new;
    }
    bytes
}
