//! Reads all series, and tells which samples each family has.

use super::entry::Entry;
use super::families::{Part, PartFamily, families};
use super::model::{Buckets, Collector, End, Front, Histogram, Sample, SampleLabels, Value};
use super::number::Number;
use super::others::{OtherFamily, Others};
use super::snapshot::Snapshot;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::query::whole_or_parts::of_whole_or_parts;
use crate::observe::series::registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// All that one registry knows, as families and samples.
#[derive(Debug)]
pub(crate) struct ReadModel {
    prefix: String,
    families: Vec<PartFamily>,
    snapshot: Mutex<Snapshot>,
}

impl ReadModel {
    /// The read model of one registry. `prefix` stands before the names of the families of calls.
    /// `with_edges`, the tree of calls has families too.
    pub(crate) fn new(prefix: &str, with_edges: bool) -> Self {
        Self { prefix: prefix.to_owned(), families: families(prefix, with_edges), snapshot: Mutex::default() }
    }

    /// The namespace, as it stands before names.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Every family of calls that there can be, sorted by name.
    pub(crate) fn families(&self) -> &[PartFamily] {
        &self.families
    }

    /// Reads all series of calls in one go, and shows them. Other readers wait meanwhile.
    pub(crate) fn read<R>(&self, registry: &Registry, look: impl FnOnce(&View<'_>) -> R) -> R {
        let snapshot = &mut *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.read(registry.all());
        let of_calls = registry
            .overflowed()
            .into_iter()
            .map(|(kind, label, count)| (format!("{}{}", self.prefix, kind.family().counter), label.to_owned(), count));
        // The application may have a metric of the same name, which is exposed nowhere and overflows all the same.
        let mut sums = BTreeMap::new();
        for (metric, label, count) in of_calls.chain(registry.custom().overflowed()) {
            *sums.entry((metric, label)).or_insert(0) += count;
        }
        let overflowed: Vec<_> = sums.into_iter().map(|((metric, label), count)| (metric, label, count)).collect();
        let has_edges = self.families.iter().any(|family| matches!(family.part, Part::Edges(_)));
        let edges = if has_edges { registry.edge_totals() } else { Vec::new() };
        look(&View { snapshot, overflowed: &overflowed, edges: &edges })
    }

    /// Shows everything: the families of calls, the application's own metrics and the merged texts, in the order of their
    /// names.
    pub(crate) fn collect(&self, registry: &Registry, others: &Others, collector: &mut dyn Collector) {
        let texts = others.texts();
        let mut others = others.families(&texts, registry, (&self.prefix, &self.families)).into_iter().peekable();
        self.read(registry, |view| {
            for family in self.families.iter().filter(|family| view.has(family.part)) {
                while let Some(other) = others.next_if(|other| other.name() < family.name.as_str()) {
                    show_other(&other, collector);
                }
                collector.family(&family.family());
                view.samples(family.part, &mut ToCollector(collector));
            }
        });
        others.for_each(|other| show_other(&other, collector));
    }
}

/// Takes the samples of a family of calls. Beside [`Collector`] for those who write millions of lines a second: each
/// function has one sort of sample, and no sample is put together in memory.
pub(crate) trait Show {
    fn number(&mut self, labels: &SampleLabels<'_>, number: Number<'_>);
    fn histogram(&mut self, labels: &SampleLabels<'_>, histogram: &Histogram<'_>);
}

struct ToCollector<'a>(&'a mut dyn Collector);

impl Show for ToCollector<'_> {
    fn number(&mut self, labels: &SampleLabels<'_>, number: Number<'_>) {
        self.0.sample(&Sample::new(*labels, Value::Number(number)));
    }

    fn histogram(&mut self, labels: &SampleLabels<'_>, histogram: &Histogram<'_>) {
        self.0.sample(&Sample::new(*labels, Value::Histogram(*histogram)));
    }
}

fn show_other(other: &OtherFamily<'_>, collector: &mut dyn Collector) {
    collector.family(&other.family());
    other.samples(|sample| collector.sample(sample));
}

/// All series of calls, as they were read.
#[derive(Debug)]
pub(crate) struct View<'a> {
    snapshot: &'a Snapshot,
    /// How many times a label's value was replaced, by metric and label.
    overflowed: &'a [(String, String, u64)],
    /// All that was ever counted on each edge, by the names of parent and child.
    edges: &'a [((String, String), EdgeCounts)],
}

