//! The tellings of a process of 500 series, by the real watch.

use super::random::Random;
use super::{DAY, day};
use perf_insight::runtime::{Insight, Settings};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, Outcome};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const SERIES: usize = 500;
const MINUTE: Duration = Duration::from_secs(60);
/// The ticks of a minute.
const TICKS: u32 = 4;
/// The days of which everything that is told counts, the first one with what is learned on it.
const DAYS: usize = 2;

pub(super) fn run(seeds: u64) -> Result<Value, String> {
    let even = days(seeds, |_| 1.0)?;
    let by_day = days(seeds.wrapping_add(1), day)?;
    println!(
        "\nTold of {SERIES} series in {DAYS} days: {} where all are even, {} where all rise and fall with the day.",
        even.0, by_day.0
    );
    Ok(json!({
        "series": SERIES, "days": DAYS, "even": even.0, "by_the_day": by_day.0,
        "learned": [even.1, by_day.1], "highest_hurt_ratio": [even.2, by_day.2],
    }))
}

/// The times that the process was told to be unusual as a whole, the series whose usual range was known in the end, and the highest share of
/// them that was worse at once.
fn days(seeds: u64, course: fn(f64) -> f64) -> Result<(usize, usize, f64), String> {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor =
        Insight::set_up(Monitor::builder().max_label_values(SERIES)).build().map_err(|error| error.to_string())?;
    let insight = Insight::with_settings(&monitor, &Settings::default()).map_err(|error| error.to_string())?;
    let all: Vec<_> = (0..SERIES).map(|number| monitor.operation(&format!("operation-{number}"))).collect();
    // Slices end with minutes, so that each is known by itself.
    let since = monitor.time_of_day().duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?;
    clock.advance(MINUTE - Duration::from_nanos((since.as_nanos() % MINUTE.as_nanos()) as u64));
    monitor.tick();
    let mut random = Random::new(seeds.wrapping_mul(1_000).wrapping_add(900));
    let (mut told, mut was_told, mut highest) = (0, false, 0.0_f64);
    for minute in 0..DAYS * DAY as usize {
        for operation in &all {
            let seconds = 0.05 * course(minute as f64) * random.lognormal(0.1);
            operation.record(Duration::from_secs_f64(seconds), Outcome::Ok);
        }
        // The first tick looks at the minute before, the others at the past of a few series.
        for number in 0..TICKS {
            clock.advance(MINUTE / TICKS);
            monitor.tick();
            std::thread::sleep(Duration::from_millis(if number == 0 { 16 } else { 4 }));
        }
        let is_told = monitor.alerts().active().iter().any(|alert| alert.rule == "unusual");
        told += usize::from(is_told && !was_told);
        was_told = is_told;
        highest = highest.max(insight.view().unusual().hurt_ratio.unwrap_or(0.0));
    }
    let learned = insight.view().unusual().learned;
    Ok((told, learned, highest))
}
