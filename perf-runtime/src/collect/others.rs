//! Families of others: the application's own metrics, and the texts that are served together with ours.
//!
//! No family and no sample's name is there twice. Where two want the same, ours comes first, then the application's own
//! metrics in the order in which they were made, then the texts in the order in which they were given. A family that
//! is left out is told once.

use super::families::PartFamily;
use super::model::{Buckets, End, Family, FamilyType, Front, Histogram, Sample, SampleLabels, Value};
use super::number::Number;
use crate::log_level::tell;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::metrics::reading::{MetricReading, MetricSeries, MetricValue};
use crate::observe::series::registry::Registry;
use merged::{Family as Merged, Parsed};
use of_parts::TextsOfParts;
use parse::parse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

mod groups;
mod lines;
mod merged;
mod of_parts;
mod parse;
mod reserved;
mod source;

pub use of_parts::ExposedText;
pub(crate) use reserved::InOpenMetrics;
pub(crate) use source::Source;

/// The most things that are remembered to have been told.
const MAX_TOLD: usize = 1_000;

/// Everything that is exposed beside our own families.
#[derive(Debug, Default)]
pub(crate) struct Others {
    sources: Vec<Source>,
    of_parts: Arc<TextsOfParts>,
    told: Mutex<BTreeSet<String>>,
}

impl Others {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        Self { sources, of_parts: Arc::default(), told: Mutex::default() }
    }

    /// Whether another text is served together with ours.
    #[cfg(feature = "metrics")]
    pub(crate) fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Adds the text of a part, until the guard is dropped.
    pub(crate) fn add_of_part(&self, source: Source) -> ExposedText {
        self.of_parts.add(source)
    }

    /// The texts of all sources, as they are now.
    pub(crate) fn texts(&self) -> Vec<String> {
        let of_parts = self.of_parts.sources();
        self.sources.iter().chain(&of_parts).enumerate().map(|(place, source)| self.text(place, source)).collect()
    }

    /// The families that have room beside those of calls, sorted by name. `texts` are those of [`texts`](Self::texts);
    /// the families of calls come with what stands before their names.
    pub(crate) fn families<'a>(
        &self,
        texts: &'a [String],
        registry: &Registry,
        (prefix, of_calls): (&str, &[PartFamily]),
    ) -> Vec<OtherFamily<'a>> {
        let mut custom = registry.custom().metrics();
        custom.sort_by_key(|metric| metric.made);
        let parsed: Vec<Parsed<'a>> = texts.iter().enumerate().map(|(place, text)| self.parsed(place, text)).collect();

        let mut taken = Taken::by_calls(registry, prefix, of_calls);
        custom.retain(|metric| self.has_room(&mut taken, &metric.name, kind_of(metric.kind), "the application's own"));
        let merged: Vec<Merged<'a>> = parsed.into_iter().flat_map(|parsed| parsed.families).collect();
        let mut merged = self.joined(merged);
        merged.retain(|family| self.has_room(&mut taken, &family.name, family.kind, "of a merged text"));
        merged.iter_mut().for_each(Merged::tidy);

        let of_custom = custom.into_iter().map(From::Own);
        let families: Vec<From<'a>> = of_custom.chain(merged.into_iter().map(From::Merged)).collect();
        let kinds = families.iter().map(|from| (from.name(), from.kind()));
        let shown = reserved::in_open_metrics(&taken.of_calls, &taken.names, kinds);
        let mut families: Vec<OtherFamily<'a>> =
            families.into_iter().zip(shown).map(|(from, open_metrics)| OtherFamily { from, open_metrics }).collect();
        families.sort_by(|one, other| one.name().cmp(other.name()));
        families
    }

    /// The families of all texts, those of one name and type as one. Where they say different things of the same labels, the
    /// first is right.
    fn joined<'a>(&self, merged: Vec<Merged<'a>>) -> Vec<Merged<'a>> {
        let mut places: HashMap<(String, FamilyType), usize> = HashMap::new();
        let mut joined: Vec<Merged<'a>> = Vec::new();
        for family in merged {
            let key = (family.name.to_string(), family.kind);
            let Some(known) = places.get(&key).and_then(|place| joined.get_mut(*place)) else {
                places.insert(key, joined.len());
                joined.push(family);
                continue;
            };
            let left_out = known.join(family);
            if left_out > 0 && self.is_news(format!("{} twice", key.0)) {
                let metric = key.0;
                tell!(WARN, metric, left_out, "two merged Prometheus texts have the same samples; the first are shown");
            }
        }
        joined
    }

    fn text(&self, place: usize, source: &Source) -> String {
        source.text().unwrap_or_else(|| {
            if self.is_news(format!("{place} panicked")) {
                tell!(WARN, source = place, "a source of merged Prometheus text panicked; it is left out");
            }
            String::new()
        })
    }

    fn parsed<'a>(&self, place: usize, text: &'a str) -> Parsed<'a> {
        let parsed = parse(text);
        if let Some(line) = parsed.first_left_out.filter(|_| self.is_news(format!("{place} is bad"))) {
            let lines = parsed.left_out;
            let what = "merged Prometheus text has lines that are not of the format; what cannot be read is left out";
            tell!(WARN, source = place, lines, line, "{what}");
        }
        parsed
    }

    /// Takes the names of a family, if they are free.
    fn has_room(&self, taken: &mut Taken, name: &str, kind: FamilyType, whose: &str) -> bool {
        let taken_by = taken.take(name, kind);
        if let Some(other) = &taken_by
            && self.is_news(format!("{name} {kind:?} {whose}"))
        {
            tell!(
                WARN,
                metric = name,
                "metric {name}, {whose}, is not exposed: {other} is taken. Rename it, or set a namespace on the monitor"
            );
        }
        taken_by.is_none()
    }

    /// Tells once that a family has no place in OpenMetrics.
    pub(crate) fn tell_left_out(&self, name: &str) {
        if self.is_news(format!("{name} in OpenMetrics")) {
            tell!(
                WARN,
                metric = name,
                "metric {name} is not exposed as OpenMetrics: the format reserves its name for another. Rename it"
            );
        }
    }

    /// Tells once that some samples of a family have no place in OpenMetrics.
    pub(crate) fn tell_samples_left_out(&self, name: &str, samples: usize) {
        if self.is_news(format!("samples of {name} in OpenMetrics")) {
            tell!(
                WARN,
                metric = name,
                samples,
                "metric {name} has samples that OpenMetrics does not allow for its type; they are on the page in Prometheus text alone"
            );
        }
    }

    /// The warnings so far.
    #[cfg(test)]
    pub(crate) fn told(&self) -> BTreeSet<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    /// The prefix of the metrics that monitors have of themselves.
    reserved: String,
    names: HashSet<String>,
    /// The families of calls.
    of_calls: Vec<(String, FamilyType)>,
}

