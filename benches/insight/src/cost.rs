//! The cost of insight with 1,000 series: while all is well, while an alert fires, and while rules ask for estimates.

mod week;

use crate::files::{Done, rounded};
use perf_insight::runtime::{Ahead, Insight, Investigator, Question, Settings, anomalies, bottlenecks, forecasts};
use perf_runtime::extend::Past;
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::series::Selector;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Kind, Monitor, Outcome, Window};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use week::Week;

const SERIES: usize = 1_000;
const MINUTES: usize = 62;

pub(crate) fn run() -> Done {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let rule = Rule::builder("deep").metric("queue_depth").warning(10.0).build().map_err(|error| error.to_string())?;
    let monitor =
        Monitor::builder().add_rules([rule].into_iter().collect()).build().map_err(|error| error.to_string())?;
    let all: Vec<_> = (0..SERIES).map(|number| monitor.operation(&format!("operation-{number}"))).collect();
    let depth = monitor.metrics().gauge("queue_depth").register();
    depth.set(0.0);
    let mut investigator = Investigator::new(&monitor, 100);
    let second = |number: usize| {
        for (place, operation) in all.iter().enumerate().filter(|(place, _)| (place + number).is_multiple_of(2)) {
            operation.record(Duration::from_micros(900 + (place * 37 + number * 101) as u64 % 400), Outcome::Ok);
        }
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    };
    let (mut calm, mut firing) = (Vec::new(), Vec::new());
    for number in 0..MINUTES * 60 {
        second(number);
        let begun = Instant::now();
        investigator.look();
        calm.push(begun.elapsed().as_secs_f64());
    }
    depth.set(20.0);
    for number in 0..180 {
        second(number);
        let begun = Instant::now();
        investigator.look();
        firing.push(begun.elapsed().as_secs_f64());
    }
    depth.set(0.0);
    let watch = watch_share(&monitor, &second)?;
    let _past = monitor.provide::<dyn Past>(Arc::new(Week::until(&monitor))).map_err(|error| error.to_string())?;
    let rule = |statistic: Statistic, number: u32| {
        let window = [Window::Last5Minutes, Window::Last15Minutes, Window::LastHour][number as usize % 3];
        let id = format!("{}-{number}", statistic.as_str());
        Rule::builder(id).metric(Kind::Operation).statistic(statistic).window(window).warning(1e6).build()
    };
    let rules = [Statistic::Forecast, Statistic::Trend]
        .into_iter()
        .flat_map(|statistic| (0..3).map(move |number| rule(statistic, number)));
    monitor.add_rules(&rules.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?.into_iter().collect());
    let asked = watch_share(&monitor, &second)?;
    let question = Question::about(Selector::all().label("operation", "operation-7"));
    let begun = Instant::now();
    let explained =
        [forecasts(&monitor, &question, Ahead::Hour, None).series.len(), anomalies(&monitor, &question).series.len()];
    let explaining = begun.elapsed().as_secs_f64();
    let (begun, known) = (Instant::now(), bottlenecks(&monitor).bottlenecks.len());
    let bottlenecks = begun.elapsed().as_secs_f64();
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len().max(1) as f64;
    let longest = firing.iter().copied().fold(0.0, f64::max);
    let line = json!({
        "bench": "insight-cost", "series": SERIES, "incidents": investigator.incidents().len(),
        "calm_core_percent": rounded(100.0 * mean(&calm), 5),
        "first_minute_core_percent": rounded(100.0 * mean(&firing[..60]), 4),
        "third_minute_core_percent": rounded(100.0 * mean(&firing[120..]), 4),
        "longest_look_ms": rounded(1e3 * longest, 2),
        "watch_core_percent": rounded(100.0 * watch, 4),
        "asked_core_percent": rounded(100.0 * asked, 4),
        "forecast_and_episodes_of_one_series_ms": rounded(1e3 * explaining, 2), "explained": explained,
        "bottlenecks_ms": rounded(1e3 * bottlenecks, 2), "bottlenecks": known,
    });
    Ok((String::new(), line))
}

/// The share of a core that insight's thread takes while all is well: it learns the past of all series in the first minutes.
fn watch_share(monitor: &Monitor, second: impl Fn(usize)) -> Result<f64, String> {
    const SECONDS: usize = 1_200;
    let insight = Insight::with_settings(monitor, &Settings::default()).map_err(|error| error.to_string())?;
    let taken =
        || monitor.overhead().parts.iter().filter(|part| part.name == "insight").map(|part| part.seconds).sum::<f64>();
    let before = taken();
    for number in 0..SECONDS {
        second(number);
        // A look takes less, and at the end of a minute some milliseconds.
        std::thread::sleep(Duration::from_millis(if number % 60 < 5 { 30 } else { 2 }));
    }
    let share = (taken() - before) / SECONDS as f64;
    drop(insight);
    Ok(share)
}
