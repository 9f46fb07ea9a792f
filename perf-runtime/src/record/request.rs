//! The requests that this process answers, for an HTTP layer to count.

use super::poll_timer::PollTimer;
use crate::measure::cells::failures::{MAX_TEXT, Named, cut};
use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::Ended;
use crate::measure::cells::tree::frame::{self, Parent};
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::Outcome;
use crate::observe::series::registry::Registry;
use family::Family;
use open_stream::OpenStream;
use route::Route;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tracing::Span;

mod family;
pub(crate) mod open_stream;
mod route;

/// So many bytes of a failure's name are kept.
const MAX_NAME: usize = 128;

/// The span of a request that has none, for [`HttpRequest::span`].
static NO_SPAN: Span = Span::none();

/// A request that is being answered: what an HTTP layer holds from a request's arrival to its answer.
///
/// Dropped without [`answer`](Self::answer) or [`fail`](Self::fail), it counts as panicked where the thread began to
/// unwind since the start, and as cancelled otherwise; its label `status` is empty then.
#[derive(Debug)]
#[must_use = "a request that is dropped at once counts as cancelled"]
pub struct HttpRequest {
    route: Arc<Route>,
    started: Moment,
    poll_timer: PollTimer,
    /// The span that its exemplar is taken from. Boxed, since layers move a request many times, and it seldom has a span.
    span: Option<Box<Span>>,
    /// Whether the thread was unwinding when the request came: then its unwinding is not this request's.
    unwinding: bool,
    end: End,
    /// What is known of its failure, where somebody [told](Self::fails_with) of it.
    failure: Option<Box<Failure>>,
    /// The duration that counts where it [has ended](PollTimer::has_ended) before the request: to the head of an answer that
    /// streams. No `Option`, for layers move a request many times, as above.
    took: u64,
    family: Family,
}

/// A failure, by the answer that tells of it.
#[derive(Debug)]
struct Failure {
    name: Box<str>,
    text: Option<Box<str>>,
}

#[derive(Debug)]
enum End {
    Dropped,
    Failed,
    /// A part of its work unwound.
    Unwound,
    /// By its status.
    Answered(u16, Outcome),
}

impl HttpRequest {
    pub(crate) fn start(registry: &Arc<Registry>, method: &str, route: &str, is_template: bool) -> Self {
        Self::new(registry, method, route, is_template)
    }

