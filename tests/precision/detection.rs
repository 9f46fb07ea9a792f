//! How soon the standard rules tell of the faults of the example: four clients, a minute that is well, and then the fault. The
//! table in the guide's chapter on alerts has these times.

use perf_runtime::alert::Transition;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, monitor_agent, monitor_db_operation};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(100);
const CLIENTS: usize = 4;
/// Steps before the fault, and of it.
const WELL: u32 = 600;
const FAULT: u32 = 1_800;

/// The step that it is.
type Now = Rc<Cell<u32>>;

async fn until(now: Now, end: u32) {
    poll_fn(|_| if now.get() >= end { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[monitor_db_operation("select", "detection_points")]
async fn query(now: Now, end: u32, fails: bool) -> Result<(), ()> {
    until(now, end).await;
    if fails { Err(()) } else { Ok(()) }
}

#[monitor_agent("detection_analyst")]
async fn answer(now: Now, end: u32) {
    until(now, end).await;
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    SlowDb,
    FailingDb,
    StuckAgent,
}

/// The seconds from the fault's beginning until each rule fires for the first time.
fn told(fault: Fault) -> BTreeMap<String, u32> {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let events = monitor.alerts().subscribe(1_000);
    let (now, mut told) = (Now::default(), BTreeMap::new());
    let mut clients: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>> = (0..CLIENTS).map(|_| None).collect();
    for step in 0..WELL + FAULT {
        now.set(step);
        let (is_faulty, own) = (step >= WELL, &now);
        for (number, client) in clients.iter_mut().enumerate() {
            let going = client.get_or_insert_with(|| {
                let (now, monitor) = (Rc::clone(own), monitor.clone());
                Box::pin(async move {
                    let mut request = monitor.http_request("POST", "/ask");
                    request.pause();
                    let is = |kind| is_faulty && fault == kind;
                    let end = step + if is(Fault::SlowDb) { 16 } else { 1 };
                    let found = query(Rc::clone(&now), end, is(Fault::FailingDb)).await;
                    // One client of the four asks the agent.
                    if number == 0 {
                        let end = now.get() + if is(Fault::StuckAgent) { FAULT } else { 1 };
                        answer(now, end).await;
                    }
                    request.resume();
                    request.answer(if found.is_ok() { 200 } else { 500 });
                })
            });
            if going.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                *client = None;
            }
        }
        clock.advance(STEP);
        if step % 10 == 9 {
            monitor.tick();
        }
        while let Some(event) = events.try_recv() {
            if event.transition == Transition::Fired {
                assert!(is_faulty, "{}", event.alert.message);
                told.entry(event.alert.rule).or_insert((step + 1 - WELL) / 10);
            }
        }
    }
    told
}

#[test]
fn the_faults_of_the_example_are_told_of_in_time() {
    let found = [Fault::SlowDb, Fault::FailingDb, Fault::StuckAgent].map(told);
    let expected: [&[(&str, u32)]; 3] = [
        &[("db-latency", 57), ("http-latency", 57)],
        &[("db-errors", 35), ("http-errors", 35)],
        &[("agent-stuck", 31), ("http-stuck", 4)],
    ];
    let named = |all: &[(&str, u32)]| {
        all.iter().map(|(rule, seconds)| ((*rule).to_owned(), *seconds)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(found, expected.map(named));
}
