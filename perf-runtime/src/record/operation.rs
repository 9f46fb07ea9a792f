//! Series that the program makes at run time.

use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::{self, Ended, HandedOver, Told};
use crate::measure::cells::tree::around::{Innermost, find_around};
use crate::measure::cells::tree::frame::{self, Body, Frame, Parent};
use crate::measure::cells::tree::node::Node;
use crate::measure::clock::{self, Moment};
use crate::measure::model::failure::Failed;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::observe::series::overflow::Overflow;
use crate::observe::series::registry::Registry;
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub(crate) mod once;
pub(crate) mod stream;
pub(crate) mod watched;

/// The most calls around that are looked at for one of a series.
const MOST_AROUND: usize = 64;

/// A series that the program records into directly. Cheap to clone; keep it where it is used often.
///
/// ```
/// use perf_runtime::Outcome;
/// use std::time::Duration;
///
/// let resize = perf_runtime::monitor().operation("resize");
/// // A call that is over:
/// resize.record(Duration::from_millis(12), Outcome::Ok);
/// // From here to the end of the scope:
/// let timer = resize.timer();
/// assert!(timer.stop() < Duration::from_secs(60));
/// // A closure or a future, to its end:
/// let half = resize.run(|| 84 / 2);
/// let parsed = resize.try_run(|| "x".parse::<u8>());
/// # let future = async {
/// resize.watch(async { half }).await;
/// # };
/// # assert!(parsed.is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Operation {
    series: Arc<Series>,
    overflow: Option<Overflow>,
}

impl Operation {
    pub(crate) fn new(series: &Arc<Series>, overflow: Option<&Overflow>) -> Self {
        Self { series: Arc::clone(series), overflow: overflow.cloned() }
    }

    /// Says that its calls wait by design, such as long polls and loops that consume a queue: they are listed and measured,
    /// but never judged by how long they take. Once said it stays so, for all handles of the series. A name that is one too many
    /// for its series says nothing.
    #[must_use]
    pub fn waits(self) -> Self {
        if self.overflow.is_none() {
            self.series.by_design.set_waits();
        }
        self
    }

    /// Says that it is part of the plan that its calls are cancelled, as those of hedged requests are: they are counted as
    /// cancelled, and no sign of ill health. Once said it stays so, for all handles of the series. A name that is one too many
    /// for its series says nothing.
    #[must_use]
    pub fn cancel_expected(self) -> Self {
        if self.overflow.is_none() {
            self.series.by_design.set_cancel();
        }
        self
    }

    /// Counts a call that is over. Allocates nothing once this thread has recorded here.
    pub fn record(&self, duration: Duration, outcome: Outcome) {
        self.count_overflow();
        self.series.note_end(outcome);
        self.series.own.failures.note_outcome(outcome, None, None);
        self.series.own.record(outcome, clock::nanos(duration));
    }

    /// Starts a call; it is in flight until the guard ends it. Dropped without [`finish`](OperationCall::finish), it
    /// counts as cancelled. Its age is not known to [`calls_in_flight`](crate::Monitor::calls_in_flight), which lists
    /// futures: for those there is [`watch`](Self::watch).
    pub fn start(&self) -> OperationCall {
        OperationCall(self.begin_away(Outcome::Cancelled))
    }

    /// Starts a call that ends with the scope: see [`Timer`].
    pub fn timer(&self) -> Timer {
        Timer(self.begin_away(Outcome::Ok))
    }

