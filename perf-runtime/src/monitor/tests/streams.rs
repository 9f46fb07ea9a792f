//! Streams: their items, how long was waited for them, how they end, and what they are to their callers.

use crate::series::{SeriesSummary, StreamSummary};
use crate::test_util::{Isolated, ManualClock, isolated};
use crate::{Kind, Window, monitor};
use futures_core::Stream;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

mod judged;

const SECOND: Duration = Duration::from_secs(1);

/// The answer of a stream to a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Item,
    Failure,
    Wait,
    Panic,
}

/// A stream that does what it is told, each time after so many seconds of work; then it is at its end, also where it is polled again.
struct Told<'a> {
    steps: VecDeque<Step>,
    clock: &'a ManualClock,
    work: u32,
}

impl Stream for Told<'_> {
    type Item = Result<u8, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.clock.advance(self.work * SECOND);
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Item) => Poll::Ready(Some(Ok(1))),
            Some(Step::Failure) => Poll::Ready(Some(Err("no"))),
            Some(Step::Wait) => Poll::Pending,
            Some(Step::Panic) => panic!("told so"),
        }
    }
}

fn told<'a>(steps: &[Step], clock: &'a ManualClock, work: u32) -> Told<'a> {
    Told { steps: steps.iter().copied().collect(), clock, work }
}

#[monitor("streams")]
fn annotated<'a>(
    steps: &[Step],
    clock: &'a ManualClock,
    work: u32,
) -> impl Stream<Item = Result<u8, &'static str>> + use<'a> {
    told(steps, clock, work)
}

fn operation<'a>(
    steps: &[Step],
    clock: &'a ManualClock,
    work: u32,
) -> impl Stream<Item = Result<u8, &'static str>> + use<'a> {
    monitor().operation("streams_operation").try_watch_stream(told(steps, clock, work))
}

fn next<S: Stream + ?Sized>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn observed() -> (Isolated, ManualClock) {
    let (alone, clock) = (isolated(), ManualClock::hold());
    monitor();
    (alone, clock)
}

fn series(name: &str) -> SeriesSummary {
    monitor().summary(Window::LastHour).find(Kind::Operation, &[name]).expect("a series").clone()
}

fn streams(name: &str) -> StreamSummary {
    series(name).stream.expect("calls that are streams")
}

fn ended(name: &str) -> [u64; 4] {
    let total = series(name).total;
    [total.ok, total.error, total.panicked, total.cancelled]
}

/// Both ways to measure a stream.
macro_rules! both_ways {
    ($($name:ident => $test:ident;)+) => {$(
        mod $name {
            #[test]
            fn by_attribute() {
                use crate::monitor::tests::streams::annotated;
                super::$test("streams", |steps, clock, work| Box::pin(annotated(steps, clock, work)));
            }

            #[test]
            fn by_operation() {
                use crate::monitor::tests::streams::operation;
                super::$test("streams_operation", |steps, clock, work| Box::pin(operation(steps, clock, work)));
            }
        }
    )+};
}
use both_ways;

type Made<'a> = Pin<Box<dyn Stream<Item = Result<u8, &'static str>> + 'a>>;

both_ways! {
    only_what_is_waited_for_is_the_streams_time => waits;
    a_stream_that_runs_tells_how_far_it_is => runs;
    a_stream_covers_its_callers_time_only_while_that_waits_for_it => covers;
    every_script_ends_as_it_must => scripts;
    what_is_measured_of_streams_is_exposed => exposes;
}

