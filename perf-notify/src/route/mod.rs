//! Routes: which alerts go to which channels, how they are grouped, and when.

mod pattern;
mod window;

pub(crate) use pattern::Pattern;
pub use window::Window;

use perf_runtime::Kind;
use perf_runtime::alert::{Alert, Severity};
use perf_runtime::config::Span;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A label of an alert that says which component it is about. A rule of yours may set it.
const COMPONENT: &str = "component";
/// The label that stands for the incident of an alert: not among its own labels.
pub(crate) const INCIDENT: &str = "incident";

/// The facts of an alert that routes look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) rule: &'a str,
    pub(crate) severity: Severity,
    /// The kind of call or the metric that is judged.
    pub(crate) metric: &'a str,
    pub(crate) labels: &'a BTreeMap<String, String>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(alert: &'a Alert) -> Self {
        let metric = alert.series.split_once('{').map_or(alert.series.as_str(), |(name, _)| name);
        Self { rule: &alert.rule, severity: alert.severity, metric, labels: &alert.labels }
    }

    fn kind(&self) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == self.metric)
    }
}

/// The filters of a route or of a time of maintenance. An alert passes that passes each one that is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// Only alerts that are at least so bad: `"warning"` or `"critical"`.
    pub severity: Option<Severity>,
    /// The ids of rules, `*` for any text: `["http-*", "cpu"]`.
    #[serde(deserialize_with = "some_patterns")]
    rules: Option<Vec<Pattern>>,
    /// Kinds of call: `["db_operation"]`.
    #[serde(deserialize_with = "kinds")]
    kinds: Option<Vec<Kind>>,
    /// The names of metrics or kinds that the alert judges: `["system_*"]`.
    #[serde(deserialize_with = "some_patterns")]
    metrics: Option<Vec<Pattern>>,
    /// Components: the alert's label `component`, which a rule may set, or without one its kind of call.
    #[serde(deserialize_with = "some_patterns")]
    components: Option<Vec<Pattern>>,
    /// Labels of the alert with their values: `{ table = "users" }`.
    labels: BTreeMap<String, Pattern>,
}

impl Filter {
    /// Why an alert does not pass; `None` where it does.
    pub(crate) fn refusal(&self, alert: &Facts<'_>) -> Option<String> {
        let kind = alert.kind();
        let of_severity = || {
            let least = self.severity.filter(|least| alert.severity < *least)?;
            Some(format!("severity is {}, not {least}", alert.severity))
        };
        let of_kind = || {
            let kinds = self.kinds.as_ref().filter(|kinds| !kind.is_some_and(|kind| kinds.contains(&kind)))?;
            let wanted: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            Some(format!("kind is {}, not {}", kind.map_or("none", Kind::as_str), wanted.join(" or ")))
        };
        let component = || alert.labels.get(COMPONENT).map(String::as_str).or(kind.map(Kind::as_str));
        let of_labels = || {
            self.labels.iter().find_map(|(name, pattern)| {
                refused(
                    &format!("label {name}"),
                    std::slice::from_ref(pattern),
                    alert.labels.get(name).map(String::as_str),
                )
            })
        };
        of_severity()
            .or_else(|| refused("rule", self.rules.as_deref()?, Some(alert.rule)))
            .or_else(of_kind)
            .or_else(|| refused("metric", self.metrics.as_deref()?, Some(alert.metric)))
            .or_else(|| refused("component", self.components.as_deref()?, component()))
            .or_else(of_labels)
    }

    pub(crate) fn passes(&self, alert: &Facts<'_>) -> bool {
        self.refusal(alert).is_none()
    }
}

/// Why none of the patterns fits.
fn refused(what: &str, patterns: &[Pattern], text: Option<&str>) -> Option<String> {
    if text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text))) {
        return None;
    }
    let wanted: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    Some(format!("{what} is {}, not {}", text.unwrap_or("none"), wanted.join(" or ")))
}

fn some_patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Pattern>>, D::Error> {
    let patterns = Vec::<Pattern>::deserialize(deserializer)?;
    if patterns.is_empty() {
        return Err(D::Error::custom("at least one name; without the key, all pass"));
    }
    Ok(Some(patterns))
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Kind>>, D::Error> {
    let known = || Kind::ALL.map(Kind::as_str).join(", ");
    let names = Vec::<String>::deserialize(deserializer)?;
    let kinds = names.iter().map(|name| Kind::ALL.into_iter().find(|kind| kind.as_str() == name));
    let kinds: Option<Vec<Kind>> = kinds.collect();
    kinds
        .filter(|kinds| !kinds.is_empty())
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("at least one kind of call: {}", known())))
}

