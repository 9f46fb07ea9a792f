//! Alerts that fire, that did, and what they are judged by.

use super::range;
use crate::context::Context;
use crate::respond::{self, Labels, Params, Problem, ProblemKind, Slice, SortKey};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::alert::{Alert, AlertEvent, AlertState, AlertStatistics, RuleRecord, Severity, Silence, Transition};
use perf_runtime::rule::RuleStatus;
use perf_runtime::text::rfc3339;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many events are shown, unless asked for others, and at most.
pub(super) const EVENTS: usize = 100;
pub(super) const MOST_EVENTS: usize = 100_000;

const MOST: usize = 10_000;
const SEVERITIES: [Severity; 2] = [Severity::Warning, Severity::Critical];
const STATES: [(&str, AlertState); 4] = [
    ("inactive", AlertState::Inactive),
    ("resolved", AlertState::Resolved),
    ("pending", AlertState::Pending),
    ("firing", AlertState::Firing),
];
const TRANSITIONS: [Transition; 8] = [
    Transition::Pending,
    Transition::Cleared,
    Transition::Fired,
    Transition::Changed,
    Transition::Resolved,
    Transition::Acknowledged,
    Transition::Flapping,
    Transition::Told,
];

/// Which alerts are wanted: by rule, severity and labels.
struct Wanted {
    rule: Option<String>,
    severity: Option<Severity>,
    labels: Labels,
}

impl Wanted {
    fn of(params: &Params) -> Result<Self, Problem> {
        let severity = params.choice("severity", SEVERITIES.map(|severity| (severity.as_str(), severity)))?;
        Ok(Self { rule: params.get("rule").map(str::to_owned), severity, labels: params.labels()? })
    }

    fn fits(&self, alert: &Alert) -> bool {
        self.rule.as_ref().is_none_or(|rule| alert.rule == *rule)
            && self.severity.is_none_or(|severity| alert.severity == severity)
            && self.labels.fit(&alert.labels)
    }
}

