//! A cell of a table: as people read it, and as a script does.

use crate::output::Look;
use crate::show::{self, clean};
use std::time::SystemTime;

/// A cell: its text without control characters, and its look. Scripts get numbers without units: seconds, shares from 0 to 1, bytes; moments
/// in RFC 3339; and nothing where nothing is known.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) look: Look,
    plain: Option<String>,
}

impl Cell {
    pub(crate) fn new(text: &str, look: Look) -> Self {
        Self { text: clean(text), look, plain: None }
    }

    /// The cell with a text of another width.
    pub(crate) fn fitted(&self, text: String) -> Self {
        Self { text, look: self.look, plain: None }
    }

    pub(crate) fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// A count; `None` where it is not known.
    pub(crate) fn count(count: impl Into<Option<u64>>) -> Self {
        let count = count.into().map(|count| count.to_string());
        Self::shown(count.clone().unwrap_or(show::UNKNOWN.to_owned()), count)
    }

    pub(crate) fn seconds(seconds: Option<f64>) -> Self {
        Self::shown(show::seconds(seconds), seconds.map(|value| value.to_string()))
    }

    pub(crate) fn ratio(ratio: Option<f64>) -> Self {
        Self::shown(show::ratio(ratio), ratio.map(|value| value.to_string()))
    }

    pub(crate) fn number(number: Option<f64>) -> Self {
        Self::shown(show::number(number), number.map(|value| value.to_string()))
    }

    pub(crate) fn moment(at: Option<SystemTime>) -> Self {
        let moment = at.map(show::moment);
        Self::shown(moment.clone().unwrap_or(show::UNKNOWN.to_owned()), moment)
    }

    /// The time since a moment; for scripts the moment itself.
    pub(crate) fn ago(at: SystemTime, now: SystemTime) -> Self {
        Self::shown(show::ago(at, now), Some(show::moment(at)))
    }

    /// A text that may not be known.
    pub(crate) fn known(text: Option<&str>) -> Self {
        Self::shown(clean(text.unwrap_or(show::UNKNOWN)), text.map(clean))
    }

    /// A cell whose two forms differ.
    pub(crate) fn shown(text: String, plain: Option<String>) -> Self {
        Self { text, look: Look::Plain, plain: Some(plain.unwrap_or_default()) }
    }

    /// The cell for scripts.
    pub(crate) fn plain(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Look::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}
