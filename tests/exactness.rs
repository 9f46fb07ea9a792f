//! Nothing is lost and nothing is seen twice: many threads, some of which are born and die, write while others render and
//! tick without a pause.

use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window, monitor};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Ten million with `PERF_SLOW_TESTS`: half a minute without optimisation.
fn calls_in_all() -> u64 {
    if std::env::var_os("PERF_SLOW_TESTS").is_some() { 10_000_000 } else { 1_000_000 }
}

const THREADS: u64 = 16;
/// A thread lives for so many calls; then another takes its place, and its cells.
const CALLS_IN_A_LIFE: u64 = 20_000;

static IN_DESTRUCTORS: AtomicU64 = AtomicU64::new(0);

#[monitor("exactness_storm")]
fn call(number: u64) -> Result<(), ()> {
    if number.is_multiple_of(4) { Err(()) } else { Ok(()) }
}

/// Counts one call as its thread ends: before or after the thread gave its cells back.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        IN_DESTRUCTORS.fetch_add(1, Ordering::Relaxed);
        call(1).unwrap();
    }
}

thread_local! {
    static BEFORE_THE_FIRST_CALL: Last = const { Last };
    static AFTER_THE_FIRST_CALL: Last = const { Last };
}

fn live(calls: u64) {
    BEFORE_THE_FIRST_CALL.with(|_| ());
    for number in 1..=calls {
        let _ = call(number);
        if number == 1 {
            AFTER_THE_FIRST_CALL.with(|_| ());
        }
    }
}

/// The samples of the storm's series in a scrape, by everything before the value.
fn scrape(monitor: &Monitor) -> BTreeMap<String, f64> {
    let text = monitor.render_prometheus();
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains("exactness_storm"));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn assert_consistent(scrape: &BTreeMap<String, f64>) {
    for (infinite, value) in scrape.iter().filter(|(name, _)| name.contains("le=\"+Inf\"")) {
        let count = infinite.replace("_bucket{", "_count{").replace(",le=\"+Inf\"", "");
        assert_eq!(scrape[&count].to_bits(), value.to_bits(), "{infinite}");
    }
}

fn assert_grown(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (series, value) in before.iter().filter(|(name, _)| !name.contains("in_flight")) {
        assert!(after[series] >= *value, "{series} went back from {value} to {}", after[series]);
    }
}

#[test]
fn every_call_of_many_threads_is_in_the_totals_and_no_scrape_ever_goes_back() {
    let monitor = Monitor::builder().build().unwrap();
    let done = AtomicBool::new(false);
    let each = calls_in_all() / THREADS;
    thread::scope(|scope| {
        let renderer = scope.spawn(|| {
            let (mut last, mut scrapes) = (scrape(&monitor), 0);
            while !done.load(Ordering::Relaxed) {
                let now = scrape(&monitor);
                assert_consistent(&now);
                assert_grown(&last, &now);
                (last, scrapes) = (now, scrapes + 1);
            }
            scrapes
        });
        let ticker = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                monitor.tick();
                thread::yield_now();
            }
        });
        let writers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(move || {
                    let mut left = each;
                    while left > 0 {
                        let calls = left.min(CALLS_IN_A_LIFE);
                        thread::spawn(move || live(calls)).join().unwrap();
                        left -= calls;
                    }
                })
            })
            .collect();
        let all_well = writers.into_iter().all(|writer| writer.join().is_ok());
        done.store(true, Ordering::Relaxed);
        assert!(all_well);
        ticker.join().unwrap();
        assert!(renderer.join().unwrap() > 0);
    });

    let last = scrape(&monitor);
    assert_consistent(&last);
    let summary = monitor.summary(Window::LastHour);
    let series = summary.find(Kind::Operation, &["exactness_storm"]).unwrap();
    let in_destructors = IN_DESTRUCTORS.load(Ordering::Relaxed);
    let errors: u64 = (0..each).step_by(20_000).map(|begun| (each - begun).min(CALLS_IN_A_LIFE) / 4).sum();
    let mut expected = OutcomeCounts::default();
    (expected.ok, expected.error) = ((each - errors) * THREADS + in_destructors, errors * THREADS);
    assert_eq!((series.total, series.in_flight), (expected, 0));
    assert_eq!(series.count, expected.finished(), "all of it happened within the hour");
    let ok = &last["operation_duration_seconds_count{operation=\"exactness_storm\",outcome=\"ok\"}"];
    assert_eq!(ok.to_bits(), (expected.ok as f64).to_bits());
}
