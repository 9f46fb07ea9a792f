//! From numbers to text: the families in their order.

use super::cache::Cache;
use super::entry::Entry;
use super::family::{Family, Part, SampleNames, taken_by};
use super::format::Format;
use super::ladder::Step;
use super::pen::{Pen, Short};
use crate::expose::block::Block;
use crate::measure::cells::exemplar::{self, Exemplar};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::query::in_flight::of_whole_or_parts;

/// All that a text is made of.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) format: Format,
    pub(super) prefix: &'a str,
    pub(super) cache: &'a Cache,
    /// Calls whose label value was replaced, by kind and label.
    pub(super) overflowed: &'a [(Kind, &'static str, u64)],
    /// The same of the application's own metrics.
    pub(super) custom_overflowed: &'a [(String, String, u64)],
}

impl<'a> Source<'a> {
    /// Writes all families, ours and those of others, in the order of their names.
    pub(super) fn write(self, families: &[Family], others: &[Block], text: &mut String) {
        let shown: Vec<bool> = families.iter().map(|family| self.has(family.part)).collect();
        let is_shown = |place: usize| shown.get(place) == Some(&true);
        let mut others =
            others.iter().filter(|block| !taken_by(families, &block.name).is_some_and(is_shown)).peekable();
        let mut pen = Pen::new(text);
        for (_, family) in families.iter().enumerate().filter(|&(place, _)| is_shown(place)) {
            while let Some(block) = others.next_if(|block| block.name < family.name) {
                pen.write(&block.text);
            }
            pen.write(&family.head);
            self.samples(family, &mut pen);
        }
        others.for_each(|block| pen.write(&block.text));
        if self.format == Format::OpenMetrics {
            pen.write("# EOF\n");
        }
    }

    /// Whether a family has anything to say.
    fn has(self, part: Part) -> bool {
        let any = |kind| !self.cache.of(kind).is_empty();
        match part {
            Part::InFlight(kind) => any(kind) || kind.family().parts.is_some_and(any),
            Part::Counter(kind) | Part::Histogram(kind) if kind.has_late_labels() => {
                self.cache.of(kind).iter().any(|entry| entry.numbers.finished != [0; Outcome::ALL.len()])
            }
            Part::Counter(kind) | Part::Histogram(kind) => any(kind),
            Part::Busy(kind) | Part::SlowPolls(kind) => self.cache.waited(kind).next().is_some(),
            Part::Profile(kind, figure) => self.cache.profiled(kind).any(|(_, numbers)| figure.is_told(numbers)),
            Part::Overflow => !self.overflowed.is_empty() || !self.custom_overflowed.is_empty(),
        }
    }

    fn samples(self, family: &Family, pen: &mut Pen<'_>) {
        let name = &family.samples.own;
        match family.part {
            Part::Counter(kind) => self.cache.of(kind).iter().for_each(|entry| counters(name, entry, pen)),
            Part::Histogram(kind) => {
                self.cache.of(kind).iter().for_each(|entry| self.histograms(&family.samples, entry, pen));
            }
            Part::InFlight(kind) => match kind.family().parts {
                Some(parts) => self.whole_or_parts(name, kind, parts, pen),
                None => self.in_flight(name, kind, pen),
            },
            Part::Busy(kind) => self.cache.waited(kind).for_each(|entry| {
                pen.sample(name, entry.whole(), &CLOSE);
                pen.seconds(entry.numbers.busy_nanos);
            }),
            Part::SlowPolls(kind) => self.cache.waited(kind).for_each(|entry| {
                pen.sample(name, entry.whole(), &CLOSE);
                pen.number(entry.numbers.slow_polls);
            }),
            Part::Profile(kind, figure) => {
                for (entry, numbers) in self.cache.profiled(kind).filter(|(_, numbers)| figure.is_told(numbers)) {
                    pen.sample(name, entry.whole(), &CLOSE);
                    figure.write(numbers, pen);
                }
            }
            Part::Overflow => self.overflow(name, pen),
        }
    }

    /// `ok` and `error` are there from the beginning; the other two once they occurred.
    fn histograms(self, names: &SampleNames, entry: &Entry, pen: &mut Pen<'_>) {
        let at_zero = shown_at_zero(entry.kind(), &[Outcome::Ok, Outcome::Error]);
        let (labels, steps) = (entry.labels(), &entry.ladder.steps);
        let mut rest = entry.numbers.cumulative.as_slice();
        for outcome in Outcome::ALL {
            let count = entry.numbers.finished[outcome.index()];
            let (counts, others) = rest.split_at(if count > 0 { steps.len().min(rest.len()) } else { 0 });
            rest = others;
            if count > 0 || at_zero.contains(&outcome) {
                pen.begin(&names.bucket, labels, &UP_TO[outcome.index()]);
                let exemplars = self.exemplars(entry, outcome);
                self.buckets(steps, counts, &exemplars, pen);
                pen.sample(&names.sum, labels, &ENDED[outcome.index()]);
                pen.seconds(entry.numbers.nanos[outcome.index()]);
                pen.sample(&names.count, labels, &ENDED[outcome.index()]);
                pen.number(count);
            }
        }
    }

