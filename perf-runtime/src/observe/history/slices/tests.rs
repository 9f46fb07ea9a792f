use super::*;
use crate::measure::clock::{self, manual::ManualClock};
use crate::observe::history::counts::{Hit, Place, Sums};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A series in the hands of a test: what it counted, and its history.
struct Bench {
    clock: ManualClock,
    history: History,
    reading: Reading,
    changes: u64,
    bytes: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Reading::default())
    }

    fn with(known: Reading) -> Self {
        let clock = ManualClock::hold();
        // So that the longest window would begin after the clock did.
        clock.advance(Window::LastHour.duration() * 2);
        Self { history: History::new(clock::now(), &known), clock, reading: known, changes: 0, bytes: Vec::new() }
    }

    fn call(&mut self, outcome: usize, bucket: usize, count: u64, nanos: u64) {
        let buckets = &mut self.reading.buckets[outcome];
        buckets.resize(buckets.len().max(bucket + 1), 0);
        buckets[bucket] += count;
        self.reading.started += count;
        self.reading.nanos[outcome] = self.reading.nanos[outcome].wrapping_add(nanos);
        self.reading.idle_nanos = self.reading.idle_nanos.wrapping_add(nanos / 2);
        self.reading.slow_polls += count % 2;
        self.changes += 1;
    }

    /// As a series does it: where nothing changed, nothing is read.
    fn tick(&mut self) {
        if self.history.is_behind(self.changes) {
            self.history.tick(clock::now(), self.changes, &self.reading, &mut self.bytes);
        } else {
            self.history.tick_idle(clock::now(), &mut self.bytes);
        }
    }

    fn tick_after(&mut self, span: Duration) {
        self.clock.advance(span);
        self.tick();
    }

    fn window(&mut self, window: Window) -> WindowCounts {
        let live = self.history.is_behind(self.changes).then_some(&self.reading);
        self.history.window(window, clock::now(), live, &mut self.bytes)
    }

    fn calls(&mut self, window: Window) -> u64 {
        self.window(window).finished().iter().sum()
    }

    fn reset(&mut self) {
        self.history.reset(clock::now(), self.changes, &self.reading, &mut self.bytes);
    }

    fn slices(&self) -> [usize; 3] {
        [&self.history.fine, &self.history.middle, &self.history.coarse].map(Ring::len)
    }
}

#[test]
fn windows_forget_what_is_older_and_keep_what_is_not() {
    let mut bench = Bench::new();
    for _ in 0..4_000 {
        bench.call(0, 7, 1, 7);
        bench.tick_after(SECOND);
    }
    assert_eq!(bench.calls(Window::LastMinute), 60);
    for (window, more) in [(Window::Last5Minutes, 5), (Window::Last15Minutes, 60), (Window::LastHour, 60)] {
        let counts = bench.window(window);
        let (seconds, seen) = (window.duration().as_secs(), counts.hits[0].count);
        assert!(seen >= seconds && seen <= seconds + more, "{window}: {seen}");
        assert_eq!(counts.covered.as_secs(), seen, "{window}: the rate is still one a second");
        assert_eq!(counts.sums.nanos[0], seen * 7, "{window}");
    }
    let slices = bench.slices();
    assert!(slices[0] == 60 && slices[1] <= 50 && slices[2] <= 56, "each call is kept once: {slices:?}");
}

#[test]
fn the_live_part_counts_at_once_and_a_young_window_says_how_young() {
    let mut bench = Bench::new();
    bench.clock.advance(Duration::from_millis(400));
    bench.call(0, 7, 3, 0);
    let counts = bench.window(Window::LastHour);
    assert_eq!((counts.hits[0].count, counts.covered), (3, Duration::from_millis(400)));
}

#[test]
fn a_gap_in_the_ticks_is_one_long_slice() {
    let mut bench = Bench::new();
    bench.call(0, 7, 10, 0);
    bench.tick_after(SECOND);
    bench.call(0, 7, 20, 0);
    bench.tick_after(200 * SECOND);
    let counts = bench.window(Window::LastMinute);
    assert_eq!((counts.hits[0].count, counts.covered), (20, 200 * SECOND));
    bench.tick_after(61 * SECOND);
    assert_eq!((bench.calls(Window::LastMinute), bench.calls(Window::Last5Minutes)), (0, 30));
}

#[test]
fn without_ticks_a_window_is_all_there_was_and_says_so() {
    let mut bench = Bench::new();
    bench.call(0, 7, 10, 0);
    bench.clock.advance(500 * SECOND);
    bench.call(0, 7, 5, 0);
    let counts = bench.window(Window::LastMinute);
    assert_eq!((counts.hits[0].count, counts.covered), (15, 500 * SECOND));
}

