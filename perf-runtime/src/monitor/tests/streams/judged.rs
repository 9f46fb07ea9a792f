//! Figures of streams: what is judged of them, and what of their time is known.

use super::{Made, SECOND, Step, Told, both_ways, ended, next, observed, series, streams, told};
use crate::extend::{MeteredCall, ToldUsage, UsageReceiver, receive_usage};
use crate::judge::rule::definition::Rule;
use crate::judge::rule::observation::Tally;
use crate::judge::rule::statistic::Statistic;
use crate::measure::model::run_budget::RunBudget;
use crate::test_util::ManualClock;
use crate::{Kind, Outcome, Window, monitor, monitor_agent, monitor_db_operation, monitor_llm_call, monitor_tool};
use futures_core::Stream;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

const ROWS: [&str; 2] = ["select", "streamed_rows"];

#[monitor_db_operation("select", "streamed_rows")]
fn rows<'a>(steps: &[Step], clock: &'a ManualClock) -> impl Stream<Item = Result<u8, &'static str>> + use<'a> {
    told(steps, clock, 0)
}

#[monitor_tool("streamed_search", slow = "1s")]
fn search<'a>(steps: &[Step], clock: &'a ManualClock) -> impl Stream<Item = Result<u8, &'static str>> + use<'a> {
    told(steps, clock, 0)
}

/// Takes all items of a stream, each of which is had for ten seconds.
fn consume(stream: impl Stream<Item = Result<u8, &'static str>>, clock: &ManualClock) {
    let mut stream = pin!(stream);
    while let Poll::Ready(Some(_)) = next(stream.as_mut()) {
        clock.advance(10 * SECOND);
    }
}

#[test]
fn a_slow_consumer_makes_no_slow_stream_unless_its_function_says_how_long_it_may_take() {
    let (_alone, clock) = observed();
    for _ in 0..6 {
        consume(rows(&[Step::Item], &clock), &clock);
        consume(search(&[Step::Item], &clock), &clock);
    }
    consume(rows(&[Step::Failure], &clock), &clock);
    let mut waits = pin!(rows(&[Step::Wait], &clock));
    assert!(next(waits.as_mut()).is_pending());
    clock.advance(50 * SECOND);
    let summary = monitor().summary(Window::LastHour);
    let rows = summary.find(Kind::DbOperation, &ROWS).unwrap();
    let search = summary.find(Kind::Tool, &["streamed_search"]).unwrap();
    assert_eq!((rows.mean, rows.apdex, rows.apdex_threshold), (Some(10.0), None, None));
    assert_eq!((search.mean, search.apdex_threshold), (Some(10.0), Some(1.0)));
    for statistic in [Statistic::Mean, Statistic::Max, Statistic::P95, Statistic::SlowRate] {
        assert_eq!(Tally::value_of(rows, statistic), None, "{statistic}");
        assert!(Tally::value_of(search, statistic).is_some(), "{statistic}");
    }
    assert_eq!(Tally::value_of(rows, Statistic::Calls), Some(7.0));
    assert_eq!(Tally::value_of(rows, Statistic::ErrorRate), rows.error_rate);
    assert_eq!(Tally::value_of(rows, Statistic::OldestInFlight), Some(50.0));

    let health = monitor().health();
    let value = |name: &str| health.indicators().iter().find(|one| one.name() == name).expect(name).value();
    assert_eq!((value("db_operation.latency"), value("db_operation.stuck")), (None, Some(50.0)));
    assert!(value("db_operation.errors").is_some());
    assert!(value("tool.latency").is_some_and(|seconds| seconds > 9.0));
}

