//! Whether the settings of a rule are allowed, and fit together.

use super::build::RuleBuilder;
use super::condition::{Condition, Threshold};
use super::definition::{Level, Levels, NoData, Rule};
use super::metric::Metric;
use super::signal::{Matcher, Signal, Term};
use super::statistic::{Statistic, Unit};
use crate::error::{ConfigError, nearest};
use crate::judge::rule::severity::Severity;
use crate::measure::model::kind::Kind;
use crate::measure::site::annotated::Site;
use crate::measure::site::directory;
use crate::observe::history::window::Window;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longer than this no condition is waited for.
const MAX_SPAN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How far back a change can look.
const MAX_CHANGE: Duration = Duration::from_secs(3_600);
/// The labels that Prometheus gives an alert itself.
const RESERVED: [&str; 3] = ["alertname", "alertstate", "severity"];
const MAX_TEXT: usize = 1_000;

impl RuleBuilder {
    /// Makes the rule.
    ///
    /// # Errors
    /// The first setting that is not allowed, or that contradicts another, as `rules.<id>.<setting>`.
    pub fn build(self) -> Result<Rule, ConfigError> {
        self.check_names()?;
        let signal = self.signal()?;
        let levels = self.levels(signal.unit())?;
        let recovery = self.checked_recovery(levels)?;
        self.check_recovery_window(&signal)?;
        for (field, span) in [
            ("for", self.hold_for),
            ("warm_up", self.warm_up),
            ("keep_firing_for", self.keep_firing_for),
            ("cooldown", self.cooldown),
        ] {
            self.check_span(field, span, Duration::ZERO, MAX_SPAN)?;
        }
        if let NoData::Keep(span) | NoData::Alert(span) = self.no_data {
            self.check_span("no_data_for", span, Duration::from_secs(1), MAX_SPAN)?;
            self.check_span("forget_after", self.forget_after, Duration::from_secs(60), MAX_SPAN)?;
            self.check(
                self.condition != Condition::Absent,
                "no_data",
                "keep or alert",
                "ok: the rule is about absence",
            )?;
        }
        Ok(Rule {
            name: self.name.unwrap_or_else(|| self.id.clone()),
            id: self.id,
            signal,
            condition: self.condition,
            levels,
            recovery,
            recovery_window: self.recovery_window,
            hold_for: self.hold_for,
            warm_up: self.warm_up,
            keep_firing_for: self.keep_firing_for,
            cooldown: self.cooldown,
            no_data: self.no_data,
            forget_after: self.forget_after,
            labels: self.labels,
            description: self.description,
            runbook: self.runbook,
            enabled: self.enabled,
        })
    }

    fn check(&self, holds: bool, field: &str, value: impl ToString, allowed: &str) -> Result<(), ConfigError> {
        if holds { Ok(()) } else { Err(ConfigError::new(format!("rules.{}.{field}", self.id), value, allowed)) }
    }

    fn check_span(&self, field: &str, span: Duration, least: Duration, most: Duration) -> Result<(), ConfigError> {
        if (least..=most).contains(&span) {
            return Ok(());
        }
        let show = crate::text::show_duration;
        self.check(false, field, show(span), &format!("{} to {}", show(least), show(most)))
    }

    fn check_names(&self) -> Result<(), ConfigError> {
        let is_id = self.id.starts_with(|first: char| first.is_ascii_lowercase())
            && self.id.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
        if !is_id || self.id.len() > 64 {
            let allowed = "up to 64 lower-case letters, digits and hyphens, a letter first";
            return Err(ConfigError::new("rules", &self.id, allowed));
        }
        for (label, value) in &self.labels {
            self.check(is_label(label) && !RESERVED.contains(&label.as_str()), "labels", label, LABEL)?;
            self.check(is_text(value), "labels", value, TEXT)?;
        }
        self.check(is_text(self.name.as_deref().unwrap_or_default()), "name", "(long text)", TEXT)?;
        self.check(is_text(&self.description), "description", "(long text)", TEXT)?;
        let is_address = |address: &str| {
            let rest = address.strip_prefix("https://").or(address.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty()) && is_text(address) && !address.contains(char::is_whitespace)
        };
        let runbook = self.runbook.as_deref();
        self.check(runbook.is_none_or(is_address), "runbook", runbook.unwrap_or_default(), "an http or https address")
    }