#[test]
fn a_query_moves_the_windows_on_though_no_tick_came() {
    let mut bench = Bench::new();
    bench.call(0, 7, 10, 0);
    bench.tick_after(SECOND);
    for (window, after) in [(Window::LastMinute, 61), (Window::Last5Minutes, 245), (Window::Last15Minutes, 660)] {
        assert_eq!(bench.calls(window), 10, "{window}");
        bench.clock.advance(after * SECOND);
        assert_eq!(bench.calls(window), 0, "{window}");
    }
    assert_eq!(bench.calls(Window::LastHour), 10);
    bench.clock.advance(2_700 * SECOND);
    assert_eq!(bench.calls(Window::LastHour), 0);
}

#[test]
fn a_reset_moves_the_baseline() {
    let mut bench = Bench::new();
    bench.call(0, 7, 10, 0);
    bench.tick_after(SECOND);
    bench.call(0, 7, 2, 0);
    bench.reset();
    assert_eq!(bench.calls(Window::LastHour), 0);
    bench.call(0, 7, 3, 0);
    assert_eq!(bench.history.total(Some(&bench.reading)), OutcomeCounts::from_array([3, 0, 0, 0]));
    assert_eq!(bench.calls(Window::LastHour), 3);
}

#[test]
fn a_reset_discards_no_slice() {
    let mut bench = Bench::new();
    let calls = |bench: &mut Bench| -> u64 {
        let slices = bench.history.slices(Window::LastHour, clock::now(), None, &mut bench.bytes);
        slices.iter().flat_map(|slice| slice.counts.finished()).sum()
    };
    for _ in 0..100 {
        bench.call(0, 7, 1, 0);
        bench.tick_after(SECOND);
    }
    bench.reset();
    assert_eq!((bench.calls(Window::LastHour), calls(&mut bench)), (0, 100));
    for _ in 0..3_700 {
        bench.tick_after(SECOND);
    }
    assert_eq!((bench.calls(Window::LastHour), calls(&mut bench)), (0, 0));
    let counted = bench.history.baseline.as_ref().map(|reset| reset.counted.is_some());
    assert_eq!(counted, Some(false), "the memory of the reset is let go with the slices of before");
}

#[test]
fn what_was_known_before_is_in_the_totals_and_in_no_window() {
    let mut known = Reading { started: 5, nanos: [5, 0, 0, 0], ..Reading::default() };
    known.buckets[0] = vec![0, 5];
    let mut bench = Bench::with(known);
    bench.tick_after(SECOND);
    assert_eq!(
        (bench.calls(Window::LastHour), bench.history.total(None)),
        (0, OutcomeCounts::from_array([5, 0, 0, 0]))
    );
}

#[test]
fn a_series_that_rests_for_an_hour_holds_no_slices() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.call(0, 7, 1, 0);
        bench.tick_after(SECOND);
    }
    assert_ne!(bench.slices(), [0; 3]);
    for _ in 0..3_700 {
        bench.tick_after(SECOND);
    }
    assert_eq!(bench.slices(), [0; 3]);
}

#[test]
fn a_series_that_was_never_called_costs_what_is_stated() {
    assert!(size_of::<History>() <= 736, "{} bytes", size_of::<History>());
}

#[test]
fn ticks_that_come_too_often_share_slices() {
    let mut bench = Bench::new();
    for _ in 0..200_000 {
        bench.call(0, 7, 1, 0);
        bench.tick_after(Duration::from_millis(20));
    }
    let slices = bench.slices();
    assert!(slices[0] <= 121 && slices[1] <= 50 && slices[2] <= 57, "{slices:?}");
    assert!(bench.calls(Window::LastMinute) >= 3_000);
}

#[test]
fn a_clock_that_stands_or_goes_back_loses_nothing() {
    let mut bench = Bench::new();
    let early = clock::now();
    bench.clock.advance(10 * SECOND);
    bench.call(0, 7, 1, 0);
    bench.tick();
    bench.call(0, 7, 1, 0);
    bench.history.tick(early, bench.changes, &bench.reading, &mut bench.bytes);
    bench.call(0, 7, 1, 0);
    bench.tick();
    assert_eq!(bench.calls(Window::LastMinute), 3);
    let counts = bench.history.window(Window::LastMinute, early, None, &mut bench.bytes);
    assert_eq!((counts.hits[0].count, counts.covered), (3, 10 * SECOND));
}

/// A step of a test.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Call { outcome: usize, bucket: usize, count: u64, nanos: u64 },
    Tick,
    Ask(Window),
    Reset,
}

