//! 168 series as the field has them: streams, waits by design, hedged calls, warm-up, nights without traffic, births. Half of
//! them have a fault.

use super::{Chance, Made, STEPS, Tally};
use perf_runtime::operation::HttpRequest;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Operation, Outcome};
use std::future::{Future, pending};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

const SERIES: usize = 168;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Downloads that take minutes, for their clients are slow.
    Stream,
    /// Consumers that wait for work, and calls that wait for half a minute.
    Wait,
    /// Long polls: requests that wait by design.
    Poll,
    /// Each call is sent twice, and the slower one is dropped.
    Hedge,
    /// Slow for the first minute or two after the start.
    WarmUp,
    /// No traffic for eight minutes, and the first calls after it find nothing ready.
    Night,
    /// The first call comes in the middle of it, and fails.
    Birth,
}

const SORTS: [Sort; 7] = [Sort::Stream, Sort::Wait, Sort::Poll, Sort::Hedge, Sort::WarmUp, Sort::Night, Sort::Birth];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// Calls take seconds; where they may, other trouble that is a matter of time.
    Slow,
    /// Three to five calls of ten fail.
    Fails,
}

/// Where a series is recorded.
enum Place {
    Operation(Operation),
    /// A route of the monitor.
    Route(Monitor),
}

struct FieldSeries {
    place: Place,
    name: String,
    sort: Sort,
    trouble: Trouble,
    fault: Range<u32>,
    /// Of a stream that is slow: whether its head is, and it is not that its source gives nothing more.
    has_late_heads: bool,
    chance: Chance,
    median: f64,
    calls: f64,
    /// When the night begins and when it ends, or a series is born.
    night: Range<u32>,
    /// Requests that are open, each with the step of its end.
    open: Vec<(u32, HttpRequest)>,
    /// Calls that wait for as long as the process lives.
    waiting: Vec<Pin<Box<dyn Future<Output = ()>>>>,
    is_born: bool,
}

impl FieldSeries {
    fn new(monitor: &Monitor, number: usize) -> Self {
        let sort = SORTS[number % SORTS.len()];
        let trouble = match number / SORTS.len() % 4 {
            0 => Trouble::Slow,
            1 => Trouble::Fails,
            _ => Trouble::None,
        };
        let mut name = format!("{sort:?}-{number}");
        let place = match sort {
            Sort::Stream | Sort::Poll => {
                name.insert(0, '/');
                Place::Route(monitor.clone())
            }
            Sort::Wait => Place::Operation(monitor.operation(&name).waits()),
            Sort::Hedge if number.is_multiple_of(2) => Place::Operation(monitor.operation(&name).cancel_expected()),
            _ => Place::Operation(monitor.operation(&name)),
        };
        if sort == Sort::Poll {
            monitor.route_waits(&name);
        }
        let later = u32::try_from(number % 60).unwrap();
        let start = 180 + later;
        let fault = match (sort, trouble) {
            (_, Trouble::None) => 0..0,
            // A service that never gets well.
            (Sort::WarmUp, Trouble::Slow) => 0..60,
            // Before the night and after it.
            (Sort::Night, Trouble::Fails) => 60..STEPS,
            (Sort::Night, Trouble::Slow) => 250..310,
            _ => start..start + 60,
        };
        let night = match sort {
            Sort::Night => 120..220,
            Sort::Birth => 0..120 + later,
            _ => 0..0,
        };
        let mut chance = Chance(1_000 + number as u64);
        let (median, calls) = (0.02 + 0.2 * chance.share(), 2.0 + 8.0 * chance.share());
        Self {
            place,
            name,
            sort,
            trouble,
            fault,
            has_late_heads: number / SORTS.len() % 8 < 4,
            chance,
            median,
            calls,
            night,
            open: Vec::new(),
            waiting: Vec::new(),
            is_born: false,
        }
    }

    /// The outcome of a call at a step: one in 500 fails anyway.
    fn outcome(&mut self, step: u32) -> Outcome {
        let fails = self.trouble == Trouble::Fails && self.fault.contains(&step);
        let share = if fails { 0.4 } else { 0.002 };
        Outcome::from_success(self.chance.share() >= share)
    }

