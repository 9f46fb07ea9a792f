//! A writer whose disk fails, whose file is read meanwhile, and whose pages are damaged.

use super::*;
use crate::past::Archive;
use crate::rows::CallRow;
use crate::settings::Fsync;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Outcome};
use std::sync::RwLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

struct Bench {
    clock: ManualClock,
    monitor: Monitor,
    writer: Writer,
    calls: u64,
}

impl Bench {
    fn new(folder: &Path, set: impl FnOnce(&mut Settings)) -> Self {
        Self::on(ManualClock::hold(), folder, set)
    }

    fn on(clock: ManualClock, folder: &Path, set: impl FnOnce(&mut Settings)) -> Self {
        let monitor = Monitor::builder().build().unwrap();
        // Only a crash of the machine would show it, and a flush takes as long as a hundred commits.
        let mut settings = Settings { fsync: Fsync::Never, ..Settings::default() };
        set(&mut settings);
        let store: Current = Arc::new(RwLock::new(None));
        let mut writer = Writer::new(monitor.clone(), settings, folder.to_owned(), store, Arc::default());
        writer.begin().unwrap();
        Self { clock, monitor, writer, calls: 0 }
    }

    fn live(&mut self, name: &str, seconds: u64) {
        for _ in 0..seconds {
            self.monitor.operation(name).record(Duration::from_millis(3), Outcome::Ok);
            self.calls += 1;
            self.clock.advance(Duration::from_secs(1));
            self.monitor.tick();
            self.writer.step(false);
        }
    }

    fn store(&self) -> Option<Arc<Store>> {
        self.writer.store.read().unwrap().clone()
    }

    /// The calls of a series that are in the file, read from a tier as far as it was made.
    fn kept_of(&self, operation: &str, tier: usize) -> u64 {
        let store = self.store().unwrap();
        let reading = store.reading().unwrap();
        let selector = named(operation);
        let mut calls = 0;
        for (number, _) in store.names.read().unwrap().selected_by(&selector) {
            for (tier, ends) in reading.by_tier(tier, 0..u64::MAX / 2) {
                let add = |_, row: &CallRow, _| calls += row.hits.iter().map(|hit| hit.count).sum::<u64>();
                reading.rows(&[number], (tier, 1), &ends, add).unwrap();
            }
        }
        calls
    }
}

fn named(operation: &str) -> Selector {
    Selector::kind(Kind::Operation).label("operation", operation)
}

#[test]
fn what_a_counter_counts_before_a_flush_between_two_ticks_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    let orders = bench.monitor.metrics().counter("orders").register();
    bench.live("o0", 3);
    orders.add(5.0);
    bench.writer.step(true);
    orders.add(2.0);
    bench.live("o0", 7);
    bench.writer.step(true);
    let store = bench.store().unwrap();
    let mut told = 0.0;
    for (number, _) in store.names.read().unwrap().selected_by(&Selector::metric("orders")) {
        let add = |_, row: &crate::rows::PointRow, _| told += row.sum;
        store.reading().unwrap().rows(&[number], (0, 1), &(0..u64::MAX / 2), add).unwrap();
    }
    assert_eq!(told.to_bits(), 7.0_f64.to_bits());
}

/// Each failure takes a second or two: some of them, or all with `PERF_HISTORY_FAILURES=all`.
fn some_of(all: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    let wants_all = std::env::var("PERF_HISTORY_FAILURES").is_ok_and(|wanted| wanted == "all");
    all.step_by(if wants_all { 1 } else { 23 })
}

#[test]
fn a_disk_that_fails_at_any_write_loses_and_doubles_nothing() {
    let mut offs = 0;
    for fails_at in some_of(0..120) {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(folder.path(), |_| ());
        bench.live("before", 20);
        bench.writer.room.writes_left.store(fails_at, Ordering::Relaxed);
        bench.live("meanwhile", 20);
        offs += u32::from(bench.store().is_none());
        bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
        // Over the end of an hour, so that it is sealed.
        bench.live("after", 15);
        bench.clock.advance(Duration::from_secs(3_600));
        bench.live("after", 15);
        bench.writer.step(true);
        for tier in 0..3 {
            let kept = ["before", "meanwhile", "after"].map(|name| bench.kept_of(name, tier));
            assert_eq!(kept, [20, 20, 30], "it failed at write {fails_at}, tier {tier}");
        }
        assert_eq!(bench.store().unwrap().boots().unwrap().len(), 1, "it is the same boot");
    }
    assert!(offs > 0, "{offs}");
}

