//! What others expose: the application's own metrics, and the texts that are served together with ours.
//!
//! No family and no sample's name is there twice. Where two want the same, ours comes first, then the application's own
//! metrics in the order in which they were made, then the texts in the order in which they were given. What has to stand
//! back is told once.

use super::block::Block;
use super::family::{FamilyKind, FamilyText, Number, bound};
use super::text::Format;
use crate::expose::text::profile::Figure;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::kind::CustomKind;
use crate::observe::metrics::reading::{CustomMetric, CustomSeries, CustomValue};
use crate::observe::series::registry::Registry;
use parse::{Family, Parsed, parse};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

mod parse;

/// The most things that are remembered to have been told.
const MAX_TOLD: usize = 1_000;

/// A text that is served together with ours.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Fn() -> String + Send + Sync>);

impl Source {
    pub(crate) fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    /// The text now; `None` where making it panicked. That is the source's own affair, and no reason to lose a scrape.
    fn text(&self) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| (self.0)())).ok()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Everything that is exposed beside our own families.
#[derive(Debug, Default)]
pub(crate) struct Others {
    sources: Vec<Source>,
    told: Mutex<BTreeSet<String>>,
}

impl Others {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        Self { sources, told: Mutex::default() }
    }

    /// Whether another text is served together with ours.
    #[cfg(feature = "metrics")]
    pub(crate) fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// The families, sorted by name. `prefix` stands before the names of ours.
    pub(crate) fn blocks(&self, format: Format, registry: &Registry, prefix: &str) -> Vec<Block> {
        let mut custom = registry.custom().metrics();
        custom.sort_by_key(|metric| metric.made);
        let texts: Vec<String> =
            self.sources.iter().enumerate().map(|(place, source)| self.text(place, source)).collect();
        let parsed: Vec<Parsed<'_>> = texts.iter().enumerate().map(|(place, text)| self.parsed(place, text)).collect();

        let mut taken = Taken::by_ours(registry, prefix);
        custom.retain(|metric| self.has_room(&mut taken, &metric.name, kind_of(metric.kind), "the application's own"));
        let mut merged: Vec<&Family<'_>> = parsed.iter().flat_map(|parsed| &parsed.families).collect();
        merged.retain(|family| self.has_room(&mut taken, family.name, family.kind, "of a merged text"));

        let of_custom = custom.iter().map(|metric| write_custom(format, metric, &taken));
        let of_merged = merged.into_iter().map(|family| write_merged(format, family, &taken));
        let mut blocks: Vec<Block> = of_custom.chain(of_merged).collect();
        blocks.sort_by(|one, other| one.name.cmp(&other.name));
        blocks
    }

    fn text(&self, place: usize, source: &Source) -> String {
        source.text().unwrap_or_else(|| {
            if self.is_news(format!("{place} panicked")) {
                tracing::warn!(source = place, "a source of merged Prometheus text panicked; it is left out");
            }
            String::new()
        })
    }

    fn parsed<'a>(&self, place: usize, text: &'a str) -> Parsed<'a> {
        let parsed = parse(text);
        if let Some(line) = parsed.first_left_out.filter(|_| self.is_news(format!("{place} is bad"))) {
            let lines = parsed.left_out;
            tracing::warn!(
                source = place,
                lines,
                line,
                "merged Prometheus text has lines that cannot be read; left out"
            );
        }
        parsed
    }

    /// Takes the names of a family, if they are free.
    fn has_room(&self, taken: &mut Taken, name: &str, kind: FamilyKind, whose: &str) -> bool {
        let taken_by = taken.take(name, kind);
        if let Some(other) = &taken_by
            && self.is_news(format!("{name} {kind:?} {whose}"))
        {
            tracing::warn!(
                metric = name,
                "metric {name}, {whose}, is not exposed: {other} is taken. Rename it, or set a namespace on the monitor"
            );
        }
        taken_by.is_none()
    }

    /// Whether this was not told before.
    fn is_news(&self, what: String) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MAX_TOLD && told.insert(what)
    }
}

/// The names that are given away: of families, and of their samples.
#[derive(Debug)]
struct Taken {
    /// What monitors tell of themselves begins so.
    reserved: String,
    names: HashSet<String>,
}