#[test]
fn a_rule_that_is_tried_on_the_past_does_not_judge_the_duration_of_streams() {
    let (_alone, clock) = observed();
    for _ in 0..3 {
        consume(rows(&[Step::Item], &clock), &clock);
        consume(search(&[Step::Item], &clock), &clock);
    }
    let values = |kind, labels: &[&str]| {
        let rule = Rule::builder("mean").metric(kind).statistic(Statistic::Mean).window(Window::Last5Minutes);
        let rule = rule.warning(1.0).build().unwrap();
        let id = monitor().summary(Window::LastHour).find(kind, labels).unwrap().name();
        let figures = monitor().past_figures(&rule, &id).unwrap();
        figures.values.iter().map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let (rows, search) = (values(Kind::DbOperation, &ROWS), values(Kind::Tool, &["streamed_search"]));
    assert!(!rows.is_empty() && rows.iter().all(Option::is_none), "{rows:?}");
    assert!(search.iter().any(Option::is_some), "{search:?}");
    let written = monitor().prometheus_rules(crate::rule::RuleProfile::Current);
    assert!(written.rules.contains("streams of db-latency"), "{}", written.rules);
    assert!(!written.rules.contains("streams of tool-latency"), "{}", written.rules);
}

both_ways! {
    polls_that_block_are_told_as_far_as_the_clock_is_looked_at => blocks;
    a_caller_waits_no_longer_for_a_stream_that_gave_an_item => waits_no_longer;
}

fn blocks(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let (_alone, clock) = observed();
    let mut stream = make(&[Step::Wait, Step::Item, Step::Item, Step::Wait, Step::Item], &clock, 1);
    for _ in 0..6 {
        let _ = next(stream.as_mut());
    }
    assert_eq!(ended(name), [1, 0, 0, 0]);
    let streams = streams(name);
    assert_eq!((streams.first_item_seconds, streams.longest_gap_seconds), (Some(2.0), Some(1.0)));
    // Of the third poll, which gave an item at once, and those after it until the next wait, nobody knows.
    let series = series(name);
    assert_eq!((series.mean, series.slow_polls, series.self_seconds), (Some(6.0), 3, 0.0));
    let text = monitor().render_prometheus();
    assert!(text.contains(&format!("operation_slow_polls_total{{operation=\"{name}\"}} 3\n")), "{text}");
    let tracks = monitor().panorama(Window::LastHour, None);
    let mut points = tracks.series.iter().flat_map(|track| &track.points);
    assert!(points.all(|point| point.busy_share.is_none()));
}

fn waits_no_longer(name: &str, make: for<'a> fn(&[Step], &'a ManualClock, u32) -> Made<'a>) {
    let (_alone, clock) = observed();
    let mut stream = make(&[Step::Wait, Step::Item], &clock, 0);
    let mut polls = 0;
    let mut caller = Box::pin(monitor().operation("streams_caller").watch(std::future::poll_fn(|_| {
        polls += 1;
        if polls > 1 {
            return Poll::Ready(());
        }
        assert!(next(stream.as_mut()).is_pending() && next(stream.as_mut()).is_ready());
        // For something else.
        Poll::Pending
    })));
    let mut poll = || caller.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending());
    clock.advance(5 * SECOND);
    assert!(poll().is_ready());
    drop(caller);
    drop(stream);
    let edges = monitor().edges(Window::LastHour);
    let edge = edges.iter().find(|edge| edge.child.labels.get("operation") == Some(name)).expect("an edge");
    assert_eq!((edge.calls, edge.waited_seconds), (1, 0.0));
}

#[test]
fn counters_that_are_there_stay_where_a_stream_comes_to_an_operation() {
    let (_alone, clock) = observed();
    let operation = monitor().operation("streams_and_others");
    monitor().operation("streams_around").run(|| {
        let mut has_waited = false;
        let mut call = pin!(operation.watch(std::future::poll_fn(|_| {
            clock.advance(SECOND);
            if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })));
        while call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            clock.advance(3 * SECOND);
        }
    });
    let known = [
        "operation_busy_seconds_total{operation=\"streams_and_others\"} 2\n",
        "operation_self_seconds_total{operation=\"streams_and_others\"} 5\n",
    ];
    let text = monitor().render_prometheus();
    assert!(known.iter().all(|line| text.contains(line)), "{text}");
    consume(operation.try_watch_stream(told(&[Step::Item], &clock, 1)), &clock);
    let text = monitor().render_prometheus();
    assert!(known.iter().all(|line| text.contains(line)), "{text}");
    assert!(text.contains("operation_slow_polls_total{operation=\"streams_and_others\"} 3\n"), "{text}");
    assert_eq!(monitor().summary(Window::LastHour).find(Kind::Operation, &["streams_and_others"]).unwrap().count, 2);
}

