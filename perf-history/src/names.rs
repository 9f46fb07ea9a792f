//! The series that a store knows, each by a number.

use crate::rows::{CallRow, PointRow, Row};
use perf_runtime::collect::{DeltaSeries, Family, FamilyType, Sample, SampleLabels};
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{Labels, Selector, SeriesId};
use rustc_hash::{FxBuildHasher, FxHasher};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A map by small numbers that nobody else chooses.
pub(crate) type FxHashMap<K, V> = HashMap<K, V, FxBuildHasher>;

/// The name of a series, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    Calls(SeriesId),
    Metric { name: String, kind: MetricKind, unit: Option<String>, labels: Labels },
}

/// Names with their numbers: those of a store, or those of this process before it has one.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_number: FxHashMap<u32, Arc<Name>>,
    by_hash: FxHashMap<u64, Vec<(u32, Arc<Name>)>>,
    /// The next number.
    next: u32,
}

impl Name {
    /// The sort of its rows: [`Row::SORT`].
    pub(crate) const fn sort(&self) -> u8 {
        match self {
            Self::Calls(_) => CallRow::SORT,
            Self::Metric { .. } => PointRow::SORT,
        }
    }

    pub(crate) fn is_selected_by(&self, selector: &Selector) -> bool {
        match self {
            Self::Calls(id) => selector.selects_series(id),
            Self::Metric { name, labels, .. } => selector.selects_metric(name, labels),
        }
    }

    fn hash(&self) -> u64 {
        match self {
            Self::Calls(id) => hash(id.kind.as_str(), 0, id.labels.pairs()),
            Self::Metric { name, kind, labels, .. } => hash(name, 1 + *kind as u8, labels.pairs()),
        }
    }
}

impl Names {
    /// Takes up a name that was stored.
    pub(crate) fn load(&mut self, number: u32, name: Name) {
        self.put(number, name.hash(), Arc::new(name));
    }

    /// The number of a name, and whether it is new.
    pub(crate) fn number_of(&mut self, name: &Arc<Name>) -> (u32, bool) {
        let hash = name.hash();
        let found = self.find(hash, |known| Arc::ptr_eq(known, name) || known == name);
        found.map_or_else(|| (self.add(hash, Arc::clone(name)), true), |number| (number, false))
    }

    /// Gives the numbers up to this one to nobody else.
    pub(crate) fn reserve(&mut self, number: u32) {
        self.next = self.next.max(number.saturating_add(1));
    }

    /// Forgets a name. Its number is given to no other while the file is open.
    pub(crate) fn remove(&mut self, number: u32) {
        let Some(name) = self.by_number.remove(&number) else { return };
        if let Some(numbers) = self.by_hash.get_mut(&name.hash()) {
            numbers.retain(|(one, _)| *one != number);
        }
    }

    /// The number of a series of calls: a new one where it is new. Allocates only then.
    pub(crate) fn of_calls(&mut self, series: DeltaSeries<'_>) -> u32 {
        let hash = hash(series.kind().as_str(), 0, series.labels().iter());
        let same = |name: &Arc<Name>| match &**name {
            Name::Calls(id) => id.kind == series.kind() && is_same(&id.labels, series.labels()),
            Name::Metric { .. } => false,
        };
        self.find(hash, same).unwrap_or_else(|| {
            let labels = series.labels().iter().collect();
            self.add(hash, Arc::new(Name::Calls(SeriesId { kind: series.kind(), labels })))
        })
    }

    /// The number of a series of a metric, `likely` mostly; `None` of a type that is not kept.
    pub(crate) fn of_metric(&mut self, family: &Family<'_>, sample: &Sample<'_>, likely: Option<u32>) -> Option<u32> {
        let kind = match family.kind {
            FamilyType::Counter => MetricKind::Counter,
            FamilyType::Gauge => MetricKind::Gauge,
            FamilyType::Histogram => MetricKind::Histogram,
            _ => return None,
        };
        let same = |known: &Arc<Name>| match &**known {
            Name::Metric { name, kind: sort, labels, .. } => {
                name == family.name && *sort == kind && is_same(labels, sample.labels)
            }
            Name::Calls(_) => false,
        };
        if let Some(number) = likely.filter(|number| self.is_of(*number, same)) {
            return Some(number);
        }
        let hash = hash(family.name, 1 + kind as u8, sample.labels.iter());
        let found = self.find(hash, same);
        Some(found.unwrap_or_else(|| {
            let (name, unit) = (family.name.to_owned(), family.unit.map(ToOwned::to_owned));
            self.add(hash, Arc::new(Name::Metric { name, kind, unit, labels: sample.labels.iter().collect() }))
        }))
    }

    /// The names that are selected, with their numbers, ascending.
    pub(crate) fn selected_by(&self, selector: &Selector) -> Vec<(u32, Arc<Name>)> {
        let all = self.by_number.iter().filter(|(_, name)| name.is_selected_by(selector));
        sorted(all)
    }

    /// All names with their numbers, ascending.
    pub(crate) fn all(&self) -> Vec<(u32, Arc<Name>)> {
        sorted(self.by_number.iter())
    }

    pub(crate) fn get(&self, number: u32) -> Option<Arc<Name>> {
        self.by_number.get(&number).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Whether this number is that of a name: quicker than to look for it.
    fn is_of(&self, number: u32, is_same: impl Fn(&Arc<Name>) -> bool) -> bool {
        self.by_number.get(&number).is_some_and(is_same)
    }

    fn find(&self, hash: u64, is_same: impl Fn(&Arc<Name>) -> bool) -> Option<u32> {
        let mut candidates = self.by_hash.get(&hash)?.iter();
        candidates.find(|(_, name)| is_same(name)).map(|(number, _)| *number)
    }

    fn add(&mut self, hash: u64, name: Arc<Name>) -> u32 {
        let number = self.next;
        self.put(number, hash, name);
        number
    }

    fn put(&mut self, number: u32, hash: u64, name: Arc<Name>) {
        self.by_hash.entry(hash).or_default().push((number, Arc::clone(&name)));
        self.by_number.insert(number, name);
        self.reserve(number);
    }
}

fn sorted<'a>(names: impl Iterator<Item = (&'a u32, &'a Arc<Name>)>) -> Vec<(u32, Arc<Name>)> {
    let mut sorted: Vec<_> = names.map(|(number, name)| (*number, Arc::clone(name))).collect();
    sorted.sort_unstable_by_key(|(number, _)| *number);
    sorted
}

fn hash<'a>(name: &str, sort: u8, labels: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut hasher = FxHasher::default();
    (name, sort).hash(&mut hasher);
    labels.for_each(|label| label.hash(&mut hasher));
    hasher.finish()
}

fn is_same(labels: &Labels, others: SampleLabels<'_>) -> bool {
    labels.pairs().eq(others.iter())
}
