//! The bounds on what a program makes at run time.
//!
//! A metric has at most 2,000 series and each of its labels 200 values, unless the settings say otherwise. Beyond that only
//! the value that is one too many becomes `__overflow__`, and each call that this happens to is counted. Where the metric as
//! a whole is full, the label with the most values gives way; and where that has made 200 more series, all labels do. Series
//! that exist already are always found by their own values.
//!
//! Values that are [known](Bounds::know) to be few, such as a router's templates, have places beside these.

use super::identity::OVERFLOW;
use crate::log_level::tell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Series of one metric, unless set.
pub(crate) const MAX_SERIES: usize = 2_000;
/// Values of one label of a metric, unless set.
pub(crate) const MAX_VALUES: usize = 200;
/// Values that are known to be few, of all labels of a metric; and so many times [`Limits::series`] may have one of them.
const MAX_KNOWN: usize = 5_000;
const SERIES_OF_KNOWN: usize = 4;
/// Labels that are told apart.
pub(crate) const MAX_LABELS: usize = 64;

/// The bounds on one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) series: usize,
    /// Values of one label.
    pub(crate) values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series: MAX_SERIES, values: MAX_VALUES }
    }
}

/// For each label, how many calls had its value replaced.
#[derive(Debug)]
struct Counts {
    /// Whose labels they are, for people.
    metric: Box<str>,
    limits: Limits,
    of_labels: [AtomicU64; MAX_LABELS],
}

/// Series made of one metric. Labels go by their places.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    limits: Limits,
    series: usize,
    /// Values that are known to be few, and how many series have one.
    known: Vec<BTreeSet<Box<str>>>,
    series_of_known: usize,
    values: Vec<BTreeSet<Box<str>>>,
    /// Made when a value is replaced for the first time.
    counts: OnceLock<Arc<Counts>>,
}

/// The places of the labels whose values are replaced: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replaced(u64);

impl Replaced {
    /// None.
    pub(crate) const NONE: Self = Self(0);
    /// The first label.
    pub(crate) const FIRST: Self = Self(1);

    pub(crate) fn contains(self, place: usize) -> bool {
        place < MAX_LABELS && self.0 & 1 << place != 0
    }

    /// The value under which a call counts that has `value` at `place`.
    pub(crate) fn value(self, place: usize, value: &str) -> &str {
        if self.contains(place) { OVERFLOW } else { value }
    }

    pub(crate) fn with(self, place: usize) -> Self {
        Self(self.0 | if place < MAX_LABELS { 1 << place } else { 0 })
    }
}

/// Labels that were replaced, to be counted for each call that it happens to.
#[derive(Clone, Debug)]
pub(crate) struct Overflow {
    counts: Arc<Counts>,
    replaced: Replaced,
}

impl Overflow {
    /// Counts one call.
    pub(crate) fn count(&self) {
        self.count_besides(None);
    }

    /// Counts one call of which another look-up counted some labels already.
    pub(crate) fn count_besides(&self, counted: Option<&Self>) {
        let counted = counted.map_or(Replaced::NONE, |other| other.replaced);
        for (place, count) in self.counts.of_labels.iter().enumerate() {
            let is_new = self.replaced.contains(place) && !counted.contains(place);
            if is_new && count.fetch_add(1, Ordering::Relaxed) == 0 {
                self.tell();
            }
        }
    }

    /// Said once for each label. No lock is held here: a subscriber may count what it hears.
    #[cold]
    fn tell(&self) {
        let metric = &*self.counts.metric;
        let Limits { series, values } = self.counts.limits;
        tell!(
            WARN,
            metric,
            "a label of {metric} has more than {values} values, or all together more than {series} series: new ones \
             count as {OVERFLOW}. Is the value an id, or a raw path? `perf_label_overflow_total` says which label it is; \
             where all values are meant, raise `max_label_values` or `max_series`"
        );
    }
}

impl Bounds {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Notes that a label's value is one of few, by what made it: it takes no place of the others.
    pub(crate) fn know(&mut self, place: usize, value: &str) {
        if self.known.iter().map(BTreeSet::len).sum::<usize>() < MAX_KNOWN {
            insert(&mut self.known, place, value);
        }
    }

    fn is_known(&self, place: usize, value: &str) -> bool {
        self.known.get(place).is_some_and(|known| known.contains(value))
    }

