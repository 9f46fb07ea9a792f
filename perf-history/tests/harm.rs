//! Harm done to a history: cuts, flipped bytes, no room, no folder.

mod common;

use common::{LONG, SECOND, begin, second, total};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use std::fs;
use std::time::Duration;

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
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << (round % 8);
        }
        let harmed = tempfile::tempdir().unwrap();
        fs::write(harmed.path().join("history.redb"), bytes).unwrap();
        let (monitor, history) = begin(harmed.path(), |_| ());
        if let Some(off) = history.status().off {
            // A byte of the container's own version: such a file may be another program's, and is left alone.
            assert!(off.contains("not one that this version reads"), "round {round} at {place}: {off}");
            continue;
        }
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
    let gauges: Vec<_> = (0..8).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
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
