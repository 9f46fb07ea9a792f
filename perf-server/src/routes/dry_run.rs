//! When a rule would have fired.

use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Payload, Problem};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::alert::Severity;
use perf_runtime::rule::{Firing, PastFigures, Rule};
use perf_runtime::series::TimeRange;
use perf_runtime::text::show_duration;
use perf_runtime::{ConfigError, Monitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::{Duration, UNIX_EPOCH};

/// Which rule is tried, on what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// The id of a rule that is there, or of a new one.
    rule: String,
    /// Other settings for it: the keys of a rule in a file.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Values of the figure that it judges, one a second; `null` where there was none.
    values: Option<Vec<Option<f64>>>,
    /// Or a series: the rule is tried on what is kept of its last hour, or of the range that the address names.
    series: Option<String>,
}

/// The result of a trial: when the rule would have fired.
#[derive(Serialize)]
struct Verdict {
    /// Of a series: when times are counted from, in seconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<f64>,
    firings: Vec<Span>,
    #[serde(flatten)]
    whole: Option<Whole>,
}

/// A trial on a range of time, in short. In seconds.
#[derive(Serialize)]
struct Whole {
    /// The length of the steps that were judged.
    step: f64,
    /// The time that was judged: the range without what nobody observed.
    judged: f64,
    /// How often it would have begun to fire.
    fired: usize,
    /// For how long in all, of the time that was judged.
    firing: f64,
    /// The same for people.
    summary: String,
}

/// Seconds from the first value.
#[derive(Serialize)]
struct Span {
    from: f64,
    until: Option<f64>,
    severity: Severity,
}

/// `POST /api/v1/alerts/dry-run?from=-30d`: when a rule would have fired. On a range of time it is tried by what memory and the
/// history keep of it.
pub(super) async fn dry_run(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
    Payload(trial): Payload<Trial>,
) -> Result<Response, Problem> {
    let range = range::if_any(&context.monitor, &params.only(&["window", "from", "to"])?)?;
    let is_past = |range: &TimeRange| range::is_beyond_memory(&context.monitor, range);
    let lane = if range.as_ref().is_some_and(is_past) { &respond::PAST } else { &respond::TRIALS };
    respond::try_json_in(lane, &headers, move || verdict(&context.monitor, trial, range)).await
}

fn verdict(monitor: &Monitor, trial: Trial, range: Option<TimeRange>) -> Result<Verdict, Problem> {
    let refused = |error: ConfigError| Problem::invalid(error.field, &error.value, error.allowed);
    let rule = monitor.alerts().rule_with(&trial.rule, trial.settings).map_err(refused)?;
    match (trial.values, trial.series, range) {
        (Some(values), None, None) => {
            let timed = (0..).map(Duration::from_secs).zip(values);
            Ok(Verdict { since: None, firings: firings(&rule, timed), whole: None })
        }
        (None, Some(series), None) => {
            let past = monitor.past_figures(&rule, &series).map_err(refused)?;
            Ok(Verdict { since: since(&past), firings: firings(&rule, past.values), whole: None })
        }
        (None, Some(series), Some(range)) => {
            let past = monitor.past_figures_in(&rule, &series, range).map_err(refused)?;
            let (since, step) = (since(&past), past.step);
            let times: Vec<f64> = past.values.iter().map(|(at, _)| at.as_secs_f64()).collect();
            let firings = firings(&rule, past.values);
            let whole = Whole::of(&firings, &times, step, range.duration());
            Ok(Verdict { since, firings, whole: Some(whole) })
        }
        (Some(_), None, Some(_)) => Err(Problem::invalid("values", "", "a series, where there is a range of time")),
        _ => Err(Problem::invalid("values", "", "either values or series")),
    }
}

fn since(past: &PastFigures) -> Option<f64> {
    past.since.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}

impl Whole {
    /// Adds up the times of firing, by the steps that were judged.
    fn of(firings: &[Span], times: &[f64], step: Duration, range: Duration) -> Self {
        let seconds = |steps: usize| steps as f64 * step.as_secs_f64();
        let steps_in = |span: &Span| {
            let until = span.until.unwrap_or(f64::INFINITY);
            times.partition_point(|at| *at < until) - times.partition_point(|at| *at < span.from)
        };
        let (judged, firing) = (seconds(times.len()), seconds(firings.iter().map(steps_in).sum()));
        // A severity that changes ends one span and begins the next.
        let before = [None].into_iter().chain(firings.iter().map(|span| span.until));
        let fired = firings.iter().zip(before).filter(|(span, before)| *before != Some(span.from)).count();
        let summary = format!(
            "would have fired {fired} {} in {}, {} in all; judged in steps of {} ({} observed)",
            if fired == 1 { "time" } else { "times" },
            show(range),
            show(Duration::from_secs_f64(firing)),
            show(step),
            show(Duration::from_secs_f64(judged)),
        );
        Self { step: step.as_secs_f64(), judged, fired, firing, summary }
    }
}

/// A span in words, to the second.
fn show(span: Duration) -> String {
    show_duration(Duration::from_secs((span + Duration::from_millis(500)).as_secs()))
}

fn firings(rule: &Rule, values: impl IntoIterator<Item = (Duration, Option<f64>)>) -> Vec<Span> {
    let span = |firing: Firing| Span {
        from: firing.from.as_secs_f64(),
        until: firing.until.map(|until| until.as_secs_f64()),
        severity: firing.severity,
    };
    rule.dry_run(values).into_iter().map(span).collect()
}
