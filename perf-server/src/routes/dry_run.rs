//! When a rule would have fired.

use crate::context::Context;
use crate::respond::{self, Payload, Problem};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::alert::Severity;
use perf_runtime::rule::{Firing, Rule};
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
    /// Or a series: the rule is tried on what is kept of its last hour.
    series: Option<String>,
}

/// The result of a trial: when the rule would have fired.
#[derive(Serialize)]
struct Verdict {
    /// Of a series: when times are counted from, in seconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<f64>,
    firings: Vec<Span>,
}

/// Seconds from the first value.
#[derive(Serialize)]
struct Span {
    from: f64,
    until: Option<f64>,
    severity: Severity,
}

/// `POST /api/v1/alerts/dry-run`: when a rule would have fired.
pub(super) async fn dry_run(
    State(context): State<Context>,
    headers: HeaderMap,
    Payload(trial): Payload<Trial>,
) -> Result<Response, Problem> {
    respond::try_json_in(&respond::TRIALS, &headers, move || verdict(&context.monitor, trial)).await
}

fn verdict(monitor: &Monitor, trial: Trial) -> Result<Verdict, Problem> {
    let refused = |error: ConfigError| Problem::invalid(error.field, &error.value, error.allowed);
    let rule = monitor.alerts().rule_with(&trial.rule, trial.settings).map_err(refused)?;
    match (trial.values, trial.series) {
        (Some(values), None) => {
            let timed = (0..).map(Duration::from_secs).zip(values);
            Ok(Verdict { since: None, firings: firings(&rule, timed) })
        }
        (None, Some(series)) => {
            let past = monitor.past_figures(&rule, &series).map_err(refused)?;
            let since = past.since.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64());
            Ok(Verdict { since, firings: firings(&rule, past.values) })
        }
        _ => Err(Problem::invalid("values", "", "either values or series")),
    }
}

fn firings(rule: &Rule, values: impl IntoIterator<Item = (Duration, Option<f64>)>) -> Vec<Span> {
    let span = |firing: Firing| Span {
        from: firing.from.as_secs_f64(),
        until: firing.until.map(|until| until.as_secs_f64()),
        severity: firing.severity,
    };
    rule.dry_run(values).into_iter().map(span).collect()
}
