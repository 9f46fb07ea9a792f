//! The monitor's own settings.

use crate::judge::alerts::engine::DEFAULT_HISTORY;
use crate::judge::health::part_resource::Resource;
use crate::judge::objective::spec::Objective;
use crate::judge::rule::set::RuleSet;
use crate::log_level::LogLevel;
use crate::measure::cells::failures::wishes::ErrorSettings;
use crate::measure::cells::recorder::settings::RecorderSettings;
use crate::measure::cells::tree::bound::MAX_EDGES;
use crate::measure::model::service::Service;
use crate::observe::series::overflow::Limits;
use std::time::Duration;

/// Everything that can be set, in code or from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) service: Option<Service>,
    pub(crate) rules: RuleSet,
    /// Those that parts bring.
    pub(crate) part_rules: RuleSet,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) resources: Vec<Resource>,
    /// The buckets of the application's histograms, by name or pattern; the first that fits a name holds.
    pub(crate) histogram_bounds: Vec<(String, Vec<f64>)>,
    pub(crate) alert_history: usize,
    /// The bounds on what is made at run time.
    pub(crate) limits: Limits,
    /// The most edges of the process; 0 where calls are to know no parents.
    pub(crate) max_edges: usize,
    /// Whether edges are metrics too.
    pub(crate) edge_metrics: bool,
    pub(crate) enabled: bool,
    pub(crate) interval: Duration,
    pub(crate) reset_every: Option<Duration>,
    pub(crate) log_level: LogLevel,
    /// The table `[errors]`.
    pub(crate) errors: ErrorSettings,
    /// The table `[recorder]`.
    pub(crate) recorder: RecorderSettings,
    /// Where traces are shown: checked when the monitor is made.
    pub(crate) trace_url: Option<String>,
}

impl Settings {
    /// The defaults of everything, and no rule.
    pub(crate) fn without_rules() -> Self {
        Self {
            namespace: String::new(),
            service: None,
            rules: RuleSet::new(),
            part_rules: RuleSet::new(),
            objectives: Vec::new(),
            resources: Vec::new(),
            histogram_bounds: Vec::new(),
            alert_history: DEFAULT_HISTORY,
            limits: Limits::default(),
            max_edges: MAX_EDGES,
            edge_metrics: true,
            enabled: true,
            interval: Duration::from_secs(1),
            reset_every: None,
            log_level: LogLevel::default(),
            errors: ErrorSettings::default(),
            recorder: RecorderSettings::default(),
            trace_url: None,
        }
    }
}
