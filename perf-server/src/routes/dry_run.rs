//! When a rule would have fired.

use crate::context::Context;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::reply;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::{Rule, Severity};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which rule is tried, on what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// The id of a rule.
    rule: String,
    /// Values of the figure that it judges, one a second; `null` where there was none.
    values: Vec<Option<f64>>,
}

#[derive(Serialize)]
struct Outcome {
    firings: Vec<Span>,
}

/// Seconds from the first value.
#[derive(Serialize)]
struct Span {
    from: f64,
    until: Option<f64>,
    severity: Severity,
}

/// `POST /api/v1/alerts/dry-run`: when a rule would have fired on these values.
pub(super) async fn dry_run(
    State(context): State<Context>,
    headers: HeaderMap,
    Payload(trial): Payload<Trial>,
) -> Result<Response, Problem> {
    let rules = context.monitor.alerts().rules();
    let found = rules.iter().map(|status| &status.rule).find(|rule| rule.id() == trial.rule).cloned();
    let rule = found.ok_or_else(|| {
        let known: Vec<&str> = rules.iter().map(|status| status.rule.id()).collect();
        Problem::invalid("rule", &trial.rule, format!("one of {}", known.join(", ")))
    })?;
    reply::json(&headers, move || Outcome { firings: firings(&rule, &trial.values) }).await
}

fn firings(rule: &Rule, values: &[Option<f64>]) -> Vec<Span> {
    let timed = (0..).map(Duration::from_secs).zip(values.iter().copied());
    let span = |firing: perf_runtime::Firing| Span {
        from: firing.from.as_secs_f64(),
        until: firing.until.map(|until| until.as_secs_f64()),
        severity: firing.severity,
    };
    rule.dry_run(timed).into_iter().map(span).collect()
}
