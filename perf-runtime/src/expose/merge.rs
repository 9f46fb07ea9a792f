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
    let write = |family: &OtherFamily<'_>| {
        let (block, left_out) = write(format, family);
        if left_out > 0 {
            others.tell_samples_left_out(family.name(), left_out);
        }
        block
    };
    let mut blocks: Vec<Block> = families.iter().filter(is_shown).map(write).collect();
    blocks.sort_by(|one, other| one.name.cmp(&other.name));
    blocks
}

/// The family as text, and how many samples are not in it.
fn write(format: Format, other: &OtherFamily<'_>) -> (Block, usize) {
    let family = other.family();
    let is_hidden = format == Format::OpenMetrics && other.open_metrics == InOpenMetrics::Untyped;
    let kind = if is_hidden { FamilyType::Unknown } else { family.kind };
    let mut text = FamilyText::new(format, family.name, kind, family.help, family.unit);
    let mut without_place = 0;
    let show = |sample: &Sample<'_>| without_place += write_sample(format, kind, sample, &mut text);
    let refused = match format {
        Format::Prometheus => {
            other.samples(show);
            0
        }
        Format::OpenMetrics => other.samples_of_open_metrics(show),
    };
    (text.into_block(), refused + without_place)
}

/// Writes a sample, and says how many lines of it the format has no place for.
fn write_sample(format: Format, kind: FamilyType, sample: &Sample<'_>, text: &mut FamilyText<'_>) -> usize {
    match sample.value {
        Value::Number(number) => {
            text.sample(sample.suffix, sample.labels.iter(), Shown(number), sample.timestamp);
            // Only counters have one.
            text.exemplar(sample.exemplar.filter(|_| kind != FamilyType::Unknown));
            0
        }
        Value::Histogram(histogram) => write_histogram(format, &sample.labels, &histogram, text),
    }
}

fn write_histogram(
    format: Format,
    labels: &SampleLabels<'_>,
    histogram: &Histogram<'_>,
    text: &mut FamilyText<'_>,
) -> usize {
    let mut is_below_zero = false;
    for (le, count) in histogram.buckets().map(|(le, count)| (le.as_f64(), count)) {
        is_below_zero |= le < 0.0;
        let le = if le.is_infinite() { "+Inf".to_owned() } else { bound(format, le) };
        text.sample("_bucket", labels.iter().chain([("le", le.as_str())]), count, None);
    }
    // `OpenMetrics` knows no sum of values that may be below zero, and no count without a sum.
    let is_sum = histogram.sum().as_f64() >= 0.0 && !is_below_zero;
    if format == Format::OpenMetrics && !is_sum {
        return 2;
    }
    text.sample("_sum", labels.iter(), Shown(histogram.sum()), None);
    text.sample("_count", labels.iter(), histogram.count(), None);
    0
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
