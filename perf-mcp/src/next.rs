//! Calls of tools that are worth asking after an answer: what stands out in it names them, with their arguments.

use crate::table::TOOLS;
use crate::tools::Tool;
use perf_runtime::series::{Labels, SeriesId};
use serde_json::{Map, Value, json};

/// The most calls that an answer names.
const MOST: usize = 4;
/// The longest argument of one, in bytes: series with longer names are asked for by the names in the answer.
const LONGEST: usize = 600;
/// The seconds from which a wait for a lock or a channel stands out, and from which a call does that runs.
const WAITS: f64 = 1.0;
const RUNS: f64 = 5.0;
/// The part of the time of a call from which what is inside it, or what is not measured, stands out.
const LARGE: f64 = 0.3;

/// The calls that are worth asking after an answer, the most telling first.
pub(crate) fn after(tool: &Tool, arguments: &Map<String, Value>, answer: &Value) -> Value {
    let mut next = Next { arguments, asked: tool.name, all: Vec::new() };
    match tool.name {
        "overview" => after_overview(answer, &mut next),
        "series" => after_series(answer, &mut next),
        "explain" => after_explain(answer, &mut next),
        "in_flight" => after_in_flight(answer, &mut next),
        "calls" => after_calls(answer, &mut next),
        "errors" => after_errors(answer, &mut next),
        "statements" => after_statements(answer, &mut next),
        "contention" => after_contention(answer, &mut next),
        "alerts" => after_alerts(answer, &mut next),
        "compare" => next.explain(answer.pointer("/comparison/series/0/series"), "it changed most"),
        _ => {}
    }
    if next.all.is_empty() {
        let (name, arguments, why) = tool.next;
        let arguments: Map<String, Value> =
            arguments.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        next.all.push(json!({ "name": name, "arguments": arguments, "why": why }));
    }
    json!(next.all)
}

struct Next<'a> {
    arguments: &'a Map<String, Value>,
    asked: &'a str,
    all: Vec<Value>,
}

impl Next<'_> {
    fn ask(&mut self, name: &str, arguments: &Value, why: &str) {
        let asked = name == self.asked && arguments.as_object() == Some(self.arguments);
        let is_there = |one: &Value| one.get("name") == Some(&json!(name)) && one.get("arguments") == Some(arguments);
        // An id that is none of ours is refused.
        let is_allowed = |tool: &Tool| arguments.as_object().is_some_and(|given| tool.questions(given).is_ok());
        let can_be = TOOLS.iter().find(|tool| tool.name == name).is_some_and(is_allowed);
        if self.all.len() < MOST && can_be && !asked && !self.all.iter().any(is_there) {
            self.all.push(json!({ "name": name, "arguments": arguments, "why": why }));
        }
    }

    /// A tool that takes the id of a series, where there is one.
    fn of_series(&mut self, name: &str, series: Option<&Value>, why: &str) {
        if let Some(series) = id(series) {
            self.ask(name, &json!({ "series": series }), why);
        }
    }

    fn explain(&mut self, series: Option<&Value>, why: &str) {
        self.of_series("explain", series, why);
    }
}

fn after_overview(answer: &Value, next: &mut Next<'_>) {
    let incident = answer.pointer("/incidents/incidents/0/id").and_then(Value::as_str);
    let has_cause = answer.pointer("/incidents/incidents/0/causes/0").is_some();
    if let Some(incident) = incident.filter(|_| has_cause) {
        next.ask("alerts", &json!({ "incident": incident }), "an incident is open: its causes");
    }
    if answer.pointer("/locks/deadlocks/0/certain").and_then(Value::as_bool) == Some(true) {
        next.ask("contention", &json!({}), "calls wait for one another and go on never");
    }
    let waits = ["/locks/locks/0/longest_wait_seconds", "/channels/channels/0/longest_wait_seconds"];
    let stopped = ["/channels/channels/0/stopped_seconds"];
    if waits.iter().chain(&stopped).any(|path| seconds(answer, path) >= WAITS) {
        next.ask("contention", &json!({}), "something is waited for: who holds it, or receives no more");
    }
    for indicator in list(answer, "/health/indicators") {
        let series = indicator.get("series");
        let aspect = indicator.get("name").and_then(Value::as_str).and_then(|name| name.rsplit('.').next());
        match aspect {
            Some("errors" | "availability") => next.of_series("errors", series, "the health names it: it fails"),
            Some("stuck") => running(series, next, "the health names it: its calls hang"),
            Some("latency") => next.explain(series, "the health names it: it is slow"),
            Some("cancelled") => cancelled(series, next),
            _ => {}
        }
    }
    if let Some(call) = answer.pointer("/running/calls/0").filter(|call| seconds(call, "/age") >= RUNS) {
        let series = of_call(call);
        running(series.as_ref(), next, "the oldest call that runs");
    }
    next.explain(answer.pointer("/memory/series/0/id"), "its calls leave memory behind: is it given back elsewhere?");
    next.of_series("errors", answer.pointer("/failing/series/0/id"), "it fails most");
    if list(answer, "/statements/repeated").iter().any(|one| seconds(one, "/recent_calls") > 0.0) {
        next.ask("statements", &json!({}), "a call repeats a statement");
    }
    next.explain(answer.pointer("/bottlenecks/bottlenecks/0/series"), "a bottleneck");
    if let Some(incident) = incident {
        next.ask(
            "alerts",
            &json!({ "incident": incident }),
            "an incident is open, without a clear cause: what was looked for",
        );
    }
    if answer.pointer("/alerts/alerts/0").is_some() {
        next.ask("alerts", &json!({ "state": "firing" }), "alerts fire");
    }
    next.explain(answer.pointer("/time/parts/0/series"), "its own calls take the most time");
    next.ask("series", &json!({ "sort": "-p95" }), "the slowest series");
}