impl<'a> View<'a> {
    /// The series of calls, and nothing else.
    #[cfg(feature = "metrics")]
    pub(crate) fn of_calls(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, overflowed: &[], edges: &[] }
    }

    /// The series of a kind.
    #[cfg(feature = "metrics")]
    pub(crate) fn entries(&self, kind: Kind) -> &'a [Entry] {
        self.snapshot.of(kind)
    }

    /// Whether a family has anything to say.
    pub(crate) fn has(&self, part: Part) -> bool {
        let any = |kind| !self.snapshot.of(kind).is_empty();
        match part {
            Part::InFlight(kind) => any(kind) || kind.family().parts.is_some_and(any),
            Part::Counter(kind) | Part::Histogram(kind) if kind.has_late_labels() => self.ended(kind).next().is_some(),
            Part::Counter(kind) | Part::Histogram(kind) => any(kind),
            Part::Busy(kind) => self.busy(kind).next().is_some(),
            Part::SlowPolls(kind) => self.snapshot.waited(kind).next().is_some(),
            Part::Profile(kind, figure) => self.snapshot.profiled(kind).any(|(_, numbers)| figure.is_told(numbers)),
            Part::Stream(kind, _) => self.snapshot.streaming(kind).next().is_some(),
            Part::SelfCpu(kind) => self.snapshot.sampled(kind).next().is_some(),
            Part::SelfTime(kind) => !self.edges.is_empty() && self.divided(kind).next().is_some(),
            Part::Edges(_) => !self.edges.is_empty(),
            Part::Overflow => !self.overflowed.is_empty(),
        }
    }

    /// Shows the samples of a family.
    #[inline]
    pub(crate) fn samples(&self, part: Part, show: &mut impl Show) {
        match part {
            Part::Counter(kind) => self.snapshot.of(kind).iter().for_each(|entry| counters(entry, show)),
            Part::Histogram(kind) => self.snapshot.of(kind).iter().for_each(|entry| histograms(entry, show)),
            Part::InFlight(kind) => match kind.family().parts {
                Some(parts) => self.whole_or_parts(kind, parts, show),
                None => self.in_flight(kind, show),
            },
            Part::Busy(kind) => self.busy(kind).for_each(|entry| {
                show.number(&whole(entry), Number::Nanos(entry.numbers.busy_nanos));
            }),
            Part::SlowPolls(kind) => self.snapshot.waited(kind).for_each(|entry| {
                show.number(&whole(entry), Number::Count(entry.numbers.slow_polls));
            }),
            Part::Profile(kind, figure) => {
                for (entry, numbers) in self.snapshot.profiled(kind).filter(|(_, numbers)| figure.is_told(numbers)) {
                    show.number(&whole(entry), figure.number(numbers));
                }
            }
            Part::Stream(kind, figure) => {
                for (entry, numbers) in self.snapshot.streaming(kind) {
                    match figure.spread(numbers) {
                        None => show.number(&whole(entry), Number::Count(numbers.items)),
                        Some(spread) => show.histogram(&whole(entry), &Histogram(Buckets::Stream { entry, spread })),
                    }
                }
            }
            Part::SelfTime(kind) => self.divided(kind).for_each(|entry| {
                show.number(&whole(entry), Number::Nanos(entry.numbers.self_nanos));
            }),
            Part::SelfCpu(kind) => self.snapshot.sampled(kind).for_each(|entry| {
                show.number(&whole(entry), Number::Nanos(entry.sampled_nanos));
            }),
            Part::Edges(figure) => {
                for ((parent, child), counts) in self.edges {
                    let front = Front::Pairs([("parent", parent), ("child", child)]);
                    show.number(&SampleLabels { front, end: End::Nothing }, figure.number(counts));
                }
            }
            Part::Overflow => {
                for (metric, label, count) in self.overflowed {
                    let front = Front::Pairs([("metric", metric), ("label", label)]);
                    show.number(&SampleLabels { front, end: End::Nothing }, Number::Count(*count));
                }
            }
        }
    }

    /// The series of a kind of which a call ended.
    fn ended(&self, kind: Kind) -> impl Iterator<Item = &'a Entry> {
        self.snapshot.of(kind).iter().filter(|entry| entry.numbers.finished != [0; Outcome::ALL.len()])
    }

    /// The series of a kind of which it is known for how long their calls ran, and a call waited or kept its thread for long.
    fn busy(&self, kind: Kind) -> impl Iterator<Item = &'a Entry> {
        self.snapshot.of(kind).iter().filter(|entry| entry.numbers.had_waited)
    }

    /// The series of a kind of which it is known how calls that ended divided their time.
    fn divided(&self, kind: Kind) -> impl Iterator<Item = &'a Entry> {
        self.ended(kind).filter(|entry| entry.numbers.is_divided)
    }

    /// Calls in flight. Series that differ only in what is not known before the end have one gauge; they are neighbours.
    fn in_flight(&self, kind: Kind, show: &mut impl Show) {
        for same in self.snapshot.of(kind).chunk_by(|one, other| one.gauge() == other.gauge()) {
            let Some(first) = same.first() else { continue };
            let identity = &first.series.identity;
            let front = Front::Series { identity, shown: first.early(), text: first.gauge() };
            let in_flight = same.iter().map(|entry| entry.numbers.in_flight).sum();
            show.number(&SampleLabels { front, end: End::Nothing }, Number::Count(in_flight));
        }
    }

    /// Calls in flight of each value of the first label: of a value that the kind has no series of, those of its parts.
    fn whole_or_parts(&self, kind: Kind, parts: Kind, show: &mut impl Show) {
        let label = kind.family().labels.first().copied().unwrap_or_default();
        for (value, in_flight) in of_whole_or_parts(self.by_first_label(kind), self.by_first_label(parts)) {
            let front = Front::Pair(label, value);
            show.number(&SampleLabels { front, end: End::Nothing }, Number::Count(in_flight));
        }
    }

    /// The calls in flight of each series of a kind, by its first label.
    fn by_first_label(&self, kind: Kind) -> impl Iterator<Item = (&'a str, u64)> {
        let first = |entry: &'a Entry| entry.series.identity.labels.first().map(AsRef::as_ref).unwrap_or_default();
        self.snapshot.of(kind).iter().map(move |entry| (first(entry), entry.numbers.in_flight))
    }
}