#[test]
fn a_disk_that_fails_while_an_hour_is_sealed_loses_and_doubles_nothing() {
    for fails_at in some_of(0..120) {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(folder.path(), |settings| settings.commit_every.0 = Duration::from_secs(60));
        (0..150).for_each(|place| bench.live(&format!("o{place}"), 1));
        bench.clock.advance(Duration::from_secs(3_600));
        bench.writer.room.writes_left.store(fails_at, Ordering::Relaxed);
        bench.live("o0", 8);
        bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
        bench.live("o149", 20);
        bench.writer.step(true);
        for tier in 0..3 {
            let kept = ["o0", "o70", "o149"].map(|name| bench.kept_of(name, tier));
            assert_eq!(kept, [9, 1, 21], "it failed at write {fails_at}, tier {tier}");
        }
    }
}

#[test]
fn a_disk_that_fails_while_longer_steps_are_made_loses_and_doubles_nothing() {
    let mut made = 0;
    for fails_at in some_of(0..120) {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(folder.path(), |settings| settings.commit_every.0 = Duration::from_secs(60));
        (0..50).for_each(|place| bench.live(&format!("o{place}"), 1));
        bench.clock.advance(Duration::from_secs(3_600));
        bench.live("o0", 8);
        bench.clock.advance(Duration::from_secs(13 * 3_600));
        bench.writer.room.writes_left.store(fails_at, Ordering::Relaxed);
        bench.live("o0", 8);
        bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
        bench.live("o49", 20);
        bench.writer.step(true);
        for tier in 0..3 {
            let kept = ["o0", "o20", "o49"].map(|name| bench.kept_of(name, tier));
            assert_eq!(kept, [17, 1, 21], "it failed at write {fails_at}, tier {tier}");
        }
        made += u32::from(bench.store().unwrap().reading().unwrap().made(1) > 0);
    }
    assert!(made > 0);
}

/// A clock that was ahead made longer steps of times that come after it was set right.
#[test]
fn rows_of_a_time_that_longer_steps_have_already_are_added_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |settings| {
        settings.commit_every.0 = Duration::from_secs(60);
        (settings.keep_5s.0, settings.keep_1m.0) = (Duration::MAX, Duration::MAX);
    });
    bench.live("search", 70);
    bench.clock.advance(Duration::from_secs(40 * 24 * 3_600));
    bench.live("search", 130);
    let made = bench.store().unwrap().reading().unwrap().made(2);
    assert!(made > 0);
    bench.clock.set_time_of_day(crate::past::time(made) - Duration::from_secs(20 * 24 * 3_600));
    bench.live("search", 130);
    bench.clock.advance(Duration::from_secs(3_600));
    bench.live("search", 70);
    bench.writer.step(true);
    for tier in 0..3 {
        assert_eq!(bench.kept_of("search", tier), 400, "tier {tier}");
    }
    let reading_of = |tier: usize| {
        let (store, mut calls) = (bench.store().unwrap(), 0);
        let reading = store.reading().unwrap();
        let add = |_, row: &CallRow, _| calls += row.hits.iter().map(|hit| hit.count).sum::<u64>();
        let until = made - 19 * 24 * 3_600_000_000_000;
        reading.rows(&[0, 1, 2, 3, 4], (tier, 1), &(made - 21 * 24 * 3_600_000_000_000..until), add).unwrap();
        calls
    };
    assert_eq!([0, 1, 2].map(reading_of), [reading_of(0); 3], "every tier has it");
}

#[test]
fn a_clean_up_that_fails_loses_and_doubles_nothing() {
    for fails_at in some_of(0..120) {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Bench::new(folder.path(), |settings| settings.commit_every.0 = Duration::from_secs(60));
        (0..150).for_each(|place| bench.live(&format!("o{place}"), 1));
        bench.writer.step(true);
        bench.writer.room.writes_left.store(fails_at, Ordering::Relaxed);
        let _ = bench.writer.forget_before(0);
        bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
        bench.live("o0", 20);
        bench.clock.advance(Duration::from_secs(3_600));
        bench.live("o149", 20);
        bench.writer.step(true);
        for tier in 0..3 {
            let kept = ["o0", "o70", "o149"].map(|name| bench.kept_of(name, tier));
            assert_eq!(kept, [21, 1, 21], "it failed at write {fails_at}, tier {tier}");
        }
    }
}