fn after_series(answer: &Value, next: &mut Next<'_>) {
    let rows = list(answer, "/series/series");
    let first = rows.first();
    next.explain(first.and_then(|row| row.get("id")), "the first of the list");
    for row in rows.iter().take(3).filter(|row| seconds(row, "/error_rate") > 0.0) {
        next.of_series("errors", row.get("id"), "some of its calls fail");
    }
    for row in rows.iter().take(3).filter(|row| seconds(row, "/outcomes/cancelled") > 0.0) {
        cancelled(row.get("id"), next);
    }
}

fn after_explain(answer: &Value, next: &mut Next<'_>) {
    let own = next.arguments.get("series").cloned();
    if let Some(series) = answer.pointer("/failures/series/0/id").filter(|_| fails(answer)) {
        next.of_series("errors", Some(series), "many of its calls fail");
    }
    let inside = list(answer, "/time/parts").iter().find(|part| part.get("series") != own.as_ref());
    if let Some(part) = inside.filter(|part| seconds(part, "/share") >= LARGE) {
        next.explain(part.get("series"), "it takes the greatest part of the time");
    }
    let is_query = |series: Option<&Value>| series.and_then(Value::as_str).is_some_and(|id| id.starts_with("db_"));
    let inner = inside.and_then(|part| part.get("series"));
    if is_query(own.as_ref()) || is_query(inner) {
        next.ask("statements", &json!({}), "the process's statements, by their time");
    }
    if let Some(call) = answer.pointer("/slowest/calls/0/id").and_then(Value::as_str) {
        next.ask("calls", &json!({ "id": call }), "its slowest call, with every call inside it");
    }
    if seconds(answer, "/time/unannotated") >= LARGE {
        next.ask(
            "contention",
            &json!({}),
            "much of its time nothing is measured inside it: does it wait for a lock or a channel?",
        );
    }
    next.of_series("errors", answer.pointer("/failures/series/0/id"), "some of its calls fail");
}

/// Whether more than a tenth of the calls of an explained series fail.
fn fails(answer: &Value) -> bool {
    list(answer, "/figures/series").iter().any(|row| seconds(row, "/error_rate") > 0.1)
}

fn after_in_flight(answer: &Value, next: &mut Next<'_>) {
    if let Some(series) = answer.pointer("/calls/calls/0").and_then(of_call) {
        next.explain(Some(&series), "the oldest call that runs is one of these");
    }
    next.ask("contention", &json!({}), "whether they wait for a lock or a channel");
}

fn after_calls(answer: &Value, next: &mut Next<'_>) {
    let call = answer.pointer("/call/call");
    let longest = list(answer, "/call/inside")
        .iter()
        .max_by(|one, other| seconds(one, "/self_seconds").total_cmp(&seconds(other, "/self_seconds")));
    next.explain(longest.and_then(|one| one.get("series")), "of the calls inside it, this one took longest by itself");
    if call.is_some_and(|call| call.get("error").is_some_and(|error| !error.is_null())) {
        next.of_series("errors", call.and_then(|call| call.get("series")), "why such calls fail");
    }
    next.explain(call.and_then(|call| call.get("series")), "its series: who calls it, and how others of it did");
    if let Some(id) = answer.pointer("/calls/calls/0/id").and_then(Value::as_str) {
        next.ask("calls", &json!({ "id": id }), "the first of the list, with every call inside it");
    }
    next.explain(answer.pointer("/calls/calls/0/series"), "the series of the first of the list");
    if answer.pointer("/calls/calls").is_some_and(|calls| calls.as_array().is_some_and(Vec::is_empty)) {
        let asked = next.arguments.get("series").cloned();
        next.explain(
            asked.as_ref(),
            "none is kept by itself: calls made inside others are kept with their callers, which it names",
        );
    }
}

