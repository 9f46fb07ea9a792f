//! From samples to text: the families in their order.

use super::family::{Family, SampleNames, taken_by};
use super::format::Format;
use super::pen::Pen;
use crate::collect::entry::Entry;
use crate::collect::ladder::Step;
use crate::collect::model::{Buckets, End, Front, Histogram, SampleLabels};
use crate::collect::number::Number;
use crate::collect::read::{Show, View};
use crate::collect::short::Short;
use crate::collect::streams::Spread;
use crate::expose::block::Block;
use crate::measure::cells::exemplar::{self, Exemplar};
use crate::measure::cells::recorder::store::Shown;
use crate::measure::model::outcome::Outcome;

/// Writes all families, those of calls and those of others, in the order of their names. Exemplars name recorded calls, where those are shown.
pub(super) fn write(
    view: &View<'_>,
    format: Format,
    families: &[Family],
    (others, recorded): (&[Block], Option<Shown>),
    text: &mut String,
) {
    let shown: Vec<bool> = families.iter().map(|family| view.has(family.part)).collect();
    let is_shown = |place: usize| shown.get(place) == Some(&true);
    let mut others =
        others.iter().filter(|block| !taken_by(families, &block.name, format).is_some_and(is_shown)).peekable();
    let mut pen = Pen::new(text, recorded);
    for (_, family) in families.iter().enumerate().filter(|&(place, _)| is_shown(place)) {
        while let Some(block) = others.next_if(|block| block.name < family.name) {
            pen.write_texts(&block.texts);
        }
        pen.write(&family.head);
        view.samples(family.part, &mut Lines { names: &family.samples, format, pen: &mut pen });
    }
    others.for_each(|block| pen.write_texts(&block.texts));
    if format == Format::OpenMetrics {
        pen.write("# EOF\n");
    }
}

/// Writes the samples of one family.
struct Lines<'a, 'b> {
    names: &'a SampleNames,
    format: Format,
    pen: &'a mut Pen<'b>,
}

impl Show for Lines<'_, '_> {
    #[inline]
    fn number(&mut self, labels: &SampleLabels<'_>, number: Number<'_>) {
        write_labels(&self.names.own, labels, self.pen);
        match number {
            Number::Count(count) => self.pen.number(count),
            Number::Nanos(nanos) => self.pen.seconds(nanos),
            // No family of calls has such.
            Number::Float(_) | Number::Written(_) => {}
        }
    }

    #[inline]
    fn histogram(&mut self, labels: &SampleLabels<'_>, histogram: &Histogram<'_>) {
        match (histogram.0, labels.front) {
            (Buckets::Calls { entry, outcome, counts }, Front::Series { text, .. }) => {
                write_histogram(entry, outcome, counts, text, self);
            }
            (Buckets::Stream { entry, spread }, Front::Series { text, .. }) => write_spread(entry, spread, text, self),
            // No family of calls has such.
            _ => {}
        }
    }
}

/// Begins a line: the name with its brace, the labels, and the space before the value.
#[inline]
fn write_labels(name: &str, labels: &SampleLabels<'_>, pen: &mut Pen<'_>) {
    match (&labels.front, &labels.end) {
        (Front::Series { text, .. }, End::Outcome(outcome)) => pen.sample(name, text, &ENDED[outcome.index()]),
        (Front::Series { text, .. }, End::Nothing) => pen.sample(name, text, &CLOSE),
        _ => write_rare_labels(name, labels, pen),
    }
}

/// Apart, so that the others are short enough to be inlined.
#[cold]
fn write_rare_labels(name: &str, labels: &SampleLabels<'_>, pen: &mut Pen<'_>) {
    pen.write(name);
    for (place, (label, value)) in labels.iter().enumerate() {
        pen.write(if place == 0 { "" } else { "," });
        pen.write(label);
        pen.write("=\"");
        pen.escaped(value);
        pen.write("\"");
    }
    pen.write("} ");
}

#[inline]
fn write_histogram(entry: &Entry, outcome: Outcome, counts: &[u64], text: &str, lines: &mut Lines<'_, '_>) {
    let Lines { names, format, pen } = lines;
    pen.begin(&names.bucket, text, &UP_TO[outcome.index()]);
    let exemplars = exemplars(entry, outcome, *format);
    buckets(&entry.ladder.steps, counts, &exemplars, *format, pen);
    pen.sample(&names.sum, text, &ENDED[outcome.index()]);
    pen.seconds(entry.numbers.nanos[outcome.index()]);
    pen.sample(&names.count, text, &ENDED[outcome.index()]);
    pen.number(entry.numbers.finished[outcome.index()]);
}

/// As [`write_histogram`], where no outcome follows the labels.
#[cold]
fn write_spread(entry: &Entry, spread: &Spread, text: &str, lines: &mut Lines<'_, '_>) {
    let Lines { names, format, pen } = lines;
    pen.begin(&names.bucket, text, &NEXT_UP_TO);
    buckets(&entry.ladder.steps, &spread.cumulative, &[], *format, pen);
    pen.sample(&names.sum, text, &CLOSE);
    pen.seconds(spread.nanos);
    pen.sample(&names.count, text, &CLOSE);
    pen.number(spread.count);
}

/// The lines of a histogram's buckets; without `counts` all are empty.
#[inline]
fn buckets(steps: &[Step], counts: &[u64], exemplars: &[Option<Exemplar>], format: Format, pen: &mut Pen<'_>) {
    let mut below = 0;
    for (place, step) in steps.iter().enumerate() {
        let count = counts.get(place).copied().unwrap_or_default();
        pen.line(&step.tails[format as usize]);
        match exemplars.get(place) {
            // An exemplar of a value that came after the bucket was read is not shown yet.
            Some(Some(exemplar)) if count > below => pen.number_of_which(count, exemplar),
            _ => pen.number(count),
        }
        below = count;
    }
}

/// The exemplar of each bucket, the newest where several functions have one; nothing where there are none.
fn exemplars(entry: &Entry, outcome: Outcome, format: Format) -> Vec<Option<Exemplar>> {
    if format != Format::OpenMetrics || !exemplar::wanted() {
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

/// The end of a line's labels where the outcome is the last of them, by outcome.
const ENDED: [Short; Outcome::ALL.len()] = [
    Short::new("outcome=\"ok\"} "),
    Short::new("outcome=\"error\"} "),
    Short::new("outcome=\"panicked\"} "),
    Short::new("outcome=\"cancelled\"} "),
];
/// The text before a bucket's bound.
const UP_TO: [Short; Outcome::ALL.len()] = [
    Short::new("outcome=\"ok\",le=\""),
    Short::new("outcome=\"error\",le=\""),
    Short::new("outcome=\"panicked\",le=\""),
    Short::new("outcome=\"cancelled\",le=\""),
];
const CLOSE: Short = Short::new("} ");
const NEXT_UP_TO: Short = Short::new(",le=\"");