impl Taken {
    /// The names of the families of calls, of the kinds that have series.
    fn by_calls(registry: &Registry, prefix: &str, of_calls: &[PartFamily]) -> Self {
        let mut taken = Self { reserved: format!("{prefix}perf_"), names: HashSet::new(), of_calls: Vec::new() };
        let series = registry.all();
        let kinds = series.chunk_by(|one, other| one.identity.kind == other.identity.kind);
        let kinds: Vec<Kind> = kinds.filter_map(|series| Some(series.first()?.identity.kind)).collect();
        for PartFamily { part, name, .. } in of_calls.iter().filter(|family| family.part.may_say(&kinds)) {
            // The family's name in OpenMetrics.
            taken.names.extend(name.strip_suffix("_total").map(ToOwned::to_owned));
            taken.names.extend(part.kind().suffixes().iter().map(|suffix| format!("{name}{suffix}")));
            taken.names.insert(name.clone());
            taken.of_calls.push((name.clone(), part.kind()));
        }
        taken
    }

    /// Takes a family's names; says which one is given away already, if one is.
    fn take(&mut self, name: &str, kind: FamilyType) -> Option<String> {
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
}

fn kind_of(kind: MetricKind) -> FamilyType {
    match kind {
        MetricKind::Counter => FamilyType::Counter,
        MetricKind::Gauge => FamilyType::Gauge,
        MetricKind::Histogram => FamilyType::Histogram,
    }
}

/// A family that is not of calls.
#[derive(Debug)]
pub(crate) struct OtherFamily<'a> {
    from: From<'a>,
    /// How it is shown in OpenMetrics.
    pub(crate) open_metrics: InOpenMetrics,
}

