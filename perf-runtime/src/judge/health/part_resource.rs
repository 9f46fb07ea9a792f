//! Resources that parts and applications add to the health.

use super::taken::is_taken;
use crate::error::ConfigError;

/// A resource that there is only so much of: an indicator of the health beside the built-in ones (memory, processors, disks,
/// pools, load), read from a gauge that tells the share in use, 0 to 1; or for how long it is waited for, where the
/// gauge's name ends in `_seconds`. As long as nothing sets the gauge, nothing is judged. However little is left of it, the
/// process is degraded and no worse: see [`HealthReport`](crate::health::HealthReport).
///
/// ```
/// use perf_runtime::Monitor;
/// use perf_runtime::health::Resource;
///
/// let queue = Resource::new("queue", "queue_utilization_ratio")
///     .limits(0.80, 0.95)
///     .hint("Look at what fills the queue, or add workers");
/// let monitor = Monitor::builder().resource(queue).build()?;
/// monitor.metrics().gauge("queue_utilization_ratio").register().set(0.99);
/// let health = monitor.health();
/// assert_eq!(health.indicators()[0].name(), "queue");
/// assert!(health.recommendations()[0].contains("add workers"));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a resource is judged once a monitor has it"]
pub struct Resource {
    pub(crate) name: String,
    pub(crate) metric: String,
    pub(crate) warning: f64,
    pub(crate) critical: f64,
    pub(crate) hint: String,
}

impl Resource {
    /// A resource of this name, whose use the gauge `metric` tells. Yellow above 0.80 and red above 0.90, unless said
    /// otherwise. A name that a built-in indicator or another resource has is an error when the monitor is made.
    pub fn new(name: impl Into<String>, metric: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            metric: metric.into(),
            warning: 0.80,
            critical: 0.90,
            hint: "Look at what uses it".to_owned(),
        }
    }

    /// Above `warning` it is yellow, above `critical` red: two shares or two times in seconds, ascending. A rule in force on
    /// the same gauge goes before.
    pub fn limits(mut self, warning: f64, critical: f64) -> Self {
        (self.warning, self.critical) = (warning, critical);
        self
    }

    /// Advice for when there is little left: one sentence without its full stop.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    pub(crate) fn is_named_as(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// Checks each resource, and that no two indicators have one name.
    pub(crate) fn check_all(all: &[Self]) -> Result<(), ConfigError> {
        for (place, resource) in all.iter().enumerate() {
            resource.check()?;
            if all.iter().take(place).any(|other| other.name == resource.name) {
                return Err(ConfigError::new("resource.name", &resource.name, "a name that no other resource has"));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() || self.name.len() > 64 || self.name.contains(char::is_control) {
            return Err(ConfigError::new("resource.name", &self.name, "1 to 64 bytes without control characters"));
        }
        if is_taken(&self.name) {
            let allowed = "a name that no built-in indicator has: those are memory, cpu, disk, pool, load, alerts, \
                           alerts.resources, and all that begin with a kind of calls and a dot";
            return Err(ConfigError::new("resource.name", &self.name, allowed));
        }
        let ascend = 0.0 < self.warning && self.warning < self.critical && self.critical.is_finite();
        if !ascend {
            let value = format!("{}, {}", self.warning, self.critical);
            return Err(ConfigError::new("resource.limits", value, "two numbers above zero, the second larger"));
        }
        Ok(())
    }
}
