//! Paragraphs: the words about one alert.

use super::chart::chart;
use super::clean::{Count, Style, short};
use super::{fires, link};
use crate::message::MessageAlert;
use jiff::Timestamp;
use perf_runtime::alert::Severity;
use perf_runtime::rule::Threshold;
use perf_runtime::text::{rfc3339, show_duration};
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// The most characters of a sentence, a description and an advice.
const MAX_SENTENCE: usize = 600;
/// The most labels that are shown of an alert.
const MAX_LABELS: usize = 12;

/// The words about one alert. Texts are one line each, and not escaped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Paragraph {
    /// `CRITICAL`, `WARNING` or `RECOVERED`.
    pub(crate) tag: &'static str,
    /// The problem, or what it recovered to, with the value and the limit.
    pub(crate) sentence: String,
    /// Since when, and for how long: a sentence.
    pub(crate) since: String,
    /// The meaning of the alert, where its rule says it.
    pub(crate) meaning: Option<String>,
    /// Its labels: `method=GET, route=/`.
    pub(crate) touches: Option<String>,
    /// A thing to try first.
    pub(crate) advice: Option<String>,
    /// The id of the trace of a call that shows it.
    pub(crate) trace: Option<String>,
    /// Labels and addresses: runbook, dashboard, trace, acknowledgement.
    pub(crate) links: Vec<Link>,
    /// Names and values: the value, the limit and the peak.
    pub(crate) numbers: Vec<(&'static str, String)>,
    /// A picture of the last hour, with what it spans.
    pub(crate) chart: Option<String>,
}

/// An address with its label.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Link {
    pub(crate) label: &'static str,
    pub(crate) address: String,
}

impl Paragraph {
    pub(crate) fn of(alert: &MessageAlert, at: SystemTime) -> Self {
        let MessageAlert { alert: it, link: page, acknowledge, advice, trace_id, trace_link, recent, .. } = alert;
        let tag = match it.severity {
            _ if !fires(alert) => "RECOVERED",
            Severity::Critical => "CRITICAL",
            Severity::Warning => "WARNING",
        };
        let sentence = if it.message.is_empty() { format!("{}: {}", it.name, it.series) } else { it.message.clone() };
        let some = |text: &str| (!text.trim().is_empty()).then(|| short(text, MAX_SENTENCE));
        let linked = |label, address: &Option<String>| {
            address.as_deref().and_then(link::http_only).map(|address| Link { label, address })
        };
        // An alert that ended cannot be acknowledged.
        let acknowledge = if fires(alert) { acknowledge } else { &None };
        let links = [
            linked("Runbook", &it.runbook),
            linked("Look", page),
            linked("Open the trace", trace_link),
            linked("Acknowledge", acknowledge),
        ];
        let show = |value| it.unit.show(value);
        let limit = it.threshold.map(|limit| match limit {
            Threshold::Value(limit) => show(limit),
            Threshold::Range(low, high) => format!("{} to {}", show(low), show(high)),
        });
        let numbers = [("Value", it.value.map(show)), ("Limit", limit), ("Peak", it.peak.map(show))];
        Self {
            tag,
            sentence: short(&sentence, MAX_SENTENCE),
            since: since(it.since, it.resolved_at, at),
            meaning: some(&it.description),
            touches: touches(&it.labels),
            advice: advice.as_deref().and_then(some),
            // Checked again: a file from before may hold anything.
            trace: trace_id.as_deref().and_then(crate::trace::trace_id),
            links: links.into_iter().flatten().collect(),
            numbers: numbers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            chart: chart(recent, it.unit),
        }
    }

    /// All of it, escaped.
    pub(crate) fn text(&self, style: Style) -> String {
        let line =
            |label: &str, text: &Option<String>| text.as_ref().map(|text| style.escaped(&format!("{label}{text}")));
        let first = format!("{} {}", style.bold(self.tag), style.escaped(&self.sentence));
        let lines = [
            Some(first),
            Some(style.escaped(&self.since)),
            line("", &self.meaning),
            line("Touches: ", &self.touches),
            line("Try first: ", &self.advice),
            line("Trace: ", &self.trace),
        ];
        let addresses = self.links.iter().map(|link| style.link(link.label, &link.address));
        let all: Vec<String> = lines.into_iter().flatten().chain(addresses).collect();
        all.join(style.line_end())
    }

    /// The beginning of its sentence, escaped.
    pub(crate) fn brief(&self, style: Style) -> String {
        format!("{} {}", style.bold(self.tag), style.fitted(&self.sentence, 250, Count::Characters))
    }
}

/// `method=GET, route=/`; `None` where there are no labels.
fn touches(labels: &std::collections::BTreeMap<String, String>) -> Option<String> {
    let pairs =
        labels.iter().take(MAX_LABELS).map(|(name, value)| format!("{}={}", short(name, 60), short(value, 120)));
    let mut pairs: Vec<String> = pairs.collect();
    if labels.len() > MAX_LABELS {
        pairs.push(format!("and {} more", labels.len() - MAX_LABELS));
    }
    (!pairs.is_empty()).then(|| short(&pairs.join(", "), MAX_SENTENCE))
}

/// `Since 2026-11-21 03:05:00 UTC, for 4m.`, `From 2026-11-21 03:05:00 UTC to 2026-11-21 03:09:00 UTC, for 4m.`
fn since(since: SystemTime, resolved_at: Option<SystemTime>, at: SystemTime) -> String {
    let lasted = resolved_at.unwrap_or(at).duration_since(since).unwrap_or_default();
    let lasted = show_duration(Duration::from_secs(lasted.as_secs()));
    match resolved_at {
        Some(end) => format!("From {} to {}, for {lasted}.", moment(since), moment(end)),
        None => format!("Since {}, for {lasted}.", moment(since)),
    }
}

/// `2026-11-21 03:05:00 UTC`.
pub(crate) fn moment(at: SystemTime) -> String {
    match Timestamp::try_from(at) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => rfc3339(at),
    }
}
