use super::*;
use crate::measure::clock::manual::ManualClock;
use crate::observe::series::observation::Look;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls by series, outcome and bucket.
type Counts = BTreeMap<(String, usize, usize), u64>;

/// All that a cursor was given.
#[derive(Clone, Debug, Default, PartialEq)]
struct Total {
    counts: Counts,
    /// By series: the summed durations by outcome, and then the time spent waiting and the slow polls.
    sums: BTreeMap<String, [u64; Sums::LEN]>,
}

/// Adds up what it is given, and sees to it that the slices of a series follow each other.
#[derive(Default)]
struct Adder {
    total: Total,
    last_end: BTreeMap<String, SystemTime>,
    slices: Vec<(SystemTime, SystemTime, u64)>,
    readings: Vec<(String, f64)>,
}

impl Total {
    fn add(&mut self, name: &str, sums: [u64; Sums::LEN], hits: impl Iterator<Item = (usize, usize, u64)>) {
        let known = self.sums.entry(name.to_owned()).or_default();
        known.iter_mut().zip(sums).for_each(|(known, sum)| *known += sum);
        if *known == [0; Sums::LEN] {
            self.sums.remove(name);
        }
        for (outcome, bucket, count) in hits {
            *self.counts.entry((name.to_owned(), outcome, bucket)).or_default() += count;
        }
    }

    fn with(mut self, other: Self) -> Self {
        for ((name, outcome, bucket), count) in other.counts {
            self.add(&name, [0; Sums::LEN], [(outcome, bucket, count)].into_iter());
        }
        other.sums.iter().for_each(|(name, sums)| self.add(name, *sums, std::iter::empty()));
        self
    }
}

/// Whether a series is of these tests. Sites are the process's, so that what other tests call meanwhile is in each registry.
fn is_ours(series: &Series) -> bool {
    const NAMES: [&str; 6] = ["search", "fetch", "write", "researcher", "context7", "resolve"];
    DeltaSeries { series }.labels().iter().all(|(_, value)| NAMES.contains(&value))
}

impl DeltaSink for Adder {
    fn slice(&mut self, series: &DeltaSeries<'_>, slice: &DeltaSlice<'_>) {
        if !is_ours(series.series) {
            return;
        }
        let name = format!("{}{:?}", series.kind(), series.labels());
        assert!(slice.start <= slice.end, "{slice:?}");
        let last = self.last_end.insert(name.clone(), slice.end);
        assert!(last.is_none_or(|last| last <= slice.start), "{last:?} {slice:?}");
        let [ok, error, panicked, cancelled] = Outcome::ALL.map(|outcome| slice.nanos(outcome));
        let OutcomeCounts { expected_errors, expected_cancelled, .. } = slice.outcomes();
        let others = [slice.idle_nanos, slice.slow_polls, slice.covered_nanos, expected_errors, expected_cancelled];
        let sums =
            [&[ok, error, panicked, cancelled][..], &others].concat().try_into().expect("as many as there are sums");
        assert!(slice.buckets().all(|bucket| bucket.count > 0 && bucket.index < series.buckets()));
        let hits = slice.buckets().map(|bucket| (bucket.outcome.index(), bucket.index, bucket.count));
        self.total.add(&name, sums, hits);
        self.slices.push((slice.start, slice.end, slice.outcomes().finished()));
    }

    fn reading(&mut self, family: &Family<'_>, sample: &Sample<'_>) {
        if let super::super::model::Value::Number(number) = sample.value {
            self.readings.push((family.name.to_owned(), number.as_f64()));
        }
    }
}

/// Everything that was ever counted.
fn counted(registry: &Registry) -> Total {
    let mut total = Total::default();
    for series in registry.all().iter().filter(|series| is_ours(series)) {
        let (reading, name) = (series.read(), name_of(series));
        let sums = Sums::of(&reading).as_array();
        let hits = reading.buckets.iter().enumerate().flat_map(|(outcome, buckets)| {
            let hit = buckets.iter().enumerate().filter(|(_, count)| **count > 0);
            hit.map(move |(bucket, count)| (outcome, bucket, *count))
        });
        total.add(&name, sums, hits);
    }
    total
}