#[derive(Serialize)]
struct AlertList {
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    statistics: AlertStatistics,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/alerts?state=firing`: what fires and what is pending, the oldest first; or with `state` one of these, or
/// the last that were resolved.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["state", "rule", "severity", "label", "limit", "sort", "cursor"])?;
    let listing = params.listing(&["id", "since", "rule", "series", "severity"], None, MOST)?;
    let wanted = Wanted::of(&params)?;
    let alerts = context.monitor.alerts();
    let mut listed = match params.get("state") {
        None => [alerts.active(), alerts.pending()].concat(),
        Some("firing") => alerts.active(),
        Some("pending") => alerts.pending(),
        Some("resolved") => alerts.past(),
        Some(other) => return Err(Problem::invalid("state", other, "firing, pending or resolved")),
    };
    let view = move || {
        listed.retain(|alert| wanted.fits(alert));
        let Slice { items, next, .. } = listing.slice(listed, |alert| alert.id.to_string(), sort_key)?;
        Ok(AlertList { alerts: items, silences: alerts.silences(), statistics: alerts.statistics(), next })
    };
    respond::try_json(&headers, view).await
}

fn sort_key(alert: &Alert, sort: &str) -> SortKey {
    match sort {
        "rule" => SortKey::Text(alert.rule.clone()),
        "series" => SortKey::Text(alert.series.clone()),
        "since" => SortKey::Number(Some(seconds(alert.since))),
        "severity" => SortKey::Number(Some(f64::from(u8::from(alert.severity == Severity::Critical)))),
        _ => SortKey::Number(Some(alert.id as f64)),
    }
}

pub(super) fn seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// `GET /api/v1/alerts/{id}`: one alert, while it is remembered.
pub(super) async fn one(
    State(context): State<Context>,
    id: Id,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let id = number(id, "the number of an alert")?;
    let view = move || {
        let alerts = context.monitor.alerts();
        let all = [alerts.active(), alerts.pending(), alerts.past()];
        let found = all.into_iter().flatten().find(|alert| alert.id == id);
        let detail = || format!("there is no alert {id}, or it is no longer remembered: GET /api/v1/alerts lists them");
        found.ok_or_else(|| Problem::new(ProblemKind::UnknownAlert, detail()))
    };
    respond::try_json(&headers, view).await
}

/// The `{id}` of a path; none where the path is no text.
pub(super) type Id = Result<Path<String>, PathRejection>;

pub(super) fn number(id: Id, allowed: &str) -> Result<u64, Problem> {
    let id = &id.map_or_else(|rejection| rejection.body_text(), |Path(id)| id);
    id.parse().map_err(|_| Problem::invalid("id", id, allowed))
}

#[derive(Serialize)]
struct History {
    events: Vec<AlertEvent>,
    /// When the baseline was moved, the newest first, as RFC 3339: why numbers fell that no event explains.
    resets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Records {
    /// The range, as RFC 3339.
    from: String,
    to: String,
    rules: Vec<RuleRecord>,
}

/// `GET /api/v1/alerts/record?from=-30d`: how often each rule fired in a range of time, for how long, and how soon somebody took
/// notice.
pub(super) async fn record(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "from", "to", "rule"])?;
    let range = range::of(&context.monitor, &params)?;
    let rule = params.get("rule").map(str::to_owned);
    let lane = range::lane(&context.monitor, &range);
    let view = move || {
        let mut rules = context.monitor.alerts().record_of(range);
        rules.retain(|record| rule.as_ref().is_none_or(|rule| record.rule == *rule));
        Ok(Records { from: rfc3339(range.start()), to: rfc3339(range.end()), rules })
    };
    respond::try_json_in(lane, &headers, view).await
}

/// `GET /api/v1/alerts/history?limit=100&from=-30d`: the last transitions, of a range of time if there is one, and the last
/// resets, the newest first.
pub(super) async fn history(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params =
        params.only(&["window", "from", "to", "limit", "cursor", "sort", "rule", "severity", "label", "transition"])?;
    let range = range::if_any(&context.monitor, &params)?;
    let lane = range.as_ref().map_or(&*respond::ANSWERS, |range| range::lane(&context.monitor, range));
    let most_resets = params.limit(EVENTS, MOST_EVENTS)?;
    let listing = params.listing(&["at"], Some(EVENTS), MOST_EVENTS)?;
    let wanted = Wanted::of(&params)?;
    let transition = params.choice("transition", TRANSITIONS.map(|transition| (transition.as_str(), transition)))?;
    let view = move || {
        let alerts = context.monitor.alerts();
        let mut events = range.map_or_else(|| alerts.history(), |range| alerts.events_in(range));
        events.reverse();
        events.retain(|event| {
            transition.is_none_or(|transition| event.transition == transition) && wanted.fits(&event.alert)
        });
        let id = |event: &AlertEvent| format!("{} {:?} {}", event.alert.id, event.at, event.transition.as_str());
        let at = |event: &AlertEvent, _: &str| SortKey::Number(Some(seconds(event.at)));
        let Slice { items, next, .. } = listing.slice(events, id, at)?;
        let resets = context.monitor.resets().into_iter().rev().take(most_resets);
        let resets = resets.map(rfc3339).collect();
        Ok(History { events: items, resets, next })
    };
    respond::try_json_in(lane, &headers, view).await
}

#[derive(Serialize)]
struct Rules {
    rules: Vec<RuleStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/alerts/rules`: every rule, and how it stands.
pub(super) async fn rules(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["rule", "state", "limit", "sort", "cursor"])?;
    let listing = params.listing(&["id", "pending", "firing"], None, MOST)?;
    let state = params.choice("state", STATES)?;
    let rule = params.get("rule").map(str::to_owned);
    let view = move || {
        let mut rules = context.monitor.alerts().rules();
        rules.retain(|status| {
            state.is_none_or(|state| status.state == Some(state))
                && rule.as_ref().is_none_or(|rule| status.rule.id() == rule)
        });
        let id = |status: &RuleStatus| status.rule.id().to_owned();
        let key = |status: &RuleStatus, sort: &str| match sort {
            "pending" => SortKey::Number(Some(status.pending as f64)),
            "firing" => SortKey::Number(Some(status.firing as f64)),
            _ => SortKey::Text(id(status)),
        };
        let Slice { items, next, .. } = listing.slice(rules, id, key)?;
        Ok(Rules { rules: items, next })
    };
    respond::try_json(&headers, view).await
}

#[derive(Serialize)]
struct Silences {
    silences: Vec<Silence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/alerts/silences`: those in force.
pub(super) async fn silences(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["rule", "limit", "sort", "cursor"])?;
    let listing = params.listing(&["id", "until"], None, MOST)?;
    let rule = params.get("rule").map(str::to_owned);
    let view = move || {
        let mut silences = context.monitor.alerts().silences();
        silences.retain(|silence| rule.is_none() || silence.rule == rule);
        let key = |silence: &Silence, sort: &str| {
            SortKey::Number(Some(if sort == "until" { seconds(silence.until) } else { silence.id as f64 }))
        };
        let Slice { items, next, .. } = listing.slice(silences, |silence| silence.id.to_string(), key)?;
        Ok(Silences { silences: items, next })
    };
    respond::try_json(&headers, view).await
}
