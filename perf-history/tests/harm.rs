//! Harm done to a history: cuts, flipped bytes, no room, no folder.

mod common;

use common::{LONG, SECOND, begin, second, total};
use perf_history::HistoryFile;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Notes the most bytes that this thread took at once.
struct Noting;

thread_local! {
    static MOST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = MOST.try_with(|most| most.set(most.get().max(layout.size())));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// The calls that are told in each step of this length of a range, by the begin of the step.
fn told(monitor: &Monitor, range: TimeRange, step: u64) -> BTreeMap<SystemTime, u64> {
    let range = range.with_step(Duration::from_secs(step));
    let tracks = monitor.tracks(&Selector::kind(Kind::Operation), range);
    let points = tracks.series.into_iter().flat_map(|track| track.points);
    points.filter_map(|point| Some((point.start, point.count.filter(|count| *count > 0)?))).collect()
}

/// Harms a file in many ways, and has a process go on with each: nothing is told twice, and where something is missing, that is counted.
fn harm(whole: &[u8], clock: &ManualClock, range: impl Fn() -> TimeRange, rounds: usize) {
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let file = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("history.redb"), bytes).unwrap();
        folder
    };
    let mut lost = 0;
    let steps = [5, 60, 3_600];
    let written = {
        let folder = file(whole);
        let (monitor, history) = begin(folder.path(), |_| ());
        let written = steps.map(|step| told(&monitor, range(), step));
        drop(history);
        written
    };
    assert!(written.iter().all(|told| told.values().sum::<u64>() == written[0].values().sum::<u64>()));
    for round in 0..rounds {
        let mut bytes = whole.to_vec();
        let place = round * 7_919 % used;
        if round % 3 == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << (round % 8);
        }
        let harmed = file(&bytes);
        let (monitor, history) = begin(harmed.path(), |_| ());
        if let Some(off) = history.status().off {
            // A byte of the container's own version: such a file may be another program's, and is left alone.
            assert!(off.contains("not one that this version reads"), "round {round} at {place}: {off}");
            continue;
        }
        let read = steps.map(|step| told(&monitor, range(), step));
        // Where damage is found only then, the file is opened anew, and set aside the second time.
        for _ in 0..40 {
            second(&monitor, clock);
            history.flush(LONG);
            if history.status().off.is_none() {
                break;
            }
        }
        let status = history.status();
        for ((read, written), step) in read.iter().zip(&written).zip(steps) {
            for (at, calls) in read {
                let most = written.get(at).copied().unwrap_or_default();
                assert!(*calls <= most, "round {round} at {place}: {calls} of {most} in {step} s at {at:?}");
            }
            let [is_told, was_written] = [read, written].map(|all| all.values().sum::<u64>());
            // An empty file is a new one.
            let is_counted = status.damaged + status.set_aside > 0 || bytes.is_empty();
            assert!(
                is_told == was_written || is_counted,
                "round {round} at {place}: {is_told} of {was_written} in {step} s, and nothing is counted"
            );
            lost += u32::from(is_told < was_written);
        }
        assert_eq!(status.off, None, "round {round} at {place}");
    }
    println!("{lost} of {} answers lacked something", 3 * rounds);
    assert!(lost > 0);
}

#[test]
fn of_a_file_with_flipped_or_missing_bytes_nothing_is_told_twice_and_what_is_missing_is_counted() {
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let (monitor, history) = begin(folder.path(), |_| ());
    let begun = TimeRange::last(SECOND).end();
    (0..200).for_each(|_| second(&monitor, &clock));
    let ended = TimeRange::last(SECOND).end();
    let path = history.status().path.unwrap();
    drop(history);
    clock.advance(30 * SECOND);
    let whole = fs::read(&path).unwrap();
    harm(&whole, &clock, || TimeRange::between(begun - SECOND, ended + SECOND).unwrap(), 120);
}

#[test]
fn of_a_file_with_sealed_hours_too() {
    let folder = tempfile::tempdir().unwrap();
    let whole = whole_file(folder.path());
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(2 * 3_600));
    harm(&whole, &clock, || TimeRange::last(Duration::from_secs(4 * 3_600)), 120);
}

/// A file of two hours with an hour sealed, to be harmed.
fn whole_file(folder: &Path) -> Vec<u8> {
    let clock = ManualClock::hold();
    let (monitor, history) = begin(folder, |settings| settings.commit_every.0 = 60 * SECOND);
    let depth = monitor.metrics().gauge("depth").register();
    for second_of in 0..4_000 {
        depth.set(f64::from(second_of % 13));
        second(&monitor, &clock);
    }
    let path = history.status().path.unwrap();
    assert!(monitor.shutdown(LONG).is_clean());
    drop(history);
    fs::read(path).unwrap()
}

