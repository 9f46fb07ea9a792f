//! Recorded calls over restarts: whole, and no more of them in a day than the settings let.

use super::{LONG, Life, SECOND};
use perf_history::Settings;
use perf_runtime::series::{FieldAccess, RecordedTree, Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window, monitor_tool};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

fn begin(folder: &Path, set: impl FnOnce(&mut Settings)) -> Life {
    Life::new(folder, |monitor| monitor.recorder(true).error_texts(true), set)
}

/// An order that asks for its goods and fails to be paid.
fn order(monitor: &Monitor, clock: &ManualClock, millis: u64) {
    let operation = |name| monitor.operation(name);
    let mut request = monitor.http_request_to("POST", "/recorded_order");
    request.work(|_| {
        operation("recorded_goods").run(|| clock.advance(Duration::from_millis(millis)));
        operation("recorded_pay").try_run(|| Err::<(), _>("no card")).unwrap_err();
    });
    request.fails_with("Unpaid", Some("no card of 4711"));
    request.answer(500);
}

fn go_on(life: &Life, clock: &ManualClock, seconds: u64) {
    for _ in 0..seconds {
        life.second(clock, 0);
    }
    life.history.catch_up(LONG);
}

/// Those that a monitor tells of the last so many seconds, with all calls inside them.
fn told(monitor: &Monitor, seconds: u64) -> Vec<RecordedTree> {
    let selector = Selector::kind(Kind::HttpRequest);
    let calls = monitor.recorded_calls(&selector, TimeRange::last(Duration::from_secs(seconds)));
    calls.iter().map(|call| monitor.recorded_call(&call.id).unwrap()).collect()
}

#[test]
fn recorded_calls_are_told_whole_after_restarts() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = begin(folder.path(), |_| ());
    (10..13).for_each(|millis| order(&life.monitor, &clock, millis));
    go_on(&life, &clock, 130);
    order(&life.monitor, &clock, 20);
    let before = told(&life.monitor, 600);
    assert_eq!(before.len(), 4);
    // Those that are in memory and in the file are told once.
    assert_eq!(told(&life.monitor, 3 * 3_600), before);
    life.end();
    clock.advance(120 * SECOND);
    let life = begin(folder.path(), |_| ());
    let after = told(&life.monitor, 3_600);
    assert_eq!(after, before);
    let last = &after[0];
    let series: Vec<_> = last.inside.iter().map(|inside| inside.series.to_string()).collect();
    assert_eq!(series, ["operation{operation=recorded_goods}", "operation{operation=recorded_pay}"]);
    let error = last.call.error.as_ref().unwrap();
    assert_eq!((error.error_type.as_deref(), error.text.as_deref()), (Some("Unpaid"), Some("no card of 4711")));
    // By when they ended: the first three did so four minutes ago.
    assert_eq!(told(&life.monitor, 130).len(), 1);
    order(&life.monitor, &clock, 5);
    assert_eq!(told(&life.monitor, 3_600).len(), 5);
    assert_eq!(life.monitor.recorded_call("1-1"), None);
    life.end();
    // A monitor that records nothing itself tells what there is; and texts of errors only where they are shown.
    let life = Life::begin(folder.path());
    let all = told(&life.monitor, 3_600);
    assert_eq!(all.len(), 5);
    let error = all[0].call.error.as_ref().unwrap();
    assert_eq!((error.error_type.as_deref(), error.text.as_deref()), (Some("Unpaid"), None));
    life.end();
}

#[test]
fn calls_that_memory_lets_go_of_as_their_minute_ends_are_kept() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = Life::with(folder.path(), |monitor| monitor.recorder(true).recorded_minutes(1));
    let into_minute = life.monitor.time_of_day().duration_since(UNIX_EPOCH).unwrap().as_secs() % 60;
    clock.advance(Duration::from_secs(60 - into_minute));
    life.monitor.tick();
    order(&life.monitor, &clock, 10);
    (0..70).for_each(|_| go_on(&life, &clock, 1));
    assert_eq!(told(&life.monitor, 600).len(), 1);
    life.end();
}

#[test]
fn no_more_of_them_are_kept_than_a_day_may_take() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    // Room for fewer in a day than there are processes, of which each would keep one.
    for _ in 0..4 {
        let life = begin(folder.path(), |settings| settings.recorded_bytes_a_day = 2_000);
        for _ in 0..2 {
            (10..13).for_each(|millis| order(&life.monitor, &clock, millis));
            go_on(&life, &clock, 60);
        }
        life.end();
    }
    let life = begin(folder.path(), |_| ());
    let kept = told(&life.monitor, 3_600);
    let bytes: usize = kept.iter().map(|tree| serde_json::to_string(tree).unwrap().len()).sum();
    assert!((1..4).contains(&kept.len()) && bytes <= 2_200, "{} with {bytes}", kept.len());
    // All of a minute failed: the slowest is kept.
    assert!(kept.iter().all(|tree| (tree.call.seconds - 0.012).abs() < 1e-9), "{kept:?}");
    life.end();
    let life = begin(folder.path(), |settings| settings.recorded_bytes_a_day = 0);
    order(&life.monitor, &clock, 10);
    life.end();
    assert_eq!(told(&begin(folder.path(), |_| ()).monitor, 3_600).len(), kept.len());
}

/// Of a kind that no other test asks for: it is a series of all of them.
#[monitor_tool("history_fields", fields(order = %order))]
fn with_fields(order: &str) {
    inside(7);
}

#[monitor_tool("history_fields_inside", fields(id))]
fn inside(id: u32) {}

#[test]
fn values_of_fields_are_kept_with_their_calls_and_told_as_the_settings_of_today_say() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let with = |access| Life::with(folder.path(), move |monitor| monitor.recorder(true).recorded_fields(access));
    let of_fields = Selector::calls().label("tool", "history_fields");
    let values = |tree: &RecordedTree| {
        let fields = tree.inside.iter().flat_map(|inside| &inside.fields).chain(&tree.call.fields);
        fields.map(|field| field.value.clone().unwrap()).collect::<Vec<_>>()
    };
    let life = with(FieldAccess::Admin);
    // A call that ends at the very moment at which a process begins is before it.
    go_on(&life, &clock, 1);
    with_fields("A-17");
    let id = life.monitor.recorded_calls(&of_fields, Window::LastHour)[0].id.clone();
    go_on(&life, &clock, 130);
    life.end();
    clock.advance(2 * 3_600 * SECOND);
    let life = with(FieldAccess::Admin);
    assert_eq!(values(&life.monitor.recorded_call(&id).unwrap()), ["7", "A-17"]);
    life.end();
    // No process begins at the very moment at which the one before it did.
    clock.advance(10 * SECOND);
    // Today nobody is to see any: neither are those of now kept, nor those of before told.
    let life = with(FieldAccess::Off);
    assert!(values(&life.monitor.recorded_call(&id).unwrap()).is_empty());
    let listed = life.monitor.recorded_calls(&of_fields, TimeRange::last(3 * 3_600 * SECOND));
    assert!(listed.len() == 1 && listed[0].fields.is_empty());
    go_on(&life, &clock, 1);
    with_fields("A-18");
    let second = life.monitor.recorded_calls(&of_fields, Window::LastHour)[0].id.clone();
    go_on(&life, &clock, 130);
    life.end();
    clock.advance(2 * 3_600 * SECOND);
    let life = with(FieldAccess::Read);
    assert!(values(&life.monitor.recorded_call(&second).unwrap()).is_empty());
    life.end();
}