    fn is_slow(&self, step: u32) -> bool {
        self.trouble == Trouble::Slow && self.fault.contains(&step)
    }

    /// How many calls come in a step.
    fn arrivals(&mut self) -> u32 {
        let wanted = self.calls * (0.5 + self.chance.share());
        (0..100).take_while(|call| f64::from(*call) < wanted).count().try_into().unwrap()
    }

    fn duration(&mut self, median: f64) -> Duration {
        Duration::from_secs_f64(median * (0.3 * self.chance.normal()).exp())
    }

    /// Requests that come, go on, and end.
    fn run_requests(&mut self, monitor: &Monitor, step: u32) {
        let mut open = Vec::new();
        for (end, mut request) in std::mem::take(&mut self.open) {
            request.resume();
            if self.sort == Sort::Stream {
                request.streams();
            }
            let is_dry = self.sort == Sort::Stream && self.is_slow(step) && !self.has_late_heads;
            if end <= step && !is_dry {
                match self.outcome(step) {
                    Outcome::Ok => request.answer(200),
                    // A poll fails by its status, a download in the middle of its body.
                    _ if self.sort == Sort::Poll => request.answer(503),
                    outcome => request.end(200, outcome),
                }
                continue;
            }
            match self.sort {
                Sort::Poll => request.pause(),
                // The source gives nothing more for a while.
                _ if is_dry => request.pause(),
                _ => request.sent(),
            }
            open.push((end, request));
        }
        for _ in 0..self.arrivals() {
            let mut request = monitor.http_request("GET", &self.name);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 20")]
            let life = 5 + (20.0 * self.chance.share()) as u32;
            if self.sort == Sort::Poll || (self.is_slow(step) && self.has_late_heads) {
                request.pause();
            } else {
                request.streams();
            }
            open.push((step + if self.sort == Sort::Poll { 5 } else { life }, request));
        }
        self.open = open;
    }

    /// Calls of an operation that end in a step.
    fn run_calls(&mut self, operation: &Operation, step: u32) {
        if self.sort == Sort::Wait && self.waiting.is_empty() {
            let mut consumer = Box::pin(operation.watch(pending()));
            assert!(consumer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            self.waiting.push(consumer);
        }
        if self.night.contains(&step) {
            return;
        }
        for call in 0..self.arrivals() {
            let mut outcome = self.outcome(step);
            let mut median = if self.is_slow(step) { 3.5 } else { self.median };
            match self.sort {
                // As a cache fills and connections open.
                Sort::WarmUp if !self.is_slow(step) => median *= 1.0 + 30.0 * (-f64::from(step) / 5.0).exp(),
                Sort::Wait => median = 5.0 + 25.0 * self.chance.share(),
                Sort::Night if step == self.night.end && call < 3 => median = 2.5,
                Sort::Birth if !std::mem::replace(&mut self.is_born, true) => outcome = Outcome::Error,
                _ => {}
            }
            let duration = self.duration(median);
            operation.record(duration, outcome);
            if self.sort == Sort::Hedge {
                operation.record(duration, Outcome::Cancelled);
            }
        }
    }
}

impl Made for FieldSeries {
    fn label(&self) -> (&'static str, &str) {
        (if matches!(self.place, Place::Route(_)) { "route" } else { "operation" }, &self.name)
    }

    fn fault(&self) -> Range<u32> {
        // Calls that wait by design may take as long as they like.
        let is_fault = self.trouble == Trouble::Fails || !matches!(self.sort, Sort::Wait | Sort::Poll);
        if is_fault { self.fault.clone() } else { 0..0 }
    }

    fn run(&mut self, step: u32) {
        match &self.place {
            Place::Route(monitor) => self.run_requests(&monitor.clone(), step),
            Place::Operation(operation) => self.run_calls(&operation.clone(), step),
        }
    }
}

#[test]
fn over_95_of_100_alerts_on_the_fields_series_are_right_and_no_fault_is_missed() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let mut all: Vec<FieldSeries> = (0..SERIES).map(|number| FieldSeries::new(&monitor, number)).collect();
    let mut tally = Tally::default();
    tally.add(&clock, &monitor, &mut all);
    tally.assert_good();
}
