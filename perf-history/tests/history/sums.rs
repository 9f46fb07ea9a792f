//! The law of ranges: in any steps they are told as many as were counted in them, over 60 days with bursts of work, pauses, restarts and resets, in
//! all tiers.

use super::{LONG, Life};
use perf_runtime::metric::{Counter, Histogram};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Outcome};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// In milliseconds, as all times here.
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
/// A slice that ended so long after a step is of that step still.
const LATE: u64 = 500;
/// When all of it begins, since 1970.
const ORIGIN: u64 = 600_000 * HOUR;

/// Calls that succeeded and that failed, what was added to a counter, and the sum and the count of a histogram's values.
type Counts = [u64; 5];

fn add(to: &mut Counts, more: Counts) {
    to.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// A sum of whole numbers.
fn whole(value: f64) -> u64 {
    Duration::from_secs_f64(value.round()).as_secs()
}

/// Some seconds of work, after a pause.
#[derive(Clone, Debug)]
struct Burst {
    /// In milliseconds.
    pause: u64,
    /// The time between two ticks of the pause.
    pace: u64,
    seconds: u64,
    event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The process goes on.
    None,
    /// The baseline is moved in the middle of the work.
    Reset,
    /// The process ends before the pause, and another one begins after it.
    Restart,
}

/// A question: how long the steps are to be in which the ends are, both ends in thousandths of the time until then, and the step.
type Question = (u64, u64, u64, Option<u64>);

struct World {
    clock: ManualClock,
    folder: TempDir,
    life: Option<(Life, Counter, Histogram)>,
    now: u64,
    /// The counts since the last tick.
    fresh: Counts,
    /// The counts, by the tick that ended them.
    done: Vec<(u64, Counts)>,
    works: u64,
}

impl World {
    fn new(phase: u64) -> Self {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let now = ORIGIN + phase;
        clock.set_time_of_day(at(now));
        Self { clock, folder, life: None, now, fresh: Counts::default(), done: Vec::new(), works: 0 }
    }

    fn life(&self) -> &Life {
        &self.life.as_ref().unwrap().0
    }

    fn advance(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        self.now += millis;
    }

    fn begin(&mut self) {
        let life = Life::kept(self.folder.path(), |settings| {
            settings.keep_5s.0 = Duration::from_millis(2 * DAY);
            settings.keep_1m.0 = Duration::from_millis(9 * DAY);
        });
        let metrics = life.monitor.metrics();
        let (jobs, sizes) = (metrics.counter("jobs_total").register(), metrics.histogram("sizes").register());
        self.life = Some((life, jobs, sizes));
    }

    fn end(&mut self) {
        if let Some((life, ..)) = self.life.take() {
            life.end();
        }
    }

    fn work(&mut self) {
        self.works += 1;
        let of = |number: u64| self.works * number % 11 % 4;
        let (succeeded, failed, added, size, values) = (of(3), of(5) / 2, of(7), 10 * of(2), of(9));
        let (life, jobs, sizes) = self.life.as_ref().unwrap();
        let search = life.monitor.operation("search");
        (0..succeeded).for_each(|_| search.record(Duration::from_millis(20), Outcome::Ok));
        (0..failed).for_each(|_| search.record(Duration::from_millis(30), Outcome::Error));
        jobs.add(added as f64);
        (0..values).for_each(|_| sizes.record(size as f64));
        add(&mut self.fresh, [succeeded, failed, added, size * values, values]);
    }

    fn tick(&mut self, millis: u64) {
        self.advance(millis);
        self.life().monitor.tick();
        // The thread lives by another clock: what a metric counts after a tick and before it is read would be told with that tick.
        self.life().history.catch_up(LONG);
        self.done.push((self.now, std::mem::take(&mut self.fresh)));
    }

    /// Moves the baseline. Calls up to now are of a slice that ends here; the application's own metrics go on to the next tick.
    fn reset(&mut self) {
        self.life().monitor.reset();
        let [succeeded, failed, ..] = self.fresh;
        (self.fresh[0], self.fresh[1]) = (0, 0);
        self.done.push((self.now, [succeeded, failed, 0, 0, 0]));
    }

    fn live(&mut self, burst: &Burst) {
        if burst.event == Event::Restart || self.life.is_none() {
            self.end();
            self.advance(burst.pause);
            self.begin();
        } else {
            let mut rest = burst.pause;
            while rest > 0 {
                let step = rest.min(burst.pace);
                self.tick(step);
                rest -= step;
            }
        }
        for second in 0..burst.seconds {
            self.work();
            if burst.event == Event::Reset && second == burst.seconds / 2 {
                // Later than what may be told late: a slice that is none of a tick's may come when its step was written.
                self.advance(LATE + 100);
                self.reset();
                self.work();
                self.tick(SECOND - LATE - 100);
            } else {
                self.tick(SECOND);
            }
        }
    }

    fn asks(&self, (unit, one, other, step): Question) -> Result<(), TestCaseError> {
        let place = |part: u64| (ORIGIN + (self.now - ORIGIN) / 1_000 * part) / unit * unit;
        self.is_told(place(one.min(other)), place(one.max(other)) + unit, step.map(|step| step * unit))
    }

    /// Looks whether each step of a range has what was counted in it.
    fn is_told(&self, mut from: u64, mut to: u64, mut length: Option<u64>) -> Result<(), TestCaseError> {
        let selector = Selector::kind(Kind::Operation).or(Selector::metric("jobs_total")).or(Selector::metric("sizes"));
        // Where no step is so short there, those that there are: ends are to cut no step.
        let (tracks, step) = loop {
            let range = TimeRange::between(at(from.min(self.now - SECOND)), at(to.min(self.now))).unwrap();
            let range = length.map_or(range, |length| range.with_step(Duration::from_millis(length)));
            let tracks = self.life().monitor.tracks(&selector, range);
            let step = whole(tracks.step * 1e3);
            prop_assert!(step >= length.unwrap_or_default(), "{range:?} in steps of {step}");
            if from.is_multiple_of(step) && to.is_multiple_of(step) && length == Some(step) {
                prop_assert_eq!(tracks.start, at(from));
                break (tracks, step);
            }
            (from, to, length) = (from / step * step, to.div_ceil(step) * step, Some(step));
        };

        let number = |start: SystemTime| start.duration_since(UNIX_EPOCH).unwrap().as_secs() * SECOND / step;
        let mut told: BTreeMap<u64, Counts> = BTreeMap::new();
        for point in tracks.series.iter().flat_map(|track| &track.points) {
            let outcomes = point.outcomes.unwrap_or_default();
            add(told.entry(number(point.start)).or_default(), [outcomes.ok, outcomes.error, 0, 0, 0]);
        }
        for track in &tracks.metrics {
            for point in &track.points {
                let (value, count) = (point.value.unwrap_or_default(), point.count.unwrap_or_default());
                let counts = match track.name.as_str() {
                    "jobs_total" => [0, 0, whole(value), 0, 0],
                    _ => [0, 0, 0, whole(value * count), whole(count)],
                };
                add(told.entry(number(point.start)).or_default(), counts);
            }
        }
        told.retain(|_, counts| *counts != Counts::default());
        let mut expected: BTreeMap<u64, Counts> = BTreeMap::new();
        for &(ended, counts) in &self.done {
            if (from..to).contains(&(ended - LATE)) && counts != Counts::default() {
                add(expected.entry((ended - LATE) / step).or_default(), counts);
            }
        }
        let first = told.iter().zip(&expected).find(|(told, expected)| told != expected);
        let sum = |all: &BTreeMap<u64, Counts>| {
            let mut sum = Counts::default();
            for counts in all.values() {
                add(&mut sum, *counts);
            }
            sum
        };
        prop_assert!(
            told == expected,
            "steps of {} s from {} to {} at {}: {:?} of {:?}; the first that differ: {:?} at {:?}",
            step / SECOND,
            from,
            to,
            self.now,
            sum(&told),
            sum(&expected),
            first,
            first.map(|((number, _), _)| *number * step)
        );
        Ok(())
    }
}

/// Has a world go through some bursts of work, and asks each question after one of them, and at the end.
fn are_told(phase: u64, bursts: &[Burst], questions: &[(usize, Question)]) -> Result<(), TestCaseError> {
    let mut world = World::new(phase);
    for (place, burst) in bursts.iter().enumerate() {
        world.live(burst);
        for (_, question) in questions.iter().filter(|(after, _)| *after == place) {
            world.asks(*question)?;
        }
    }
    for (_, question) in questions {
        world.asks(*question)?;
    }
    let status = world.life().history.status();
    prop_assert_eq!((status.off, status.damaged, status.set_aside), (None, 0, 0));
    Ok(())
}

fn burst() -> impl Strategy<Value = Burst> {
    let short = prop_oneof![1..120 * SECOND, 120 * SECOND..2 * HOUR];
    let long = prop_oneof![2 * HOUR..DAY, DAY..4 * DAY];
    // A process that does nothing ticks all the same; one that is suspended does not.
    let pause = prop_oneof![(short, Just(60 * SECOND)), (long.clone(), Just(HOUR)), (long, Just(10 * DAY))];
    let event = prop_oneof![4 => Just(Event::None), 1 => Just(Event::Reset), 1 => Just(Event::Restart)];
    (pause, 1_u64..50, event).prop_map(|((pause, pace), seconds, event)| Burst { pause, pace, seconds, event })
}

fn question() -> impl Strategy<Value = Question> {
    let unit = prop_oneof![Just(5 * SECOND), Just(60 * SECOND), Just(HOUR)];
    (unit, 0_u64..1_000, 0_u64..1_000, prop::option::of(1_u64..20))
}

/// A range that is over, in which only longer steps are kept than those that are asked for, is told in these: up to its end, where that is
/// the end of one.
#[test]
fn where_only_longer_steps_are_kept_a_range_that_is_over_is_told_in_these() {
    let mut world = World::new(0);
    let burst = |pause, pace, seconds| Burst { pause, pace, seconds, event: Event::None };
    world.live(&burst(SECOND, SECOND, 7_200));
    let (begin, end) = (ORIGIN, world.now / HOUR * HOUR);
    // Steps of 5 s are kept for two days, those of a minute for nine.
    for (days, kept) in [(4, 60), (8, 3_600)] {
        world.live(&burst(days * DAY, HOUR, 1));
        for asked in [None, Some(SECOND), Some(7 * SECOND), Some(45 * SECOND), Some(kept * SECOND)] {
            let range = TimeRange::between(at(begin), at(end)).unwrap();
            let range = asked.map_or(range, |asked| range.with_step(Duration::from_millis(asked)));
            let step = whole(world.life().calls(range).step);
            assert_eq!(step, kept, "{asked:?} after {days} days");
            for begin in [begin, begin + HOUR] {
                world.is_told(begin, end, asked).unwrap();
            }
        }
    }
}

/// A range that was over when a process began is told in the steps that are kept, though memory has longer ones of that time.
#[test]
fn right_after_a_restart_the_time_before_it_is_told_in_the_steps_that_are_kept() {
    let mut world = World::new(0);
    let burst = |pause, event| Burst { pause, pace: SECOND, seconds: 10, event };
    world.live(&burst(1_200 * SECOND, Event::None));
    world.live(&burst(600 * SECOND, Event::None));
    for pause in [7 * SECOND, 40 * SECOND, 700 * SECOND] {
        let ended = world.now;
        world.live(&burst(pause, Event::Restart));
        // Up to where the process before ended, and up to right before this one began.
        for end in [ended, ended + pause].map(|end| end / 5_000 * 5_000) {
            let range =
                TimeRange::between(at(end - 1_500 * SECOND), at(end)).unwrap().with_step(Duration::from_secs(5));
            assert_eq!(whole(world.life().calls(range).step), 5, "{pause} ms of pause");
            world.is_told(end - 1_500 * SECOND, end, Some(5 * SECOND)).unwrap();
        }
    }
}

/// Four worlds are what a suite has time for; `PROPTEST_CASES` says how many otherwise.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { 4 };
    ProptestConfig { cases, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn sixty_days_add_up_in_any_range_and_step(
        phase in 0..HOUR,
        mut bursts in prop::collection::vec(burst(), 40..80),
        questions in prop::collection::vec((0_usize..60, question()), 12),
    ) {
        // The last ones come after 60 days.
        let length: u64 = bursts.iter().map(|burst| burst.pause + burst.seconds * SECOND).sum();
        if let Some(longer) = (60 * DAY).checked_sub(length) {
            let one = &mut bursts[questions.len()];
            (one.pause, one.pace) = (one.pause + longer, HOUR);
        }
        are_told(phase, &bursts, &questions)?;
    }
}
