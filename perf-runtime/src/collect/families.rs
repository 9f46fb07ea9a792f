//! The families of calls: which there can be, by what names, and what they say of themselves.

use super::edges::EdgeFigure;
use super::model::{Family, FamilyType};
use super::profile::Figure;
use super::streams::StreamFigure;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::known as names;
use std::borrow::Cow;

/// The content of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Counter(Kind),
    Histogram(Kind),
    /// Calls in flight; of what is not measured as a whole, its parts.
    InFlight(Kind),
    Busy(Kind),
    SlowPolls(Kind),
    /// The time of calls without that of the calls inside them.
    SelfTime(Kind),
    /// Calls that were made inside others.
    Edges(EdgeFigure),
    /// The resource use of calls.
    Profile(Kind, Figure),
    /// The items of calls that are streams.
    Stream(Kind, StreamFigure),
    /// The processor time of calls without that of the calls inside them, by samples.
    SelfCpu(Kind),
    /// Calls whose label value was replaced.
    Overflow,
}

/// One family of calls, with its texts made.
#[derive(Debug)]
pub(crate) struct PartFamily {
    pub(crate) part: Part,
    pub(crate) name: String,
    pub(crate) help: String,
}

impl Part {
    pub(crate) fn kind(self) -> FamilyType {
        match self {
            Self::Histogram(_) => FamilyType::Histogram,
            Self::Stream(_, figure) if figure.is_histogram() => FamilyType::Histogram,
            Self::InFlight(_) => FamilyType::Gauge,
            _ => FamilyType::Counter,
        }
    }

    /// The name without the namespace.
    fn name(self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Counter(kind) => kind.family().counter,
            Self::Histogram(kind) => kind.family().histogram,
            Self::InFlight(kind) => kind.family().in_flight,
            Self::Busy(kind) => kind.family().busy,
            Self::SlowPolls(kind) => kind.family().slow_polls,
            Self::SelfTime(kind) => return format!("{}_self_seconds_total", kind.stem()).into(),
            Self::SelfCpu(kind) => return format!("{}_self_cpu_seconds_total", kind.stem()).into(),
            Self::Edges(figure) => figure.name(),
            Self::Profile(kind, figure) => return figure.name(kind).into(),
            Self::Stream(kind, figure) => return figure.name(kind).into(),
            Self::Overflow => names::PERF_LABEL_OVERFLOW_TOTAL,
        };
        fixed.into()
    }

    /// Whether it may have samples, where these kinds have series.
    pub(crate) fn may_say(self, kinds: &[Kind]) -> bool {
        match self {
            Self::Counter(kind)
            | Self::Histogram(kind)
            | Self::Busy(kind)
            | Self::SlowPolls(kind)
            | Self::SelfTime(kind)
            | Self::SelfCpu(kind)
            | Self::Profile(kind, _)
            | Self::Stream(kind, _) => kinds.contains(&kind),
            Self::InFlight(kind) => {
                kinds.contains(&kind) || kind.family().parts.is_some_and(|parts| kinds.contains(&parts))
            }
            // Its name is reserved, as are all that begin so.
            Self::Overflow => false,
            Self::Edges(_) => !kinds.is_empty(),
        }
    }

    fn help(self) -> String {
        let of = |kind: Kind, text: &str| upper_first(kind.family().plural) + text;
        match self {
            Self::Counter(kind) => of(kind, " that ended, by outcome."),
            Self::Histogram(kind) => of(kind, ": duration in seconds, by outcome."),
            Self::InFlight(kind) if kind.family().parts.is_some() => {
                let whole = kind.as_str();
                of(kind, " that have started and not ended; their steps, where the ")
                    + whole
                    + " itself is not measured."
            }
            Self::InFlight(kind) => of(kind, " that have started and not ended."),
            Self::Busy(kind) => of(kind, " that ended: seconds in which they ran, without those in which they waited."),
            Self::SlowPolls(kind) => of(kind, ": polls that kept their thread for long."),
            Self::SelfTime(kind) => of(kind, " that ended: seconds without those of the calls inside them."),
            Self::SelfCpu(kind) => {
                of(kind, ": seconds on a processor, without those of the calls inside them, by a profiler's samples.")
            }
            Self::Edges(figure) => figure.help().to_owned(),
            Self::Profile(kind, figure) => of(kind, figure.help()),
            Self::Stream(kind, figure) => of(kind, figure.help()),
            Self::Overflow => "Calls whose label value was replaced because the label has too many values.".to_owned(),
        }
    }
}

impl PartFamily {
    fn new(part: Part, prefix: &str) -> Self {
        Self { part, name: format!("{prefix}{}", part.name()), help: part.help() }
    }

    /// The unit that its name ends with, apart from the `_total` of a counter.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        let name = if self.part.kind() == FamilyType::Counter { self.name.strip_suffix("_total") } else { None };
        let name = name.unwrap_or(&self.name);
        ["seconds", "bytes"].into_iter().find(|unit| name.strip_suffix(unit).is_some_and(|front| front.ends_with('_')))
    }

    pub(crate) fn family(&self) -> Family<'_> {
        Family { name: &self.name, kind: self.part.kind(), unit: self.unit(), help: Some(&self.help) }
    }
}

/// All families of calls that there can be, sorted by name; those of the tree of calls only `with_edges`.
pub(crate) fn families(prefix: &str, with_edges: bool) -> Vec<PartFamily> {
    let of_kinds = Kind::ALL.into_iter().flat_map(|kind| {
        let always = [Part::Counter, Part::Histogram, Part::InFlight, Part::Busy, Part::SlowPolls, Part::SelfCpu]
            .map(|part| part(kind));
        let of_streams = StreamFigure::ALL.map(|figure| Part::Stream(kind, figure));
        always.into_iter().chain(Figure::ALL.map(|figure| Part::Profile(kind, figure))).chain(of_streams)
    });
    let of_edges = Kind::ALL.into_iter().map(Part::SelfTime).chain(EdgeFigure::ALL.map(Part::Edges));
    let all = of_kinds.chain([Part::Overflow]).chain(of_edges.filter(|_| with_edges));
    let mut families: Vec<PartFamily> = all.map(|part| PartFamily::new(part, prefix)).collect();
    families.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    families
}

fn upper_first(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}
