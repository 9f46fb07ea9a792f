//! The places in the source where the functions of a series are.

use super::entry::Series;
use super::registry::Registry;
use super::series_id::SeriesId;
use crate::measure::site::annotated::Site;
use crate::text::source_path;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many places of one series are told, by name.
const MOST_PLACES: usize = 10;

impl Series {
    /// `file:line` of each annotated function that writes it, sorted.
    fn places(&self) -> Vec<String> {
        let mut places = BTreeSet::new();
        self.for_each_meter(|meter| {
            if let Some(site) = Site::of(meter.original()) {
                let location = site.spec.span.location;
                places.insert((source_path(location.file()), location.line()));
            }
        });
        places.into_iter().take(MOST_PLACES).map(|(file, line)| format!("{file}:{line}")).collect()
    }
}

impl Registry {
    /// The places of each series that has some.
    pub(crate) fn places(&self) -> BTreeMap<SeriesId, Vec<String>> {
        let place = |series: &Arc<Series>| {
            let id = SeriesId { kind: series.identity.kind, labels: series.labels() };
            Some((id, series.places())).filter(|(_, places)| !places.is_empty())
        };
        self.all().iter().filter_map(place).collect()
    }
}
