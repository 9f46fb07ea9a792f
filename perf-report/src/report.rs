//! The model of all exports: what is known of a range of time, as data.

use crate::alongside::Alongside;
use perf_runtime::Kind;
use perf_runtime::alert::{Alert, AlertEvent};
use perf_runtime::extend::Service;
use perf_runtime::health::HealthReport;
use perf_runtime::objective::ObjectiveReport;
use perf_runtime::series::{FamilyNames, Tracks};
use perf_runtime::text;
use serde::{Deserialize, Serialize, Serializer};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

/// The name and version of the format, as [`Report::schema`] has it. A reader of another version refuses the text.
pub const SCHEMA: &str = "perf.report/1";

/// Everything that is known of a range of time: gathered by [`Report::of`], written by the [formats](crate::Format), read back
/// by [`Report::from_json`].
///
/// Times are in UTC to the millisecond, durations in seconds, bytes in bytes, shares 0 to 1. `None` is what is not known.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it was made. Health, alerts, objectives and calls in flight are of this moment, and left out of the JSON where nobody knows them.
    #[serde(with = "text::moment")]
    pub made: SystemTime,
    /// The service that it is about, where the monitor was told.
    pub service: Option<Service>,
    /// The start of the first step, which may be before the time that was asked for: steps begin at round times. Of a session its own.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The end of the last step, or when the report was made, where that was earlier: then the last step is not over. Of a session that is over its own.
    #[serde(with = "text::moment")]
    pub end: SystemTime,
    /// The names under which the kinds in `tracks` are exposed.
    pub names: Vec<KindNames>,
    /// Series of calls and of metrics, step by step: as `GET /api/v1/query` answers them. Of those that there was no room for,
    /// [`Tracks::left_out`] counts the series of calls.
    pub tracks: Tracks,
    /// Series of metrics that there was no room for.
    pub metrics_left_out: usize,
    /// Calls in flight of each kind in `tracks`, when it was made.
    #[serde(default)]
    pub in_flight: Vec<(Kind, u64)>,
    /// How well the process is, and why. `None` where it was made [without the service](Alongside::without_service).
    #[serde(default)]
    pub health: Option<HealthReport>,
    /// The alerts that fire.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// Changes of alerts in the range, the latest first.
    pub events: Vec<AlertEvent>,
    /// Earlier changes of alerts in the range that are left out.
    pub events_left_out: usize,
    /// How each promise stands.
    #[serde(default)]
    pub objectives: Vec<ObjectiveReport>,
    /// The findings of other parts.
    #[serde(flatten)]
    pub alongside: Alongside,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.envelope(&self.tracks).serialize(serializer)
    }
}

/// The fields of a [`Report`] as they are written.
#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: &'a str,
    #[serde(with = "text::moment")]
    made: SystemTime,
    service: Option<&'a Service>,
    #[serde(with = "text::moment")]
    start: SystemTime,
    #[serde(with = "text::moment")]
    end: SystemTime,
    names: &'a [KindNames],
    tracks: &'a T,
    metrics_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<&'a [(Kind, u64)]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'a HealthReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerts: Option<&'a [Alert]>,
    events: &'a [AlertEvent],
    events_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    objectives: Option<&'a [ObjectiveReport]>,
    #[serde(flatten)]
    alongside: &'a Alongside,
}

/// The names of the metrics of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KindNames {
    /// The kind.
    pub kind: Kind,
    /// The names, with the namespace.
    #[serde(flatten)]
    pub names: FamilyNames,
}

/// A text that is no report of this version.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no JSON, or of another shape.
    Json(serde_json::Error),
    /// The field `schema` has this value, and [`SCHEMA`] is allowed.
    Schema(String),
    /// The points of this series are not in order, or have another number of buckets than it has bounds.
    Points(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "no report: {error}"),
            Self::Schema(value) => write!(f, "schema is {value:?}; allowed is {SCHEMA:?}"),
            Self::Points(series) => {
                write!(
                    f,
                    "the points of {series} are not in order, or have another number of buckets than it has bounds"
                )
            }
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Schema(_) | Self::Points(_) => None,
        }
    }
}