fn any_step() -> impl Strategy<Value = Step> {
    let millis = prop_oneof![
        5 => 0_u64..2_500,
        2 => 2_500_u64..90_000,
        1 => 90_000_u64..9_000_000,
    ];
    let count = prop_oneof![8 => 1_u64..5, 1 => (u64::from(u32::MAX) - 1)..=u64::from(u32::MAX) + 1];
    let nanos = prop_oneof![8 => 0_u64..1_000_000, 1 => Just(u64::MAX - 3)];
    let call = (0_usize..4, 0_usize..40, count, nanos);
    prop_oneof![
        4 => millis.prop_map(Step::Wait),
        6 => call.prop_map(|(outcome, bucket, count, nanos)| Step::Call { outcome, bucket, count, nanos }),
        6 => Just(Step::Tick),
        3 => prop::sample::select(Window::ALL.to_vec()).prop_map(Step::Ask),
        1 => Just(Step::Reset),
    ]
}

/// The model that a history is compared with: every call, one after the other.
#[derive(Default)]
struct Model {
    calls: Vec<(Moment, usize, usize, u64, u64)>,
    cuts: Vec<Moment>,
}

impl Model {
    /// Calls that ended after a moment.
    fn after(&self, start: Moment) -> (Sums, Vec<Hit>) {
        let mut sums = Sums::default();
        let mut hits = std::collections::BTreeMap::<Place, u64>::new();
        for &(_, outcome, bucket, count, nanos) in self.calls.iter().filter(|(at, ..)| *at > start) {
            *hits.entry(Place::new(outcome, bucket)).or_default() += count;
            sums.nanos[outcome] = sums.nanos[outcome].wrapping_add(nanos);
            sums.idle_nanos = sums.idle_nanos.wrapping_add(nanos / 2);
            sums.slow_polls += count % 2;
        }
        (sums, hits.into_iter().map(|(place, count)| Hit { place, count }).collect())
    }

    /// The longest time between two cuts.
    fn longest_gap(&self, now: Moment) -> Duration {
        let ends = self.cuts.iter().skip(1).chain([&now]);
        self.cuts.iter().zip(ends).map(|(start, end)| end.since(*start)).max().unwrap_or_default()
    }
}

/// Runs the steps and holds every window against the model.
fn hold(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut bench = Bench::new();
    let begun = clock::now();
    let mut model = Model { cuts: vec![begun], ..Model::default() };
    let mut since = begun;
    for step in steps {
        // No two things happen at the same moment, so that what came first is plain.
        bench.clock.advance(Duration::from_nanos(1));
        let now = clock::now();
        match *step {
            Step::Wait(millis) => bench.clock.advance(Duration::from_millis(millis)),
            Step::Call { outcome, bucket, count, nanos } => {
                bench.call(outcome, bucket, count, nanos);
                model.calls.push((now, outcome, bucket, count, nanos));
            }
            Step::Tick => {
                bench.tick();
                model.cuts.push(now);
            }
            Step::Ask(window) => check(&mut bench, &model, window, since)?,
            Step::Reset => {
                bench.reset();
                since = now;
                model = Model { cuts: vec![now], ..Model::default() };
            }
        }
    }
    bench.clock.advance(Duration::from_nanos(1));
    Window::ALL.into_iter().try_for_each(|window| check(&mut bench, &model, window, since))
}

fn check(bench: &mut Bench, model: &Model, window: Window, since: Moment) -> Result<(), TestCaseError> {
    let now = clock::now();
    let counts = bench.window(window);
    let (sums, hits) = model.after(now.before(counts.covered));
    prop_assert_eq!(&counts.hits, &hits, "{} covers {:?}", window, counts.covered);
    prop_assert_eq!(counts.sums, sums);
    let age = now.since(since);
    prop_assert!(counts.covered >= window.duration().min(age), "{} covers {:?} only", window, counts.covered);
    prop_assert!(counts.covered <= age);
    let cell = match window {
        Window::LastMinute => FINE,
        Window::Last5Minutes => MIDDLE,
        Window::Last15Minutes | Window::LastHour => COARSE,
    };
    let most = window.duration() + cell + model.longest_gap(now);
    prop_assert!(counts.covered <= most, "{} covers {:?}, more than {:?}", window, counts.covered, most);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_window_holds_what_happened_in_the_span_that_it_covers(steps in prop::collection::vec(any_step(), 1..120)) {
        hold(&steps)?;
    }

    /// Hours of ticks in time, some of them late or missed.
    #[test]
    fn so_it_does_over_hours_of_ticks(
        seconds in prop::collection::vec((900_u64..1_100, any::<bool>(), 0_usize..30), 300..500),
        more in prop::collection::vec(any_step(), 1..60),
        pace in prop::sample::select(vec![1_u64, 7, 40]),
    ) {
        let mut steps = Vec::new();
        for (place, &(millis, called, bucket)) in seconds.iter().enumerate() {
            let call = Step::Call { outcome: bucket % 2, bucket, count: 1, nanos: millis };
            steps.extend(called.then_some(call));
            steps.extend([Step::Wait(millis * pace), Step::Tick]);
            if place % 16 == 0 {
                steps.push(more[place % more.len()].clone());
            }
        }
        hold(&steps)?;
    }
}
