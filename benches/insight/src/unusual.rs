//! The unchanged that is called unusual, and the time until a doubling is.
//!
//! Months of minutes and of five minutes of series whose law never changes; doublings of latencies at one call a second, seen as a
//! process sees them: by the means of whole minutes, each looked at three seconds after its end; and the alert on the process as a whole,
//! by the real watch on the manual clock.

mod random;
mod told;

use crate::files::{Done, mean, rounded};
use perf_insight::Series;
use perf_insight::anomaly::{AnomalySettings, Detector, Scale, episodes};
use random::Random;
use serde_json::json;
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// The months of each law, and the runs of each doubling.
const MONTHS: usize = 20;
const RUNS: usize = 200;
const DAY: f64 = 1_440.0;
/// Minutes that are known before a doubling.
const KNOWN: [(&str, usize); 3] = [("5 hours", 300), ("a day", 1_440), ("3 days", 4_320)];
/// The time after its end at which a minute is looked at, and the time within which a doubling is to be found, in seconds.
const SETTLED: f64 = 3.0;
const SOON: f64 = 120.0;

/// The value of a minute, by the one before; 0 before the first.
type Law = fn(&mut Random, f64, f64) -> f64;
/// The duration of one call.
type Call = fn(&mut Random) -> f64;

/// The course of a day, and of a week whose weekends are quieter.
fn day(minute: f64) -> f64 {
    1.0 + 0.5 * (TAU * minute / DAY).sin()
}

fn week(minute: f64) -> f64 {
    day(minute) * if (minute / DAY).floor() % 7.0 < 5.0 { 1.0 } else { 0.6 }
}

fn of(calls: usize, mut call: impl FnMut() -> f64) -> f64 {
    (0..calls).map(|_| call()).sum::<f64>() / calls as f64
}

/// Durations, by their logarithms; and counts and shares, as they are.
const LAWS: [(&str, Scale, Law); 18] =
    [
        ("normal", Scale::Logarithmic, |random, _, _| 100.0 + 10.0 * random.normal()),
        ("AR(1) 0.9", Scale::Logarithmic, |random, _, before| {
            if before > 0.0 { 0.9 * before + 10.0 + 5.0 * random.normal() } else { 100.0 }
        }),
        (
            "AR(1) 0.99",
            Scale::Logarithmic,
            |random, _, before| {
                if before > 0.0 { 0.99 * before + 1.0 + random.normal() } else { 100.0 }
            },
        ),
        ("days", Scale::Logarithmic, |random, at, _| day(at) * random.lognormal(0.05)),
        ("days, as they are", Scale::Linear, |random, at, _| day(at) + 0.05 * random.normal()),
        ("weeks", Scale::Logarithmic, |random, at, _| week(at) * random.lognormal(0.1)),
        ("log-normal 0.4", Scale::Logarithmic, |random, _, _| random.lognormal(0.4)),
        ("log-normal 1", Scale::Logarithmic, |random, _, _| random.lognormal(1.0)),
        ("60 calls, log-normal 0.5", Scale::Logarithmic, |random, _, _| of(60, || random.lognormal(0.5))),
        ("60 calls, exponential", Scale::Logarithmic, |random, _, _| of(60, || random.exponential())),
        ("60 calls, log-normal 1", Scale::Logarithmic, |random, _, _| of(60, || random.lognormal(1.0))),
        ("60 calls, Pareto 3", Scale::Logarithmic, |random, _, _| of(60, || random.pareto(3.0))),
        ("few calls, by the day", Scale::Logarithmic, |random, at, _| {
            let calls = random.poisson(5.0 * day(at));
            if calls > 0.0 { of(calls as usize, || random.lognormal(0.5)) } else { f64::NAN }
        }),
        ("hits and misses", Scale::Logarithmic, |random, _, _| {
            of(20, || if random.even() < 0.9 { 0.001 } else { 0.02 * random.lognormal(0.5) })
        }),
        ("ten minutes a day three times as long", Scale::Logarithmic, |random, at, _| {
            random.lognormal(0.05) * if (120.0..130.0).contains(&(at % DAY)) { 3.0 } else { 1.0 }
        }),
        ("60 calls by the week, counted", Scale::Linear, |random, at, _| random.poisson(60.0 * week(at))),
        ("one failure of 1,000", Scale::Linear, |random, _, _| random.poisson(0.06) / 60.0),
        ("one failure of 100", Scale::Linear, |random, _, _| random.poisson(0.6) / 60.0),
    ];

const CALLS: [(&str, Call); 4] = [
    ("within 2 %", |random| 1.0 + 0.02 * random.normal()),
    ("log-normal 0.5", |random| random.lognormal(0.5)),
    ("exponential", Random::exponential),
    ("log-normal 1", |random| random.lognormal(1.0)),
];

