//! The state that every client gets, on any topic: health, alerts, calls in flight, the names of metrics, cards of parts.

use super::message::{Body, Written};
use super::number::Number;
use super::part::{PartCards, written_cards};
use super::watch::{For, Without};
use crate::dashboard::OWN_PAGE;
use perf_runtime::alert::{Alert, AlertEvent, Silence};
use perf_runtime::health::{Aspect, HealthStatus, Indicator, IndicatorStatus, Verdict};
use perf_runtime::metric::{MetricReading, MetricSeries};
use perf_runtime::series::{CallsInFlight, Selector, TimeRange};
use perf_runtime::{Kind, Monitor};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many calls in flight are shown, the oldest; so many events of alerts, the last.
pub(super) const CALLS: usize = 50;
const EVENTS: usize = 100;
/// Of the time before memory, where a part keeps it, so much is looked through for events.
const BEFORE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most series that are named with an indicator.
const SHARES: usize = 10;

/// The state that was last sent, part by part.
#[derive(Debug, Default)]
pub(super) struct Common {
    verdict: Written,
    colours: (Option<HealthStatus>, Vec<IndicatorStatus>),
    /// Each in full, and without its values.
    indicators: BTreeMap<String, Written>,
    limits: BTreeMap<String, Written>,
    alerts: Written,
    history: Written,
    /// The last events of alerts before those in memory, from whoever keeps them. Read once: there will be no others.
    earlier: Option<Vec<AlertEvent>>,
    /// Whether the history is still as it was sent.
    history_is_sent: bool,
    calls: Written,
    /// How many calls there are, of which these are the oldest.
    all_calls: Written,
    names: Written,
    resets: Written,
    cards: Written,
}

/// The difference from what was last sent.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) body: Body,
    /// All of the health, where a colour is another.
    pub(super) health: Option<Body>,
}

impl Common {
    pub(super) fn alerts_changed(&mut self) {
        self.history_is_sent = false;
    }

    /// Writes all of it.
    pub(super) fn write_all(&self, body: &mut Body) {
        self.write_health(body);
        for (name, value) in [
            ("alerts", &self.alerts),
            ("calls", &self.calls),
            ("calls_total", &self.all_calls),
            ("metric_names", &self.names),
            ("resets", &self.resets),
            ("cards", &self.cards),
        ] {
            body.put_written(name, value.clone());
        }
        body.put_for(For::History, "alert_history", self.history.clone());
    }

    fn write_health(&self, body: &mut Body) {
        body.put_written("health", self.verdict.clone());
        body.put_for(For::Values, "indicators", all(&self.indicators));
        body.put_for(For::Limits, "indicators", all(&self.limits));
    }

    /// Asks the monitor and the parts that have cards, and says what is new.
    pub(super) fn update(&mut self, monitor: &Monitor, cards: &[PartCards]) -> Changes {
        let mut changes = Changes::default();
        self.update_health(monitor, &mut changes);
        self.update_alerts(monitor, &mut changes.body);
        let CallsInFlight { calls, total, .. } = monitor.in_flight(&Selector::calls(), CALLS);
        let (written, all) = (Written::new(&calls), Written::new(&total));
        // Their ages change all the time.
        if written != self.calls || !calls.is_empty() {
            changes.body.put_written("calls", written.clone());
            changes.body.put_written("calls_total", all.clone());
            (self.calls, self.all_calls) = (written, all);
        }
        self.update_names(monitor, &mut changes.body);
        self.update_resets(monitor, &mut changes.body);
        self.update_cards(monitor, cards, &mut changes.body);
        changes
    }

    fn update_health(&mut self, monitor: &Monitor, changes: &mut Changes) {
        let health = monitor.health();
        let (status, score) = (health.status(), Number::from(health.score()));
        let (serving, resources, explanation) = (health.serving(), health.resources(), health.to_string());
        let recommendations = health.recommendations();
        let verdict = Written::new(&VerdictInShort { status, score, serving, resources, explanation, recommendations });
        if verdict != self.verdict {
            changes.body.put_written("health", verdict.clone());
            self.verdict = verdict;
        }
        let named = |write: fn(&Indicator) -> Written| {
            health.indicators().iter().map(|one| (one.name().to_owned(), write(one))).collect()
        };
        for (whom, known, now) in
            [(For::Values, &mut self.indicators, named(indicator)), (For::Limits, &mut self.limits, named(limits))]
        {
            if let Some((member, changed)) = difference(known, &now) {
                changes.body.put_for(whom, member, changed);
            }
            *known = now;
        }
        let mut by_name: Vec<&Indicator> = health.indicators().iter().collect();
        by_name.sort_by_key(|one| one.name());
        let colours = (Some(health.status()), by_name.into_iter().map(Indicator::status).collect());
        if colours != self.colours {
            let known = self.colours.0.is_some();
            self.colours = colours;
            changes.health = known.then(|| {
                let mut body = Body::default();
                self.write_health(&mut body);
                // It goes to everybody.
                body.to(Without::default())
            });
        }
    }

