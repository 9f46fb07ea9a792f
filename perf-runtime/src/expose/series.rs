//! The list of all series: what each is called, and how it does.

use crate::measure::model::kind::Kind;
use crate::observe::query::summary::SeriesSummary;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One series in the list of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeriesEntry {
    /// The id, as a [`Selector`](crate::series::Selector) takes it and alerts and health name it:
    /// `db_operation{operation=select,table=users}`.
    pub id: SeriesId,
    /// The names under which it is exposed.
    pub family: FamilyNames,
    /// Where the annotated functions that write it are in the source, at most ten: `src/db/points.rs:42`. Of a library only its own part
    /// of the path is told. Empty where none was called yet, and where calls are recorded otherwise, as requests of a layer are.
    #[serde(default)]
    pub places: Vec<String>,
    /// The series and its statistics over the window.
    #[serde(flatten)]
    pub summary: SeriesSummary,
}

/// The names of the metrics of a series, with the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FamilyNames {
    /// Calls by outcome: `db_operations_total`.
    pub counter: String,
    /// Their durations: `db_operation_duration_seconds`.
    pub histogram: String,
    /// Calls that have started and not ended: `db_operations_in_flight`.
    pub in_flight: String,
}

impl FamilyNames {
    /// `prefix` stands before each metric's name.
    pub(crate) fn new(kind: Kind, prefix: &str) -> Self {
        let names = kind.family();
        let with_prefix = |name: &str| format!("{prefix}{name}");
        let (counter, histogram) = (with_prefix(names.counter), with_prefix(names.histogram));
        Self { counter, histogram, in_flight: with_prefix(names.in_flight) }
    }
}

impl SeriesEntry {
    /// `prefix` stands before each metric's name.
    pub(crate) fn new(summary: SeriesSummary, prefix: &str, places: &mut BTreeMap<SeriesId, Vec<String>>) -> Self {
        let family = FamilyNames::new(summary.kind, prefix);
        let id = summary.id();
        let places = places.remove(&id).unwrap_or_default();
        Self { id, family, places, summary }
    }
}
