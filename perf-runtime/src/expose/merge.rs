//! The families that are not of calls, as text: the application's own metrics, and the texts that are served together with
//! ours. No family and no sample's name is there twice ([`others`](crate::collect::others)).

use super::block::Block;
use super::family::{FamilyText, Number, bound};
use super::text::Format;
use crate::collect::model::{FamilyType, Histogram, Sample, SampleLabels, Value};
use crate::collect::number;
use crate::collect::others::{InOpenMetrics, OtherFamily, Others};
use crate::collect::read::ReadModel;
use crate::observe::series::registry::Registry;

/// The families as text, sorted by the names that they go by in the format.
pub(crate) fn blocks(others: &Others, format: Format, registry: &Registry, model: &ReadModel) -> Vec<Block> {
    let texts = others.texts();
    let families = others.families(&texts, registry, (model.prefix(), model.families()));
    let is_shown = |family: &&OtherFamily<'_>| {
        let is_left_out = format == Format::OpenMetrics && family.open_metrics == InOpenMetrics::LeftOut;
        if is_left_out {
            others.tell_left_out(family.name());
        }
        !is_left_out
    };
    let mut blocks: Vec<Block> = families.iter().filter(is_shown).map(|family| write(format, family)).collect();
    blocks.sort_by(|one, other| one.name.cmp(&other.name));
    blocks
}

fn write(format: Format, other: &OtherFamily<'_>) -> Block {
    let family = other.family();
    let is_hidden = format == Format::OpenMetrics && other.open_metrics == InOpenMetrics::Untyped;
    let kind = if is_hidden { FamilyType::Unknown } else { family.kind };
    let mut text = FamilyText::new(format, family.name, kind, family.help, family.unit);
    other.samples(|sample| write_sample(format, sample, &mut text));
    text.into_block()
}

fn write_sample(format: Format, sample: &Sample<'_>, text: &mut FamilyText<'_>) {
    match sample.value {
        Value::Number(number) => {
            text.sample(sample.suffix, sample.labels.iter(), Shown(number), sample.timestamp);
            text.exemplar(sample.exemplar);
        }
        Value::Histogram(histogram) => write_histogram(format, &sample.labels, &histogram, text),
    }
}

fn write_histogram(format: Format, labels: &SampleLabels<'_>, histogram: &Histogram<'_>, text: &mut FamilyText<'_>) {
    let mut is_below_zero = false;
    for (le, count) in histogram.buckets().map(|(le, count)| (le.as_f64(), count)) {
        is_below_zero |= le < 0.0;
        let le = if le.is_infinite() { "+Inf".to_owned() } else { bound(format, le) };
        text.sample("_bucket", labels.iter().chain([("le", le.as_str())]), count, None);
    }
    // `OpenMetrics` knows no sum of values that may be below zero.
    if format == Format::Prometheus || !is_below_zero {
        text.sample("_sum", labels.iter(), Shown(histogram.sum()), None);
        text.sample("_count", labels.iter(), histogram.count(), None);
    }
}

/// A number as both formats write it.
struct Shown<'a>(number::Number<'a>);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            number::Number::Count(count) => count.fmt(f),
            number::Number::Written(text) => f.write_str(text),
            number @ (number::Number::Nanos(_) | number::Number::Float(_)) => Number(number.as_f64()).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
