//! The families of a text that is served together with ours.

use super::lines::Labels;
use crate::collect::model::FamilyType;
use crate::observe::series::lookup::hash_of;
use std::borrow::Cow;
use std::collections::HashMap;

/// The families of a text, and its bad lines.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parsed<'a> {
    /// Families that have samples, in the order in which they came.
    pub(super) families: Vec<Family<'a>>,
    /// Lines that were left out.
    pub(super) left_out: usize,
    /// The first of them.
    pub(super) first_left_out: Option<&'a str>,
}

/// One family.
#[derive(Debug, PartialEq)]
pub(super) struct Family<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: FamilyType,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) unit: Option<&'a str>,
    pub(super) samples: Vec<Sample<'a>>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The part of its name that follows the family's.
    pub(super) suffix: &'static str,
    pub(super) labels: Labels<'a>,
    /// The number as it was written, or as the format writes it where it is none.
    pub(super) value: &'a str,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
    /// The exemplar as it is written behind the `#`.
    pub(super) exemplar: Option<Cow<'a, str>>,
}

impl<'a> Family<'a> {
    /// Adds the samples of another text's family of this name and type, and says how many it has already. The lines of a
    /// histogram or a summary are taken from one text alone.
    pub(super) fn join(&mut self, other: Self) -> usize {
        self.help = self.help.take().or(other.help);
        self.unit = self.unit.or(other.unit);
        let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
        for (place, sample) in self.samples.iter().enumerate() {
            by_hash.entry(sample.hash_of_group(self)).or_default().push(place);
        }
        let found = other.samples.len();
        let is_new = |sample: &Sample<'a>| {
            let alike = by_hash.get(&sample.hash_of_group(self)).into_iter().flatten();
            !alike.filter_map(|place| self.samples.get(*place)).any(|one| one.is_of_group(sample, self))
        };
        let new: Vec<Sample<'a>> = other.samples.into_iter().filter(is_new).collect();
        let left_out = found - new.len();
        self.samples.extend(new);
        left_out
    }

    /// For each sample the number of its group, in the order in which they came: the lines of one histogram, summary or
    /// state set; elsewhere each line is its own.
    pub(super) fn groups(&self) -> Vec<usize> {
        let (mut by_hash, mut count): (HashMap<u64, Vec<(usize, &Sample<'a>)>>, _) = (HashMap::new(), 0);
        self.samples
            .iter()
            .map(|sample| {
                let alike = by_hash.entry(sample.hash_of_group(self)).or_default();
                if let Some((group, _)) = alike.iter().find(|(_, first)| first.is_of_group(sample, self)) {
                    return *group;
                }
                alike.push((count, sample));
                count += 1;
                count - 1
            })
            .collect()
    }
}

impl Sample<'_> {
    /// The same for the same series, whatever the order of its labels.
    pub(super) fn hash(&self) -> u64 {
        hash_of(hash_of_labels(self.labels.iter()), [self.suffix])
    }

    pub(super) fn is_same_series(&self, other: &Sample<'_>) -> bool {
        self.suffix == other.suffix
            && self.labels.len() == other.labels.len()
            && self.labels.iter().all(|label| other.labels.contains(label))
    }

    /// The same for the lines of one group.
    fn hash_of_group(&self, family: &Family<'_>) -> u64 {
        hash_of_labels(self.labels_of_group(family))
    }

    /// Whether two lines are of one group: they differ in a bound, a quantile or a state, or in being a sum or a count.
    pub(super) fn is_of_group(&self, other: &Sample<'_>, family: &Family<'_>) -> bool {
        let (mine, theirs) = (self.labels_of_group(family), other.labels_of_group(family));
        mine.clone().count() == theirs.clone().count()
            && mine.into_iter().all(|label| theirs.clone().any(|other| other == label))
    }

    /// The labels without the one that tells the lines of a group apart.
    fn labels_of_group(&self, family: &Family<'_>) -> impl Iterator<Item = &(&str, Cow<'_, str>)> + Clone {
        let apart = match (family.kind, self.suffix) {
            (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => "le",
            (FamilyType::Summary, "") => "quantile",
            (FamilyType::StateSet, _) => &*family.name,
            _ => "",
        };
        let place = self.labels.iter().position(|(name, _)| *name == apart);
        self.labels.iter().enumerate().filter(move |(at, _)| Some(*at) != place).map(|(_, label)| label)
    }
}

/// The order does not matter to a sum.
fn hash_of_labels<'a>(labels: impl Iterator<Item = &'a (&'a str, Cow<'a, str>)>) -> u64 {
    labels.map(|(name, value)| hash_of(0, [*name, &**value])).fold(0, u64::wrapping_add)
}
