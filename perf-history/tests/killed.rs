//! A process that is killed, again and again, in the middle of its work: each of its lives is judged by what it said that it did. Apart
//! from the other tests, for it needs the clock of the process for itself.

#[allow(dead_code, reason = "seconds with one call are not lived here")]
mod common;

use common::{LONG, SECOND, begin};
use perf_history::{Fsync, Settings};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, thread};

const CHILD: &str = "PERF_HISTORY_TEST_CHILD";
const BEGUN: &str = "PERF_HISTORY_TEST_BEGUN";

/// When the first life begins, in milliseconds since 1970: a quarter of an hour before a day is over. The clock is only ever set forward.
const FIRST: u64 = (600_000 * 3_600 - 900) * 1_000;
const HOUR: u64 = 3_600_000;
/// The finest steps, and the time by which what ended in one may be told late, in milliseconds.
const STEP: u64 = 5_000;
const LATE: u64 = 500;
/// So much later than a full second a tick comes, in milliseconds.
const TICK: u64 = 1;
/// At most so many seconds are lost.
const LOST: u64 = 5;

/// Calls that succeed, calls that fail, and what is added to a counter.
type Done = [u64; 3];

/// The work of a life in its n-th second.
fn done_in(second: u64) -> Done {
    [1 + second % 4, second % 3, 7 * second % 11]
}

/// When the n-th second of a life ends with a tick, in milliseconds since 1970: the first is shorter.
fn end_of(begun: u64, second: u64) -> u64 {
    (begun / 1_000 + second) * 1_000 + TICK
}

fn keep(settings: &mut Settings) {
    let long = Duration::from_secs(100 * 24 * 3_600);
    (settings.keep_5s.0, settings.keep_1m.0) = (long, long);
}

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// The process that is killed. It lives as fast as its history can read, and says before each second that it begins, and after it that it
/// was lived: what it said outlives it.
#[test]
fn child_that_is_killed() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let begun: u64 = env::var(BEGUN).unwrap().parse().unwrap();
    let clock = ManualClock::hold();
    clock.set_time_of_day(at(begun));
    let started = Instant::now();
    let (monitor, history) = begin(Path::new(&folder), |settings| {
        keep(settings);
        settings.fsync = Fsync::Always;
    });
    println!("opened {}", started.elapsed().as_millis());
    assert_eq!(history.status().off, None);
    let gauges: Vec<_> = (0..50).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    let jobs = monitor.metrics().counter("jobs_total").register();
    let mut now = begun;
    for second in 1.. {
        println!("begins {second}");
        for (gauge, place) in gauges.iter().zip(0_u64..) {
            gauge.set((second * place % 97) as f64 / 10.0);
            monitor.record_mcp_call("context7", "resolve", Duration::from_micros(second * place), place % 7 > 0);
        }
        let [succeeded, failed, added] = done_in(second);
        (0..succeeded).for_each(|_| monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok));
        for call in 0..failed {
            monitor.operation("search").try_run(|| Err::<(), _>(format!("no index {call}"))).unwrap_err();
        }
        jobs.add(added as f64);
        clock.advance(Duration::from_millis(end_of(begun, second) - now));
        now = end_of(begun, second);
        monitor.tick();
        // A second of the machine's is time enough to read one of this clock's. Nothing is written by it.
        history.catch_up(LONG);
        println!("lived {second}");
    }
}

/// One life, as it was told until it was killed.
#[derive(Debug)]
struct Lived {
    /// When it began, in milliseconds since 1970.
    begun: u64,
    /// The last second that it began.
    seconds: u64,
    /// The time that its history took to open, in milliseconds.
    opened: u64,
}

