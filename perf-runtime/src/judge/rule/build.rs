//! Makes a rule, or says what is wrong with it.

use super::condition::{Condition, Threshold};
use super::signal::{Matcher, Metric, Signal, Statistic, Term, Unit};
use super::{Level, Levels, NoData, Rule};
use crate::error::{ConfigError, nearest};
use crate::judge::alert::Severity;
use crate::measure::kind::Kind;
use crate::observe::window::Window;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longer than this no condition is waited for.
const MAX_SPAN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How far back a change can look.
const MAX_CHANGE: Duration = Duration::from_secs(3_600);
/// The labels that Prometheus gives an alert itself.
const RESERVED: [&str; 3] = ["alertname", "alertstate", "severity"];
const MAX_TEXT: usize = 1_000;

/// Settings of a [`Rule`] to be. What is not set has the default that is named with it.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RuleBuilder {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) metric: Option<Metric>,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) statistic: Option<Statistic>,
    pub(crate) window: Window,
    pub(crate) over: Option<Metric>,
    pub(crate) by: Option<Vec<String>>,
    pub(crate) change: Option<Duration>,
    pub(crate) min_samples: u64,
    pub(crate) condition: Condition,
    pub(crate) warning: Option<Threshold>,
    pub(crate) critical: Option<Threshold>,
    pub(crate) absence: Severity,
    pub(crate) recovery: Option<Threshold>,
    pub(crate) hold_for: Duration,
    pub(crate) keep_firing_for: Duration,
    pub(crate) cooldown: Duration,
    pub(crate) no_data: NoData,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) description: String,
    pub(crate) runbook: Option<String>,
    pub(crate) enabled: bool,
}

impl Rule {
    /// Begins a rule. `id` is up to 64 lower-case letters, digits and hyphens, a letter first.
    pub fn builder(id: impl Into<String>) -> RuleBuilder {
        RuleBuilder {
            id: id.into(),
            name: None,
            metric: None,
            matchers: Vec::new(),
            statistic: None,
            window: Window::Last5Minutes,
            over: None,
            by: None,
            change: None,
            min_samples: 0,
            condition: Condition::Above,
            warning: None,
            critical: None,
            absence: Severity::Warning,
            recovery: None,
            hold_for: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            cooldown: Duration::ZERO,
            no_data: NoData::Ok,
            labels: BTreeMap::new(),
            description: String::new(),
            runbook: None,
            enabled: true,
        }
    }

    /// A builder with this rule's settings, to change some of them.
    pub fn to_builder(&self) -> RuleBuilder {
        let Signal { term, over, by, change, min_samples } = self.signal.clone();
        let threshold = |severity| self.threshold(severity);
        RuleBuilder {
            id: self.id.clone(),
            name: Some(self.name.clone()),
            metric: Some(term.metric),
            matchers: term.matchers,
            statistic: Some(term.statistic),
            window: term.window,
            over: over.map(|over| over.metric),
            by,
            change,
            min_samples,
            condition: self.condition,
            warning: threshold(Severity::Warning),
            critical: threshold(Severity::Critical),
            absence: self.levels.lowest(),
            recovery: self.recovery,
            hold_for: self.hold_for,
            keep_firing_for: self.keep_firing_for,
            cooldown: self.cooldown,
            no_data: self.no_data,
            labels: self.labels.clone(),
            description: self.description.clone(),
            runbook: self.runbook.clone(),
            enabled: self.enabled,
        }
    }
}

impl RuleBuilder {
    /// A name for people. The id, where it has none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What is measured: a [`Kind`](crate::Kind), or by name: a kind's, one of those it is exposed by, or a gauge's.
    pub fn metric(mut self, metric: impl Into<Metric>) -> Self {
        self.metric = Some(metric.into());
        self
    }

    /// Only series whose label has one of these values. Each further call narrows it down.
    pub fn only<V: Into<String>>(self, label: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        self.matcher(label.into(), values.into_iter().map(Into::into).collect(), false)
    }

    /// Only series whose label has none of these values.
    pub fn except<V: Into<String>>(self, label: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        self.matcher(label.into(), values.into_iter().map(Into::into).collect(), true)
    }

    pub(crate) fn matcher(mut self, label: String, values: Vec<String>, except: bool) -> Self {
        self.matchers.push(Matcher { label, values, except });
        self
    }

    /// The figure that is judged. [`Statistic::Value`] for a gauge; of a kind it must be said.
    pub fn statistic(mut self, statistic: Statistic) -> Self {
        self.statistic = Some(statistic);
        self
    }

    /// How far back the figure looks: five minutes by default.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Divides by the same figure of another metric: series with the same labels by each other. The value is then a
    /// plain number, and there is none where there is no such series.
    pub fn divided_by(mut self, metric: impl Into<Metric>) -> Self {
        self.over = Some(metric.into());
        self
    }

    /// Adds series up by these labels; with none, to one figure of all. Standard deviation and percentiles cannot be
    /// added up.
    pub fn by<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        self.by = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// Judges how much the figure has changed since then (now less then), 1 second to 1 hour.
    pub fn change_over(mut self, span: Duration) -> Self {
        self.change = Some(span);
        self
    }

    /// With fewer calls in the window there is no value: 0 by default. Says nothing of gauges.
    pub fn min_samples(mut self, calls: u64) -> Self {
        self.min_samples = calls;
        self
    }