/// Reads everything of a file, if it can be opened.
fn read_all(path: &Path) -> bool {
    let Ok(file) = HistoryFile::open(path) else { return false };
    let view = file.view();
    view.overview().boots.iter().for_each(|boot| drop(view.session(boot.number)));
    let monitor = Monitor::builder().build().unwrap();
    let provided = file.provide_to(&monitor).unwrap();
    let range = TimeRange::last(Duration::from_secs(7 * 24 * 3_600));
    for step in [5, 60, 3_600] {
        let tracks = monitor.tracks(&Selector::all(), range.with_step(Duration::from_secs(step)));
        drop(tracks);
    }
    monitor.alerts().events_in(range);
    drop(provided);
    true
}

/// The target `history` of `fuzz/` does the same with a fuzzer; `PERF_HISTORY_HARMS` says how often here.
#[test]
fn a_reader_takes_any_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = whole_file(folder.path());
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let path = folder.path().join("harmed");
    fs::write(&path, &whole).unwrap();
    assert!(read_all(&path));
    let mut noise = 1_u64;
    let mut random = |below: usize| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) as usize % below
    };
    let rounds = std::env::var("PERF_HISTORY_HARMS").map_or(60, |rounds| rounds.parse().unwrap());
    let mut readable = 0;
    for round in 0..rounds {
        let mut bytes = whole.clone();
        // Mostly where the engine keeps its own.
        for _ in 0..=random(6) {
            let place = if random(3) == 0 { random(used.min(8_192)) } else { random(used) };
            bytes[place] = if random(2) == 0 { u8::try_from(random(256)).unwrap() } else { bytes[random(used)] };
        }
        if round % 5 == 0 {
            bytes.truncate(random(used));
        }
        fs::write(&path, bytes).unwrap();
        readable += usize::from(read_all(&path));
    }
    println!("{readable} of {rounds} harmed files could be read");
}

/// Where pages name others, by the byte that says how long the other one is: the roots of tables, and some of what pages branch to.
fn numbers_of_pages(bytes: &[u8]) -> (Vec<usize>, Vec<usize>) {
    const PAGE: usize = 4_096;
    let (mut roots, mut children) = (Vec::new(), Vec::new());
    for (number, page) in bytes.chunks(PAGE).enumerate() {
        let begin = number * PAGE;
        let has = |text: &[u8]| page.windows(text.len()).any(|part| part == text);
        if page[0] == 1 && (has(b"blocks") || has(b"allocator_state")) {
            // A sort, how many entries there are, and that there is a root.
            let is_table = |at: &usize| page[*at] == 3 && page[at + 5..at + 10] == [0, 0, 0, 0, 1];
            roots.extend((0..PAGE - 40).filter(is_table).map(|at| begin + at + 17));
        }
        if page[0] == 2 {
            let all = usize::from(page[2]) + 1;
            children.extend((0..all).map(|child| begin + 8 + 16 * all + 8 * child + 7));
        }
    }
    let some = children.len().div_ceil(20).max(1);
    (roots, children.into_iter().step_by(some).collect())
}

/// The engine takes memory for a page before it looks whether the file has one.
#[test]
fn a_damaged_page_number_takes_no_memory_for_what_the_file_does_not_have() {
    const MOST_AT_ONCE: usize = 16 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut harmed = whole_file(folder.path());
    let (roots, children) = numbers_of_pages(&harmed);
    assert!(roots.len() > 3 && children.len() > 3, "{roots:?} {children:?}");
    for place in roots.into_iter().chain(children) {
        let before = harmed[place];
        // A page of a gigabyte.
        harmed[place] = 18 << 3;
        let (path, own) = (folder.path().join("harmed"), tempfile::tempdir().unwrap());
        fs::write(&path, &harmed).unwrap();
        fs::write(own.path().join("history.redb"), &harmed).unwrap();
        harmed[place] = before;
        MOST.set(0);
        read_all(&path);
        let (monitor, history) = begin(own.path(), |_| ());
        monitor.tracks(&Selector::all(), TimeRange::last(Duration::from_secs(7 * 24 * 3_600)));
        drop(history);
        assert!(MOST.get() <= MOST_AT_ONCE, "{} bytes at once for byte {place}", MOST.get());
    }
}

#[test]
fn the_file_never_takes_more_than_it_may_and_goes_on() {
    const MOST: u64 = 16 << 20;
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let (monitor, history) = begin(folder.path(), |settings| {
        settings.max_bytes = MOST;
        settings.commit_every.0 = 60 * SECOND;
    });
    let gauges: Vec<_> = (0..128).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
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