    fn signal(&self) -> Result<Signal, ConfigError> {
        let term = self.term(self.metric.as_ref(), "metric")?;
        let over = self.over.as_ref().map(|metric| self.term(Some(metric), "divided_by")).transpose()?;
        let statistic = term.statistic;
        if let Some(by) = &self.by {
            self.check(statistic.adds_up(), "by", by.join(","), "nothing: percentiles and std cannot be added up")?;
            for label in by {
                self.check(is_label(label), "by", label, LABEL)?;
            }
        }
        let counts = statistic.has_window() && !statistic.is_estimated() || self.min_samples == 0;
        self.check(counts, "min_samples", self.min_samples, "nothing: only calls in a window can be counted")?;
        if let Some(span) = self.change {
            self.check_span("change_over", span, Duration::from_secs(1), MAX_CHANGE)?;
            self.check(
                self.condition != Condition::Absent,
                "change_over",
                "a span",
                "nothing: the rule is about absence",
            )?;
        }
        if statistic.is_estimated() {
            let is_judged = self.condition != Condition::Absent;
            self.check(is_judged, "absent", statistic, "nothing: an estimate may be unknown for hours")?;
            self.check(self.by.is_none(), "by", statistic, "nothing: each series is estimated by itself")?;
            let longest = statistic != Statistic::Anomaly || self.window != Window::LastMinute;
            self.check(longest, "window", self.window, "5m, 15m or 1h: of one minute there is no share")?;
        }
        let (by, change, min_samples) = (self.by.clone(), self.change, self.min_samples);
        Ok(Signal { term, over, by, change, min_samples })
    }

    fn term(&self, metric: Option<&Metric>, field: &str) -> Result<Term, ConfigError> {
        let Some(metric) = metric else {
            return Err(ConfigError::new(format!("rules.{}.{field}", self.id), "", "a kind's name or a gauge's"));
        };
        let is_estimated_gauge = matches!(metric, Metric::Gauge(_))
            && matches!(self.statistic, Some(Statistic::Trend | Statistic::Forecast));
        let statistic = match metric {
            Metric::Gauge(name) => {
                self.check(is_metric(name), field, name, "letters, digits, underscores and colons, no digit first")?;
                let near = nearest(name, Kind::ALL.map(Kind::as_str));
                let allowed = near.map(|near| format!("a known name: did you mean {near:?}?")).unwrap_or_default();
                self.check(near.is_none(), field, name, &allowed)?;
                self.statistic.unwrap_or(Statistic::Value)
            }
            Metric::Kind(_) => self.statistic.ok_or_else(|| self.no_statistic())?,
        };
        if (statistic == Statistic::Value) != matches!(metric, Metric::Gauge(_)) && !is_estimated_gauge {
            let allowed = match metric {
                Metric::Gauge(_) => "value, trend or forecast for a gauge".to_owned(),
                Metric::Kind(_) => statistics_of_a_kind(),
            };
            self.check(false, "statistic", statistic, &allowed)?;
        }
        for Matcher { label, values, .. } in &self.matchers {
            self.check(is_label(label), "only", label, LABEL)?;
            self.check(!values.is_empty(), "only", label, "at least one value for the label")?;
            self.check_known("only", label, metric)?;
        }
        for label in self.by.iter().flatten() {
            self.check_known("by", label, metric)?;
        }
        Ok(Term { metric: metric.clone(), matchers: self.matchers.clone(), statistic, window: self.window })
    }

    /// The error that nobody said which figure of a kind's series is judged.
    pub(crate) fn no_statistic(&self) -> ConfigError {
        ConfigError::new(format!("rules.{}.statistic", self.id), "", statistics_of_a_kind())
    }

    /// Refuses a label that no series of a kind can have: a filter by it would match nothing. Of gauges it is not known.
    fn check_known(&self, field: &str, label: &str, metric: &Metric) -> Result<(), ConfigError> {
        let Metric::Kind(kind) = metric else { return Ok(()) };
        match unknown_label(*kind, label) {
            None => Ok(()),
            Some(allowed) => self.check(false, field, label, &allowed),
        }
    }

