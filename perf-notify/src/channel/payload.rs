//! The JSON of alerts as Alertmanager has it: its webhook's payload, version 4, and the alerts that its API takes.

use crate::message::{Message, MessageAlert, MessageIncident, Reason};
use crate::trace::trace_id;
use crate::words::clean::short;
use crate::words::{fires, link, worst_first};
use perf_runtime::extend::Service;
use perf_runtime::rule::Threshold;
use perf_runtime::text::rfc3339;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The most characters of a label's and of an annotation's value.
const MAX_VALUE: usize = 1_024;
/// The most labels of an alert.
const MAX_LABELS: usize = 64;
/// How long Alertmanager holds an alert for firing that it is not told of again: four times the distance between two
/// tellings, as Prometheus has it.
const VALID_FOR: Duration = Duration::from_secs(240);
/// The moment that stands for "not yet" in Go.
const NEVER: &str = "0001-01-01T00:00:00Z";

pub(crate) type Texts = BTreeMap<String, String>;

/// The payload of Alertmanager's webhook, version 4.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    version: &'static str,
    group_key: String,
    truncated_alerts: u64,
    pub(super) status: &'static str,
    receiver: String,
    group_labels: Texts,
    common_labels: Texts,
    common_annotations: Texts,
    #[serde(rename = "externalURL")]
    external_url: String,
    #[serde(rename = "notification_reason")]
    notification_reason: &'static str,
    /// The incident that all alerts are of.
    #[serde(rename = "notification_incident", skip_serializing_if = "Option::is_none")]
    notification_incident: Option<PayloadIncident>,
    alerts: Vec<PayloadAlert>,
}

/// The incident of a message.
#[derive(Serialize)]
struct PayloadIncident {
    id: String,
    headline: String,
    cause: Option<String>,
    since: String,
}

impl PayloadIncident {
    fn of(incident: &MessageIncident) -> Self {
        Self {
            id: short(&incident.id, MAX_VALUE),
            headline: short(&incident.headline, MAX_VALUE),
            cause: incident.cause.as_ref().map(|cause| short(cause, MAX_VALUE)),
            since: rfc3339(incident.since),
        }
    }
}

/// One alert of it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PayloadAlert {
    status: &'static str,
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

impl Payload {
    pub(super) fn of(receiver: &str, message: &Message) -> Self {
        let service = message.service.as_ref();
        let alerts: Vec<PayloadAlert> =
            worst_first(&message.alerts).into_iter().map(|alert| PayloadAlert::of(alert, service, NEVER)).collect();
        let fires = message.more_firing > 0 || message.alerts.iter().any(fires);
        Self {
            version: "4",
            group_key: short(&message.group, MAX_VALUE),
            truncated_alerts: message.more_firing + message.more_resolved,
            status: if fires { "firing" } else { "resolved" },
            receiver: receiver.to_owned(),
            group_labels: labels(&message.group_labels),
            common_labels: common(&alerts, |alert| &alert.labels),
            common_annotations: common(&alerts, |alert| &alert.annotations),
            external_url: message.link.as_deref().and_then(link::http_only).unwrap_or_default(),
            notification_reason: reason(message.reason),
            notification_incident: message.incident.as_ref().map(PayloadIncident::of),
            alerts,
        }
    }
}

/// The word for a reason.
pub(super) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Changed => "changed",
        Reason::Repeated => "repeated",
        Reason::Explained => "explained",
        Reason::Escalated => "escalated",
        Reason::Digest => "digest",
        Reason::Test => "test",
        Reason::Notice => "notice",
    }
}

impl PayloadAlert {
    fn of(alert: &MessageAlert, service: Option<&Service>, ends_at: &str) -> Self {
        let it = &alert.alert;
        Self {
            status: if fires(alert) { "firing" } else { "resolved" },
            labels: all_labels(alert, service),
            annotations: annotations(alert),
            starts_at: rfc3339(it.since),
            ends_at: it.resolved_at.map_or_else(|| ends_at.to_owned(), rfc3339),
            generator_url: alert.link.as_deref().and_then(link::http_only).unwrap_or_default(),
            fingerprint: it.fingerprint.to_string(),
        }
    }
}