#[test]
fn a_stream_that_could_not_be_made_failed_after_the_time_of_its_making() {
    #[monitor("streams_refused")]
    fn refused(clock: &ManualClock) -> Result<impl Stream<Item = Result<u8, &'static str>> + use<'_>, String> {
        clock.advance(5 * SECOND);
        let none: Option<Told<'_>> = None;
        none.ok_or_else(|| "no".to_owned())
    }
    let (_alone, clock) = observed();
    monitor().operation("streams_caller_of_refused").run(|| assert!(refused(&clock).is_err()));
    let series = series("streams_refused");
    assert_eq!((ended("streams_refused"), series.mean), ([0, 1, 0, 0], Some(5.0)));
    assert_eq!(Some(super::series("streams_caller_of_refused").self_seconds), Some(5.0));
}

/// A waker that nobody needs.
struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_stream_does_not_wait_to_run_while_its_consumer_has_an_item() {
    /// Gives its waker away.
    struct Lends<'a>(Told<'a>, Arc<Mutex<Option<Waker>>>);
    impl Stream for Lends<'_> {
        type Item = Result<u8, &'static str>;

        fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            *self.1.lock().unwrap() = Some(context.waker().clone());
            Pin::new(&mut self.0).poll_next(context)
        }
    }
    #[monitor("streams_profiled", profile)]
    fn profiled(
        clock: &ManualClock,
        waker: Arc<Mutex<Option<Waker>>>,
    ) -> impl Stream<Item = Result<u8, &'static str>> + use<'_> {
        Lends(told(&[Step::Wait, Step::Item, Step::Wait, Step::Item], clock, 0), waker)
    }
    let (_alone, clock) = observed();
    let lent = Arc::new(Mutex::new(None));
    let mut stream = Box::pin(profiled(&clock, Arc::clone(&lent)));
    let task = Waker::from(Arc::new(Idle));
    // It waits to run for a second, is had for ten, and waits to run for two.
    for seconds in [1, 10, 2, 0] {
        let _ = stream.as_mut().poll_next(&mut Context::from_waker(&task));
        lent.lock().unwrap().as_ref().unwrap().wake_by_ref();
        clock.advance(seconds * SECOND);
    }
    assert_eq!(stream.as_mut().poll_next(&mut Context::from_waker(&task)), Poll::Ready(None));
    let profile = series("streams_profiled").profile.unwrap();
    assert_eq!(profile.scheduled_seconds, Some(3.0));
}

/// The calls of a receiver of usage.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

struct Call(String, Heard);

impl UsageReceiver for Heard {
    fn begin(&self, _: Kind, labels: &[&str], _: &'static [RunBudget]) -> Option<Box<dyn MeteredCall>> {
        let name = labels.last().copied().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(format!("{name} begins"));
        Some(Box::new(Call(name, self.clone())))
    }
}

impl MeteredCall for Call {
    fn enter(&mut self) {}

    fn leave(&mut self) {}

    fn end(self: Box<Self>, told: Option<ToldUsage>, outcome: Outcome) {
        let counts = told.map_or(0, |told| told.counts.iter().map(|(_, count)| count).sum());
        self.1.0.lock().unwrap().push(format!("{} ends with {counts}, {outcome}", self.0));
    }
}

