//! The metric of a rule.

use crate::measure::model::kind::Kind;
use serde::Serialize;
use std::fmt;

/// The metric of a rule: the calls of a kind, or a gauge by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The calls of a kind.
    Kind(Kind),
    /// A number that the program, or a part of this project, keeps under a name. A cumulative counter is one, too: see
    /// [`change_over`](crate::rule::RuleBuilder::change_over).
    Gauge(String),
}

impl Metric {
    /// Reads a kind's name (`db_operation`), one of the names it is exposed by (`db_operations_total`), or else the name
    /// of a gauge.
    pub(crate) fn named(name: &str) -> Self {
        let is_called = |kind: &Kind| {
            let family = kind.family();
            [family.name, family.counter, family.histogram, family.in_flight].contains(&name)
        };
        Kind::ALL.into_iter().find(is_called).map_or_else(|| Self::Gauge(name.to_owned()), Self::Kind)
    }
}

impl From<Kind> for Metric {
    fn from(kind: Kind) -> Self {
        Self::Kind(kind)
    }
}

impl From<&str> for Metric {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => f.pad(kind.as_str()),
            Self::Gauge(name) => f.pad(name),
        }
    }
}