/// An alert as Alertmanager's API takes it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostedAlert {
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
}

impl PostedAlert {
    pub(super) fn of(alert: &MessageAlert, service: Option<&Service>, now: SystemTime) -> Self {
        let valid_until = rfc3339(now.checked_add(VALID_FOR).unwrap_or(now));
        let PayloadAlert { labels, annotations, starts_at, ends_at, generator_url, .. } =
            PayloadAlert::of(alert, service, &valid_until);
        Self { labels, annotations, starts_at, ends_at, generator_url }
    }

    /// Whether Alertmanager takes both for the same.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.labels == other.labels
    }

    /// The same as over.
    pub(super) fn ended(self, now: SystemTime) -> Self {
        Self { ends_at: rfc3339(now), ..self }
    }
}

/// The labels of an alert, with `alertname` (the rule), `severity` and the service.
fn all_labels(alert: &MessageAlert, service: Option<&Service>) -> Texts {
    let mut all = labels(&alert.alert.labels);
    if let Some(service) = service {
        // A label of the alert itself says more.
        all.entry("service".to_owned()).or_insert_with(|| short(&service.name, MAX_VALUE));
        if let Some(instance) = &service.instance {
            all.entry("instance".to_owned()).or_insert_with(|| short(instance, MAX_VALUE));
        }
    }
    all.insert("alertname".to_owned(), short(&alert.alert.rule, MAX_VALUE));
    all.insert("severity".to_owned(), alert.alert.severity.as_str().to_owned());
    all
}

/// Labels with names as Prometheus allows them: Alertmanager refuses all alerts of a request for one name of another kind. An
/// empty value is no label.
fn labels(labels: &Texts) -> Texts {
    let with_values = labels.iter().filter(|(_, value)| !value.is_empty()).take(MAX_LABELS);
    with_values.map(|(name, value)| (label_name(name), short(value, MAX_VALUE))).collect()
}

fn label_name(name: &str) -> String {
    let name: String = name.chars().take(128).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn annotations(alert: &MessageAlert) -> Texts {
    let it = &alert.alert;
    let web = |address: &Option<String>| address.as_deref().and_then(link::http_only);
    let limit = it.threshold.map(|limit| match limit {
        Threshold::Value(limit) => it.unit.show(limit),
        Threshold::Range(low, high) => format!("{} to {}", it.unit.show(low), it.unit.show(high)),
    });
    let all = [
        ("summary", Some(it.message.clone())),
        ("description", Some(it.description.clone())),
        ("runbook_url", web(&it.runbook)),
        ("value", it.value.map(|value| it.unit.show(value))),
        ("limit", limit),
        ("peak", it.peak.map(|peak| it.unit.show(peak))),
        ("advice", alert.advice.clone()),
        ("trace_id", alert.trace_id.as_deref().and_then(trace_id)),
        ("trace_url", web(&alert.trace_link)),
        ("acknowledge_url", if fires(alert) { web(&alert.acknowledge) } else { None }),
    ];
    let all = all.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
    // An address is not cut: half of one leads nowhere.
    let fit = |name: &str, text: String| if name.ends_with("_url") { text } else { short(&text, MAX_VALUE) };
    all.map(|(name, text)| (name.to_owned(), fit(name, text))).collect()
}

/// The pairs that all alerts have.
fn common(alerts: &[PayloadAlert], of: impl Fn(&PayloadAlert) -> &Texts) -> Texts {
    let Some((first, others)) = alerts.split_first() else { return Texts::new() };
    let is_common = |(name, value): &(&String, &String)| others.iter().all(|other| of(other).get(*name) == Some(value));
    of(first).iter().filter(is_common).map(|(name, value)| (name.clone(), value.clone())).collect()
}