    /// Starts one in the place where it is to stay: what was written word by word and is then copied has to go through the cache first.
    pub(crate) fn start_in<'a>(
        place: &'a mut Option<Self>,
        registry: &Arc<Registry>,
        (method, route, is_template): (&str, &str, bool),
    ) -> &'a mut Self {
        *place = None;
        place.insert(Self::new(registry, method, route, is_template))
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is to be made where it stays")]
    fn new(registry: &Arc<Registry>, method: &str, route: &str, is_template: bool) -> Self {
        let route = Route::of(registry, method, route, is_template);
        route.count_overflow();
        route.open.own.start_away();
        let started = clock::now();
        let parent = if frame::is_any() { frame::begin_child(started) } else { Parent::NONE };
        let unwinding = thread::panicking();
        // Nothing is asked from here on: the parts are written where they stay.
        Self {
            route,
            started,
            poll_timer: PollTimer::new(started),
            span: None,
            unwinding,
            end: End::Dropped,
            failure: None,
            took: 0,
            family: Family::new(parent),
        }
    }

    /// Does a part of the request's work, such as the call of its handler, and gives it the request's [span](Self::span). Calls that are made
    /// meanwhile on this thread are made inside the request, as [`Monitor::edges`](crate::Monitor::edges) tells. Where the part unwinds, the request
    /// has panicked. Reads the clock where the request waited.
    #[inline]
    pub fn work<T>(&mut self, part: impl FnOnce(&Span) -> T) -> T {
        self.poll_timer.resume(&self.route.open);
        let Self { route, poll_timer, span, end, family, .. } = self;
        let unwinding = Unwinding(end);
        let span = span.as_deref().unwrap_or(&NO_SPAN);
        let done = family.work(&route.open.own, poll_timer.has_ended(), span, part);
        mem::forget(unwinding);
        done
    }

    /// Ends the request with the status that it was answered with. A status of 500 and more is an error of this process;
    /// one of 400 to 499 is the client's, and `Ok` here.
    pub fn answer(self, status: u16) {
        self.end(status, Outcome::from_success(status < 500));
    }

    /// Ends the request whose head was answered with this status, with another outcome than the status says: the body
    /// failed, or the client went away before it had all of it.
    pub fn end(mut self, status: u16, outcome: Outcome) {
        self.ends_as(status, outcome);
    }

    /// Says how the request [ends](Self::end), which it does when it is dropped: for a layer that holds it where it does not move.
    #[inline]
    pub fn ends_as(&mut self, status: u16, outcome: Outcome) {
        self.end = End::Answered(status, outcome);
    }

    /// Ends the request as an error that no status tells of: the service failed to make an answer at all.
    pub fn fail(mut self) {
        self.ends_failed();
    }

    /// Says that the request [fails](Self::fail), once it is dropped.
    pub fn ends_failed(&mut self) {
        self.end = End::Failed;
    }

    /// Names the failure, should the request end as an error: by the `type` of its problem document, or by another word of which there are
    /// few. `text` says more of it; it is kept only where the texts of all errors are
    /// ([`error_texts`](crate::MonitorBuilder::error_texts)). Without it, a failure goes by the status of the answer. Allocates; for
    /// requests that fail. Of the name 128 bytes are kept, and of the text 512.
    #[cold]
    pub fn fails_with(&mut self, name: &str, text: Option<&str>) {
        let text = text.map(|text| cut(text, MAX_TEXT).into());
        self.failure = Some(Box::new(Failure { name: cut(name, MAX_NAME).into(), text }));
    }

    /// Says that the request waits: its future, or its body, returned `Pending`. From the first time on it is listed among
    /// the [calls in flight](crate::Monitor::calls_in_flight). Reads the clock, and takes a lock the first time.
    pub fn pause(&mut self) {
        let started = Some(self.started).filter(|_| !self.poll_timer.has_ended());
        let waits_for = self.family.waits_for();
        self.poll_timer.pause(&self.route.open, (started, self.family.parent()), waits_for);
        self.poll_timer.name(&self.route.open, self.family.name());
    }

    /// Says that the head of the answer is there, and that its body streams: how long that takes is a matter of the client.
    /// So the duration ends here, and the request does so later, as it turns out. From here on it is listed among the calls
    /// in flight only while it [waits](Self::pause) for a part of the body, and since when it does. Reads the clock. Said
    /// again, it changes nothing.
    pub fn streams(&mut self) {
        if self.poll_timer.has_ended() {
            return;
        }
        let now = clock::now();
        self.took = now.nanos_since(self.started);
        self.poll_timer.end_time(now, &self.route.open);
        self.poll_timer.leave_list(&self.route.open);
        self.family.end_time(now);
        self.family.goes_on();
    }

    /// Says that a part of a body that [streams](Self::streams) is there. Nothing of any other.
    #[inline]
    pub fn sent(&mut self) {
        if self.poll_timer.has_ended() {
            self.poll_timer.leave_list(&self.route.open);
        }
    }

    /// Counts the answer as one that is being sent, in the gauge `http_open_streams` of its method and route, until what is
    /// returned is dropped, which may be after the request's end. Costs two atomic additions, and a look-up the first time
    /// on a thread.
    pub fn open_stream(&self) -> OpenStream {
        OpenStream::new(&self.route)
    }

    /// Says that the request is polled again. Reads the clock where it waited.
    #[inline]
    pub fn resume(&mut self) {
        self.poll_timer.resume(&self.route.open);
    }

    /// The span that the request is answered in: its trace is the exemplar of the bucket that the request falls into, where
    /// [`trace_id_of`](crate::MonitorBuilder::trace_id_of) finds one.
    pub fn in_span(&mut self, span: Span) {
        self.span = (!span.is_disabled()).then(|| Box::new(span));
    }

    /// The span that it was [given](Self::in_span); none where it was not.
    #[inline]
    pub fn span(&self) -> &Span {
        self.span.as_deref().unwrap_or(&NO_SPAN)
    }

    /// The route that it counts under: the one that was asked for, or `__overflow__` beyond the bound on routes. For what a layer keeps by route.
    pub fn route(&self) -> &str {
        self.route.label()
    }

    /// The time since it came.
    pub fn elapsed(&self) -> Duration {
        clock::now().since(self.started)
    }

    /// Notes a failure in the series in which the request ends.
    #[cold]
    fn note_failure(&self, meter: &Meter, outcome: Outcome, status: Option<u16>) {
        let span = self.span.as_deref();
        if outcome == Outcome::Panicked {
            return meter.failures.note_panic(self.started, false, span);
        }
        let mut digits = itoa::Buffer::new();
        let (name, text) = match &self.failure {
            Some(failure) => (Some(&*failure.name), failure.text.as_deref()),
            None => (status.map(|status| digits.format(status)), None),
        };
        meter.failures.note_named(Named { name, text }, span);
    }

    /// The status is known now: the request ends in the series that has it.
    fn hand_over(&mut self, status: u16, outcome: Outcome, now: Moment) {
        if outcome.is_failure()
            && let Some(answered) = self.route.answered(status)
        {
            self.note_failure(&answered.series.own, outcome, Some(status));
        }
        let Self { route, poll_timer, span, started, took, family, .. } = self;
        let Some(answered) = route.answered(status) else { return family.forget() };
        route.count_overflow_of(answered);
        let (open, closed) = (&route.open, &answered.series);
        let nanos = if poll_timer.has_ended() { *took } else { now.nanos_since(*started) };
        let ended = Ended { meter: &closed.own, outcome, started: *started, nanos };
        poll_timer.end(now, (open, closed), None);
        family.count(&open.own, ended);
        closed.note_end(outcome);
        open.own.hand_over(&closed.own, outcome, nanos);
        let kept_as = family.record(ended, now, span.as_deref());
        if let Some(span) = span {
            closed.own.exemplars.offer(closed.own.layout(), outcome, nanos, (span, kept_as));
        }
    }
}