fn waits(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let (_alone, clock) = observed();
    let mut stream = make(&[Step::Wait, Step::Item, Step::Item, Step::Wait, Step::Wait, Step::Item], &clock, 0);
    clock.advance(SECOND);
    assert!(next(stream.as_mut()).is_pending());
    clock.advance(2 * SECOND);
    assert!(next(stream.as_mut()).is_ready());
    // The consumer has the item.
    clock.advance(10 * SECOND);
    assert!(next(stream.as_mut()).is_ready());
    clock.advance(10 * SECOND);
    assert!(next(stream.as_mut()).is_pending());
    clock.advance(3 * SECOND);
    assert!(next(stream.as_mut()).is_pending());
    clock.advance(SECOND);
    assert!(next(stream.as_mut()).is_ready());
    clock.advance(10 * SECOND);
    assert_eq!((next(stream.as_mut()), ended(name)), (Poll::Ready(None), [1, 0, 0, 0]));
    assert_eq!(next(stream.as_mut()), Poll::Ready(None));
    let StreamSummary { first_items, first_item_seconds, items, longest_gap_seconds, .. } = streams(name);
    assert_eq!((first_items, first_item_seconds, items), (1, Some(2.0), 3));
    assert_eq!(longest_gap_seconds, Some(4.0));
    let series = series(name);
    assert_eq!((series.mean, series.waited_seconds, series.busy_share), (Some(36.0), 6.0, None));
}

fn runs(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let (_alone, clock) = observed();
    let steps = [Step::Item, Step::Item, Step::Wait, Step::Item];
    let mut stream = make(&steps, &clock, 0);
    let running = || {
        let all = monitor().calls_in_flight_of(Kind::Operation, &[name], 9);
        let told: Vec<_> = all.iter().map(|call| (call.age, call.items, call.waits_for_item)).collect();
        (told, series(name).oldest_in_flight)
    };
    assert!(next(stream.as_mut()).is_ready());
    clock.advance(100 * SECOND);
    // A slow consumer makes no stuck stream.
    assert_eq!(running(), (vec![(100.0, Some(1), None)], None));
    assert!(next(stream.as_mut()).is_ready());
    assert!(next(stream.as_mut()).is_pending());
    clock.advance(5 * SECOND);
    assert_eq!(running(), (vec![(105.0, Some(2), Some(5.0))], Some(5.0)));
    assert!(next(stream.as_mut()).is_ready());
    clock.advance(SECOND);
    assert_eq!(running(), (vec![(106.0, Some(3), None)], None));
    drop(stream);
    assert_eq!((running(), ended(name)), ((vec![], None), [0, 0, 0, 1]));
    assert_eq!(streams(name).items, 3);
}

fn covers(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    #[monitor("streams_inner")]
    async fn inner(clock: &ManualClock) {
        clock.advance(SECOND);
    }
    let (_alone, clock) = observed();
    let mut stream = make(&[Step::Item, Step::Item, Step::Wait, Step::Item], &clock, 0);
    let polls = Cell::new(0);
    let mut consume = pin!(monitor().operation("streams_consumer").watch(std::future::poll_fn(|_| {
        while let Poll::Ready(item) = next(stream.as_mut()) {
            if item.is_none() {
                return Poll::Ready(());
            }
            clock.advance(10 * SECOND);
            let _ = pin!(inner(&clock)).poll(&mut Context::from_waker(Waker::noop()));
            polls.set(polls.get() + 1);
        }
        Poll::Pending
    })));
    let mut poll = || consume.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending());
    clock.advance(3 * SECOND);
    assert!(poll().is_ready());
    assert_eq!(polls.get(), 3);
    let consumer = series("streams_consumer");
    // Three times ten seconds of its own, three of `inner`, and three in which it waited for the stream.
    assert_eq!((consumer.mean, consumer.self_seconds), (Some(36.0), 30.0));
    let edges = monitor().edges(Window::LastHour);
    let mut told: Vec<_> = edges
        .iter()
        .map(|edge| {
            (edge.child.labels.get("operation").unwrap_or_default(), edge.calls, edge.seconds, edge.waited_seconds)
        })
        .collect();
    told.sort_by_key(|(child, ..)| *child == "streams_inner");
    assert_eq!(told, [(name, 1, 36.0, 3.0), ("streams_inner", 3, 3.0, 0.0)]);
}