#[test]
fn while_nothing_can_be_written_what_waits_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    bench.live("search", 20);
    bench.writer.room.writes_left.store(0, Ordering::Relaxed);
    bench.live("search", 600);
    let waiting = bench.writer.waiting.as_ref().map_or(0, |batch| batch.calls.len());
    assert!(waiting <= 3, "{waiting}");
    bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
    bench.live("search", 20);
    bench.writer.step(true);
    assert_eq!(bench.kept_of("search", 0), 640);
}

#[test]
fn another_file_gets_the_rows_that_wait_under_their_own_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    bench.live("first", 10);
    bench.live("second", 10);
    bench.writer.room.writes_left.store(0, Ordering::Relaxed);
    bench.live("second", 7);
    std::fs::remove_file(folder.path().join("history.redb")).unwrap();
    bench.writer.room.writes_left.store(u64::MAX, Ordering::Relaxed);
    bench.live("third", 20);
    bench.writer.step(true);
    let [first, second, third] = ["first", "second", "third"].map(|name| bench.kept_of(name, 0));
    // Of those before, what was not committed yet.
    assert!(first == 0 && (7..=12).contains(&second) && third == 20, "{first} {second} {third}");
}

#[test]
fn a_reader_costs_neither_the_past_nor_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |settings| settings.max_bytes = 1 << 20);
    let store = bench.store().unwrap();
    let reading = store.reading().unwrap();
    let noise: Vec<_> = (0..40).map(|place| bench.monitor.metrics().gauge(format!("g{place}")).register()).collect();
    let mut state = 1_u64;
    for _ in 0..400 {
        for gauge in &noise {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            gauge.set((state >> 11) as f64);
        }
        bench.clock.advance(Duration::from_secs(20));
        bench.monitor.tick();
        bench.writer.step(false);
    }
    // No page that the reader may want can be used anew.
    assert!(bench.store().is_none());
    drop(reading);
    drop(store);
    bench.live("after", 20);
    let status = bench.writer.status.lock().unwrap().clone();
    assert_eq!((status.off, status.damaged), (None, 0));
    let forgotten = bench.store().unwrap().reading().unwrap().forgotten(1).unwrap();
    assert!(forgotten < crate::past::now() - 24 * 3_600_000_000_000, "tiers that are not in the way stay: {forgotten}");
}

#[test]
fn damage_that_is_found_later_sets_the_file_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    bench.live("before", 20);
    let damage = || StoreError::Damaged("a page".to_owned());
    bench.writer.switch_off(&damage());
    bench.live("between", 4);
    assert_eq!(bench.writer.status.lock().unwrap().set_aside, 0);
    bench.live("between", 12);
    // Written again without damage: the first was none of the file's.
    assert_eq!(bench.writer.damages, 0);
    bench.writer.switch_off(&damage());
    bench.writer.switch_off(&damage());
    bench.live("after", 20);
    bench.writer.step(true);
    assert_eq!(bench.writer.status.lock().unwrap().set_aside, 1);
    assert!(folder.path().join("history.damaged").exists());
    assert_eq!(["before", "after"].map(|name| bench.kept_of(name, 0)), [0, 20]);
}

#[test]
fn a_clock_that_is_set_back_begins_another_boot_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    bench.live("before", 20);
    let now = || UNIX_EPOCH + Duration::from_nanos(crate::past::now());
    bench.clock.set_time_of_day(now() - Duration::from_secs(1_800));
    bench.live("after", 20);
    assert!(bench.kept_of("after", 0) >= 15, "it is committed as before");
    bench.writer.step(true);
    assert_eq!(["before", "after"].map(|name| bench.kept_of(name, 0)), [20, 20]);
    let boots = bench.store().unwrap().boots().unwrap();
    assert_eq!(boots.iter().map(|(_, boot)| boot.clean).collect::<Vec<_>>(), [true, false]);
    let last = boots.last().and_then(|(_, boot)| boot.ended()).unwrap();
    assert_eq!(last, crate::past::now());
    // Set forward, as when the machine slept: nobody observed the time between.
    bench.clock.set_time_of_day(now() + Duration::from_secs(600));
    bench.live("awake", 10);
    bench.writer.step(true);
    let boots = bench.store().unwrap().boots().unwrap();
    assert_eq!(boots.len(), 2);
    let observed: u64 = boots[1].1.observed.iter().map(|(from, to)| to - from).sum();
    let seconds = observed as f64 / 1e9;
    assert!((27.0..31.0).contains(&seconds), "{seconds} of 30 s");
}

