//! One alerting rule as Prometheus has it, and who is to read it.

use crate::judge::rule::severity::Severity;
use std::collections::BTreeMap;
use std::time::Duration;

/// The software that is to read a rule file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuleProfile {
    /// Prometheus 2.42 or later, and what reads the same files.
    #[default]
    Current,
    /// Older engines: without `keep_firing_for`, and without recovery thresholds, for which there is no word there.
    Plain,
}

/// One level of a rule, as Prometheus has it.
pub(super) struct AlertingRule {
    pub(super) alert: String,
    pub(super) severity: Severity,
    pub(super) expr: String,
    pub(super) hold_for: Duration,
    pub(super) keep_firing_for: Duration,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}
