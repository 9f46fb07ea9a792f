//! By what names the families of calls go in a format, and what stands above their samples.

use super::format::Format;
use crate::collect::families::{Part, PartFamily};
use crate::collect::model::FamilyType;

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

/// All families, sorted by the names that they go by in a format.
pub(super) fn families(format: Format, all: &[PartFamily]) -> Vec<Family> {
    let mut families: Vec<Family> = all.iter().map(|family| Family::new(family, format)).collect();
    families.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    families
}

/// The place of the family that a name is taken by: it is the family's own, or that of one of its samples.
pub(super) fn taken_by(families: &[Family], name: &str, format: Format) -> Option<usize> {
    let place = |name: &str| families.binary_search_by(|family| family.name.as_str().cmp(name)).ok();
    place(name).or_else(|| {
        let (stem, suffix) = name.split_at(name.rfind('_')?);
        place(stem)
            .filter(|&place| families.get(place).is_some_and(|family| has_samples_named(family.part, suffix, format)))
    })
}

/// Whether a sample of a part may be named so: the family's name and this behind it.
fn has_samples_named(part: Part, suffix: &str, format: Format) -> bool {
    let is_open_metrics = format == Format::OpenMetrics;
    match part.kind() {
        FamilyType::Histogram => {
            matches!(suffix, "_bucket" | "_count" | "_sum") || (is_open_metrics && suffix == "_created")
        }
        FamilyType::Counter => is_open_metrics && matches!(suffix, "_total" | "_created"),
        _ => false,
    }
}

impl Family {
    fn new(of: &PartFamily, format: Format) -> Self {
        let PartFamily { part, name: sample, help } = of;
        let kind = part.kind();
        // In OpenMetrics a counter's family is named without what its samples' names end with.
        let suffix = if format == Format::OpenMetrics && kind == FamilyType::Counter { "_total" } else { "" };
        let name = sample.strip_suffix(suffix).unwrap_or(sample).to_owned();
        let unit = of.unit().filter(|_| format == Format::OpenMetrics);
        let unit = unit.map(|unit| format!("# UNIT {name} {unit}\n")).unwrap_or_default();
        let head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{unit}");
        let [own, bucket, sum, count] = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{sample}{suffix}{{"));
        Self { part: *part, name, samples: SampleNames { own, bucket, sum, count }, head }
    }
}