/// A route: `[[notify.routes]]`. The first whose filters an alert passes takes it, and those after it only where it says
/// `continue`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Route {
    /// Its name, told where an alert would go. `route 1` and so on unless set.
    #[serde(default)]
    pub name: String,
    /// The channels that are told.
    pub channels: Vec<String>,
    /// The filters.
    #[serde(default)]
    pub only: Filter,
    /// Whether routes after this one see the alert too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
    /// The labels by which alerts are told together, `rule`, `severity` and `incident` among them: the last is the incident that
    /// an alert is of, where somebody knows it. Empty, there is one group a service. Unless set, `incident` alone, or none with
    /// [`by_incident`](crate::Settings::by_incident) off.
    #[serde(default)]
    pub group_by: Option<Vec<String>>,
    /// How long the first message of a group waits for other alerts.
    #[serde(default = "five_seconds")]
    pub group_wait: Span,
    /// The least time between two messages of a group.
    #[serde(default = "one_minute")]
    pub group_interval: Span,
    /// When what still fires, and nobody has acknowledged, is told again. The rule's cooldown unless set, and without one 4 h.
    #[serde(default)]
    pub repeat: Option<Span>,
    /// Only within one of these windows. Alerts outside wait for it.
    #[serde(default)]
    pub within: Vec<String>,
    /// Not within these windows. Alerts inside wait for their end.
    #[serde(default)]
    pub except: Vec<String>,
    /// Steps that are taken until somebody acknowledges.
    #[serde(default)]
    pub escalate: Vec<Step>,
}

/// A step of an escalation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Step {
    /// How long after the first message about what still fires and nobody has acknowledged.
    pub after: Span,
    /// The channels that are told.
    pub channels: Vec<String>,
}

/// Planned work: `[[notify.maintenance]]`. Nobody is told of what it covers; what fires at its end is told then.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Maintenance {
    /// The work.
    #[serde(default)]
    pub comment: String,
    /// The alerts that it covers. All unless set.
    #[serde(default)]
    pub only: Filter,
    /// When it begins, as in RFC 3339. Together with `to`.
    #[serde(default, deserialize_with = "moment")]
    pub from: Option<SystemTime>,
    /// When it ends.
    #[serde(default, deserialize_with = "moment")]
    pub to: Option<SystemTime>,
    /// In place of `from` and `to`: the windows in which it happens again and again.
    #[serde(default)]
    pub within: Vec<String>,
}

fn five_seconds() -> Span {
    Span(Duration::from_secs(5))
}

fn one_minute() -> Span {
    Span(Duration::from_secs(60))
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = perf_runtime::text::parse_rfc3339(&text);
    read.map(Some).ok_or_else(|| D::Error::custom("a time of RFC 3339, such as \"2026-12-01T02:00:00Z\""))
}

impl Route {
    /// One that sends everything to these channels.
    pub fn to(channels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            name: "route 1".to_owned(),
            channels: channels.into_iter().map(Into::into).collect(),
            only: Filter::default(),
            goes_on: false,
            group_by: None,
            group_wait: five_seconds(),
            group_interval: one_minute(),
            repeat: None,
            within: Vec::new(),
            except: Vec::new(),
            escalate: Vec::new(),
        }
    }

    /// The values of the labels by which an alert is grouped, but for its incident.
    pub(crate) fn group_labels(&self, alert: &Facts<'_>) -> BTreeMap<String, String> {
        let value = |name: &str| match name {
            "rule" => alert.rule.to_owned(),
            "severity" => alert.severity.to_string(),
            _ => alert.labels.get(name).cloned().unwrap_or_default(),
        };
        let labels = self.group_by.iter().flatten().filter(|name| *name != INCIDENT);
        labels.map(|name| (name.clone(), value(name))).collect()
    }

    /// Whether alerts of one incident are told together, and those of another one apart.
    pub(crate) fn is_by_incident(&self) -> bool {
        self.group_by.iter().flatten().any(|name| name == INCIDENT)
    }
}

/// All routes with the windows that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    pub(crate) all: Vec<Route>,
    pub(crate) windows: BTreeMap<String, Window>,
    pub(crate) maintenance: Vec<Maintenance>,
}

impl Routes {
    /// The routes that take an alert.
    pub(crate) fn of<'a>(&'a self, alert: Facts<'a>) -> impl Iterator<Item = &'a Route> {
        let mut is_taken = false;
        self.all.iter().filter(move |route| {
            let takes = !is_taken && route.only.passes(&alert);
            is_taken |= takes && !route.goes_on;
            takes
        })
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Route> {
        self.all.iter().find(|route| route.name == name)
    }

    /// Why nobody is told of an alert by a route at a moment; `None` where somebody is.
    pub(crate) fn held(&self, route: &Route, alert: &Facts<'_>, at: SystemTime) -> Option<String> {
        let is_in = |name: &String| self.windows.get(name).is_some_and(|window| window.contains(at));
        if let Some(work) = self.maintenance.iter().find(|work| work.covers(at, is_in) && work.only.passes(alert)) {
            let comment = if work.comment.is_empty() { String::new() } else { format!(": {}", work.comment) };
            return Some(format!("maintenance{comment}"));
        }
        if !route.within.is_empty() && !route.within.iter().any(is_in) {
            return Some(format!("outside of {}", route.within.join(", ")));
        }
        route.except.iter().find(|name| is_in(name)).map(|name| format!("within {name}"))
    }
}

impl Maintenance {
    fn covers(&self, at: SystemTime, is_in: impl Fn(&String) -> bool) -> bool {
        if !self.within.is_empty() {
            return self.within.iter().any(is_in);
        }
        self.from.is_some_and(|from| from <= at) && self.to.is_some_and(|to| at < to)
    }
}