    /// The lines of a histogram's buckets; without `counts` all are empty.
    fn buckets(self, steps: &[Step], counts: &[u64], exemplars: &[Option<Exemplar>], pen: &mut Pen<'_>) {
        let mut below = 0;
        for (place, step) in steps.iter().enumerate() {
            let count = counts.get(place).copied().unwrap_or_default();
            pen.line(step.tail(self.format));
            match exemplars.get(place) {
                // What fell into the bucket since it was read is not shown yet.
                Some(Some(exemplar)) if count > below => pen.number_of_which(count, exemplar),
                _ => pen.number(count),
            }
            below = count;
        }
    }

    /// The exemplar of each bucket, the newest where several functions have one; nothing where there are none.
    fn exemplars(self, entry: &Entry, outcome: Outcome) -> Vec<Option<Exemplar>> {
        if self.format != Format::OpenMetrics || !exemplar::wanted() {
            return Vec::new();
        }
        let steps = &entry.ladder.steps;
        let mut newest: Vec<Option<Exemplar>> = Vec::new();
        let mut look = |exemplar: &Exemplar| {
            newest.resize(steps.len(), None);
            let slot = newest.get_mut(steps.partition_point(|step| step.nanos < exemplar.nanos));
            if let Some(slot) = slot.filter(|slot| slot.as_ref().is_none_or(|other| other.at < exemplar.at)) {
                *slot = Some(exemplar.clone());
            }
        };
        entry.series.for_each_meter(|meter| meter.exemplars.read(outcome, &mut look));
        newest
    }

    /// Calls in flight. Series that differ only in what is not known before the end have one gauge; they are neighbours.
    fn in_flight(self, name: &str, kind: Kind, pen: &mut Pen<'_>) {
        for same in self.cache.of(kind).chunk_by(|one, other| one.gauge() == other.gauge()) {
            pen.sample(name, same.first().map(Entry::gauge).unwrap_or_default(), &CLOSE);
            pen.number(same.iter().map(|entry| entry.numbers.in_flight).sum());
        }
    }

    /// Calls in flight of each value of the first label: of a value that the kind has no series of, those of its parts.
    fn whole_or_parts(self, name: &str, kind: Kind, parts: Kind, pen: &mut Pen<'_>) {
        let label = kind.family().labels.first().copied().unwrap_or_default();
        for (value, in_flight) in of_whole_or_parts(self.by_first_label(kind), self.by_first_label(parts)) {
            pen.sample(name, label, &EQUALS);
            pen.escaped(value);
            pen.write("\"} ");
            pen.number(in_flight);
        }
    }

    /// The calls in flight of each series of a kind, by its first label.
    fn by_first_label(self, kind: Kind) -> impl Iterator<Item = (&'a str, u64)> {
        let first = |entry: &'a Entry| entry.series.identity.labels.first().map(AsRef::as_ref).unwrap_or_default();
        self.cache.of(kind).iter().map(move |entry| (first(entry), entry.numbers.in_flight))
    }

    fn overflow(self, name: &str, pen: &mut Pen<'_>) {
        for (kind, label, count) in self.overflowed {
            pen.sample(name, "metric=", &QUOTE);
            pen.write(self.prefix);
            for part in [kind.family().counter, "\",label=\"", label, "\"} "] {
                pen.write(part);
            }
            pen.number(*count);
        }
        // Names of metrics and labels have nothing that is to be escaped.
        for (metric, label, count) in self.custom_overflowed {
            pen.sample(name, "metric=", &QUOTE);
            for part in [metric, "\",label=\"", label, "\"} "] {
                pen.write(part);
            }
            pen.number(*count);
        }
    }
}

fn counters(name: &str, entry: &Entry, pen: &mut Pen<'_>) {
    let (labels, numbers) = (entry.labels(), &entry.numbers);
    let always = shown_at_zero(entry.kind(), &Outcome::ALL);
    for outcome in Outcome::ALL {
        let mut count = numbers.finished[outcome.index()];
        if outcome == Outcome::Error {
            for (sort, errors) in &numbers.errors {
                pen.sample(name, labels, &FAILED);
                pen.write("error_type=\"");
                pen.escaped(sort);
                pen.write("\"} ");
                pen.number(*errors);
            }
            count = numbers.other_errors;
        }
        if count > 0 || always.contains(&outcome) {
            pen.sample(name, labels, &ENDED[outcome.index()]);
            pen.number(count);
        }
    }
}

/// Which outcomes of a series are shown although they never occurred. It is none where a label says how the calls ended:
/// most outcomes could never come.
fn shown_at_zero(kind: Kind, always: &[Outcome]) -> &[Outcome] {
    if kind.has_late_labels() { &[] } else { always }
}

/// What ends a line's labels where the outcome is the last of them, by outcome.
const ENDED: [Short; Outcome::ALL.len()] = [
    Short::new("outcome=\"ok\"} "),
    Short::new("outcome=\"error\"} "),
    Short::new("outcome=\"panicked\"} "),
    Short::new("outcome=\"cancelled\"} "),
];
/// What stands before a bucket's bound.
const UP_TO: [Short; Outcome::ALL.len()] = [
    Short::new("outcome=\"ok\",le=\""),
    Short::new("outcome=\"error\",le=\""),
    Short::new("outcome=\"panicked\",le=\""),
    Short::new("outcome=\"cancelled\",le=\""),
];
/// What stands before the sort of a failed call's error.
const FAILED: Short = Short::new("outcome=\"error\",");
const CLOSE: Short = Short::new("} ");
const QUOTE: Short = Short::new("\"");
const EQUALS: Short = Short::new("=\"");