impl Report {
    /// Reads what [`write_json`](Self::write_json) wrote: the same report.
    ///
    /// # Errors
    /// [`ReadError`] where the text is no report, or one of another version.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Envelope {
            schema: String,
        }
        let Envelope { schema } = serde_json::from_slice(text).map_err(ReadError::Json)?;
        if schema != SCHEMA {
            return Err(ReadError::Schema(schema));
        }
        let report: Self = serde_json::from_slice(text).map_err(ReadError::Json)?;
        for track in &report.tracks.series {
            let buckets = track.bounds.len() + 1;
            let has_buckets =
                track.points.iter().all(|point| point.buckets.is_empty() || point.buckets.len() == buckets);
            if !has_buckets || !track.points.is_sorted_by(|one, other| one.start < other.start) {
                return Err(ReadError::Points(track.id.to_string()));
            }
        }
        for track in &report.tracks.metrics {
            if !track.points.is_sorted_by(|one, other| one.start < other.start) {
                return Err(ReadError::Points(track.name.clone()));
            }
        }
        Ok(report)
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: impl Write) -> io::Result<()> {
        serde_json::to_writer(out, self).map_err(io::Error::from)
    }

    /// The report as JSON has it, with tracks that may come from elsewhere.
    pub(crate) fn envelope<'a, T: Serialize>(&'a self, tracks: &'a T) -> impl Serialize + use<'a, T> {
        // A reader is not to take for fine what nobody knows.
        let is_known = !self.alongside.without_service;
        Envelope {
            schema: &self.schema,
            made: self.made,
            service: self.service.as_ref(),
            start: self.start,
            end: self.end,
            names: &self.names,
            tracks,
            metrics_left_out: self.metrics_left_out,
            in_flight: is_known.then_some(&self.in_flight),
            health: self.health.as_ref().filter(|_| is_known),
            alerts: is_known.then_some(&self.alerts),
            events: &self.events,
            events_left_out: self.events_left_out,
            objectives: is_known.then_some(&self.objectives),
            alongside: &self.alongside,
        }
    }

    /// The length of a step.
    pub(crate) fn step(&self) -> Duration {
        Duration::try_from_secs_f64(self.tracks.step).unwrap_or(Duration::from_secs(1))
    }

    /// When a step that begins then has ended; not after the report was made.
    pub(crate) fn end_of(&self, start: SystemTime) -> SystemTime {
        start.checked_add(self.step()).unwrap_or(start).min(self.end).max(start)
    }

    /// Whether a step that begins then was over when the report was made.
    pub(crate) fn is_over(&self, start: SystemTime) -> bool {
        start.checked_add(self.step()).is_some_and(|end| end <= self.made)
    }

    /// The names of the metrics of a kind. Every report that [`Report::of`] made has them.
    pub(crate) fn names_of(&self, kind: Kind) -> Option<&FamilyNames> {
        self.names.iter().find(|known| known.kind == kind).map(|known| &known.names)
    }

    /// The service in one text, or words for none.
    pub(crate) fn service_text(&self) -> String {
        self.service.as_ref().map_or_else(|| "this process".to_owned(), ToString::to_string)
    }

    /// The sections that nobody fills, by their names.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let Alongside { incidents, bottlenecks, changes, spend, forecasts, without_service, .. } = &self.alongside;
        let all = [
            ("health, alerts, objectives and calls in flight", *without_service),
            ("incidents", incidents.is_none()),
            ("bottlenecks", bottlenecks.is_none()),
            ("changes against the time before", changes.is_none()),
            ("spend on models", spend.is_none()),
            ("forecasts", forecasts.is_none()),
        ];
        all.into_iter().filter_map(|(name, is_missing)| is_missing.then_some(name)).collect()
    }
}