/// A stream whose polls make calls, each of which takes a second.
fn with_calls<'a>(clock: &'a ManualClock, steps: &[Step]) -> impl Stream<Item = u8> + use<'a> {
    struct Calls<'a>(VecDeque<Step>, &'a ManualClock);
    impl Stream for Calls<'_> {
        type Item = u8;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
            let clock = self.1;
            monitor().operation("streams_within").run(|| clock.advance(SECOND));
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(Step::Wait) => Poll::Pending,
                Some(_) => Poll::Ready(Some(1)),
            }
        }
    }
    Calls(steps.iter().copied().collect(), clock)
}

#[monitor("streams_with_calls")]
fn annotated_with_calls<'a>(clock: &'a ManualClock, steps: &[Step]) -> impl Stream<Item = u8> + use<'a> {
    with_calls(clock, steps)
}

#[test]
fn calls_within_polls_are_the_streams_whoever_polls_it_and_after_its_caller_is_over() {
    let steps = [Step::Item, Step::Item, Step::Wait, Step::Item];
    for name in ["streams_with_calls", "streams_with_calls_operation"] {
        for polls in 1..=5_u32 {
            let (_alone, clock) = observed();
            let mut stream: Pin<Box<dyn Stream<Item = u8>>> = match name {
                "streams_with_calls" => Box::pin(annotated_with_calls(&clock, &steps)),
                _ => Box::pin(monitor().operation(name).watch_stream(with_calls(&clock, &steps))),
            };
            for place in 0..polls {
                let poll = || next(stream.as_mut());
                // The first and the third poll are inside two callers, the others inside none.
                let _ = match place {
                    0 => monitor().operation("streams_first").run(poll),
                    2 => monitor().operation("streams_second").run(poll),
                    _ => next(stream.as_mut()),
                };
                clock.advance(10 * SECOND);
            }
            drop(stream);
            let series = series(name);
            let seconds = 11.0 * f64::from(polls) - if polls == 5 { 10.0 } else { 0.0 };
            assert_eq!((series.count, series.mean), (1, Some(seconds)), "{name}, {polls} polls");
            // For how long its consumer had an item, nobody knows.
            assert_eq!(Some(series.self_seconds), Some(0.0), "{name}, {polls} polls");
            let edges = monitor().edges(Window::LastHour);
            let of = |parent: &str, child: &str| {
                let is_it = |edge: &&crate::series::Edge| {
                    edge.parent.labels.get("operation") == Some(parent)
                        && edge.child.labels.get("operation") == Some(child)
                };
                edges.iter().find(is_it).map(|edge| (edge.calls, edge.seconds))
            };
            assert_eq!(of(name, "streams_within"), Some((u64::from(polls), f64::from(polls))));
            assert_eq!((of("streams_first", name), of("streams_second", name)), (Some((1, seconds)), None));
            assert_eq!(Some(super::streams::series("streams_first").self_seconds), Some(0.0));
        }
    }
}

/// A script: what the stream does, and after how many polls it is dropped; each poll is followed by so many seconds.
fn script() -> impl Strategy<Value = (Vec<(Step, u32)>, usize)> {
    let step =
        prop_oneof![4 => Just(Step::Item), 1 => Just(Step::Failure), 3 => Just(Step::Wait), 1 => Just(Step::Panic)];
    (prop::collection::vec((step, 0..4_u32), 0..12), 0..16_usize)
}

/// A stream's end, by hand.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    ended: [u64; 4],
    items: u64,
    first_items: u64,
    first_seconds: u32,
    gaps: u64,
    gap_seconds: u32,
}

impl Expected {
    fn run(&mut self, steps: &[(Step, u32)], polls: usize) {
        let (mut items, mut now, mut asked, mut gap, mut last_failed) = (0, 0, None, 0, false);
        let mut end = if polls == 0 { None } else { Some(3) };
        for place in 0..polls {
            let Some(&(step, seconds)) = steps.get(place) else {
                end = Some(0);
                break;
            };
            match step {
                Step::Item | Step::Failure => {
                    let waited = asked.take().map_or(0, |asked| now - asked);
                    if items == 0 {
                        (self.first_items, self.first_seconds) = (self.first_items + 1, self.first_seconds + now);
                    } else {
                        gap = gap.max(waited);
                    }
                    items += 1;
                    last_failed = step == Step::Failure;
                }
                Step::Wait => asked = asked.or(Some(now)),
                Step::Panic => {
                    end = Some(2);
                    break;
                }
            }
            now += seconds;
        }
        if let Some(end) = end {
            self.ended[if last_failed && end != 2 { 1 } else { end }] += 1;
        }
        self.items += items;
        if items > 0 && end.is_some() {
            gap = gap.max(asked.map_or(0, |asked| now - asked));
            (self.gaps, self.gap_seconds) = (self.gaps + 1, self.gap_seconds + gap);
        }
    }
}