#[test]
fn a_model_stream_that_is_dropped_ends_after_the_one_inside_it() {
    fn output(item: u8) -> ToldUsage {
        ToldUsage::new().count("output", u64::from(item))
    }
    #[monitor_llm_call("streams", "inner", usage = |item: &u8| output(*item))]
    fn inner(clock: &ManualClock) -> Pin<Box<dyn Stream<Item = Result<u8, &'static str>> + '_>> {
        Box::pin(told(&[Step::Item, Step::Item], clock, 0))
    }
    #[monitor_llm_call("streams", "outer", usage = |item: &u8| output(*item))]
    fn outer(clock: &ManualClock) -> Pin<Box<dyn Stream<Item = Result<u8, &'static str>> + '_>> {
        inner(clock)
    }
    let (_alone, clock) = observed();
    let heard = Heard::default();
    let _received = receive_usage(Arc::new(heard.clone())).unwrap();
    let mut stream = outer(&clock);
    assert!(next(stream.as_mut()).is_ready());
    drop(stream);
    let ends = ["inner ends with 1, cancelled", "outer ends with 1, cancelled"];
    assert_eq!(*heard.0.lock().unwrap(), [&["outer begins", "inner begins"][..], &ends].concat());
}

#[test]
fn the_outcome_of_a_call_is_told_to_who_hears_of_its_usage() {
    #[monitor_agent("told", fields(mode))]
    fn at_once(mode: u8) -> Result<u8, &'static str> {
        inside(mode == 1).ok();
        if mode == 2 {
            panic_quietly();
        }
        if mode == 1 { Err("no") } else { Ok(mode) }
    }
    #[monitor_agent("inside")]
    fn inside(fails: bool) -> Result<(), &'static str> {
        if fails { Ok(()) } else { Err("no") }
    }
    #[monitor_agent("judged", ok_if = |value: &u8| { inside(false).ok(); *value == 0 })]
    async fn judged(mode: u8) -> u8 {
        if mode == 2 {
            panic_quietly();
        }
        if mode == 3 {
            std::future::pending::<()>().await;
        }
        mode
    }
    #[monitor_agent("late", fields(mode))]
    async fn late(mode: u8) -> Result<(), &'static str> {
        judged(0).await;
        if mode == 1 { Err("no") } else { Ok(()) }
    }
    #[monitor_agent("streamed")]
    fn streamed(fails: bool, clock: &ManualClock) -> Pin<Box<dyn Stream<Item = Result<u8, &'static str>> + '_>> {
        Box::pin(told(if fails { &[Step::Item, Step::Failure] } else { &[Step::Item] }, clock, 0))
    }
    fn panic_quietly() {
        std::panic::resume_unwind(Box::new("a test"));
    }
    fn run<F: Future>(future: F) {
        let task = Waker::from(Arc::new(Idle));
        let mut future = Box::pin(future);
        let poll = || drop(future.as_mut().poll(&mut Context::from_waker(&task)));
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll));
    }
    let (_alone, clock) = observed();
    let heard = Heard::default();
    let _received = receive_usage(Arc::new(heard.clone())).unwrap();
    let ended = || -> Vec<String> {
        let heard = std::mem::take(&mut *heard.0.lock().unwrap());
        let ends = heard.iter().filter_map(|line| line.split_once(" ends with 0, "));
        ends.map(|(name, outcome)| format!("{name} {outcome}")).collect()
    };
    for (mode, outcome) in [(0, "ok"), (1, "error"), (2, "panicked")] {
        let _ = std::panic::catch_unwind(|| at_once(mode));
        let inner = if mode == 1 { "inside ok" } else { "inside error" };
        assert_eq!(ended(), [inner.to_owned(), format!("told {outcome}")]);
    }
    // The predicate calls one that fails, and the call itself is none that did.
    for (mode, outcome) in [(0, "ok"), (1, "error")] {
        run(judged(mode));
        assert_eq!(ended(), ["inside error".to_owned(), format!("judged {outcome}")]);
    }
    run(judged(2));
    run(judged(3));
    assert_eq!(ended(), ["judged panicked", "judged cancelled"]);
    for (mode, outcome) in [(0, "ok"), (1, "error")] {
        run(late(mode));
        assert_eq!(ended(), ["inside error".to_owned(), "judged ok".to_owned(), format!("late {outcome}")]);
    }
    for (fails, outcome) in [(false, "ok"), (true, "error")] {
        let mut stream = streamed(fails, &clock);
        while let Poll::Ready(Some(_)) = next(stream.as_mut()) {}
        assert_eq!(ended(), [format!("streamed {outcome}")]);
    }
}