    fn update_alerts(&mut self, monitor: &Monitor, body: &mut Body) {
        let alerts = monitor.alerts();
        let (active, pending, silences) = (alerts.active(), alerts.pending(), alerts.silences());
        let now = Written::new(&AlertsNow { active, pending, silences });
        if now != self.alerts {
            body.put_written("alerts", now.clone());
            self.alerts = now;
        }
        if !self.history_is_sent {
            let mut history = alerts.history();
            let first = history.first().map(|event| event.at);
            let earlier = self.earlier.get_or_insert_with(|| last_events(monitor));
            history.splice(..0, earlier.iter().filter(|event| first.is_none_or(|first| event.at < first)).cloned());
            self.history = Written::new(history.get(history.len().saturating_sub(EVENTS)..).unwrap_or_default());
            self.history_is_sent = true;
            body.put_for(For::History, "alert_history", self.history.clone());
        }
    }

    /// Which metrics there are: it tells which pages there is something for. That of browsers is not there for the sake of the
    /// dashboard alone, which tells of itself while somebody looks at it.
    fn update_names(&mut self, monitor: &Monitor, body: &mut Body) {
        let is_own = |series: &MetricSeries| series.labels.get("page") == Some(OWN_PAGE);
        let is_of_others = |metric: &MetricReading| metric.series.is_empty() || !metric.series.iter().all(is_own);
        let metrics = monitor.metrics().read().into_iter().filter(is_of_others);
        let names: Vec<String> = metrics.map(|metric| metric.name).collect();
        let names = Written::new(&names);
        if names != self.names {
            body.put_written("metric_names", names.clone());
            self.names = names;
        }
    }

    /// The cards of parts that the first page shows.
    fn update_cards(&mut self, monitor: &Monitor, cards: &[PartCards], body: &mut Body) {
        let cards = written_cards(cards, monitor);
        if cards != self.cards {
            body.put_written("cards", cards.clone());
            self.cards = cards;
        }
    }

    /// When the baseline was moved: charts have a mark there.
    fn update_resets(&mut self, monitor: &Monitor, body: &mut Body) {
        let resets: Vec<String> = monitor.resets().into_iter().map(perf_runtime::text::rfc3339).collect();
        let resets = Written::new(&resets);
        if resets != self.resets {
            body.put_written("resets", resets.clone());
            self.resets = resets;
        }
    }
}

#[derive(Serialize)]
struct VerdictInShort<'a> {
    status: HealthStatus,
    score: Number,
    serving: HealthStatus,
    resources: HealthStatus,
    explanation: String,
    recommendations: &'a [String],
}

#[derive(Serialize)]
struct AlertsNow {
    active: Vec<Alert>,
    pending: Vec<Alert>,
    silences: Vec<Silence>,
}

/// An indicator, with its numbers in few digits.
#[derive(Serialize)]
struct IndicatorInShort<'a> {
    name: &'a str,
    kind: Option<Kind>,
    aspect: Aspect,
    verdict: Verdict,
    status: IndicatorStatus,
    value: Number,
    own: Number,
    unit: &'a str,
    warning: f64,
    critical: f64,
    penalty: Number,
    shares: Vec<(&'a str, Number)>,
    series: Option<&'a str>,
    hint: Option<&'a str>,
    /// The seconds that were judged; 0 is now.
    covered: Number,
    certain: bool,
    counted_in: Option<&'a str>,
    calls: u64,
}

/// The last events of the past week that are known, those in memory among them.
fn last_events(monitor: &Monitor) -> Vec<AlertEvent> {
    let now = monitor.time_of_day();
    let week = now.checked_sub(BEFORE).and_then(|start| TimeRange::between(start, now).ok());
    let mut events = week.map(|week| monitor.alerts().events_in(week)).unwrap_or_default();
    events.drain(..events.len().saturating_sub(EVENTS));
    events
}

fn all(indicators: &BTreeMap<String, Written>) -> Written {
    Written::new(&indicators.values().collect::<Vec<_>>())
}

/// The indicators that are others now; all of them where one has come or gone.
fn difference(known: &BTreeMap<String, Written>, now: &BTreeMap<String, Written>) -> Option<(&'static str, Written)> {
    if !now.keys().eq(known.keys()) {
        return Some(("indicators", all(now)));
    }
    let others = now.iter().filter(|(name, value)| known.get(*name) != Some(value));
    let others: Vec<&Written> = others.map(|(_, value)| value).collect();
    (!others.is_empty()).then(|| ("indicators_changed", Written::new(&others)))
}

/// An indicator without what changes each second.
#[derive(Serialize)]
struct IndicatorLimits<'a> {
    name: &'a str,
    kind: Option<Kind>,
    aspect: Aspect,
    verdict: Verdict,
    status: IndicatorStatus,
    unit: &'a str,
    warning: f64,
    critical: f64,
}

fn limits(one: &Indicator) -> Written {
    Written::new(&IndicatorLimits {
        name: one.name(),
        kind: one.kind(),
        aspect: one.aspect(),
        verdict: one.verdict(),
        status: one.status(),
        unit: one.unit(),
        warning: one.warning(),
        critical: one.critical(),
    })
}

fn indicator(one: &Indicator) -> Written {
    let shares = one.shares().iter().take(SHARES);
    Written::new(&IndicatorInShort {
        name: one.name(),
        kind: one.kind(),
        aspect: one.aspect(),
        verdict: one.verdict(),
        status: one.status(),
        value: one.value().into(),
        own: one.own().into(),
        unit: one.unit(),
        warning: one.warning(),
        critical: one.critical(),
        penalty: one.penalty().into(),
        shares: shares.map(|share| (share.series.as_str(), share.points.into())).collect(),
        series: one.series(),
        hint: one.hint(),
        covered: one.covered().into(),
        certain: one.is_certain(),
        counted_in: one.counted_in(),
        calls: one.calls(),
    })
}
