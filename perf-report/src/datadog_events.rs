//! Bodies of Datadog's `POST /api/v2/events`: changes of alerts.

use crate::report::Report;
use crate::words;
use perf_runtime::alert::{Alert, AlertEvent, AlertState, Severity, Transition};
use perf_runtime::extend::Service;
use perf_runtime::text::rfc3339;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The most characters of each text, and the most tags: as Datadog's client library has them.
const MOST_TITLE: usize = 500;
const MOST_MESSAGE: usize = 4_000;
const MOST_HOST: usize = 255;
const MOST_TAG: usize = 200;
const MOST_TAGS: usize = 100;
const MOST_LINK: usize = 2_048;
/// The most characters of a text of one's own.
const MOST_CUSTOM: usize = 1_000;

/// Writes a body for each change of an alert that fires or fired, the earliest first: each a line of JSON. Datadog itself takes events that are at most 18 hours old.
///
/// Events of one alert of one instance have the same `aggregation_key`: so Datadog takes them for one alert that changes.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // One that did not come to fire was no alert, whoever acknowledged it meanwhile.
    let is_told = |event: &&AlertEvent| match event.transition {
        Transition::Pending | Transition::Cleared => false,
        Transition::Acknowledged => event.alert.state != AlertState::Pending,
        _ => true,
    };
    for event in report.events.iter().rev().filter(is_told) {
        serde_json::to_writer(&mut *out, &Body::of(report, event))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Body {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: Event,
}

#[derive(Serialize)]
struct Event {
    title: String,
    message: String,
    category: &'static str,
    integration_id: &'static str,
    timestamp: String,
    aggregation_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    tags: Vec<String>,
    attributes: OfAlert,
}

#[derive(Serialize)]
struct OfAlert {
    status: &'static str,
    custom: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<[Link; 1]>,
}

#[derive(Serialize)]
struct Link {
    category: &'static str,
    url: String,
}

impl Body {
    fn of(report: &Report, event: &AlertEvent) -> Self {
        let alert = &event.alert;
        let title = format!("{}: {} ({})", alert.name, event.transition, alert.series);
        let message = if alert.message.is_empty() { &title } else { &alert.message };
        let host = service_of(report, event).and_then(|service| service.instance.as_deref());
        let host = host.filter(|host| !host.is_empty());
        let attributes = Event {
            message: words::line(message, MOST_MESSAGE),
            title: words::line(&title, MOST_TITLE),
            category: "alert",
            integration_id: "custom-events",
            timestamp: rfc3339(event.at),
            aggregation_key: key(report, event),
            host: host.map(|host| words::line(host, MOST_HOST)),
            tags: tags(report, event),
            attributes: OfAlert {
                status: status(alert),
                custom: custom(event),
                links: runbook(alert).map(|link| [link]),
            },
        };
        Self { data: Data { kind: "event", attributes } }
    }
}

/// The service that an event is of.
fn service_of<'a>(report: &'a Report, event: &'a AlertEvent) -> Option<&'a Service> {
    event.service.as_deref().or(report.service.as_ref())
}

/// The alert and who has it: Datadog joins what has the same key in all of an organisation, and the fingerprint is the same in every process. It
/// is followed by a hash, FNV-1a with 64 bits, of the names of service and instance, each with the byte 0xff behind it.
fn key(report: &Report, event: &AlertEvent) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let service = service_of(report, event);
    let names = [service.map(|service| service.name.as_str()), service.and_then(|service| service.instance.as_deref())];
    let bytes = names.into_iter().flat_map(|name| name.unwrap_or_default().bytes().chain([0xff]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{}-{hash:016x}", event.alert.fingerprint)
}

fn status(alert: &Alert) -> &'static str {
    match (alert.state, alert.severity) {
        (AlertState::Firing, Severity::Critical) => "error",
        (AlertState::Firing, Severity::Warning) => "warn",
        _ => "ok",
    }
}

/// Service and version, the rule, and the labels of the alert: as many as there is room for.
fn tags(report: &Report, event: &AlertEvent) -> Vec<String> {
    let service = service_of(report, event);
    let name = service.map(|service| ("service", service.name.as_str()));
    let version = service.and_then(|service| Some(("version", service.version.as_deref()?)));
    let labels = event.alert.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all = [("rule", event.alert.rule.as_str())].into_iter().chain(name).chain(version).chain(labels);
    all.take(MOST_TAGS).map(|(name, value)| words::line(&format!("{name}:{value}"), MOST_TAG)).collect()
}

/// Figures that Datadog has no field for.
fn custom(event: &AlertEvent) -> Map<String, Value> {
    let alert = &event.alert;
    let text = |text: &str| json!(words::line(text, MOST_CUSTOM));
    let mut custom = Map::new();
    let mut put = |name: &str, value: Value| drop(custom.insert(name.to_owned(), value));
    put("transition", json!(event.transition.as_str()));
    put("severity", json!(alert.severity.as_str()));
    put("rule", text(&alert.rule));
    put("series", text(&alert.series));
    put("unit", json!(alert.unit.as_str()));
    put("since", json!(rfc3339(alert.since)));
    put("alert_id", json!(alert.id));
    // A number that is none has no place in JSON.
    let finite = [("value", alert.value), ("peak", alert.peak)];
    for (name, value) in
        finite.into_iter().filter_map(|(name, value)| Some((name, value.filter(|one| one.is_finite())?)))
    {
        put(name, json!(value));
    }
    if let Some(threshold) = alert.threshold {
        put("threshold", json!(threshold.numbers().filter(|one| one.is_finite()).collect::<Vec<f64>>()));
    }
    if !alert.description.is_empty() {
        put("description", text(&alert.description));
    }
    if let Some(mark) = &alert.acknowledged {
        put("acknowledged_by", text(&mark.by));
    }
    custom
}

fn runbook(alert: &Alert) -> Option<Link> {
    let url = alert.runbook.as_ref()?;
    let is_link = (url.starts_with("https://") || url.starts_with("http://")) && url.chars().count() <= MOST_LINK;
    is_link.then(|| Link { category: "runbook", url: url.clone() })
}