    /// Whether a series has a place because one of its values is known to be one of few.
    fn has_known<'a>(&self, mut labels: impl Iterator<Item = (usize, &'a str)>) -> bool {
        self.series_of_known < SERIES_OF_KNOWN * self.limits.series
            && labels.any(|(place, value)| self.is_known(place, value))
    }

    /// The labels that overflow, of a series that does not exist.
    pub(crate) fn fit<'a>(&self, labels: impl Iterator<Item = (usize, &'a str)> + Clone) -> Replaced {
        let has_known = self.has_known(labels.clone());
        // Where the metric as a whole is full, it is the label with the most values that gives way.
        let sizes = self.values.iter().map(BTreeSet::len).enumerate();
        let widest =
            sizes.max_by_key(|&(_, values)| values).filter(|_| self.series >= self.limits.series && !has_known);
        let gives_way = |place: usize, value: &str| {
            if has_known && self.is_known(place, value) {
                return false;
            }
            let values = self.values.get(place);
            let full = values.is_some_and(|values| values.len() >= self.limits.values && !values.contains(value));
            full || widest.is_some_and(|(widest, _)| widest == place)
        };
        replace(labels.filter(|&(place, value)| gives_way(place, value)))
    }

    /// All labels, where there is no room for a series in which only some of them are replaced.
    pub(crate) fn all<'a>(&self, labels: impl Iterator<Item = (usize, &'a str)> + Clone) -> Option<Replaced> {
        let is_full = self.series >= self.limits.series.saturating_add(self.limits.values);
        (is_full && !self.has_known(labels.clone())).then(|| replace(labels))
    }

    /// Notes that a series was made with these labels.
    pub(crate) fn admit<'a>(&mut self, labels: impl Iterator<Item = (usize, &'a str)> + Clone) {
        if self.has_known(labels.clone()) {
            self.series_of_known += 1;
        } else {
            self.series += 1;
        }
        for (place, value) in labels.filter(|&(place, value)| place < MAX_LABELS && value != OVERFLOW) {
            if !self.is_known(place, value) {
                insert(&mut self.values, place, value);
            }
        }
    }

    /// The counters of calls with these labels replaced; none where nothing was replaced.
    pub(crate) fn overflow(&self, replaced: Replaced, metric: &str) -> Option<Overflow> {
        let zeros = || [const { AtomicU64::new(0) }; MAX_LABELS];
        let counts = || Arc::new(Counts { metric: metric.into(), limits: self.limits, of_labels: zeros() });
        let counts = || Arc::clone(self.counts.get_or_init(counts));
        (replaced != Replaced::NONE).then(|| Overflow { counts: counts(), replaced })
    }

    /// How many calls had their values replaced, for each label that this happened to.
    pub(crate) fn overflowed(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.counts.get().into_iter().flat_map(|counts| counts.of_labels.iter());
        counts.map(|count| count.load(Ordering::Relaxed)).enumerate().filter(|&(_, count)| count > 0)
    }
}

fn insert(values: &mut Vec<BTreeSet<Box<str>>>, place: usize, value: &str) {
    if values.len() <= place {
        values.resize_with(place + 1, BTreeSet::new);
    }
    values[place].insert(value.into());
}

/// A value that stands for many already cannot be replaced.
fn replace<'a>(labels: impl Iterator<Item = (usize, &'a str)>) -> Replaced {
    labels.filter(|&(_, value)| value != OVERFLOW).fold(Replaced::NONE, |replaced, (place, _)| replaced.with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels<'a>(values: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> + Clone {
        values.iter().copied().enumerate()
    }

    #[test]
    fn only_the_value_that_is_one_too_many_gives_way() {
        let mut bounds = Bounds::default();
        for value in 0..MAX_VALUES {
            let value = value.to_string();
            assert_eq!(bounds.fit(labels(&[&value, "same"])), Replaced::NONE);
            bounds.admit(labels(&[&value, "same"]));
        }
        assert_eq!(bounds.fit(labels(&["7", "other"])), Replaced::NONE, "a known value");
        let replaced = bounds.fit(labels(&["new", "same"]));
        assert_eq!((replaced.value(0, "new"), replaced.value(1, "same")), (OVERFLOW, "same"));
        assert_eq!(bounds.fit(labels(&[OVERFLOW, "same"])), Replaced::NONE, "it is replaced already");
        assert!(bounds.overflow(Replaced::NONE, "hits").is_none());
        let overflow = bounds.overflow(replaced, "hits").unwrap();
        overflow.count();
        overflow.count_besides(Some(&overflow));
        assert_eq!(bounds.overflowed().collect::<Vec<_>>(), [(0, 1)]);
    }

    #[test]
    fn a_full_metric_gives_way_by_its_widest_label_and_then_by_all() {
        let mut bounds = Bounds::default();
        for series in 0..MAX_SERIES {
            bounds.admit(labels(&[&(series / 20).to_string(), &(series % 20).to_string()]));
        }
        let asked = ["7", "new"];
        assert_eq!(bounds.all(labels(&asked)), None);
        let replaced = bounds.fit(labels(&asked));
        assert!(replaced.contains(0) && !replaced.contains(1));
        for series in 0..MAX_VALUES {
            bounds.admit(labels(&[OVERFLOW, &format!("more-{series}")]));
        }
        let all = bounds.all(labels(&asked)).unwrap();
        assert!(all.contains(0) && all.contains(1));
    }

    #[test]
    fn values_that_are_known_to_be_few_have_places_of_their_own() {
        let mut bounds = Bounds::new(Limits { series: 20, values: 5 });
        for value in 0..10 {
            bounds.know(1, &format!("/{value}"));
        }
        let fill = |bounds: &mut Bounds, asked: &[&str]| {
            let replaced = bounds.all(labels(asked)).unwrap_or_else(|| bounds.fit(labels(asked)));
            let values: Vec<&str> =
                asked.iter().enumerate().map(|(place, value)| replaced.value(place, value)).collect();
            bounds.admit(labels(&values));
            replaced
        };
        for value in 0..30 {
            fill(&mut bounds, &["GET", &format!("/users/{value}")]);
        }
        assert!(fill(&mut bounds, &["GET", "/users/31"]).contains(1), "of the others there are too many");
        for value in 0..10 {
            assert_eq!(fill(&mut bounds, &["GET", &format!("/{value}")]), Replaced::NONE, "{value}");
        }
        // Beside one of them the others are bounded as ever.
        let over: Vec<bool> =
            (0..8).map(|method| fill(&mut bounds, &[&method.to_string(), "/1"]) != Replaced::NONE).collect();
        assert_eq!(over, [false, false, false, false, true, true, true, true]);
        assert_eq!(bounds.fit(labels(&["9", "/1"])).value(1, "/1"), "/1");
        for value in 0..100 {
            bounds.admit(labels(&[&value.to_string(), "/2"]));
        }
        assert!(bounds.all(labels(&["GET", "/3"])).is_some(), "their series are bounded too");
    }
}