/// Lets a process live for so many seconds and a moment, and kills it.
fn live_and_be_killed(folder: &Path, begun: u64, seconds: u64, moment: Duration) -> Lived {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_that_is_killed", "--nocapture"])
        .env(CHILD, folder)
        .env(BEGUN, begun.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut life = Lived { begun, seconds: 0, opened: u64::MAX };
    let mut is_killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let number = |name: &str| line.strip_prefix(name).and_then(|number| number.trim().parse::<u64>().ok());
        life.opened = number("opened ").unwrap_or(life.opened);
        life.seconds = number("begins ").unwrap_or(life.seconds);
        if number("lived ").is_some_and(|lived| lived >= seconds) && !is_killed {
            is_killed = true;
            thread::sleep(moment);
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(is_killed, "it ended by itself: {life:?}");
    life
}

/// The least and the most that may be told of a step.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    least: Done,
    most: Done,
}

impl Bounds {
    fn add(&mut self, other: &Self) {
        for (sum, more) in [(&mut self.least, other.least), (&mut self.most, other.most)] {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
}

/// The bounds of each step of this length in which anything was done, by its number.
fn bounds_of(lives: &[Lived], step: u64) -> BTreeMap<u64, Bounds> {
    let mut all: BTreeMap<u64, Bounds> = BTreeMap::new();
    for life in lives {
        for second in 1..=life.seconds {
            // The work of a second was done when it began.
            let is_old = second + LOST <= life.seconds;
            let done = done_in(second);
            let bounds = Bounds { least: if is_old { done } else { Done::default() }, most: done };
            all.entry((end_of(life.begun, second) - LATE) / step).or_default().add(&bounds);
        }
    }
    all
}

/// A sum of whole numbers.
fn whole(value: f64) -> u64 {
    Duration::from_secs_f64(value).as_secs()
}

/// The figures that are told of each step of this length in a stretch of time, by its number.
fn told(monitor: &Monitor, from: u64, to: u64, step: u64) -> BTreeMap<u64, Done> {
    let selector = Selector::kind(Kind::Operation).or(Selector::metric("jobs_total"));
    let range = TimeRange::between(at(from), at(to)).unwrap().with_step(Duration::from_millis(step));
    let tracks = monitor.tracks(&selector, range);
    // Where no process lived, nothing says how long the steps are.
    let is_known = tracks.series.iter().flat_map(|track| &track.points).any(|point| point.count.is_some());
    let told_in = Duration::from_secs_f64(tracks.step);
    assert!(!is_known || told_in == Duration::from_millis(step), "steps of {told_in:?}, not {step} ms: {range:?}");
    assert_eq!(tracks.start, at(from));
    let number = |start: SystemTime| {
        let since_1970 = start.duration_since(UNIX_EPOCH).unwrap().as_millis();
        u64::try_from(since_1970).unwrap() / step
    };
    let mut told: BTreeMap<u64, Done> = BTreeMap::new();
    for point in tracks.series.iter().flat_map(|track| &track.points) {
        let [succeeded, failed, _] = told.entry(number(point.start)).or_default();
        let outcomes = point.outcomes.unwrap_or_default();
        (*succeeded, *failed) = (*succeeded + outcomes.ok, *failed + outcomes.error);
    }
    for point in tracks.metrics.iter().flat_map(|track| &track.points) {
        let [.., added] = told.entry(number(point.start)).or_default();
        *added += whole(point.value.unwrap_or_default());
    }
    told
}

/// Each step of the time in which processes lived, in each tier: nothing of it that did not happen or is told twice, and all of it that
/// is older than the last seconds of its life.
fn judge(monitor: &Monitor, lives: &[Lived]) {
    for (step, at_once) in [(STEP, 5 * HOUR), (60_000, 24 * HOUR), (HOUR, 240 * HOUR)] {
        let bounds = bounds_of(lives, step);
        let end = lives.last().map_or(FIRST, |life| end_of(life.begun, life.seconds)) / HOUR * HOUR + HOUR;
        let begin = FIRST / HOUR * HOUR - HOUR;
        let mut sum = Bounds::default();
        for from in (begin..end).step_by(usize::try_from(at_once).unwrap()) {
            for (number, told) in told(monitor, from, end.min(from + at_once), step) {
                let Bounds { least, most } = bounds.get(&number).copied().unwrap_or_default();
                let is_right = (0..told.len()).all(|of| (least[of]..=most[of]).contains(&told[of]));
                let life = lives.iter().rposition(|life| life.begun <= (number + 1) * step);
                assert!(is_right, "{told:?} of {least:?} to {most:?} in step {number} of {step} ms, life {life:?}");
                sum.add(&Bounds { least: told, most: told });
            }
        }
        let mut all = Bounds::default();
        for bounds in bounds.values() {
            all.add(bounds);
        }
        let is_all = (0..sum.least.len()).all(|of| (all.least[of]..=all.most[of]).contains(&sum.least[of]));
        assert!(is_all, "{:?} of {all:?} in steps of {step} ms", sum.least);
    }
}

/// When the next life begins, in milliseconds since 1970: in the same step, in one of the next, or right before an hour or half a day is
/// over, when much is written anew.
fn next_begin(after: u64, kill: u64) -> u64 {
    let before = |period: u64| after.div_ceil(period) * period + period - 1_000 * (5 + kill % 60) - 371;
    match kill % 8 {
        1 | 5 => after + 1_300,
        2 | 6 => before(HOUR),
        4 => before(12 * HOUR),
        _ => after + 1_000 * (4 + kill % 97) + 617,
    }
}

/// After how many seconds a life is killed: anywhere, or where an hour that is over is written anew, which takes a moment at the commit
/// after it.
fn seconds_of(begun: u64, kill: u64) -> u64 {
    let to_hour = begun.div_ceil(HOUR) * HOUR / 1_000 - begun / 1_000;
    let is_near = to_hour < 70 && !kill.is_multiple_of(3);
    if is_near { to_hour + STEP / 1_000 - 1 } else { 7 + kill * 37 % 101 }
}

#[test]
fn a_process_that_is_killed_loses_five_seconds_at_most_and_nothing_is_told_twice() {
    let folder = tempfile::tempdir().unwrap();
    // The whole form is of 1,000; it takes some minutes.
    let wanted = env::var("PERF_HISTORY_KILLS").ok();
    let kills = wanted.as_ref().map_or(8, |kills| kills.parse().unwrap());
    let (mut begun, mut lives) = (FIRST, Vec::new());
    for kill in 0..kills {
        let moment = Duration::from_micros(kill * 733 % 5_000);
        let life = live_and_be_killed(folder.path(), begun, seconds_of(begun, kill), moment);
        begun = next_begin(end_of(life.begun, life.seconds), kill);
        lives.push(life);
    }
    let clock = ManualClock::hold();
    clock.set_time_of_day(at(begun + HOUR));
    // It begins later than the clock was set: all that was before is the file's to tell.
    clock.advance(SECOND);
    let (monitor, history) = begin(folder.path(), keep);
    clock.advance(SECOND);
    monitor.tick();
    history.flush(LONG);
    judge(&monitor, &lives);
    // Failures by kind are written when their hour is over, and none twice.
    let all = TimeRange::between(at(FIRST - HOUR), at(begun + HOUR)).unwrap();
    let by_kind: u64 = monitor.errors(&Selector::kind(Kind::Operation), all).series.iter().map(|one| one.failed).sum();
    let failed: u64 = lives.iter().flat_map(|life| (1..=life.seconds).map(|second| done_in(second)[1])).sum();
    assert!(by_kind <= failed, "{by_kind} of {failed}");
    assert_eq!((history.status().off, history.status().set_aside, history.status().damaged), (None, 0, 0));
    let boots = history.view().overview().boots;
    let is_told = boots.iter().rev().skip(1).all(|boot| !boot.clean);
    assert!(is_told && boots.len() == lives.len() + 1, "{boots:?}");
    let longest = lives.iter().map(|life| life.opened).max().unwrap_or_default();
    println!("{} opens, of all lives but the first after a kill: the longest took {longest} ms", lives.len());
    println!(
        "{} seconds were lived; {by_kind} of {failed} failures are told by kind",
        lives.iter().map(|life| life.seconds).sum::<u64>()
    );
    // How long it takes is a claim of the whole form alone, on a machine that does nothing else.
    assert!(wanted.is_none() || longest <= 500, "{longest} ms");
}
