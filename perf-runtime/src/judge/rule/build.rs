//! The settings of a rule to be. Whether they are allowed is checked in `check`.

use super::condition::{Condition, Threshold};
use super::definition::{NoData, Rule};
use super::metric::Metric;
use super::signal::{Matcher, Signal};
use super::statistic::Statistic;
use crate::judge::rule::severity::Severity;
use crate::observe::history::window::Window;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of a [`Rule`] to be. A setting that is left out has the default that is named with it.
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
    pub(crate) recovery_window: Option<Window>,
    pub(crate) hold_for: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) keep_firing_for: Duration,
    pub(crate) cooldown: Duration,
    pub(crate) no_data: NoData,
    pub(crate) forget_after: Duration,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) description: String,
    pub(crate) runbook: Option<String>,
    pub(crate) enabled: bool,
}

/// For how long a series is missed, unless said otherwise.
pub(crate) const FORGET_AFTER: Duration = Duration::from_secs(3_600);

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
            recovery_window: None,
            hold_for: Duration::ZERO,
            warm_up: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            cooldown: Duration::ZERO,
            no_data: NoData::Ok,
            forget_after: FORGET_AFTER,
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
            // A gauge's value is what nobody needs to say, so it is not left behind where the metric becomes a kind.
            statistic: Some(term.statistic).filter(|statistic| *statistic != Statistic::Value),
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
            recovery_window: self.recovery_window,
            hold_for: self.hold_for,
            warm_up: self.warm_up,
            keep_firing_for: self.keep_firing_for,
            cooldown: self.cooldown,
            no_data: self.no_data,
            forget_after: self.forget_after,
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

    /// The metric: a [`Kind`](crate::Kind), or by name: a kind's, one of those it is exposed by, or a gauge's.
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

    /// How far back the figure looks: five minutes by default. A recovery window that is not shorter is none any more.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self.recovery_window.take_if(|recovery| *recovery >= window);
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

    /// The condition does not hold while the figure over this window, shorter than the rule's own, does not reach the
    /// threshold: so an alert ends soon after its cause did, however far back the rule looks. Of fewer calls than
    /// [`min_samples`](Self::min_samples) the shorter window says nothing, and the rule's own decides alone. None by
    /// default.
    pub fn recovery_window(mut self, window: Window) -> Self {
        self.recovery_window = Some(window);
        self
    }

    /// For how long the condition must hold, without a gap, before the alert fires: none by default, up to 7 days.
    pub fn hold_for(mut self, span: Duration) -> Self {
        self.hold_for = span;
        self
    }

    /// So long after the start of the monitor, a series that was never well does not fire: caches fill, and connections open. The
    /// alert is pending meanwhile; one that was well before, or that is so bad still when the time is over, fires as ever. And
    /// where traffic begins anew after a night, a series is pending as long as its
    /// [`recovery_window`](Self::recovery_window) has all the calls that the rule looks at. None by default, up to 7 days.
    pub fn warm_up(mut self, span: Duration) -> Self {
        self.warm_up = span;
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

    /// The policy for a series that has no value.
    pub fn no_data(mut self, policy: NoData) -> Self {
        self.no_data = policy;
        self
    }

    /// For how long a series that has no value is missed under [`NoData::Alert`]: an hour by default, 1 minute to 7 days. Then its
    /// alert ends, and it is taken to be gone for good until it has a value again.
    pub fn forget_after(mut self, span: Duration) -> Self {
        self.forget_after = span;
        self
    }

    /// A label for the alert, beside those of the series.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// The meaning of the alert, for the people who have to deal with it.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// The address of the instructions: `http` or `https`.
    pub fn runbook(mut self, address: impl Into<String>) -> Self {
        self.runbook = Some(address.into());
        self
    }

    /// Whether it is judged: it is by default.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }
}
