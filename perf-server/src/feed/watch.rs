//! The wishes of a client: a topic, and the parts of its messages that it goes without.

use super::topic::Topic;
use crate::respond::Problem;
use std::fmt;
use std::sync::Arc;

/// A topic, and what a client goes without of its messages: the same for all who are sent the same texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Watch {
    pub(super) topic: Arc<Topic>,
    pub(super) without: Without,
}

/// The parts of messages that a client goes without; none, unless it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Without {
    /// The events of alerts: `alert_history`.
    pub(super) history: bool,
    /// The values and shares of indicators, but not their limits and statuses: `indicator_values`.
    pub(super) values: bool,
    /// The points of series of calls, but those that it asks for and those of kinds: `row_points`.
    pub(super) points: bool,
}

/// The clients that a member of a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// All of them.
    All,
    /// Those who want the events of alerts.
    History,
    /// Those who want the values of indicators, and those who do not.
    Values,
    Limits,
    /// Those who want the points of all rows, and those who do not.
    Points,
    FewPoints,
}

/// A field of a client's request with a value that is not allowed.
#[derive(Debug)]
pub(super) struct Refusal {
    field: &'static str,
    value: String,
    allowed: String,
}

impl Refusal {
    pub(super) fn new(field: &'static str, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { field, value: value.into(), allowed: allowed.into() }
    }

    /// The answer to whoever asked for it in the query of an address.
    pub(super) fn problem(self) -> Problem {
        Problem::invalid(self.field, &self.value, self.allowed)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:?} and must be {}", self.field, self.value, self.allowed)
    }
}

impl Without {
    const NAMES: [&str; 3] = ["alert_history", "indicator_values", "row_points"];

    /// As a client names them, or the fault of that.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut this = Self::default();
        for name in names {
            match name {
                "alert_history" => this.history = true,
                "indicator_values" => this.values = true,
                "row_points" => this.points = true,
                other => return Err(Refusal::new("without", other, format!("one of {}", Self::NAMES.join(", ")))),
            }
        }
        Ok(this)
    }

    /// Whether a member that is for some is for these.
    pub(super) fn takes(self, member: For) -> bool {
        match member {
            For::All => true,
            For::History => !self.history,
            For::Values => !self.values,
            For::Limits => self.values,
            For::Points => !self.points,
            For::FewPoints => self.points,
        }
    }
}

/// Which sorts of rows are wanted, by all who watch a topic.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// With all points.
    pub(super) points: bool,
    /// With the points alone that somebody asked for.
    pub(super) few_points: bool,
}

impl Wanted {
    pub(super) fn by(all: impl IntoIterator<Item = Without>) -> Self {
        all.into_iter().fold(Self::default(), |wanted, without| Self {
            points: wanted.points || !without.points,
            few_points: wanted.few_points || without.points,
        })
    }
}