    fn levels(&self, unit: Unit) -> Result<Levels, ConfigError> {
        if self.condition == Condition::Absent {
            self.check(self.warning.is_none(), "warning", "a threshold", "nothing: absence has no threshold")?;
            self.check(self.critical.is_none(), "critical", "a threshold", "nothing: absence has no threshold")?;
            let of = |severity| if self.absence == severity { Level::Absence } else { Level::Unused };
            return Ok(Levels { warning: of(Severity::Warning), critical: of(Severity::Critical) });
        }
        let some = self.warning.is_some() || self.critical.is_some();
        self.check(some, "warning", "", "a threshold here or in `critical`")?;
        for (field, threshold) in [("warning", self.warning), ("critical", self.critical)] {
            threshold.map_or(Ok(()), |threshold| self.check_threshold(field, threshold, unit))?;
        }
        if let (Some(warning), Some(critical)) = (self.warning, self.critical) {
            let allowed = format!("a threshold beyond the warning, {warning}");
            let beyond = warning != critical && self.condition.is_as_strict(critical, warning);
            self.check(beyond, "critical", critical, &allowed)?;
        }
        let of = |threshold: Option<Threshold>| threshold.map_or(Level::Unused, Level::From);
        Ok(Levels { warning: of(self.warning), critical: of(self.critical) })
    }

    fn check_threshold(&self, field: &str, threshold: Threshold, unit: Unit) -> Result<(), ConfigError> {
        self.check(threshold.numbers().all(f64::is_finite), field, threshold, "a finite number")?;
        let is_range = matches!(threshold, Threshold::Range(low, high) if low <= high);
        if self.condition == Condition::Outside {
            self.check(is_range, field, threshold, "two numbers, the lower one first")?;
        } else {
            let one = matches!(threshold, Threshold::Value(_));
            self.check(one, field, threshold, "one number, for only `outside` takes two")?;
        }
        // A change can be downward.
        if self.change.is_some() {
            return Ok(());
        }
        match unit {
            Unit::Ratio => {
                let within = threshold.numbers().all(|number| (0.0..=1.0).contains(&number));
                self.check(within, field, threshold, "a share, 0 to 1")
            }
            Unit::Plain | Unit::Change => Ok(()),
            _ => self.check(threshold.numbers().all(|number| number >= 0.0), field, threshold, "no negative number"),
        }
    }

    fn checked_recovery(&self, levels: Levels) -> Result<Option<Threshold>, ConfigError> {
        let Some(recovery) = self.recovery else { return Ok(None) };
        let Level::From(lowest) = levels.of(levels.lowest()) else {
            self.check(false, "recovery", recovery, "nothing: absence has no threshold")?;
            return Ok(None);
        };
        self.check_threshold("recovery", recovery, Unit::Plain)?;
        let allowed = format!("a threshold on the good side of {lowest}");
        self.check(self.condition.is_as_strict(lowest, recovery), "recovery", recovery, &allowed)?;
        Ok(Some(recovery))
    }

    fn check_recovery_window(&self, signal: &Signal) -> Result<(), ConfigError> {
        let Some(window) = self.recovery_window else { return Ok(()) };
        let check = |holds, allowed: &str| self.check(holds, "recovery_window", window, allowed);
        let statistic = signal.term.statistic;
        check(statistic.has_window(), "nothing: what is judged looks at no window")?;
        check(!statistic.is_estimated(), "nothing: what is judged is estimated over its own window")?;
        check(signal.change.is_none(), "nothing: a change looks at no window")?;
        check(self.condition != Condition::Absent, "nothing: the rule is about absence")?;
        check(window < self.window, &format!("a window shorter than {}, the rule's own", self.window))
    }
}

const LABEL: &str = "a label: letters, digits and underscores, no digit first, none of alertname, alertstate, severity";
const TEXT: &str = "up to 1000 bytes without control characters";

fn statistics_of_a_kind() -> String {
    names_of(Statistic::ALL.into_iter().filter(|one| *one != Statistic::Value))
}

fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.contains(char::is_control)
}

/// The labels that series of a kind may have: its own, and those that the program's functions bring.
pub(crate) fn known_labels(kind: Kind) -> BTreeSet<&'static str> {
    let of_sites = directory::sites().filter(|site| site.kind() == kind).flat_map(Site::more_labels);
    kind.label_names().iter().chain(of_sites).copied().collect()
}

/// Where no series of a kind can have a label: those that they have.
pub(in crate::judge) fn unknown_label(kind: Kind, label: &str) -> Option<String> {
    let known = known_labels(kind);
    if known.contains(label) {
        return None;
    }
    let near = nearest(label, known.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
    let all: Vec<&str> = known.iter().copied().collect();
    Some(format!("a label of {kind}: {}{}", all.join(", "), near.unwrap_or_default()))
}

fn is_label(name: &str) -> bool {
    is_metric(name) && !name.contains(':')
}

fn is_metric(name: &str) -> bool {
    name.len() <= 200
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == ':')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || char == ':')
}

fn names_of(statistics: impl Iterator<Item = Statistic>) -> String {
    statistics.map(Statistic::as_str).collect::<Vec<_>>().join(", ")
}
