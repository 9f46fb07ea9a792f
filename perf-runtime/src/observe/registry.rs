//! Every series that a monitor knows.
//!
//! Series of annotated functions are bounded by the program's text. Series made at run time are bounded here: 2,000 of a
//! kind, 200 values of a label. Beyond that a label's value becomes `__overflow__`, the other labels stay, and each call
//! that this happens to is counted.

use super::identity::{Identity, MAX_LABEL_BYTES, OVERFLOW, shorten};
use super::series::Series;
use super::summary::{KindSummary, SeriesSummary, Summary};
use super::window::Window;
use crate::measure::clock::{self, Moment};
use crate::measure::directory;
use crate::measure::kind::Kind;
use crate::measure::meter::Meter;
use crate::measure::site::Site;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

/// Series of one kind that are made at run time.
const MAX_SERIES: usize = 2_000;
/// With fewer calls, the last minute says too little.
const MIN_CALLS_IN_A_MINUTE: u64 = 20;
/// Values of one label of a kind.
const MAX_VALUES: usize = 200;

/// All series, and the bounds on them.
#[derive(Debug)]
pub(crate) struct Registry {
    hasher: RandomState,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Sorted by identity. Shared with those who read it; a change makes a copy while they do.
    series: Arc<Vec<Arc<Series>>>,
    /// By the hash of kind and labels; what shares a hash is told apart by value.
    by_hash: HashMap<u64, Vec<Arc<Series>>>,
    /// The meters of sites that are in `series`, by address.
    meters: BTreeSet<usize>,
    /// What there was to know of sites when they were last looked at.
    changes: usize,
    made: BTreeMap<Kind, Made>,
}

/// What was made of one kind at run time.
#[derive(Debug, Default)]
struct Made {
    series: usize,
    /// The values of each label.
    values: Vec<BTreeSet<Box<str>>>,
    /// For each label, how many calls had its value replaced.
    overflowed: Vec<u64>,
}

impl Registry {
    /// A registry that knows the sites of the program. What they counted so far is in the totals and in no window.
    pub(crate) fn new() -> Self {
        let this = Self { hasher: RandomState::new(), inner: RwLock::default() };
        this.adopt_sites();
        let now = clock::now();
        this.read(|inner| inner.series.iter().for_each(|series| series.begin(now)));
        this
    }

    /// Makes sites known that announced themselves since. They did so less than a tick ago: what they counted is recent.
    fn refresh(&self) {
        if self.read(|inner| inner.changes) != directory::changes() {
            self.adopt_sites();
        }
    }

    fn adopt_sites(&self) {
        let now = clock::now();
        self.write(|inner| {
            // Before the sites are looked at: what comes while they are is found the next time.
            inner.changes = directory::changes();
            for (site, index, meter) in directory::sites().flat_map(meters_of) {
                if !inner.meters.insert(std::ptr::from_ref(meter).addr()) {
                    continue;
                }
                let identity = Identity::of_site(site, index);
                let values: Vec<&str> = identity.labels.iter().map(AsRef::as_ref).collect();
                let hash = self.hash(identity.kind, &values);
                if let Some(series) = inner.find(hash, |other| *other == identity) {
                    series.adopt(meter);
                } else {
                    inner.insert(hash, Series::new(identity, vec![meter], now));
                }
            }
        });
    }

    /// The series of a kind with these label values, made where there is none yet. Costs a read lock and a look-up.
    pub(crate) fn series(&self, kind: Kind, labels: &[&str]) -> Arc<Series> {
        if labels.iter().any(|label| label.len() > MAX_LABEL_BYTES) {
            let shortened: Vec<&str> = labels.iter().map(|label| shorten(label)).collect();
            return self.series(kind, &shortened);
        }
        let hash = self.hash(kind, labels);
        if let Some(found) = self.read(|inner| inner.find(hash, |identity| identity.is(kind, labels))) {
            return found;
        }
        self.refresh();
        self.write(|inner| {
            if let Some(found) = inner.find(hash, |identity| identity.is(kind, labels)) {
                return found;
            }
            let labels = inner.made.entry(kind).or_default().admit(kind, labels);
            let hash = self.hash(kind, &labels);
            inner.find(hash, |identity| identity.is(kind, &labels)).unwrap_or_else(|| {
                let series = Series::new(Identity::of_values(kind, &labels), Vec::new(), clock::now());
                inner.made.entry(kind).or_default().series += 1;
                inner.insert(hash, series)
            })
        })
    }