impl Taken {
    /// The names of our own families, of the kinds that have series.
    fn by_ours(registry: &Registry, prefix: &str) -> Self {
        let mut taken = Self { reserved: format!("{prefix}perf_"), names: HashSet::new() };
        let series = registry.all();
        let kinds = series.chunk_by(|one, other| one.identity.kind == other.identity.kind);
        for kind in kinds.filter_map(|series| Some(series.first()?.identity.kind)) {
            let family = kind.family();
            let wholes = Kind::ALL.into_iter().map(Kind::family).filter(|whole| whole.parts == Some(kind));
            let wholes = wholes.map(|whole| whole.in_flight);
            let plain = [family.counter, family.in_flight, family.busy, family.slow_polls].into_iter().chain(wholes);
            let histogram =
                FamilyKind::Histogram.suffixes().iter().map(|suffix| format!("{}{suffix}", family.histogram));
            let profile = Figure::ALL.into_iter().map(|figure| figure.name(kind));
            let names = plain.chain([family.histogram]).map(ToOwned::to_owned).chain(histogram).chain(profile);
            for name in names.map(|name| format!("{prefix}{name}")) {
                // What the family goes by in OpenMetrics.
                taken.names.extend(name.strip_suffix("_total").map(ToOwned::to_owned));
                taken.names.insert(name);
            }
        }
        taken
    }

    /// Takes a family's names; says which one is given away already, if one is.
    fn take(&mut self, name: &str, kind: FamilyKind) -> Option<String> {
        let samples = kind.suffixes().iter().map(|suffix| format!("{name}{suffix}"));
        let names: BTreeSet<String> = samples.chain([name.to_owned()]).collect();
        if let Some(taken) = names.iter().find(|name| self.has(name)) {
            return Some(taken.clone());
        }
        self.names.extend(names);
        None
    }

    fn has(&self, name: &str) -> bool {
        name.starts_with(&self.reserved) || self.names.contains(name)
    }

    /// What a family is in a format. In `OpenMetrics` only what ends with `_total` is a counter, and it goes by its name
    /// without: where that is another's, nothing is said of its type.
    fn kind_in(&self, format: Format, name: &str, kind: FamilyKind) -> FamilyKind {
        let stripped = name.strip_suffix("_total").filter(|name| !name.is_empty() && !self.has(name));
        let is_hidden = format == Format::OpenMetrics && kind == FamilyKind::Counter && stripped.is_none();
        if is_hidden { FamilyKind::Unknown } else { kind }
    }
}

fn kind_of(kind: CustomKind) -> FamilyKind {
    match kind {
        CustomKind::Counter => FamilyKind::Counter,
        CustomKind::Gauge => FamilyKind::Gauge,
        CustomKind::Histogram => FamilyKind::Histogram,
    }
}

fn write_custom(format: Format, metric: &CustomMetric, taken: &Taken) -> Block {
    let kind = taken.kind_in(format, &metric.name, kind_of(metric.kind));
    let no_words = format!("A {} of the application.", metric.kind);
    let help = metric.help.as_deref().unwrap_or(&no_words);
    let mut text = FamilyText::new(format, &metric.name, kind, Some(help), metric.unit.as_deref());
    for series in &metric.series {
        write_series(format, series, &mut text);
    }
    text.into_block()
}

fn write_series(format: Format, series: &CustomSeries, text: &mut FamilyText<'_>) {
    match &series.value {
        CustomValue::Counter(count) => text.sample("", labels_of(series), count, None),
        CustomValue::Total(value) | CustomValue::Gauge(value) => {
            text.sample("", labels_of(series), Number(*value), None);
        }
        CustomValue::Histogram(reading) => {
            for bucket in &reading.buckets {
                let le = bound(format, bucket.le);
                text.sample("_bucket", labels_of(series).chain([("le", le.as_str())]), bucket.count, None);
            }
            text.sample("_bucket", labels_of(series).chain([("le", "+Inf")]), reading.count, None);
            // `OpenMetrics` knows no sum of values that may be below zero.
            if format == Format::Prometheus || reading.buckets.iter().all(|bucket| bucket.le >= 0.0) {
                text.sample("_sum", labels_of(series), Number(reading.sum), None);
                text.sample("_count", labels_of(series), reading.count, None);
            }
        }
    }
}

fn labels_of(series: &CustomSeries) -> impl Iterator<Item = (&str, &str)> {
    series.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn write_merged(format: Format, family: &Family<'_>, taken: &Taken) -> Block {
    let kind = taken.kind_in(format, family.name, family.kind);
    let mut text = FamilyText::new(format, family.name, kind, family.help.as_deref(), None);
    for sample in &family.samples {
        let labels = sample.labels.iter().map(|(name, value)| (*name, &**value));
        text.sample(sample.suffix, labels, sample.value, sample.timestamp);
    }
    text.into_block()
}

#[cfg(test)]
mod tests;