fn after_errors(answer: &Value, next: &mut Next<'_>) {
    if let Some(first) = list(answer, "/errors/series").first() {
        if let Some(series) = id(first.get("id")) {
            let outcome = first.pointer("/groups/0/outcome").and_then(Value::as_str).unwrap_or("error");
            next.ask("calls", &json!({ "series": series, "outcome": outcome }), "single calls of it that failed");
        }
        next.explain(first.get("id"), "who calls it, and what it calls");
    }
}

fn after_statements(answer: &Value, next: &mut Next<'_>) {
    let repeated = list(answer, "/statements/repeated").iter().find(|one| seconds(one, "/recent_calls") > 0.0);
    next.explain(repeated.and_then(|one| one.get("root")), "one call of it repeats a statement");
    next.explain(answer.pointer("/statements/statements/0/callers/0/caller"), "it executes the first statement");
}

fn after_contention(answer: &Value, next: &mut Next<'_>) {
    let waits = |one: &&Value| ["/longest_wait_seconds", "/stopped_seconds"].iter().any(|age| seconds(one, age) > 0.0);
    let lock = list(answer, "/locks/locks").iter().find(waits);
    next.explain(lock.and_then(|lock| lock.pointer("/holders/0/series")), "it holds what others wait for");
    let channel = list(answer, "/channels/channels").iter().find(waits);
    for receiver in ["stopped_receiver", "receiver"] {
        next.explain(channel.and_then(|channel| channel.get(receiver)), "it receives too slowly, or no more");
    }
    let waiter = lock.or(channel).and_then(|one| one.pointer("/waiters/0/series"));
    running(waiter, next, "it waits");
}

fn after_alerts(answer: &Value, next: &mut Next<'_>) {
    for cause in list(answer, "/incident/causes").iter().take(2) {
        next.explain(cause.get("series"), "a cause of the incident");
    }
    if let Some(incident) = answer.pointer("/incidents/incidents/0/id").and_then(Value::as_str) {
        next.ask("alerts", &json!({ "incident": incident }), "the causes, and what was looked for");
    }
    for alert in list(answer, "/alerts/alerts").iter().chain(list(answer, "/incident/alerts")).take(3) {
        // A name of a series begins with its metric: in its labels there may stand anything.
        let is_of = |metric: &str| text(alert, "series").starts_with(metric);
        if is_of("lock_") || is_of("channel_") {
            next.ask("contention", &json!({}), "an alert is about a lock or a channel");
        }
        let tool = if is_about_failures(alert) { "errors" } else { "explain" };
        next.of_series(tool, alert.get("series"), "an alert is about it");
    }
}

/// Whether the rule of an alert looks at failures: its message begins with its name and the figure.
fn is_about_failures(alert: &Value) -> bool {
    let said = text(alert, "message").strip_prefix(text(alert, "name")).and_then(|said| said.strip_prefix(": "));
    let said = said.map(|said| said.strip_prefix("recovered: ").unwrap_or(said)).unwrap_or_default();
    ["error_rate of ", "success_rate of "].iter().any(|figure| said.starts_with(figure))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn cancelled(series: Option<&Value>, next: &mut Next<'_>) {
    if let Some(series) = id(series) {
        next.ask("calls", &json!({ "series": series, "outcome": "cancelled" }), "its calls are cancelled");
    }
}

/// The calls of a series that run now, asked for as `in_flight` takes it.
fn running(series: Option<&Value>, next: &mut Next<'_>, why: &str) {
    let Some(series) = id(series).and_then(|id| id.parse::<SeriesId>().ok()) else { return };
    let series = series.without_late_labels();
    let labels: Vec<String> = series.labels.pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = json!({ "kind": series.kind.as_str() });
    if let Value::Object(fields) = &mut arguments
        && !labels.is_empty()
    {
        fields.insert("label".to_owned(), json!(labels));
    }
    next.ask("in_flight", &arguments, why);
}

/// The name of the series of a call that runs.
fn of_call(call: &Value) -> Option<Value> {
    let kind = call.get("kind")?.as_str()?;
    let known = call.get("labels")?.as_object()?.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let labels: Labels =
        known.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.as_str(), value)).collect();
    let kind = format!("{kind}{{}}").parse::<SeriesId>().ok()?.kind;
    Some(json!(SeriesId { kind, labels }.to_string()))
}

/// The id of a series that can be asked with.
fn id(series: Option<&Value>) -> Option<&str> {
    let id = series?.as_str()?;
    (id.len() <= LONGEST && !id.contains("__overflow__") && id.parse::<SeriesId>().is_ok()).then_some(id)
}

fn seconds(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or(0.0)
}

fn list<'a>(answer: &'a Value, path: &str) -> &'a [Value] {
    answer.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
