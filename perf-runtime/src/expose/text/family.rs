//! Which families there are, by what names, and what stands above their samples.

use super::format::Format;
use super::profile::Figure;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::known as names;
use std::borrow::Cow;

/// One family of metrics.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) part: Part,
    /// The name in HELP and TYPE.
    pub(super) name: String,
    pub(super) samples: SampleNames,
    /// The lines above the samples: HELP, TYPE and, in OpenMetrics, UNIT.
    pub(super) head: String,
}

/// The names of a family's samples, each with the brace behind it.
#[derive(Debug)]
pub(super) struct SampleNames {
    /// Of all but a histogram's.
    pub(super) own: String,
    pub(super) bucket: String,
    pub(super) sum: String,
    pub(super) count: String,
}

/// What a family says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Counter(Kind),
    Histogram(Kind),
    /// Calls in flight; of what is not measured as a whole, its parts.
    InFlight(Kind),
    Busy(Kind),
    SlowPolls(Kind),
    /// What calls used.
    Profile(Kind, Figure),
    /// Calls whose label value was replaced.
    Overflow,
}

impl Part {
    fn counts_up(self) -> bool {
        !matches!(self, Self::Histogram(_) | Self::InFlight(_))
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Histogram(_) => "histogram",
            Self::InFlight(_) => "gauge",
            _ => "counter",
        }
    }

    fn name(self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Counter(kind) => kind.family().counter,
            Self::Histogram(kind) => kind.family().histogram,
            Self::InFlight(kind) => kind.family().in_flight,
            Self::Busy(kind) => kind.family().busy,
            Self::SlowPolls(kind) => kind.family().slow_polls,
            Self::Profile(kind, figure) => return figure.name(kind).into(),
            Self::Overflow => names::PERF_LABEL_OVERFLOW_TOTAL,
        };
        fixed.into()
    }

    fn help(self) -> String {
        let of = |kind: Kind, text: &str| upper_first(kind.family().plural) + text;
        match self {
            Self::Counter(kind) => of(kind, " that ended, by outcome."),
            Self::Histogram(kind) => of(kind, ": duration in seconds, by outcome."),
            Self::InFlight(kind) if kind.family().parts.is_some() => {
                let whole = kind.as_str();
                let text = " that have started and not ended; their steps, where the ";
                of(kind, text) + whole + " itself is not measured."
            }
            Self::InFlight(kind) => of(kind, " that have started and not ended."),
            Self::Busy(kind) => of(kind, " that ended: seconds in which they ran, without those in which they waited."),
            Self::SlowPolls(kind) => of(kind, ": polls that kept their thread for long."),
            Self::Profile(kind, figure) => of(kind, figure.help()),
            Self::Overflow => "Calls whose label value was replaced because the label has too many values.".to_owned(),
        }
    }

    /// Whether a sample of this part may be named so: the family's name and this behind it.
    fn has_samples_named(self, suffix: &str) -> bool {
        match self {
            Self::Histogram(_) => matches!(suffix, "_bucket" | "_count" | "_sum" | "_created"),
            Self::InFlight(_) => false,
            _ => matches!(suffix, "_total" | "_created"),
        }
    }
}

/// All families that there can be, sorted by name.
pub(super) fn families(format: Format, prefix: &str) -> Vec<Family> {
    let of_kinds = Kind::ALL.into_iter().flat_map(|kind| {
        let always =
            [Part::Counter, Part::Histogram, Part::InFlight, Part::Busy, Part::SlowPolls].map(|part| part(kind));
        always.into_iter().chain(Figure::ALL.map(|figure| Part::Profile(kind, figure)))
    });
    let mut families: Vec<Family> =
        of_kinds.chain([Part::Overflow]).map(|part| Family::new(part, format, prefix)).collect();
    families.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    families
}

/// The place of the family that a name is taken by: it is the family's own, or that of one of its samples.
pub(super) fn taken_by(families: &[Family], name: &str) -> Option<usize> {
    let place = |name: &str| families.binary_search_by(|family| family.name.as_str().cmp(name)).ok();
    place(name).or_else(|| {
        let (stem, suffix) = name.split_at(name.rfind('_')?);
        place(stem).filter(|&place| families.get(place).is_some_and(|family| family.part.has_samples_named(suffix)))
    })
}

impl Family {
    fn new(part: Part, format: Format, prefix: &str) -> Self {
        let sample = format!("{prefix}{}", part.name());
        // In OpenMetrics a counter's family is named without what its samples' names end with.
        let suffix = if format == Format::OpenMetrics && part.counts_up() { "_total" } else { "" };
        let name = sample.strip_suffix(suffix).unwrap_or(&sample).to_owned();
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        let unit = unit.filter(|_| format == Format::OpenMetrics);
        let unit = unit.map(|unit| format!("# UNIT {name} {unit}\n")).unwrap_or_default();
        let head = format!("# HELP {name} {}\n# TYPE {name} {}\n{unit}", part.help(), part.type_name());
        let samples = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{sample}{suffix}{{"));
        let [own, bucket, sum, count] = samples;
        Self { part, name, samples: SampleNames { own, bucket, sum, count }, head }
    }
}

fn upper_first(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}