#[test]
fn a_clock_that_is_set_back_leaves_the_boots_of_a_file_that_was_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |_| ());
    bench.live("ours", 20);
    let mut other = Bench::on(bench.clock, folder.path(), |_| ());
    other.live("theirs", 5);
    other.writer.end();
    let mut bench = Bench { clock: other.clock, ..bench };
    bench.live("ours", 130);
    let numbers = |bench: &Bench| {
        let boots = bench.store().unwrap().boots().unwrap();
        boots.into_iter().map(|(number, boot)| (number, boot.began.0)).collect::<Vec<_>>()
    };
    let before = numbers(&bench);
    assert_eq!(before.len(), 2, "joined");
    let earlier = UNIX_EPOCH + Duration::from_nanos(crate::past::now()) - Duration::from_secs(600);
    bench.clock.set_time_of_day(earlier);
    bench.live("ours", 20);
    bench.writer.step(true);
    let after = numbers(&bench);
    assert_eq!((after.len(), &after[..2]), (3, &before[..]));
}

/// Everything that was counted is told, wherever memory takes over from the file.
#[test]
fn counts_that_were_read_late_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), |settings| settings.commit_every.0 = Duration::from_secs(60));
    let archive: Arc<dyn perf_runtime::extend::Past> = Arc::new(Archive {
        store: Arc::clone(&bench.writer.store),
        settings: Settings::default(),
        hours_until: Arc::default(),
    });
    let _provided = bench.monitor.provide(archive).unwrap();
    let (jobs, sizes) = (
        bench.monitor.metrics().counter("jobs_total").register(),
        bench.monitor.metrics().histogram("size").register(),
    );
    let mut counted = 0.0_f64;
    let mut live = |bench: &mut Bench, seconds: u64, reads: bool| {
        for _ in 0..seconds {
            jobs.add(3.0);
            sizes.record(2.5);
            counted += 1.0;
            bench.clock.advance(Duration::from_secs(1));
            bench.monitor.tick();
            if reads {
                bench.writer.step(false);
            }
        }
        counted
    };
    live(&mut bench, 400, true);
    // For twenty minutes the disk does not answer; then the thread is held up for half a minute, again and again.
    live(&mut bench, 1_200, false);
    for minute in 0..100 {
        let counted = live(&mut bench, 30, minute % 7 > 0);
        bench.writer.step(false);
        if minute % 3 > 0 && minute > 12 {
            continue;
        }
        for length in [3_600 * 2, 7_000, 4_000] {
            let range = TimeRange::last(Duration::from_secs(length)).with_step(Duration::from_secs(5));
            let tracks = bench.monitor.tracks(&Selector::metrics(), range);
            let of = |name: &str| tracks.metrics.iter().find(|track| track.name == name).unwrap().points.iter();
            let sum: f64 = of("jobs_total").filter_map(|point| point.value).sum();
            let count: f64 = of("size").filter_map(|point| point.count).sum();
            let wanted = counted.min(length as f64);
            assert!(
                (count - wanted).abs() <= 60.0 * f64::from(length as f64 <= counted),
                "{count} of {wanted}, {minute} {length}"
            );
            assert!((sum / 3.0 - count).abs() < 0.01, "{sum} {count}, {minute} {length}");
        }
    }
}

#[test]
fn names_events_and_boots_go_with_the_last_of_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let hours = |hours: u64| perf_runtime::config::Span(Duration::from_secs(hours * 3_600));
    let set = |settings: &mut Settings| {
        (settings.keep_5s, settings.keep_1m, settings.keep_1h) = (hours(2), hours(4), hours(24));
        settings.commit_every.0 = Duration::from_secs(60);
    };
    let mut bench = Bench::new(folder.path(), set);
    bench.live("old", 20);
    bench.writer.end();
    bench.clock.advance(Duration::from_secs(3_600));
    let mut bench = Bench::on(bench.clock, folder.path(), set);
    bench.live("new", 20);
    bench.writer.step(true);
    assert_eq!(bench.store().unwrap().boots().unwrap().len(), 2);
    for _ in 0..14 * 24 {
        bench.clock.advance(Duration::from_secs(3_600));
        bench.live("new", 15);
    }
    bench.writer.step(true);
    let store = bench.store().unwrap();
    assert_eq!(store.boots().unwrap().len(), 1);
    let known = |name: &str| {
        let selector = named(name);
        store.names.read().unwrap().selected_by(&selector).len()
    };
    assert_eq!((known("old"), known("new")), (0, 1));
    let rows = bench.kept_of("new", 2);
    assert!(rows < 14 * 24 * 15, "{rows}");
}