/// Where a family comes from.
#[derive(Debug)]
enum From<'a> {
    Own(MetricReading),
    Merged(Merged<'a>),
}

impl From<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Own(metric) => &metric.name,
            Self::Merged(family) => &family.name,
        }
    }

    fn kind(&self) -> FamilyType {
        match self {
            Self::Own(metric) => kind_of(metric.kind),
            Self::Merged(family) => family.kind,
        }
    }
}

impl OtherFamily<'_> {
    pub(crate) fn name(&self) -> &str {
        self.from.name()
    }

    /// The family. The application's own have always a help text: [`words`] where nobody gave one.
    pub(crate) fn family(&self) -> Family<'_> {
        let name = self.name();
        match &self.from {
            From::Own(metric) => {
                let help = Some(metric.help.as_deref().unwrap_or(words(metric.kind)));
                Family { name, kind: kind_of(metric.kind), unit: metric.unit.as_deref(), help }
            }
            From::Merged(family) => Family { name, kind: family.kind, unit: family.unit, help: family.help.as_deref() },
        }
    }

    /// Shows its samples.
    pub(crate) fn samples(&self, mut show: impl FnMut(&Sample<'_>)) {
        match &self.from {
            From::Own(metric) => metric.series.iter().for_each(|series| show(&of_own(series))),
            From::Merged(family) => family.samples.iter().for_each(|one| show(&of_merged(one))),
        }
    }

    /// Shows the samples that OpenMetrics takes of a family of this type, and says how many others there are.
    pub(crate) fn samples_of_open_metrics(&self, mut show: impl FnMut(&Sample<'_>)) -> usize {
        let From::Merged(family) = &self.from else {
            self.samples(show);
            return 0;
        };
        // By its whole name and without a type a family may have any samples.
        let refused = if self.open_metrics == InOpenMetrics::AsItIs { family.refused() } else { Vec::new() };
        let is_refused = |place: usize| refused.get(place) == Some(&true);
        let taken = family.samples.iter().enumerate().filter(|&(place, _)| !is_refused(place));
        taken.for_each(|(_, one)| show(&of_merged(one)));
        refused.into_iter().filter(|refused| *refused).count()
    }
}

/// Shows each series of the application's own metrics, with its family.
pub(crate) fn own_families(registry: &Registry, mut show: impl FnMut(&Family<'_>, &Sample<'_>)) {
    for metric in registry.custom().metrics() {
        let family = OtherFamily { from: From::Own(metric), open_metrics: InOpenMetrics::AsItIs };
        family.samples(|sample| show(&family.family(), sample));
    }
}

fn of_own(series: &MetricSeries) -> Sample<'_> {
    let value = match &series.value {
        MetricValue::Counter(count) => Value::Number(Number::Count(*count)),
        MetricValue::Total(value) | MetricValue::Gauge(value) => Value::Number(Number::Float(*value)),
        MetricValue::Histogram(reading) => Value::Histogram(Histogram(Buckets::Own(reading))),
    };
    let labels = SampleLabels { front: Front::Own(&series.labels), end: End::Nothing };
    Sample { from_zero: series.from_zero, ..Sample::new(labels, value) }
}

fn of_merged<'a>(one: &'a merged::Sample<'_>) -> Sample<'a> {
    let labels = SampleLabels { front: Front::Merged(&one.labels), end: End::Nothing };
    let sample = Sample::new(labels, Value::Number(Number::Written(one.value)));
    Sample { suffix: one.suffix, timestamp: one.timestamp, exemplar: one.exemplar.as_deref(), ..sample }
}

/// The help text of a metric of the application's that has none.
const fn words(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "A counter of the application.",
        MetricKind::Gauge => "A gauge of the application.",
        MetricKind::Histogram => "A histogram of the application.",
    }
}