pub(crate) fn run(seeds: u64) -> Done {
    let mut found = String::from("law,minutes,month,episodes\n");
    println!(
        "| unchanged months | of minutes | more than one | of five minutes | more than one |\n|---|--:|--:|--:|--:|"
    );
    let (mut by_minute, mut by_five) = (Vec::new(), Vec::new());
    for (place, (name, scale, law)) in LAWS.into_iter().enumerate() {
        let mut random = Random::new(seeds.wrapping_mul(1_000).wrapping_add(place as u64));
        let [ones, fives] = [1.0, 5.0].map(|minutes| months(&mut random, scale, law, minutes));
        for (minutes, months) in [(1, &ones), (5, &fives)] {
            for (month, count) in months.iter().enumerate() {
                let _ = writeln!(found, "{name},{minutes},{month},{count}");
            }
        }
        println!(
            "| {name} | {:.2} | {} of {MONTHS} | {:.2} | {} of {MONTHS} |",
            mean(&ones),
            beyond(&ones),
            mean(&fives),
            beyond(&fives)
        );
        by_minute.push(ones);
        by_five.push(fives);
    }
    println!("\n| doublings found within {SOON} s | {} |\n|---|--:|--:|--:|--:|--:|--:|", heads());
    let mut soon = serde_json::Map::new();
    for (place, (name, call)) in CALLS.into_iter().enumerate() {
        let mut random = Random::new(seeds.wrapping_mul(1_000).wrapping_add(500 + place as u64));
        let mut row = format!("| {name}");
        for (season, course) in [("even", (|_| 1.0) as fn(f64) -> f64), ("by the day", day as fn(f64) -> f64)] {
            for (known, minutes) in KNOWN {
                let times: Vec<f64> =
                    (0..RUNS).map(|_| doubling(&mut random, call, course, minutes)).collect::<Result<_, _>>()?;
                let share = times.iter().filter(|time| **time <= SOON).count() as f64 / RUNS as f64;
                let _ = write!(row, " | {:.1} %", 100.0 * share);
                soon.insert(format!("{name}, {season}, {known} known"), rounded(share, 4).into());
            }
        }
        println!("{row} |");
    }
    let told = told::run(seeds)?;
    let most = |all: &[Vec<f64>]| all.iter().map(|months| mean(months)).fold(0.0, f64::max);
    let share =
        |all: &[Vec<f64>]| all.iter().map(|months| beyond(months)).sum::<usize>() as f64 / (MONTHS * LAWS.len()) as f64;
    let all = |all: &[Vec<f64>]| mean(&all.concat());
    let line = json!({
        "bench": "unusual", "laws": LAWS.len(), "months": MONTHS * LAWS.len(),
        "episodes_a_month": rounded(all(&by_minute), 3), "episodes_of_the_worst_law": rounded(most(&by_minute), 3),
        "months_with_more_than_one": rounded(share(&by_minute), 4),
        "episodes_a_month_of_five_minutes": rounded(all(&by_five), 3),
        "months_of_five_minutes_with_more_than_one": rounded(share(&by_five), 4),
        "runs": RUNS, "found_within_two_minutes": soon, "told": told,
    });
    Ok((found, line))
}

/// The telling of a process alone.
pub(crate) fn told(seeds: u64) -> Done {
    Ok((String::new(), json!({ "bench": "told", "told": told::run(seeds)? })))
}

fn heads() -> String {
    let head = |season: &str| KNOWN.map(|(known, _)| format!("{season}, {known} known")).join(" | ");
    format!("{} | {}", head("even"), head("by the day"))
}

/// The months with more than one episode.
fn beyond(months: &[f64]) -> usize {
    months.iter().filter(|count| **count > 1.0).count()
}

/// The episodes of some months, in steps of so many minutes.
fn months(random: &mut Random, scale: Scale, law: Law, minutes: f64) -> Vec<f64> {
    let month = |_| {
        let mut before = 0.0;
        let steps = (30.0 * DAY / minutes) as usize;
        let values: Vec<f64> = (0..steps)
            .map(|step| {
                before = law(random, step as f64 * minutes, before);
                before
            })
            .collect();
        let series = Series::new(0, 60 * minutes as u32, &values);
        series
            .and_then(|series| episodes(&series, AnomalySettings::default().on(scale)))
            .map_or(f64::NAN, |all| all.len() as f64)
    };
    (0..MONTHS).map(month).collect()
}

/// Seconds until a doubling is found, which begins at any moment of the day; infinite where it is not within ten minutes.
fn doubling(random: &mut Random, call: Call, course: fn(f64) -> f64, known: usize) -> Result<f64, String> {
    let mut detector =
        Detector::new(AnomalySettings::default().on(Scale::Logarithmic)).map_err(|error| error.to_string())?;
    let first = (DAY * random.even()).floor();
    for minute in 0..known {
        detector.observe(course(first + minute as f64) * of(60, || call(random)));
    }
    let onset = 60.0 * random.even();
    for minute in 0..10_u32 {
        let at = first + known as f64 + f64::from(minute);
        let longer = |second: u32| if f64::from(60 * minute + second) >= onset { 2.0 } else { 1.0 };
        let sum: f64 = (0..60).map(|second| longer(second) * call(random)).sum();
        if detector.observe(course(at) * sum / 60.0).unusual {
            return Ok(f64::from(60 * (minute + 1)) - onset + SETTLED);
        }
    }
    Ok(f64::INFINITY)
}