fn scripts(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(24));
    let many = prop::collection::vec((script(), any::<bool>()), 1..12);
    let outcome = runner.run(&many, |scripts| {
        let (_alone, clock) = observed();
        let mut expected = Expected::default();
        for ((steps, polls), is_inside) in &scripts {
            expected.run(steps, *polls);
            let plain: Vec<Step> = steps.iter().map(|(step, _)| *step).collect();
            let run = || {
                let mut stream = make(&plain, &clock, 0);
                for place in 0..*polls {
                    let polled = next(stream.as_mut());
                    clock.advance(steps.get(place).map_or(0, |step| step.1) * SECOND);
                    if matches!(polled, Poll::Ready(None)) {
                        let _ = next(stream.as_mut());
                        break;
                    }
                }
            };
            let _ =
                catch_unwind(AssertUnwindSafe(
                    || if *is_inside { monitor().operation("around").run(run) } else { run() },
                ));
        }
        if expected == Expected::default() {
            return Ok(());
        }
        let (series, streams) = (series(name), streams(name));
        let total = |mean: Option<f64>, count: u64| Some((mean.unwrap_or_default() * count as f64).round());
        prop_assert_eq!(ended(name), expected.ended);
        prop_assert_eq!((series.in_flight, series.oldest_in_flight), (0, None));
        prop_assert_eq!((streams.items, streams.first_items), (expected.items, expected.first_items));
        prop_assert_eq!(
            total(streams.first_item_seconds, expected.first_items),
            Some(f64::from(expected.first_seconds))
        );
        prop_assert_eq!(total(streams.longest_gap_seconds, expected.gaps), Some(f64::from(expected.gap_seconds)));
        Ok(())
    });
    outcome.unwrap();
}

fn exposes(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let (_alone, clock) = observed();
    monitor().operation("no_stream").run(|| ());
    let mut stream = make(&[Step::Wait, Step::Item, Step::Wait, Step::Item], &clock, 0);
    for _ in 0..5 {
        let _ = next(stream.as_mut());
        clock.advance(SECOND);
    }
    let text = monitor().render_prometheus();
    for line in [
        format!(r#"operation_stream_items_total{{operation="{name}"}} 2"#),
        format!(r#"operation_first_item_seconds_bucket{{operation="{name}",le="+Inf"}} 1"#),
        format!(r#"operation_first_item_seconds_sum{{operation="{name}"}} 1"#),
        format!(r#"operation_first_item_seconds_count{{operation="{name}"}} 1"#),
        format!(r#"operation_longest_gap_seconds_sum{{operation="{name}"}} 1"#),
        format!(r#"operation_duration_seconds_count{{operation="{name}",outcome="ok"}} 1"#),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
    // Of streams it is not known how long they ran; of others there are no items.
    let said = |family: &str, of: &str| text.lines().any(|line| line.starts_with(family) && line.contains(of));
    assert!(!said("operation_busy_seconds_total", name) && !said("operation_stream_items", "no_stream"));
    assert!(series("no_stream").stream.is_none());
}

#[test]
fn a_stream_takes_no_thread_while_its_consumer_has_an_item() {
    let (_alone, clock) = observed();
    let mut stream = pin!(annotated(&[Step::Item, Step::Item, Step::Wait], &clock, 0));
    for _ in 0..3 {
        let _ = next(stream.as_mut());
        clock.advance(100 * SECOND);
        assert_eq!(monitor().blocked_threads(SECOND), []);
    }
    assert_eq!(series("streams").slow_polls, 0);
}