/// Everything that the rings hold.
fn in_memory(registry: &Registry) -> Total {
    let mut total = Total::default();
    for series in registry.all().iter().filter(|series| is_ours(series)) {
        series.for_each_slice(Moment::default(), |_, sums, hits| {
            let hits = hits.map(|hit| (hit.place.outcome(), hit.place.bucket(), hit.count));
            total.add(&name_of(series), sums.as_array(), hits);
        });
    }
    total
}

fn name_of(series: &Series) -> String {
    format!("{}{:?}", series.identity.kind, DeltaSeries { series }.labels())
}

#[derive(Clone, Debug)]
enum Step {
    Call {
        tool: u8,
        outcome: usize,
        nanos: u64,
    },
    /// A call that waited, and is still in flight where it does not end.
    Wait {
        millis: u64,
        ends: bool,
    },
    Advance {
        millis: u64,
    },
    Tick,
    Reset,
    Read {
        cursor: usize,
    },
    /// Two new cursors: from now on, and from memory.
    Begin,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = (0_u8..3, 0_usize..4, prop_oneof![0_u64..10_000_000, Just(5_000_000_000)]);
    let call = call.prop_map(|(tool, outcome, nanos)| Step::Call { tool, outcome, nanos });
    let millis =
        prop::sample::select(vec![0, 1, 200, 499, 500, 1_000, 1_001, 1_500, 5_000, 61_000, 310_000, 4_000_000]);
    let step = prop_oneof![
        6 => call,
        1 => (1_u64..3_000, any::<bool>()).prop_map(|(millis, ends)| Step::Wait { millis, ends }),
        5 => millis.prop_map(|millis| Step::Advance { millis }),
        5 => Just(Step::Tick),
        1 => Just(Step::Reset),
        4 => (0_usize..4).prop_map(|cursor| Step::Read { cursor }),
        1 => Just(Step::Begin),
    ];
    prop::collection::vec(step, 0..120)
}

