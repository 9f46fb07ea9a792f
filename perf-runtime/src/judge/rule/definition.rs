//! A rule: what is looked at, when it is too bad, and for how long it must be.
//!
//! A [`Rule`] is data that can only be right: its builder refuses what contradicts itself.

use super::condition::{Condition, Threshold};
use super::metric::Metric;
use super::signal::Signal;
use super::statistic::Unit;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::judge::rule::severity::Severity;
use crate::observe::history::window::Window;
use crate::observe::metrics::known as names;

/// The longest window over which a burn rate is taken.
const LONGEST_BURN_WINDOW: Duration = Duration::from_secs(3 * 24 * 3_600);

/// A condition on a figure of each series, which makes an alert for each series that it holds for.
///
/// ```
/// use perf_runtime::rule::{Rule, Statistic};
/// use perf_runtime::{Kind, Window};
/// use std::time::Duration;
///
/// let rule = Rule::builder("slow-users")
///     .metric(Kind::DbOperation)
///     .only("table", ["users"])
///     .statistic(Statistic::P95)
///     .window(Window::Last5Minutes)
///     .warning(0.5)
///     .critical(1.0)
///     .hold_for(Duration::from_secs(30))
///     .runbook("https://example.com/runbooks/slow-users")
///     .build()?;
/// assert_eq!(rule.id(), "slow-users");
///
/// let refused = Rule::builder("slow-users")
///     .metric(Kind::DbOperation)
///     .statistic(Statistic::P95)
///     .warning(1.0)
///     .critical(0.5)
///     .build()
///     .unwrap_err();
/// assert_eq!((refused.field.as_str(), refused.value.as_str()), ("rules.slow-users.critical", "0.5"));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) signal: Signal,
    pub(crate) condition: Condition,
    pub(crate) levels: Levels,
    /// A firing alert holds until the value is on the good side of this.
    pub(crate) recovery: Option<Threshold>,
    /// Nothing holds while the value over this shorter window is good.
    pub(crate) recovery_window: Option<Window>,
    #[serde(rename = "for", serialize_with = "seconds")]
    pub(crate) hold_for: Duration,
    /// So long after the start, a series that was not well yet does not fire.
    #[serde(serialize_with = "seconds")]
    pub(crate) warm_up: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) keep_firing_for: Duration,
    #[serde(serialize_with = "seconds")]
    pub(crate) cooldown: Duration,
    pub(crate) no_data: NoData,
    /// Without a value for so long, a series is gone for good.
    #[serde(serialize_with = "seconds")]
    pub(crate) forget_after: Duration,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) description: String,
    pub(crate) runbook: Option<String>,
    pub(crate) enabled: bool,
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

/// How bad it is from where on: at least one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Levels {
    pub(crate) warning: Level,
    pub(crate) critical: Level,
}

/// One level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// The rule has no such level.
    Unused,
    /// From this value on.
    From(Threshold),
    /// Where there is no value: of [`Condition::Absent`].
    Absence,
}

impl Levels {
    pub(crate) fn of(&self, severity: Severity) -> Level {
        match severity {
            Severity::Warning => self.warning,
            Severity::Critical => self.critical,
        }
    }

    /// The level that is reached first: the one that the recovery threshold belongs to.
    pub(crate) fn lowest(&self) -> Severity {
        if self.warning == Level::Unused { Severity::Critical } else { Severity::Warning }
    }
}

/// The policy for a series that has no value: nothing was called, too few calls, or a gauge that is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoData {
    /// Nothing is wrong, from the first tick without a value on, as in Prometheus: the default.
    #[default]
    Ok,
    /// A firing alert goes on firing for so long, and then nothing is wrong.
    Keep(#[serde(serialize_with = "seconds")] Duration),
    /// Nothing is wrong at first; after so long without a value, a series that had one is an alert by that alone, until
    /// [`forget_after`](crate::rule::RuleBuilder::forget_after).
    Alert(#[serde(serialize_with = "seconds")] Duration),
}

impl Rule {
    /// The id, such as `http-latency`: no two rules of a set have the same.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the kind of call or the metric that it judges, such as `http_request`.
    pub fn metric(&self) -> String {
        self.signal.term.metric.to_string()
    }

    /// How long nobody is told again after an alert of it was told. Zero unless set.
    pub fn cooldown(&self) -> Duration {
        self.cooldown
    }

    /// The description: the meaning of the rule's alerts.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether it is judged.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The threshold of a level, in [`unit`](Self::unit). `None` where it has no such level.
    pub fn threshold(&self, severity: Severity) -> Option<Threshold> {
        match self.levels.of(severity) {
            Level::From(threshold) => Some(threshold),
            Level::Unused | Level::Absence => None,
        }
    }

    /// The unit of its thresholds.
    pub fn unit(&self) -> Unit {
        self.signal.unit()
    }

    /// For how long the condition must hold before the alert fires.
    pub fn hold_for(&self) -> Duration {
        self.hold_for
    }

    /// Whether a value reaches a level; of the level that has the recovery threshold, a firing alert ends only beyond
    /// that one.
    pub(crate) fn holds(&self, severity: Severity, value: f64, is_firing: bool) -> bool {
        let Level::From(threshold) = self.levels.of(severity) else { return false };
        let recovery = self.recovery.filter(|_| is_firing && severity == self.levels.lowest());
        self.condition.holds(value, recovery.unwrap_or(threshold))
    }

    /// Whether it judges what `other` judges: then alerts of the one are alerts of the other, whatever their thresholds, times
    /// and words.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.enabled == other.enabled
            && self.signal.is_same(&other.signal)
            && self.condition == other.condition
    }

    /// How far back its values look: so long after a start, no value may only mean that the process is young.
    pub(crate) fn looks_back(&self) -> Duration {
        let change = self.signal.change.unwrap_or_default();
        // A burn rate is known again once its series is called, whatever the rule's own window.
        if self.signal.term.metric == Metric::Gauge(names::PERF_OBJECTIVE_BURN_RATE.to_owned()) {
            return LONGEST_BURN_WINDOW;
        }
        if self.condition == Condition::Absent { Duration::ZERO } else { self.signal.term.window.duration() + change }
    }

    /// The signal over the recovery window.
    pub(crate) fn lately(&self) -> Option<Signal> {
        self.recovery_window.map(|window| self.signal.over_window(window))
    }

    /// The lowest level that a value reaches, where nothing fires yet.
    pub(crate) fn is_reached_by(&self, value: f64) -> bool {
        self.holds(self.levels.lowest(), value, false)
    }
}
