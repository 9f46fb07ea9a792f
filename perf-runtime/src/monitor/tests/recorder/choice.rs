//! The calls that are kept, the settings by which they are, and the work for those that ask for them.

use super::{all_buffers, kept, poll, recorded, some_buffers, sync_leaf, yield_once};
use crate::measure::cells::recorder::store::OFFERED;
use crate::observe::query::recorded_tree;
use crate::series::Selector;
use crate::test_util::{ManualClock, isolated};
use crate::{ErrorType, Monitor, Outcome, Window, monitor};
use std::fmt;

use std::sync::PoisonError;
use std::time::{Duration, UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_tree_has_the_bound_that_held_as_it_began() {
    #[monitor("rec_bounded")]
    async fn root(clock: &ManualClock) {
        (0..10).for_each(|_| sync_leaf(clock, 1));
        yield_once().await;
        (0..10).for_each(|_| sync_leaf(clock, 1));
    }
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let small = Monitor::builder().recorder(true).recorded_calls_inside(5).install().unwrap();
    let mut under_small = Box::pin(root(&clock));
    assert!(poll(under_small.as_mut()).is_pending());
    let large = Monitor::builder().recorder(true).recorded_calls_inside(15).build().unwrap();
    assert!(poll(under_small.as_mut()).is_ready());
    let first = &small.recorded_calls(&Selector::calls().label("operation", "rec_bounded"), Window::LastHour)[0];
    assert_eq!((first.calls, first.missing), (5, 15));
    clock.advance(60 * SECOND);
    let mut under_large = Box::pin(root(&clock));
    assert!(poll(under_large.as_mut()).is_pending());
    drop(large);
    assert!(poll(under_large.as_mut()).is_ready());
    let second = &kept("rec_bounded")[0];
    assert_eq!((second.calls, second.missing), (15, 5));
}

#[derive(Debug, ErrorType)]
enum Refusal {
    #[error_type(expected)]
    NotThere,
    Broken,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[test]
fn failures_that_are_expected_are_none_to_keep_and_none_to_look_at() {
    #[monitor("rec_expected")]
    fn root(clock: &ManualClock, refusal: Option<Refusal>) -> Result<(), Refusal> {
        sync_leaf(clock, 0);
        refusal.map_or(Ok(()), Err)
    }
    let _buffers = some_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let _monitor = Monitor::builder().recorder(true).recorded_calls_per_minute(0, 3).install().unwrap();
    // The first of a minute is looked at.
    root(&clock, None).unwrap();
    let before = OFFERED.get();
    (0..100).for_each(|_| root(&clock, Some(Refusal::NotThere)).unwrap_err().to_string().clear());
    assert_eq!((OFFERED.get() - before, kept("rec_expected").len()), (0, 0));
    root(&clock, Some(Refusal::Broken)).unwrap_err();
    let failed = kept("rec_expected");
    assert_eq!((OFFERED.get() - before, failed.len(), failed[0].outcome), (1, 1, Outcome::Error));
}

#[test]
fn minutes_of_which_nothing_is_kept_do_not_stay() {
    #[monitor("rec_minutes")]
    fn root(clock: &ManualClock) {
        sync_leaf(clock, 0);
    }
    let _buffers = some_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).recorded_calls_per_minute(0, 3).install().unwrap();
    for _ in 0..1_000 {
        root(&clock);
        clock.advance(60 * SECOND);
    }
    assert!(kept("rec_minutes").is_empty());
    let wish = monitor.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
    assert!((1..5).contains(&wish.store().accounts()), "{}", wish.store().accounts());
}

#[test]
fn trees_are_made_of_the_calls_alone_that_are_shown_and_counted_once() {
    #[monitor("rec_listed")]
    fn root(clock: &ManualClock) {
        sync_leaf(clock, 1);
    }
    let (_alone, clock) = recorded();
    (0..3).for_each(|_| root(&clock));
    let made = || recorded_tree::MADE.take();
    made();
    let of_root = Selector::calls().label("operation", "rec_listed");
    let heads = monitor().recorded_heads(&of_root, Window::LastHour);
    let [last, ..] = &*heads else { panic!("three are kept: {heads:?}") };
    assert_eq!((heads.len(), made()), (3, 0));
    assert_eq!(
        (last.seconds(), last.outcome(), last.series().to_string()),
        (1.0, Outcome::Ok, "operation{operation=rec_listed}".into())
    );
    let call = monitor().recorded_from(last).unwrap();
    assert_eq!((&call.id, call.start, call.calls, made()), (&last.id(), last.start(), 1, 1));
    let all = kept("rec_listed");
    assert_eq!((&all[0], all.len(), made()), (&call, 3, 2));
    assert_eq!((kept("rec_listed"), made()), (all, 0));
    // Others are neither named nor made to find one.
    assert_eq!((monitor().recorded_call(&last.id()).unwrap().call, made()), (call, 1));
    let (ended, number) =
        last.id().split_once('-').map(|(ended, number)| (ended.to_owned(), number.to_owned())).unwrap();
    for none in [
        "",
        "-",
        "x",
        &*ended,
        &*number,
        &*format!("0-{number}"),
        &*format!("{ended}-ffff"),
        &*format!("{ended}-0{number}"),
    ] {
        assert!(monitor().recorded_call(none).is_none(), "{none:?}");
    }
}

#[test]
fn a_call_is_found_by_its_name_after_others_before_it_gave_way() {
    #[monitor("rec_gives_way")]
    fn root(clock: &ManualClock, seconds: u32) {
        sync_leaf(clock, seconds);
    }
    let (_alone, clock) = recorded();
    // To the begin of a minute, of which cells of time know nothing.
    let since = monitor().time_of_day().duration_since(UNIX_EPOCH).unwrap().as_millis();
    clock.advance(Duration::from_millis(60_000 - u64::try_from(since % 60_000).unwrap()));
    // Shorter ones give way within their minute.
    for seconds in [1, 2, 1, 3, 2, 3, 4, 4] {
        root(&clock, seconds);
    }
    let all = kept("rec_gives_way");
    assert_eq!(all.iter().map(|call| call.seconds).collect::<Vec<_>>(), [4.0, 4.0, 3.0]);
    assert!(all.iter().all(|call| monitor().recorded_call(&call.id).is_some_and(|tree| tree.call == *call)));
}