/// Says of a request that its work unwound.
struct Unwinding<'a>(&'a mut End);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        *self.0 = End::Unwound;
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let now = clock::now();
        if !self.poll_timer.has_ended() {
            self.family.end_time(now);
        }
        let outcome = match self.end {
            End::Answered(status, outcome) => return self.hand_over(status, outcome, now),
            End::Failed => Outcome::Error,
            End::Unwound => Outcome::Panicked,
            End::Dropped if thread::panicking() && !self.unwinding => Outcome::Panicked,
            End::Dropped => Outcome::Cancelled,
        };
        if outcome.is_failure() {
            self.note_failure(&self.route.open.own, outcome, None);
        }
        let Self { route, poll_timer, span, started, family, .. } = self;
        let (open, nanos) = (&route.open, now.nanos_since(*started));
        let ended = Ended { meter: &open.own, outcome, started: *started, nanos };
        open.own.take_up();
        poll_timer.end(now, (open, open), None);
        family.count(&open.own, ended);
        open.note_end(outcome);
        open.own.finish(outcome, nanos);
        family.record(ended, now, span.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::model::kind::Kind;
    use crate::test_util::ManualClock;
    use std::sync::Barrier;
    use std::time::Duration;

    #[test]
    fn a_request_whose_route_overflows_is_one_call_that_does() {
        let registry = Arc::new(Registry::new());
        for route in 0..250 {
            HttpRequest::start(&registry, "GET", &format!("/{route}"), false).answer(204);
        }
        assert_eq!(registry.overflowed(), [(Kind::HttpRequest, "route", 50)]);
        let overflowed = registry.series(Kind::HttpRequest, &["GET", "__overflow__", "204"]).read();
        assert_eq!((overflowed.finished(), overflowed.in_flight()), ([50, 0, 0, 0], 0));
        assert_eq!(registry.series(Kind::HttpRequest, &["GET", "__overflow__", ""]).read().in_flight(), 0);
    }

    #[test]
    fn what_a_client_takes_for_a_body_that_streams_is_neither_work_nor_waiting() {
        let clock = ManualClock::hold();
        let registry = Arc::new(Registry::new());
        let mut request = HttpRequest::start(&registry, "GET", "/download", true);
        clock.advance(Duration::from_secs(1));
        request.streams();
        for _ in 0..3 {
            request.resume();
            request.sent();
            clock.advance(Duration::from_secs(10));
            request.resume();
            request.pause();
            clock.advance(Duration::from_secs(10));
        }
        request.answer(200);
        let read = registry.series(Kind::HttpRequest, &["GET", "/download", "200"]).read();
        assert_eq!((read.nanos[0], read.idle_nanos), (1_000_000_000, 0));
        assert_eq!(read.slow_polls, 1, "the second before the head");
    }

    #[test]
    fn a_body_streams_from_the_first_time_on_that_this_is_said() {
        let clock = ManualClock::hold();
        let registry = Arc::new(Registry::new());
        let mut request = HttpRequest::start(&registry, "GET", "/download", true);
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            request.streams();
        }
        request.answer(200);
        let read = registry.series(Kind::HttpRequest, &["GET", "/download", "200"]).read();
        assert_eq!(read.nanos[0], 1_000_000_000);
    }

    #[test]
    fn answers_that_are_being_sent_are_counted_until_they_are_dropped() {
        let registry = Arc::new(Registry::new());
        let start = || HttpRequest::start(&registry, "GET", "/events", true);
        let open = || {
            let metrics = registry.custom().named("http_open_streams");
            let values = metrics.iter().flat_map(|metric| &metric.series).map(|series| series.value.clone());
            values.map(|value| format!("{value:?}")).collect::<Vec<_>>()
        };
        assert!(open().is_empty());
        let request = start();
        let first = request.open_stream();
        request.answer(200);
        let second = thread::scope(|scope| scope.spawn(|| start().open_stream()).join().unwrap());
        assert_eq!(open(), ["Gauge(2.0)"]);
        drop(first);
        assert_eq!(open(), ["Gauge(1.0)"]);
        drop(second);
        assert_eq!(open(), ["Gauge(0.0)"]);
        // For nobody, once the monitor is gone.
        let late = start();
        drop(registry);
        drop(late.open_stream());
    }

    #[test]
    fn templates_of_a_router_have_places_of_their_own() {
        let registry = Arc::new(Registry::new());
        for route in 0..250 {
            HttpRequest::start(&registry, "GET", &format!("/{route}"), false).answer(204);
        }
        for route in 0..1_000 {
            for status in [200, 404, 500] {
                HttpRequest::start(&registry, "GET", &format!("/template/{route}"), true).answer(status);
            }
        }
        assert_eq!(registry.overflowed(), [(Kind::HttpRequest, "route", 50)]);
        let read = |route: &str| registry.series(Kind::HttpRequest, &["GET", route, "500"]).read().finished();
        assert_eq!((read("/template/0"), read("/template/999")), ([0, 1, 0, 0], [0, 1, 0, 0]));
    }

    #[test]
    fn requests_that_come_on_one_thread_and_end_on_others_are_all_counted() {
        const STATUSES: [u16; 4] = [200, 204, 404, 503];
        let registry = Arc::new(Registry::new());
        let start = || HttpRequest::start(&registry, "GET", "/carts", false);
        let (mut requests, together) = ((0..400).map(|_| start()).collect::<Vec<_>>(), Barrier::new(4));
        thread::scope(|scope| {
            // Each begins with another status, all at once: the first of them is noted in the route's own place.
            for first in 0..STATUSES.len() {
                let (requests, together) = (requests.split_off(requests.len() - 100), &together);
                scope.spawn(move || {
                    together.wait();
                    let statuses = STATUSES.iter().cycle().skip(first);
                    requests.into_iter().zip(statuses).for_each(|(request, status)| request.answer(*status));
                });
            }
        });
        let read = |status: &str| registry.series(Kind::HttpRequest, &["GET", "/carts", status]).read();
        assert_eq!(read("").in_flight(), 0);
        for (status, finished) in
            [("200", [100, 0, 0, 0]), ("204", [100, 0, 0, 0]), ("404", [100, 0, 0, 0]), ("503", [0, 100, 0, 0])]
        {
            assert_eq!((read(status).finished(), read(status).in_flight()), (finished, 0), "{status}");
        }
    }

    #[test]
    fn a_route_that_a_thread_keeps_does_not_keep_its_monitor() {
        let registry = Arc::new(Registry::new());
        HttpRequest::start(&registry, "GET", "/carts", false).answer(200);
        let late = HttpRequest::start(&registry, "GET", "/carts", false);
        let seen = Arc::downgrade(&registry);
        drop(registry);
        assert!(seen.upgrade().is_none());
        // It is counted for nobody, with a status that was seen and with one that was not.
        late.answer(200);
        let other = Arc::new(Registry::new());
        let late = HttpRequest::start(&other, "GET", "/carts", false);
        drop(other);
        late.answer(418);
    }
}