    /// Runs a closure as a call: ok, or panicked where it unwinds.
    pub fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        self.run_as(body, |_| None)
    }

    /// Runs a closure as a call: ok, an error where it returns `Err`, or panicked where it unwinds.
    ///
    /// # Errors
    /// The result of the closure.
    pub fn try_run<T, E>(&self, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.run_as(body, |result| result.as_ref().err().map(Failed::of))
    }

    fn run_as<R>(&self, body: impl FnOnce() -> R, failed: impl FnOnce(&R) -> Option<Failed<'_>>) -> R {
        // Only an unwinding body drops it; that another unwinding goes on meanwhile is of no account then.
        let call = self.begin(Outcome::Panicked, false, |series| &**series);
        let frame = Frame::new();
        let inside = Body::new(&frame, &call.series.own, call.parent, &call.handed_over);
        let value = body();
        drop(inside);
        match failed(&value) {
            None => call.end(Outcome::Ok),
            Some(failed) => call.end_failed(&failed),
        };
        value
    }

    /// Starts a call whose body runs on this thread, on the series, held as `hold` says: shared, or only borrowed.
    fn begin<'a, S: Deref<Target = Series>>(
        &'a self,
        otherwise: Outcome,
        is_polled: bool,
        hold: impl FnOnce(&'a Arc<Series>) -> S,
    ) -> Running<S> {
        self.count_overflow();
        let call = self.series.own.start(|| {});
        let started = clock::now();
        call.begin(started, is_polled);
        let (parent, unwinding) = (frame::begin_child(started), thread::panicking());
        Running {
            started,
            parent,
            unwinding,
            otherwise,
            over: false,
            is_away: false,
            is_uncovered: false,
            handed_over: HandedOver::nothing(),
            series: hold(&self.series),
        }
    }

    /// Starts a call that a guard keeps: it may end on any thread, and nobody knows which it is on.
    fn begin_away(&self, otherwise: Outcome) -> Running<Arc<Series>> {
        self.count_overflow();
        self.series.own.start_away();
        let (started, unwinding) = (clock::now(), thread::panicking());
        let parent = frame::begin_child(started);
        Running {
            started,
            parent,
            unwinding,
            otherwise,
            over: false,
            is_away: true,
            is_uncovered: false,
            handed_over: HandedOver::nothing(),
            series: Arc::clone(&self.series),
        }
    }

    /// Whether the innermost call of its kind that this thread is in has the same names. Names that are one too many have no call of their own.
    pub(crate) fn is_around(&self, registry: &Registry) -> bool {
        let kind = self.series.identity.kind;
        let named = self.named(registry);
        let has_meter = |is_it: &dyn Fn(&Meter) -> bool| named.iter().any(|series| series.has_meter(is_it));
        self.overflow.is_none()
            && find_around(MOST_AROUND, |around| match around {
                Innermost::Call(running) if running.kind() == kind => {
                    Some(has_meter(&|meter| std::ptr::eq(meter, running)))
                }
                // Each of these begins work of its own.
                Innermost::Call(running) if matches!(running.kind(), Kind::Agent | Kind::HttpRequest) => Some(false),
                Innermost::Call(_) => None,
                Innermost::None | Innermost::Lent(Node::OVERFLOW) => Some(false),
                Innermost::Lent(node) => Some(has_meter(&|meter| meter.existing_node() == Some(node))),
            })
            .unwrap_or(false)
    }

    /// Its series, and those of functions that have further labels.
    fn named(&self, registry: &Registry) -> Vec<Arc<Series>> {
        let labels: Vec<&str> = self.series.identity.labels.iter().map(AsRef::as_ref).collect();
        registry.named(self.series.identity.kind, &labels)
    }

    fn count_overflow(&self) {
        self.overflow.as_ref().inspect(|overflow| overflow.count());
    }
}

/// A call that was started with [`Operation::start`].
///
/// Dropped without [`finish`](Self::finish), it counts as panicked where the thread began to unwind since the start, and
/// as cancelled otherwise.
#[derive(Debug)]
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct OperationCall(Running<Arc<Series>>);

impl OperationCall {
    /// Ends the call, and says how long it took.
    pub fn finish(self, outcome: Outcome) -> Duration {
        self.0.end(outcome)
    }
}