fn tick(registry: &Registry) {
    registry.tick(clock::now(), &std::collections::BTreeSet::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_a_cursor_gave_is_what_was_counted(steps in steps()) {
        let clock = ManualClock::hold();
        let registry = Arc::new(Registry::new());
        // With each cursor goes what it was given, and what it is not to give.
        let mut cursors = vec![(Cursor::new(&registry, Begins::Now), Adder::default(), Total::default())];
        for step in steps {
            match step {
                Step::Call { tool, outcome, nanos } => {
                    let tool = ["search", "fetch", "write"][usize::from(tool)];
                    registry.record(Kind::Tool, &[tool], Outcome::ALL[outcome], nanos);
                }
                Step::Wait { millis, ends } => {
                    let series = registry.series(Kind::Agent, &["researcher"]);
                    series.own.start_away();
                    if ends {
                        let nanos = millis * 1_000_000;
                        series.own.idle(nanos / 2);
                        series.own.slow_poll();
                        series.own.finish(Outcome::Ok, nanos);
                    }
                }
                Step::Advance { millis } => clock.advance(Duration::from_millis(millis)),
                Step::Tick => tick(&registry),
                Step::Reset => registry.reset(clock::now()),
                Step::Read { cursor } => {
                    let at = cursor % cursors.len();
                    let (cursor, adder, _) = &mut cursors[at];
                    cursor.read(adder);
                }
                Step::Begin => {
                    tick(&registry);
                    let (counted, kept) = (counted(&registry), in_memory(&registry));
                    let now = Cursor::new(&registry, Begins::Now);
                    let memory = Cursor::new(&registry, Begins::BeforeMemory);
                    cursors.push((now, Adder::default(), counted.clone()));
                    // Calls that are older than memory are in neither.
                    let mut gone = counted;
                    for (place, count) in kept.counts {
                        *gone.counts.get_mut(&place).unwrap() -= count;
                    }
                    gone.counts.retain(|_, count| *count > 0);
                    for (name, sums) in kept.sums {
                        let known = gone.sums.get_mut(&name).unwrap();
                        known.iter_mut().zip(sums).for_each(|(known, sum)| *known -= sum);
                    }
                    gone.sums.retain(|_, sums| *sums != [0; Sums::LEN]);
                    cursors.push((memory, Adder::default(), gone));
                }
            }
        }
        tick(&registry);
        let all = counted(&registry);
        for (mut cursor, mut adder, gone) in cursors {
            cursor.read(&mut adder);
            prop_assert_eq!(adder.total.clone().with(gone), all.clone());
            let before = adder.slices.len();
            prop_assert_eq!(cursor.read(&mut adder).ticks, 0);
            prop_assert_eq!(adder.slices.len(), before, "nothing comes twice");
        }
    }
}

#[test]
fn a_reader_that_keeps_up_has_a_slice_a_tick_and_a_late_one_what_memory_holds() {
    let clock = ManualClock::hold();
    let registry = Arc::new(Registry::new());
    let wall = || wall::time_of(clock::now());
    let begin = || Cursor::new(&registry, Begins::Now);
    let (mut eager, mut late) = (begin(), begin());
    let (mut told, mut told_late) = (Adder::default(), Adder::default());
    for second in 0..120 {
        registry.record(Kind::Tool, &["search"], Outcome::Ok, second);
        clock.advance(Duration::from_secs(1));
        tick(&registry);
        let span = eager.read(&mut told);
        assert_eq!((span.ticks, span.end), (1, wall()));
        assert_eq!(told.slices.last().map(|slice| slice.2), Some(1));
    }
    assert_eq!(told.slices.len(), 120);
    let span = late.read(&mut told_late);
    assert_eq!(span.ticks, 120);
    assert_eq!(told_late.total, told.total);
    assert_eq!(span.end.duration_since(span.start).unwrap(), Duration::from_secs(120));
    let again = late.read(&mut told_late);
    assert_eq!((again.start, again.end, again.ticks), (span.end, span.end, 0));
    // A minute by the second, and the minute before by five seconds.
    assert!((72..=74).contains(&told_late.slices.len()), "{}", told_late.slices.len());
    let longest = told_late.slices.iter().map(|(start, end, _)| end.duration_since(*start).unwrap()).max();
    assert!(longest.is_some_and(|longest| (4.0..6.0).contains(&longest.as_secs_f64())), "{longest:?}");
}

fn minute_of(end: SystemTime) -> u64 {
    (wall::to_unix_nanos(end) - clock::nanos(crate::observe::history::ring::LATE)) / 60_000_000_000
}

/// Calls by the minute that each slice ended in, from the first minute on that memory has.
fn by_minute(slices: impl Iterator<Item = (SystemTime, u64)>, first: u64) -> BTreeMap<u64, u64> {
    let mut minutes = BTreeMap::new();
    for (end, count) in slices {
        let minute = minute_of(end);
        if minute >= first && count > 0 {
            *minutes.entry(minute).or_default() += count;
        }
    }
    minutes
}

/// Else a store that reads late has calls at a time that memory answers for, or memory at one that the store answers for.
#[test]
fn a_late_reader_is_told_of_calls_in_the_minutes_in_which_memory_has_them() {
    for between in [1_u64, 7, 61, 130, 400, 1_900, 3_500, 4_100, 9_000] {
        for phase in [0_u64, 58_700, 59_600] {
            let clock = ManualClock::hold();
            clock.set_time_of_day(UNIX_EPOCH + Duration::from_secs(1_790_000_040) + Duration::from_millis(phase));
            let registry = Arc::new(Registry::new());
            let (mut cursor, mut told) = (Cursor::new(&registry, Begins::Now), Adder::default());
            let mut calls = 0;
            for second in 1..=2 * between + 4_000 {
                // Bursts over some seconds, seldom enough that none may follow for minutes.
                if second % 301 < 4 {
                    registry.record(Kind::Tool, &["search"], Outcome::Ok, second);
                    calls += 1;
                }
                clock.advance(Duration::from_secs(1));
                tick(&registry);
                if second % between == 0 {
                    cursor.read(&mut told);
                }
            }
            cursor.read(&mut told);
            assert_eq!(told.slices.iter().map(|slice| slice.2).sum::<u64>(), calls);
            let mut held = Vec::new();
            registry.series(Kind::Tool, &["search"]).for_each_slice(Moment::default(), |end, _, hits| {
                held.push((wall::time_of(end), hits.map(|hit| hit.count).sum()));
            });
            let first = minute_of(wall::time_of(clock::now())) - 59;
            let told = by_minute(told.slices.iter().map(|&(_, end, count)| (end, count)), first);
            assert_eq!(told, by_minute(held.into_iter(), first), "every {between} s, at {phase} ms");
        }
    }
}

#[test]
fn a_clock_that_is_set_is_told_and_time_goes_back_only_between_reads() {
    let clock = ManualClock::hold();
    let registry = Arc::new(Registry::new());
    let mut cursor = Cursor::new(&registry, Begins::Now);
    // A sink of its own each time: it would not have that times go back.
    let second = |cursor: &mut Cursor| {
        registry.record(Kind::Tool, &["search"], Outcome::Ok, 5);
        clock.advance(Duration::from_secs(1));
        tick(&registry);
        let mut told = Adder::default();
        let span = cursor.read(&mut told);
        assert_eq!(told.slices.len(), 1);
        span
    };
    let wall = || wall::time_of(clock::now());
    let (day, first) = (Duration::from_secs(86_400), second(&mut cursor));
    assert!(first.observed && first.set_back.is_zero());

    clock.set_time_of_day(wall() + day);
    let forward = second(&mut cursor);
    assert_eq!((forward.start, forward.end, forward.observed), (first.end, wall(), false));
    assert!(second(&mut cursor).observed);

    let before = wall();
    clock.set_time_of_day(before - day);
    let back = second(&mut cursor);
    assert_eq!((back.start, back.end, back.observed), (before, before, false));
    assert_eq!(back.set_back + Duration::from_secs(1), day);
    let after = second(&mut cursor);
    assert_eq!((after.start, after.end), (wall() - Duration::from_secs(1), wall()));
    assert!(after.observed && after.set_back.is_zero());
    // A correction by half a second is none of somebody's.
    clock.set_time_of_day(wall() - Duration::from_millis(500));
    let corrected = second(&mut cursor);
    assert!(corrected.observed && corrected.set_back.is_zero(), "{corrected:?}");
}

#[test]
fn a_sink_may_ask_for_what_it_is_told_of() {
    struct Asks(Arc<Registry>, u64);
    impl DeltaSink for Asks {
        fn slice(&mut self, series: &DeltaSeries<'_>, _: &DeltaSlice<'_>) {
            let summary = self.0.summary(crate::observe::history::window::Window::LastMinute, clock::now());
            self.1 += summary.series.iter().filter(|one| one.kind == series.kind()).map(|one| one.count).sum::<u64>();
        }
    }
    let clock = ManualClock::hold();
    let registry = Arc::new(Registry::new());
    let mut cursor = Cursor::new(&registry, Begins::Now);
    registry.record(Kind::McpCall, &["context7", "resolve"], Outcome::Ok, 5);
    clock.advance(Duration::from_secs(1));
    tick(&registry);
    let mut asks = Asks(Arc::clone(&registry), 0);
    cursor.read(&mut asks);
    assert_eq!(asks.1, 1);
}

#[test]
fn reading_does_not_disturb_windows() {
    let clock = ManualClock::hold();
    let read_by = |registry: &Arc<Registry>, reads: bool| {
        let mut cursor = Cursor::new(registry, Begins::BeforeMemory);
        for second in 0..400 {
            registry.record(Kind::Tool, &["search"], Outcome::Ok, second * 1_000);
            clock.advance(Duration::from_secs(1));
            tick(registry);
            if reads {
                cursor.read(&mut Adder::default());
            }
        }
        let now = clock::now();
        let windows = crate::observe::history::window::Window::ALL;
        let series = registry.series(Kind::Tool, &["search"]);
        windows.map(|window| series.observe(window, &mut Look::live(now)).counts.hits)
    };
    let registries = [(); 2].map(|()| Arc::new(Registry::new()));
    assert_eq!(read_by(&registries[0], true), read_by(&registries[1], false));
}

#[test]
fn the_applications_own_metrics_come_beside_it() {
    let registry = Arc::new(Registry::new());
    registry.custom().set_gauge("queue_depth", 42.0, "jobs");
    let mut adder = Adder::default();
    Cursor::new(&registry, Begins::Now).read(&mut adder);
    assert_eq!(adder.readings, [("queue_depth".to_owned(), 42.0)]);
}
