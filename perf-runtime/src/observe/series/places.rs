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

/// `file:line` of an annotated function.
pub(crate) fn place_of(site: &'static Site) -> String {
    let (file, line) = source_of(site);
    format!("{file}:{line}")
}

fn source_of(site: &'static Site) -> (&'static str, u32) {
    let location = site.spec.span.location;
    (source_path(location.file()), location.line())
}

impl Series {
    /// `file:line` of each annotated function that writes it, sorted.
    fn places(&self) -> Vec<String> {
        let mut places = BTreeSet::new();
        self.for_each_meter(|meter| {
            if let Some(site) = Site::of(meter.original()) {
                places.insert(source_of(site));
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
