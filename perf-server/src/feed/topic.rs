//! The topic that a client watches: a subject, over a window.

use super::part::PartTopic;
use super::watch::{Refusal, Watch, Without};
use perf_runtime::{Kind, Window};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

/// The longest list of labels that is looked at, and the longest label, in bytes.
const MAX_LABELS: usize = 32;
const MAX_LABEL_BYTES: usize = 256;
/// So many rows may be named at once.
pub(super) const MAX_ROWS: usize = 200;

/// A subject over a window: the same for all who look at the same page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Topic {
    pub(super) window: Window,
    pub(super) subject: Subject,
}

/// The subject of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// All series of calls.
    Calls,
    /// The application's own metrics, and what is sampled.
    Metrics,
    /// The value of a topic that a part added.
    Part(String),
    /// One series of calls, or several together.
    Series(SeriesKey),
}

/// As a client asks for it, so that it knows what an answer is about: `{"of":"calls"}`, `{"kind":"tool","labels":["web"]}`.
impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let of = match self {
            Self::Calls => "calls",
            Self::Metrics => "metrics",
            Self::Part(name) => name,
            Self::Series(key) => return key.serialize(serializer),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("of", of)?;
        map.end()
    }
}

/// A kind and the values of a series' first labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct SeriesKey {
    pub(super) kind: Kind,
    pub(super) labels: Vec<String>,
}

impl SeriesKey {
    pub(super) fn labels(&self) -> Vec<&str> {
        self.labels.iter().map(String::as_str).collect()
    }
}

/// A client's request for a topic, as the client writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Request {
    pub(super) window: Option<String>,
    pub(super) of: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) without: Vec<String>,
    /// Whether the client goes on with its topic, where it is the same.
    pub(super) goes_on: bool,
    /// Rows whose points are wanted, and nothing else.
    pub(super) points_of: Option<Vec<usize>>,
}

impl Request {
    /// The topic to watch, or the fault of the request.
    pub(super) fn watch(self, uptime: Duration, parts: &[PartTopic]) -> Result<Watch, Refusal> {
        let without = Without::of(self.without.iter().map(String::as_str))?;
        Ok(Watch { topic: Arc::new(self.topic(uptime, parts)?), without })
    }

    /// The topic that is meant, or the fault of the request. Where no window is named, the window is the shortest one that goes
    /// back to the beginning of a process that is up for so long; or else the longest.
    fn topic(self, uptime: Duration, parts: &[PartTopic]) -> Result<Topic, Refusal> {
        let window = match &self.window {
            None => Window::ALL.into_iter().find(|window| window.duration() >= uptime).unwrap_or(Window::LastHour),
            Some(wanted) => Window::ALL
                .into_iter()
                .find(|window| window.to_string() == *wanted)
                .ok_or_else(|| Refusal::new("window", wanted, "1m, 5m, 15m or 1h"))?,
        };
        let Some(name) = self.kind else {
            let subject = match self.of.as_deref() {
                None | Some("calls") => Subject::Calls,
                Some("metrics") => Subject::Metrics,
                Some(other) if parts.iter().any(|part| part.name == other) => Subject::Part(other.to_owned()),
                Some(other) => {
                    let own = ["calls", "metrics"].into_iter();
                    let known: Vec<&str> = own.chain(parts.iter().map(|part| part.name.as_str())).collect();
                    return Err(Refusal::new("of", other, format!("one of {}", known.join(", "))));
                }
            };
            return Ok(Topic { window, subject });
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
        let names = || format!("one of {}", Kind::ALL.map(Kind::as_str).join(", "));
        let kind = kind.ok_or_else(|| Refusal::new("kind", name, names()))?;
        if self.labels.len() > MAX_LABELS || self.labels.iter().any(|label| label.len() > MAX_LABEL_BYTES) {
            // They are not said again: they may be long.
            let allowed = format!("at most {MAX_LABELS} of at most {MAX_LABEL_BYTES} bytes");
            return Err(Refusal::new("labels", format!("{} labels", self.labels.len()), allowed));
        }
        Ok(Topic { window, subject: Subject::Series(SeriesKey { kind, labels: self.labels }) })
    }
}
