//! Questions that memory answers alone.

use crate::extend::{CallLog, ErrorLog, ErrorSlice, LogPosition, Past, PastSink, TreeLog, TreeSlice};
use crate::series::{RecordedCall, RecordedTree, Selector, SeriesId, TimeRange};
use crate::test_util::{ManualClock, isolated};
use crate::{Monitor, Outcome, Window};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

const SECOND: Duration = Duration::from_secs(1);

/// A store that keeps steps of 5 s and counts the questions, as one that is busy would hold them up.
#[derive(Default)]
struct Busy(AtomicUsize);

impl Busy {
    fn ask<T: Default>(&self) -> T {
        self.0.fetch_add(1, Ordering::Relaxed);
        T::default()
    }
}

impl Past for Busy {
    fn observed(&self, _: &TimeRange) -> Vec<TimeRange> {
        self.ask()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        self.ask::<()>();
        5 * SECOND
    }

    fn shortest_step(&self) -> Duration {
        5 * SECOND
    }

    fn read(&self, _: &Selector, _: &TimeRange, _: &mut dyn PastSink) {
        self.ask::<()>();
    }

    fn series(&self, _: &Selector) -> Option<Vec<SeriesId>> {
        self.ask()
    }
}

impl ErrorLog for Busy {
    fn for_each(&self, _: &TimeRange, _: &mut dyn FnMut(ErrorSlice)) -> LogPosition {
        self.ask()
    }
}

impl TreeLog for Busy {
    fn for_each(&self, _: &TimeRange, _: &mut dyn FnMut(&TreeSlice)) -> LogPosition {
        self.ask()
    }

    fn tree_since(&self) -> Option<SystemTime> {
        self.ask()
    }
}

impl CallLog for Busy {
    fn for_each(&self, _: &TimeRange, _: &mut dyn FnMut(RecordedCall)) {
        self.ask::<()>();
    }

    fn call(&self, _: &str) -> Option<RecordedTree> {
        self.ask()
    }
}

#[test]
fn what_memory_can_answer_is_not_asked_of_the_past() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().recorder(true).build().unwrap();
    let begun = monitor.time_of_day();
    let busy = Arc::new(Busy::default());
    let _past = monitor.provide::<dyn Past>(Arc::<Busy>::clone(&busy)).unwrap();
    let _errors = monitor.provide::<dyn ErrorLog>(Arc::<Busy>::clone(&busy)).unwrap();
    let _tree = monitor.provide::<dyn TreeLog>(Arc::<Busy>::clone(&busy)).unwrap();
    let _calls = monitor.provide::<dyn CallLog>(Arc::<Busy>::clone(&busy)).unwrap();
    for _ in 0..3_700 {
        monitor.operation("search").record(SECOND, Outcome::Error);
        clock.advance(SECOND);
        monitor.tick();
    }
    let asked = |question: &dyn Fn()| {
        question();
        busy.0.swap(0, Ordering::Relaxed)
    };
    let search: SeriesId = "operation{operation=search}".parse().unwrap();
    let all = Selector::from(&search);
    for window in Window::ALL {
        let minutes = TimeRange::from(window).with_step(60 * SECOND);
        assert_eq!(asked(&|| assert!(monitor.tracks(&all, minutes).series[0].whole.count >= Some(60))), 0, "{window}");
        assert_eq!(asked(&|| assert_eq!(monitor.series_in(&all, window).len(), 1)), 0, "{window}");
        assert_eq!(asked(&|| assert!(monitor.errors(&all, window).series[0].failed >= 60)), 0, "{window}");
        assert_eq!(asked(&|| drop((monitor.edges(window), monitor.shares(&search, window)))), 0, "{window}");
        assert_eq!(asked(&|| drop(monitor.recorded_heads(&all, window))), 0, "{window}");
    }
    for window in [Window::LastMinute, Window::Last5Minutes] {
        assert_eq!(asked(&|| drop(monitor.tracks(&all, window))), 0, "{window}, in the shortest steps");
    }
    // The steps of memory are a minute here, and those of the past shorter.
    assert!(asked(&|| drop(monitor.tracks(&all, Window::LastHour))) > 0);
    let late = TimeRange::between(begun, monitor.time_of_day()).unwrap();
    assert!(asked(&|| drop(monitor.tracks(&all, late.with_step(60 * SECOND)))) > 0, "it began before memory");
    drop(monitor);
    // The life of a process that began within a step.
    clock.advance(SECOND / 3);
    let monitor = Monitor::builder().build().unwrap();
    // To the nanosecond.
    let begun = TimeRange::last(SECOND).end();
    let _past = monitor.provide::<dyn Past>(Arc::<Busy>::clone(&busy)).unwrap();
    for _ in 0..400 {
        monitor.operation("search").record(SECOND, Outcome::Ok);
        clock.advance(SECOND);
        monitor.tick();
    }
    let life = TimeRange::between(begun, TimeRange::last(SECOND).end()).unwrap().exactly().with_step(60 * SECOND);
    let count = || monitor.tracks(&all, life).series[0].whole.count;
    assert_eq!(asked(&|| assert_eq!(count(), Some(400))), 0, "a life up to now");
}