    /// All series, sorted by kind and labels. Costs a read lock and a count.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Series>>> {
        self.refresh();
        self.read(|inner| Arc::clone(&inner.series))
    }

    /// How many calls had a label's value replaced: kind, label, count.
    pub(crate) fn overflowed(&self) -> Vec<(Kind, &'static str, u64)> {
        self.read(|inner| {
            let counts = inner.made.iter().flat_map(|(&kind, made)| {
                let names = kind.label_names().iter().copied();
                names.zip(made.overflowed.iter().copied()).map(move |(name, count)| (kind, name, count))
            });
            counts.filter(|&(.., count)| count > 0).collect()
        })
    }

    /// Cuts off what happened since the last tick, in every series.
    pub(crate) fn tick(&self, now: Moment) {
        for series in self.all().iter() {
            series.tick(now);
        }
    }

    pub(crate) fn reset(&self, now: Moment) {
        for series in self.all().iter() {
            series.reset(now);
        }
    }

    pub(crate) fn summary(&self, window: Window, now: Moment) -> Summary {
        let all = self.all();
        let summed_up = all.iter().map(|series| SeriesSummary::of(series, &series.observe(window, now)));
        Summary { window, series: summed_up.collect() }
    }

    /// The series of some kinds over a window, sorted by kind and labels.
    pub(crate) fn summaries(&self, window: Window, now: Moment, wanted: impl Fn(Kind) -> bool) -> Vec<SeriesSummary> {
        let all = self.all();
        let some = all.iter().filter(|series| wanted(series.identity.kind));
        some.map(|series| SeriesSummary::of(series, &series.observe(window, now))).collect()
    }

    /// Each kind that has series, as a whole and series by series: over the last minute, or over the last five where the
    /// last minute saw fewer than 20 calls.
    pub(crate) fn recent(&self, now: Moment) -> Vec<KindSummary> {
        let all = self.all();
        let kinds = all.chunk_by(|one, other| one.identity.kind == other.identity.kind);
        let recent = kinds.map(|series| {
            let minute = KindSummary::new(series, Window::LastMinute, now);
            if minute.whole.count >= MIN_CALLS_IN_A_MINUTE {
                return minute;
            }
            KindSummary::new(series, Window::Last5Minutes, now)
        });
        recent.collect()
    }

    fn hash(&self, kind: Kind, labels: &[&str]) -> u64 {
        self.hasher.hash_one((kind, labels))
    }

    fn read<R>(&self, look: impl FnOnce(&Inner) -> R) -> R {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn find(&self, hash: u64, is_it: impl Fn(&Identity) -> bool) -> Option<Arc<Series>> {
        self.by_hash.get(&hash)?.iter().find(|series| is_it(&series.identity)).cloned()
    }

    fn insert(&mut self, hash: u64, series: Series) -> Arc<Series> {
        let series = Arc::new(series);
        self.by_hash.entry(hash).or_default().push(Arc::clone(&series));
        let place = self.series.partition_point(|other| other.identity < series.identity);
        Arc::make_mut(&mut self.series).insert(place, Arc::clone(&series));
        series
    }
}

impl Made {
    /// The label values under which a call counts: its own, as far as there is room.
    fn admit<'a>(&mut self, kind: Kind, labels: &[&'a str]) -> Vec<&'a str> {
        self.values.resize_with(kind.label_names().len(), BTreeSet::new);
        self.overflowed.resize(kind.label_names().len(), 0);
        let full = self.series >= MAX_SERIES;
        // Where the kind as a whole is full, it is the label with the most values that gives way.
        let widest = self.values.iter().enumerate().max_by_key(|(_, values)| values.len()).map(|(place, _)| place);
        let mut admitted = Vec::with_capacity(labels.len());
        for (place, &label) in labels.iter().enumerate() {
            let known = self.values[place].contains(label);
            let room = known || self.values[place].len() < MAX_VALUES;
            if !room || (full && Some(place) == widest) {
                self.overflowed[place] += 1;
                admitted.push(OVERFLOW);
            } else {
                if !known {
                    self.values[place].insert(label.into());
                }
                admitted.push(label);
            }
        }
        admitted
    }
}

/// The meters of a site, each with the index of its combination of labels.
fn meters_of(site: &'static Site) -> impl Iterator<Item = (&'static Site, usize, &'static Meter)> {
    site.meters().iter().enumerate().map(move |(index, meter)| (site, index, meter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_overflows_alone_and_is_counted() {
        let registry = Registry::new();
        for value in 0..250 {
            registry.series(Kind::McpCall, &[&format!("server-{value}"), "resolve"]);
        }
        let servers: Vec<_> = registry.all().iter().map(|series| series.identity.clone()).collect();
        let of_kind: Vec<_> = servers.iter().filter(|identity| identity.kind == Kind::McpCall).collect();
        assert_eq!(of_kind.len(), MAX_VALUES + 1);
        assert!(of_kind.iter().all(|identity| identity.labels[1] == "resolve"));
        assert_eq!(registry.overflowed(), [(Kind::McpCall, "server", 50)]);
    }

    #[test]
    fn a_kind_is_bounded_as_a_whole() {
        let registry = Registry::new();
        for (server, capability) in (0..100).flat_map(|server| (0..100).map(move |capability| (server, capability))) {
            registry.series(Kind::McpCall, &[&format!("s{server}"), &format!("c{capability}")]);
        }
        assert!(registry.all().len() <= MAX_SERIES + MAX_VALUES);
    }

    #[test]
    fn values_that_are_too_long_are_the_same_series_when_cut() {
        let registry = Registry::new();
        let long = registry.series(Kind::Tool, &[&"x".repeat(1_000)]);
        assert!(Arc::ptr_eq(&long, &registry.series(Kind::Tool, &[&"x".repeat(500)])));
    }

    #[test]
    fn the_same_values_are_the_same_series_and_others_are_not() {
        let registry = Registry::new();
        let one = registry.series(Kind::McpCall, &["ab", "c"]);
        assert!(Arc::ptr_eq(&one, &registry.series(Kind::McpCall, &["ab", "c"])));
        assert!(!Arc::ptr_eq(&one, &registry.series(Kind::McpCall, &["a", "bc"])));
        assert!(!Arc::ptr_eq(&one, &registry.series(Kind::ExternalCall, &["ab", "c"])));
    }
}