/// A call that lasts to the end of the scope, made by [`Operation::timer`] or [`Monitor::timer`](crate::Monitor::timer).
///
/// Dropped, it counts as ok: a scope is left by its end, by `return` or by `?` alike, and the timer does not see which.
/// It counts as panicked where the thread began to unwind since. Another outcome is for [`finish`](Self::finish). In
/// async code a timer cannot tell that its future is dropped half way: there [`Operation::watch`] measures the future
/// itself, which can.
///
/// ```
/// let monitor = perf_runtime::monitor();
/// {
///     let _timer = monitor.timer("warm_up");
///     // what is to be timed
/// }
/// let text = monitor.render_prometheus();
/// assert!(text.contains(r#"operations_total{operation="warm_up",outcome="ok"} 1"#));
/// ```
#[derive(Debug)]
#[must_use = "a timer that is dropped at once times nothing; `let _timer = ..` keeps it, `let _ = ..` does not"]
pub struct Timer(Running<Arc<Series>>);

impl Timer {
    /// Ends the call as ok before the scope ends, and says how long it took.
    pub fn stop(self) -> Duration {
        self.0.end(Outcome::Ok)
    }

    /// Ends the call, and says how long it took.
    pub fn finish(self, outcome: Outcome) -> Duration {
        self.0.end(outcome)
    }
}

/// A call that has started, and is in flight for as long as this lives.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Running<S: Deref<Target = Series>> {
    series: S,
    started: Moment,
    /// The call that it was made inside.
    parent: Parent,
    /// Whether the thread was unwinding when the call started: then its unwinding is not this call's.
    unwinding: bool,
    /// The outcome of a drop without unwinding.
    otherwise: Outcome,
    over: bool,
    /// Whether it runs on no thread that is known: a guard keeps it, or it waits to be polled.
    is_away: bool,
    /// Whether it covers no time of its caller's: a stream, while its consumer has an item.
    is_uncovered: bool,
    /// Things that its body hands over to its end.
    handed_over: HandedOver,
}

impl<S: Deref<Target = Series>> Running<S> {
    fn end(mut self, outcome: Outcome) -> Duration {
        self.count(outcome, clock::now())
    }

    fn end_failed(mut self, failed: &Failed<'_>) -> Duration {
        self.series.own.failures.note_error(failed, false, None);
        self.count_noted(Outcome::Error, clock::now())
    }

    fn count(&mut self, outcome: Outcome, now: Moment) -> Duration {
        // Before the call itself, so that a reader who sees the call ended sees how it failed.
        self.series.own.failures.note_outcome(outcome, Some(self.started), None);
        self.count_noted(outcome, now)
    }

    /// Counts a call whose failure, where it is one, was noted.
    fn count_noted(&mut self, outcome: Outcome, now: Moment) -> Duration {
        let took = now.since(self.started);
        self.over = true;
        if self.is_away {
            self.series.own.take_up();
        }
        self.series.note_end(outcome);
        self.series.own.finish(outcome, clock::nanos(took));
        if let Some(parent) = self.parent.context() {
            if !self.is_uncovered {
                frame::leave(self.parent, now);
            }
            self.series.own.count_edge(parent, outcome, clock::nanos(took));
        }
        self.record(outcome, now);
        took
    }
}

impl<S: Deref<Target = Series>> Running<S> {
    /// Tells the recorder of its end.
    fn record(&self, outcome: Outcome, now: Moment) {
        let nanos = now.nanos_since(self.started);
        let ended = Ended { meter: &self.series.own, outcome, started: self.started, nanos };
        if self.parent.is_some() {
            recorder::child_ended(self.parent, &self.handed_over, ended);
        } else if recorder::wants_root(&self.handed_over) {
            recorder::root_ended(&self.handed_over, ended, now, Told::default());
        }
    }
}

impl<S: Deref<Target = Series>> Drop for Running<S> {
    fn drop(&mut self) {
        if !self.over {
            let own_unwinding = thread::panicking() && !self.unwinding;
            let outcome = if own_unwinding { Outcome::Panicked } else { self.otherwise };
            self.count(outcome, clock::now());
        }
    }
}