/// All labels of a series and no more.
fn whole(entry: &Entry) -> SampleLabels<'_> {
    SampleLabels { front: front(entry, entry.whole()), end: End::Nothing }
}

#[inline]
fn front<'a>(entry: &'a Entry, text: &'a str) -> Front<'a> {
    Front::Series { identity: &entry.series.identity, shown: usize::MAX, text }
}

#[inline]
fn counters(entry: &Entry, show: &mut impl Show) {
    let (front, numbers) = (front(entry, entry.labels()), &entry.numbers);
    let always = shown_at_zero(entry.kind(), &Outcome::ALL);
    for outcome in Outcome::ALL {
        let count = match outcome {
            Outcome::Ok | Outcome::Panicked => numbers.finished[outcome.index()],
            Outcome::Error => {
                errors_by_sort(entry, front, show);
                numbers.other_errors
            }
            Outcome::Cancelled => {
                if let Some(expected) = numbers.expected_cancelled {
                    show.number(&SampleLabels { front, end: End::Expected(outcome, None) }, Number::Count(expected));
                }
                numbers.cancelled
            }
        };
        if count > 0 || always.contains(&outcome) {
            show.number(&SampleLabels { front, end: End::Outcome(outcome) }, Number::Count(count));
        }
    }
}

/// Failed calls whose error is of a known sort, or expected.
#[inline]
fn errors_by_sort(entry: &Entry, front: Front<'_>, show: &mut impl Show) {
    let mut number = |end, count| show.number(&SampleLabels { front, end }, Number::Count(count));
    for sort in &entry.numbers.errors {
        let expected = End::Expected(Outcome::Error, Some(sort.name));
        number(if sort.is_expected { expected } else { End::Failed(sort.name) }, sort.count);
    }
    if entry.numbers.other_expected > 0 {
        number(End::Expected(Outcome::Error, None), entry.numbers.other_expected);
    }
}

/// `ok` and `error` are there from the beginning; the other two once they occurred.
#[inline]
fn histograms(entry: &Entry, show: &mut impl Show) {
    let at_zero = shown_at_zero(entry.kind(), &[Outcome::Ok, Outcome::Error]);
    let (front, steps) = (front(entry, entry.labels()), &entry.ladder.steps);
    let mut rest = entry.numbers.cumulative.as_slice();
    for outcome in Outcome::ALL {
        let count = entry.numbers.finished[outcome.index()];
        let (counts, others) = rest.split_at(if count > 0 { steps.len().min(rest.len()) } else { 0 });
        rest = others;
        if count > 0 || at_zero.contains(&outcome) {
            let histogram = Histogram(Buckets::Calls { entry, outcome, counts });
            show.histogram(&SampleLabels { front, end: End::Outcome(outcome) }, &histogram);
        }
    }
}

/// The outcomes of a series that are shown although they never occurred. It is none where a label says how the calls
/// ended: most outcomes could never come.
fn shown_at_zero(kind: Kind, always: &[Outcome]) -> &[Outcome] {
    if kind.has_late_labels() { &[] } else { always }
}
