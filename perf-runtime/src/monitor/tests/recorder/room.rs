//! The room for calls that run: who has it, for how long, and when it is given back.

use super::{all_buffers, kept, poll, sync_leaf, tree, yield_once};
use crate::measure::cells::recorder::{chunks, pool};
use crate::test_util::{ManualClock, isolated};
use crate::{Monitor, monitor};
use std::pin::{Pin, pin};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[monitor("rec_room")]
async fn root(clock: &ManualClock) {
    sync_leaf(clock, 0);
    yield_once().await;
    sync_leaf(clock, 0);
}

#[monitor("rec_room_large")]
fn large(clock: &ManualClock) {
    (0..1_000).for_each(|_| sync_leaf(clock, 0));
}

#[monitor("rec_room_nested")]
async fn large_and_open(clock: &ManualClock) {
    (0..1_000).for_each(|_| sync_leaf(clock, 0));
    yield_once().await;
}

#[test]
fn threads_that_are_idle_keep_no_buffers_from_others() {
    const THREADS: usize = 100;
    let _buffers = all_buffers();
    let (alone, clock) = (isolated(), ManualClock::hold());
    let _monitor = Monitor::builder().recorder(true).install().unwrap();
    let (before, handle, idle) = (pool::exhaust().len(), alone.handle(), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let _joined = handle.enter();
                let mut open: [_; 4] = std::array::from_fn(|_| Box::pin(root(&clock)));
                assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_pending()));
                assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_ready()));
                idle.wait();
                idle.wait();
            });
        }
        idle.wait();
        let after = pool::exhaust().len();
        idle.wait();
        assert!(after + 16 >= before, "{after} of {before}");
    });
}

#[test]
fn roots_that_never_end_lose_their_buffers_after_ten_minutes() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    let mut open = Vec::<Pin<Box<dyn Future<Output = ()>>>>::new();
    while monitor.recorder_state().without_buffer < 64 {
        open.push(Box::pin(root(&clock)));
        assert!(open.last_mut().is_some_and(|root| poll(root.as_mut()).is_pending()));
    }
    clock.advance(11 * MINUTE);
    let mut late = pin!(root(&clock));
    // A part of them is looked at in a row.
    assert!((0..64).any(|_| poll(Box::pin(root(&clock)).as_mut()).is_pending() && room_for(late.as_mut(), &monitor)));
    let _ = poll(late);
    open.clear();
    assert!(pool::exhaust().len() + 16 >= 2_048);
}

/// Whether a root finds room at its first poll.
fn room_for(root: Pin<&mut impl Future>, monitor: &Monitor) -> bool {
    let before = monitor.recorder_state().without_buffer;
    assert!(poll(root).is_pending());
    monitor.recorder_state().without_buffer == before
}

#[test]
fn memory_is_given_back_once_nobody_wants_calls_recorded_or_trees_are_smaller() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let first = Monitor::builder().recorder(true).recorded_calls_inside(100).build().unwrap();
    {
        let _second = Monitor::builder().recorder(true).build().unwrap();
        large(&clock);
        assert!(chunks::made() >= 16);
    }
    // Other tests have some of their own.
    assert!(chunks::made() < 12, "{}", chunks::made());
    let mut open = (0..100).map(|_| Box::pin(root(&clock))).collect::<Vec<_>>();
    assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_pending()));
    open.clear();
    assert!(chunks::made() >= 100);
    drop(first);
    assert!(chunks::made() < 12, "{}", chunks::made());
    // And it is made anew.
    let _third = Monitor::builder().recorder(true).install().unwrap();
    large(&clock);
    assert_eq!(tree("rec_room_large").call.calls, 1_000);
}

#[test]
fn memory_that_others_have_no_use_for_is_there_for_those_that_have() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).recorded_calls_per_minute(1, 0).install().unwrap();
    // As many as take all of the memory; and then as many others, in other buffers.
    for _ in 0..3 {
        let mut open = (0..250).map(|_| Box::pin(large_and_open(&clock))).collect::<Vec<_>>();
        assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_pending()));
        let _others = pool::exhaust_some(200);
        assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_ready()));
        assert!(chunks::made() <= 3_072, "{}", chunks::made());
        clock.advance(MINUTE);
        let mut one = pin!(large_and_open(&clock));
        assert!(poll(one.as_mut()).is_pending() && poll(one).is_ready());
        let last = &kept("rec_room_nested")[0];
        assert_eq!((last.calls, last.missing), (1_000, 0));
    }
    assert_eq!(monitor.recorder_state().without_buffer, 0);
}

#[test]
fn where_there_is_no_room_a_root_looks_for_it_now_and_then_alone() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    let mut open = Vec::<Pin<Box<dyn Future<Output = ()>>>>::new();
    let mut one_more = || {
        open.push(Box::pin(root(&clock)));
        assert!(open.last_mut().is_some_and(|root| poll(root.as_mut()).is_pending()));
    };
    while monitor.recorder_state().without_buffer < 1 {
        one_more();
    }
    let looks = |more: usize, one_more: &mut dyn FnMut()| {
        let before = pool::LOOKS.get();
        (0..more).for_each(|_| one_more());
        pool::LOOKS.get() - before
    };
    assert!(looks(1_000, &mut one_more) <= 2_048);
    assert_eq!(looks(1_000, &mut one_more), 0, "within the same moment nobody looks again");
    clock.advance(Duration::from_millis(20));
    let again = looks(1_000, &mut one_more);
    assert!((1..=2_048).contains(&again), "{again}");
    // One that ends leaves its room to the next at once.
    assert!(poll(open.swap_remove(0).as_mut()).is_ready());
    let mut next = pin!(root(&clock));
    assert!(room_for(next.as_mut(), &monitor));
}

#[test]
fn bodies_that_stream_for_long_keep_no_memory_from_other_calls() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).recorded_calls_per_minute(1, 0).install().unwrap();
    // With sixteen chunks each, as many as would take all of the memory twice.
    let streaming: Vec<_> = (0..512)
        .map(|_| {
            let mut request = monitor.http_request_to("GET", "/slow");
            request.work(|_| (0..1_000).for_each(|_| sync_leaf(&clock, 0)));
            request.streams();
            request
        })
        .collect();
    assert!(chunks::made() <= 3_300, "{}", chunks::made());
    clock.advance(MINUTE);
    let mut one = pin!(large_and_open(&clock));
    assert!(poll(one.as_mut()).is_pending() && poll(one).is_ready());
    let last = &kept("rec_room_nested")[0];
    assert_eq!((last.calls, last.missing), (1_000, 0));
    // A request that lost its calls says so.
    for request in streaming {
        request.answer(200);
    }
    let requests =
        monitor.recorded_calls(&crate::series::Selector::kind(crate::Kind::HttpRequest), crate::Window::LastHour);
    assert!(
        !requests.is_empty() && requests.iter().all(|call| call.calls == 1_000 || !call.calls_known),
        "{requests:?}"
    );
}
