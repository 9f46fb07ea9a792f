//! Edges beyond their bound, which is that of a process.

use perf_runtime::series::Edge;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Window};
use std::time::Duration;

#[test]
fn calls_beyond_the_bound_of_edges_are_counted_as_such_until_there_is_room() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().max_edges(2).build().unwrap();
    let call = |parent: &str| {
        monitor.operation(parent).run(|| monitor.operation("child").run(|| clock.advance(Duration::from_secs(1))));
    };
    for _ in 0..10 {
        for parent in ["one", "two", "three", "four", "five"] {
            call(parent);
        }
    }
    let told = |edge: &Edge| {
        let name = |id: &perf_runtime::series::SeriesId| id.labels.get("operation").unwrap_or_default().to_owned();
        (name(&edge.parent), name(&edge.child), edge.calls, edge.seconds)
    };
    let edges = || {
        let mut edges: Vec<_> = monitor.edges(Window::LastHour).iter().map(told).collect();
        edges.sort_by(|one, other| one.0.cmp(&other.0));
        edges
    };
    let edge = |parent: &str, calls: u32| (parent.to_owned(), "child".to_owned(), u64::from(calls), f64::from(calls));
    assert_eq!(edges(), [edge("__overflow__", 30), edge("one", 10), edge("two", 10)]);

    // With a wider bound they have room.
    let _wider = Monitor::builder().max_edges(100).build().unwrap();
    call("three");
    assert_eq!(edges(), [edge("__overflow__", 30), edge("one", 10), edge("three", 1), edge("two", 10)]);
}