    /// How values are held against thresholds: [`Condition::Above`] by default.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// From here on it is a warning: one number, or for [`Condition::Outside`] the two ends of what is good.
    pub fn warning(mut self, threshold: impl Into<Threshold>) -> Self {
        self.warning = Some(threshold.into());
        self
    }

    /// From here on it is critical.
    pub fn critical(mut self, threshold: impl Into<Threshold>) -> Self {
        self.critical = Some(threshold.into());
        self
    }

    /// How bad it is that there is no value, for [`Condition::Absent`]: a warning by default.
    pub fn absent(mut self, severity: Severity) -> Self {
        self.condition = Condition::Absent;
        self.absence = severity;
        self
    }

    /// A firing alert ends only when the value is on the good side of this: it lies on the good side of the warning, or
    /// of the critical threshold where there is no warning.
    pub fn recovery(mut self, threshold: impl Into<Threshold>) -> Self {
        self.recovery = Some(threshold.into());
        self
    }

    /// For how long the condition must hold, without a gap, before the alert fires: none by default, up to 7 days.
    pub fn hold_for(mut self, span: Duration) -> Self {
        self.hold_for = span;
        self
    }

    /// For how long a firing alert goes on firing after the condition has ended: not at all by default, up to 7 days.
    pub fn keep_firing_for(mut self, span: Duration) -> Self {
        self.keep_firing_for = span;
        self
    }

    /// Within so long after an alert was told of, the same alert is not told of again, however often it comes and goes:
    /// none by default, up to 7 days. It fires and is kept in the history all the same.
    pub fn cooldown(mut self, span: Duration) -> Self {
        self.cooldown = span;
        self
    }

    /// What it means that a series has no value.
    pub fn no_data(mut self, policy: NoData) -> Self {
        self.no_data = policy;
        self
    }

    /// A label for the alert, beside those of the series.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// What the alert means, for those who have to deal with it.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Where it is written what to do: an `http` or `https` address.
    pub fn runbook(mut self, address: impl Into<String>) -> Self {
        self.runbook = Some(address.into());
        self
    }

    /// Whether it is judged: it is by default.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Makes the rule.
    ///
    /// # Errors
    /// The first setting that is not allowed, or that contradicts another, as `rules.<id>.<setting>`.
    pub fn build(self) -> Result<Rule, ConfigError> {
        self.check_names()?;
        let signal = self.signal()?;
        let levels = self.levels(signal.unit())?;
        let recovery = self.checked_recovery(levels)?;
        for (field, span) in
            [("for", self.hold_for), ("keep_firing_for", self.keep_firing_for), ("cooldown", self.cooldown)]
        {
            self.check_span(field, span, Duration::ZERO, MAX_SPAN)?;
        }
        if let NoData::Keep(span) | NoData::Alert(span) = self.no_data {
            self.check_span("no_data_for", span, Duration::from_secs(1), MAX_SPAN)?;
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
            hold_for: self.hold_for,
            keep_firing_for: self.keep_firing_for,
            cooldown: self.cooldown,
            no_data: self.no_data,
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
        let show = |span: Duration| humantime::format_duration(span).to_string();
        let allowed = format!("{} to {}", show(least), show(most));
        self.check((least..=most).contains(&span), field, show(span), &allowed)
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
        let counts = statistic.has_window() || self.min_samples == 0;
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
        let (by, change, min_samples) = (self.by.clone(), self.change, self.min_samples);
        Ok(Signal { term, over, by, change, min_samples })
    }

    fn term(&self, metric: Option<&Metric>, field: &str) -> Result<Term, ConfigError> {
        let Some(metric) = metric else {
            return Err(ConfigError::new(format!("rules.{}.{field}", self.id), "", "a kind's name or a gauge's"));
        };
        let statistic = match metric {
            Metric::Gauge(name) => {
                self.check(is_metric(name), field, name, "letters, digits, underscores and colons, no digit first")?;
                let near = nearest(name, Kind::ALL.map(Kind::as_str));
                let allowed = near.map(|near| format!("a known name: did you mean {near:?}?")).unwrap_or_default();
                self.check(near.is_none(), field, name, &allowed)?;
                self.statistic.unwrap_or(Statistic::Value)
            }
            Metric::Kind(_) => self.statistic.unwrap_or(Statistic::Value),
        };
        let fits = (statistic == Statistic::Value) == matches!(metric, Metric::Gauge(_));
        let allowed = match metric {
            Metric::Gauge(_) => "\"value\" for a gauge".to_owned(),
            Metric::Kind(_) => names_of(Statistic::ALL.into_iter().filter(|one| *one != Statistic::Value)),
        };
        self.check(fits, "statistic", statistic, &allowed)?;
        for Matcher { label, values, .. } in &self.matchers {
            self.check(is_label(label), "only", label, LABEL)?;
            self.check(!values.is_empty(), "only", label, "at least one value for the label")?;
        }
        Ok(Term { metric: metric.clone(), matchers: self.matchers.clone(), statistic, window: self.window })
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
            Unit::Plain => Ok(()),
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
}

const LABEL: &str = "a label: letters, digits and underscores, no digit first, none of alertname, alertstate, severity";
const TEXT: &str = "up to 1000 bytes without control characters";

fn is_text(text: &str) -> bool {
    text.len() <= MAX_TEXT && !text.contains(char::is_control)
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
