use super::*;
use crate::measure::clock::manual::ManualClock;
use crate::monitor::Monitor;
use crate::record::operation::Operation;

const SECOND: Duration = Duration::from_secs(1);

/// So many seconds with a tick at the end of each.
fn seconds_pass(clock: &ManualClock, monitor: &Monitor, count: u32, mut each: impl FnMut(u32)) {
    for second in 0..count {
        each(second);
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn of<'a>(panorama: &'a Panorama, labels: &[&str]) -> &'a Track {
    let values =
        |track: &&Track| track.summary.labels.iter().map(|(_, value)| value.as_str()).eq(labels.iter().copied());
    panorama.series.iter().find(values).unwrap()
}

fn record(operation: &Operation, millis: u64, outcome: Outcome) {
    operation.record(Duration::from_millis(millis), outcome);
}

#[test]
fn every_call_of_a_window_is_in_one_cell() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let search = monitor.operation("search");
    seconds_pass(&clock, &monitor, 4_000, |second| {
        record(&search, 20, if second % 10 == 0 { Outcome::Error } else { Outcome::Ok });
    });
    for window in Window::ALL {
        let panorama = monitor.panorama(window, None);
        let Track { summary, points, .. } = of(&panorama, &["search"]);
        let length = window.duration().as_secs_f64();
        assert!((panorama.grid.cells as f64 * panorama.grid.step - length).abs() < 1e-9);
        let (filled, calls) = (points.len() as u64, points.iter().map(|point| point.outcomes.finished()).sum::<u64>());
        assert_eq!(filled, panorama.grid.cells, "{window}");
        assert!(
            summary.count.abs_diff(calls) <= 60,
            "{window}: {calls} calls in cells, {} in the window",
            summary.count
        );
        assert!(points.is_sorted_by(|one, next| one.cell < next.cell));
        assert_eq!(points.last().map(|point| point.cell), Some(panorama.grid.newest));
    }
    let minute = monitor.panorama(Window::LastMinute, None);
    assert!(of(&minute, &["search"]).points.iter().all(|point| point.outcomes.finished() == 1));
}

#[test]
fn only_cells_that_changed_are_told_and_as_a_whole() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let (busy, idle) = (monitor.operation("busy"), monitor.operation("idle"));
    record(&idle, 1, Outcome::Ok);
    seconds_pass(&clock, &monitor, 30, |_| record(&busy, 1, Outcome::Ok));
    let before = monitor.panorama(Window::LastHour, None);
    seconds_pass(&clock, &monitor, 1, |_| record(&busy, 900, Outcome::Ok));
    let after = monitor.panorama(Window::LastHour, Some(Duration::from_secs_f64(before.grid.ticked)));
    assert!(of(&after, &["idle"]).points.is_empty());
    let point = of(&after, &["busy"]).points.last().unwrap();
    let whole = of(&before, &["busy"]).points.last().filter(|last| last.cell == point.cell);
    assert_eq!(point.outcomes.ok, whole.map_or(1, |whole| whole.outcomes.ok + 1));
    assert!(point.max.unwrap() >= 0.9);
    let kind = after.kinds.iter().find(|kind| kind.summary.kind == Kind::Operation).unwrap();
    assert_eq!(kind.summary.count, 32);
    assert_eq!(kind.points.len(), 1);
}

#[test]
fn requests_of_one_route_are_one_whatever_their_status() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    seconds_pass(&clock, &monitor, 2, |_| {
        monitor.http_request("GET", "/carts/{id}").answer(200);
        monitor.http_request("GET", "/carts/{id}").answer(503);
        monitor.http_request("POST", "/carts/{id}").answer(201);
    });
    let panorama = monitor.panorama(Window::LastMinute, None);
    let carts = of(&panorama, &["GET", "/carts/{id}"]);
    assert_eq!((carts.summary.count, carts.summary.error_rate), (4, Some(0.5)));
    assert_eq!(carts.points.iter().map(|point| point.outcomes.error).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(of(&panorama, &["POST", "/carts/{id}"]).summary.count, 2);
    let answered = |labels: &[&str]| {
        let found = monitor.track(Kind::HttpRequest, labels, Window::LastMinute, None);
        found.map(|(_, track)| track.summary.count)
    };
    assert_eq!(answered(&["GET", "/carts/{id}"]), Some(4));
    assert_eq!(answered(&["GET", "/carts/{id}", "503"]), Some(2));
    assert_eq!(answered(&[]), Some(6));
    assert_eq!(answered(&["PUT"]), None);
}

#[test]
fn the_histogram_of_a_cell_holds_its_calls() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let render = monitor.operation("render");
    seconds_pass(&clock, &monitor, 1, |_| {
        record(&render, 3, Outcome::Ok);
        record(&render, 3, Outcome::Ok);
        record(&render, 700, Outcome::Cancelled);
    });
    let (_, track) = monitor.track(Kind::Operation, &["render"], Window::LastMinute, None).unwrap();
    let [point] = &track.points[..] else { panic!("{track:?}") };
    let [fast, slow] = &point.buckets[..] else { panic!("{point:?}") };
    assert_eq!((fast.outcome, fast.count, slow.outcome, slow.count), (Outcome::Ok, 2, Outcome::Cancelled, 1));
    assert!(fast.lower <= 0.003 && 0.003 <= fast.upper && slow.lower <= 0.7 && 0.7 <= slow.upper);
}

#[test]
fn an_observer_is_told_of_each_tick_until_it_is_dropped() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let (told, ticks) = std::sync::mpsc::channel();
    let observer = monitor.on_tick("test", move |_| {
        let _ = told.send(());
    });
    monitor.tick();
    monitor.tick();
    drop(observer);
    monitor.tick();
    assert_eq!(ticks.iter().count(), 2);
}
