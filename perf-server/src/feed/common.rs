//! What everybody sees, whatever they watch: health, alerts, calls in flight, the names of metrics.

use super::number::round;
use perf_runtime::{HealthStatus, Indicator, IndicatorStatus, Monitor};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// So many calls in flight are shown, the oldest; so many events of alerts, the last.
const CALLS: usize = 50;
const EVENTS: usize = 100;

/// What was last sent, each part as text.
#[derive(Debug)]
pub(super) struct Common {
    verdict: String,
    colours: (Option<HealthStatus>, Vec<IndicatorStatus>),
    indicators: BTreeMap<String, String>,
    alerts: String,
    history: String,
    history_is_old: bool,
    calls: String,
    names: String,
}

/// What differs from what was last sent: texts that begin with a comma, or are empty.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) body: String,
    /// All of the health, where a colour is another.
    pub(super) health: Option<String>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            verdict: String::new(),
            colours: (None, Vec::new()),
            indicators: BTreeMap::new(),
            alerts: String::new(),
            history: String::new(),
            history_is_old: true,
            calls: String::new(),
            names: String::new(),
        }
    }
}

impl Common {
    pub(super) fn alerts_changed(&mut self) {
        self.history_is_old = true;
    }

    /// Writes all of it.
    pub(super) fn write_all(&self, body: &mut String) {
        self.write_health(body);
        let parts = [("alerts", &self.alerts), ("alert_history", &self.history), ("calls", &self.calls)];
        for (name, text) in parts.into_iter().chain([("metric_names", &self.names)]) {
            member(body, name, text);
        }
    }

    fn write_health(&self, body: &mut String) {
        member(body, "health", &self.verdict);
        list(body, "indicators", self.indicators.values());
    }

    /// Asks the monitor, and says what is new.
    pub(super) fn update(&mut self, monitor: &Monitor) -> Changes {
        let mut changes = Changes::default();
        self.update_health(monitor, &mut changes);
        self.update_alerts(monitor, &mut changes.body);
        let calls = text(&monitor.calls_in_flight(CALLS));
        // Their ages change all the time.
        if calls != self.calls || calls.len() > "[]".len() {
            member(&mut changes.body, "calls", &calls);
            self.calls = calls;
        }
        self.update_names(monitor, &mut changes.body);
        changes
    }

    fn update_health(&mut self, monitor: &Monitor, changes: &mut Changes) {
        let health = monitor.health();
        let verdict = text(&json!({
            "status": health.status(),
            "score": round(health.score()),
            "recommendations": health.recommendations(),
        }));
        if verdict != self.verdict {
            member(&mut changes.body, "health", &verdict);
            self.verdict = verdict;
        }
        let indicators = health.indicators().iter().map(|one| (one.name().to_owned(), indicator(one)));
        let indicators: BTreeMap<String, String> = indicators.collect();
        if indicators.keys().eq(self.indicators.keys()) {
            let others = indicators.iter().filter(|(name, text)| self.indicators.get(*name) != Some(text));
            list_if_any(&mut changes.body, "indicators_changed", others.map(|(_, text)| text));
        } else {
            list(&mut changes.body, "indicators", indicators.values());
        }
        self.indicators = indicators;
        let mut by_name: Vec<&Indicator> = health.indicators().iter().collect();
        by_name.sort_by_key(|one| one.name());
        let colours = (Some(health.status()), by_name.into_iter().map(Indicator::status).collect());
        if colours != self.colours {
            let known = self.colours.0.is_some();
            self.colours = colours;
            changes.health = known.then(|| {
                let mut body = String::new();
                self.write_health(&mut body);
                body
            });
        }
    }

    fn update_alerts(&mut self, monitor: &Monitor, body: &mut String) {
        let alerts = monitor.alerts();
        let now = text(&json!({
            "active": alerts.active(),
            "pending": alerts.pending(),
            "silences": alerts.silences(),
        }));
        if now != self.alerts {
            member(body, "alerts", &now);
            self.alerts = now;
        }
        if self.history_is_old {
            let history = alerts.history();
            self.history = text(&history.get(history.len().saturating_sub(EVENTS)..).unwrap_or_default());
            self.history_is_old = false;
            member(body, "alert_history", &self.history);
        }
    }

    /// Which metrics there are: it tells which pages there is something for.
    fn update_names(&mut self, monitor: &Monitor, body: &mut String) {
        let names: Vec<String> = monitor.custom_metrics().into_iter().map(|metric| metric.name).collect();
        let names = text(&names);
        if names != self.names {
            member(body, "metric_names", &names);
            self.names = names;
        }
    }
}

fn indicator(one: &Indicator) -> String {
    text(&json!({
        "name": one.name(),
        "kind": one.kind(),
        "aspect": one.aspect(),
        "status": one.status(),
        "value": one.value().map(round),
        "unit": one.unit(),
        "warning": one.warning(),
        "critical": one.critical(),
        "penalty": round(one.penalty()),
        "shares": one.shares().iter().take(10).map(|share| json!([share.series, round(share.points)])).collect::<Vec<_>>(),
        "series": one.series(),
        "calls": one.calls(),
    }))
}

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    // What is a plain tree of texts and numbers can be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

pub(super) fn member(body: &mut String, name: &str, text: &str) {
    let text = if text.is_empty() { "null" } else { text };
    body.extend([",\"", name, "\":", text]);
}

fn list<'a>(body: &mut String, name: &str, texts: impl Iterator<Item = &'a String>) {
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    member(body, name, &format!("[{}]", texts.join(",")));
}

fn list_if_any<'a>(body: &mut String, name: &str, texts: impl Iterator<Item = &'a String>) {
    let mut texts = texts.peekable();
    if texts.peek().is_some() {
        list(body, name, texts);
    }
}
