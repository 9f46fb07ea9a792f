//! The names that OpenMetrics reserves for each family, and which family gives way where two want the same.
//!
//! A counter `orders_total` goes by `orders` and reserves `orders_created` beside it; histograms and summaries reserve their
//! name with `_created`. A page on which two families claim one name is refused as a whole
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/#metricfamily>), so here one gives way: a counter is shown without
//! its type, by its whole name, and what has the name of something reserved is left out, and told.

use crate::collect::model::FamilyType;
use std::collections::HashSet;

/// How a family is shown in OpenMetrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InOpenMetrics {
    /// With its type.
    AsItIs,
    /// By its whole name, with no type: what OpenMetrics would call it is taken.
    Untyped,
    /// Not at all: its name is reserved for another.
    LeftOut,
}

/// The names that a family claims.
fn claims(name: &str, kind: FamilyType) -> Vec<String> {
    let stem = stem(name, kind);
    let ends: &[&str] = match kind {
        FamilyType::Counter => &["", "_total", "_created"],
        FamilyType::Info => &["", "_info"],
        FamilyType::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
        FamilyType::Summary => &["", "_sum", "_count", "_created"],
        FamilyType::GaugeHistogram => &["", "_bucket", "_gsum", "_gcount"],
        FamilyType::Gauge | FamilyType::StateSet | FamilyType::Unknown => &[""],
    };
    ends.iter().map(|end| format!("{stem}{end}")).collect()
}

/// The name that the family goes by.
fn stem(name: &str, kind: FamilyType) -> &str {
    name.strip_suffix(kind.stem_suffix()).unwrap_or(name)
}

/// How each of the other families is shown, which come in the order in which they have a right to a name. `of_calls` come
/// before them and give way to none. `names` are those of all families and their samples.
pub(super) fn in_open_metrics<'a>(
    of_calls: &[(String, FamilyType)],
    names: &HashSet<String>,
    others: impl Iterator<Item = (&'a str, FamilyType)> + Clone,
) -> Vec<InOpenMetrics> {
    let mut claimed: HashSet<String> = of_calls.iter().flat_map(|(name, kind)| claims(name, *kind)).collect();
    let mut claim = |wanted: Vec<String>| {
        let is_free = !wanted.iter().any(|name| claimed.contains(name));
        if is_free {
            claimed.extend(wanted);
        }
        is_free
    };
    let as_it_is = |is_free: bool| if is_free { InOpenMetrics::AsItIs } else { InOpenMetrics::LeftOut };
    // Families of several names that cannot go by another claim theirs first.
    let several = |name: &str, kind: FamilyType| kind.stem_suffix().is_empty() && claims(name, kind).len() > 1;
    let first: Vec<Option<InOpenMetrics>> =
        others.clone().map(|(name, kind)| several(name, kind).then(|| as_it_is(claim(claims(name, kind))))).collect();
    let shown = others.zip(first).map(|((name, kind), known)| {
        if let Some(known) = known {
            return known;
        }
        let whole = || vec![name.to_owned()];
        if kind.stem_suffix().is_empty() {
            return as_it_is(claim(whole()));
        }
        let (stem, wanted) = (stem(name, kind), claims(name, kind));
        let has_stem = stem.len() < name.len() && !stem.is_empty();
        // Its own name is among the names; another's must not be.
        let is_anothers = wanted.iter().any(|wanted| wanted != name && names.contains(wanted));
        if has_stem && !is_anothers && claim(wanted) {
            return InOpenMetrics::AsItIs;
        }
        if claim(whole()) { InOpenMetrics::Untyped } else { InOpenMetrics::LeftOut }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use FamilyType::{Counter, Gauge, Histogram};
    use InOpenMetrics::{AsItIs, LeftOut, Untyped};

    fn shown<const N: usize>(families: [(&str, FamilyType); N]) -> [InOpenMetrics; N] {
        let samples = |(name, kind): (&str, FamilyType)| {
            let ends = kind.suffixes().iter().map(|end| format!("{name}{end}")).collect::<Vec<_>>();
            ends.into_iter().chain([name.to_owned()])
        };
        let names = families.into_iter().flat_map(samples).collect();
        in_open_metrics(&[], &names, families.into_iter()).try_into().unwrap()
    }

    #[test]
    fn of_two_that_want_one_name_one_gives_way() {
        assert_eq!(shown([("orders_total", Counter), ("orders_created_total", Counter)]), [AsItIs, Untyped]);
        assert_eq!(shown([("orders_created_total", Counter), ("orders_total", Counter)]), [AsItIs, Untyped]);
        assert_eq!(shown([("orders_total", Counter), ("orders_created", Gauge)]), [Untyped, AsItIs]);
        assert_eq!(shown([("job_seconds", Histogram), ("job_seconds_created", Gauge)]), [AsItIs, LeftOut]);
        assert_eq!(shown([("job_seconds_created", Gauge), ("job_seconds", Histogram)]), [LeftOut, AsItIs]);
        assert_eq!(shown([("jobs_total", Counter), ("jobs", Gauge)]), [Untyped, AsItIs]);
        assert_eq!(shown([("job", Histogram), ("job_created", Histogram)]), [AsItIs, LeftOut]);
        assert_eq!(shown([("job_created", Histogram), ("job", Histogram)]), [AsItIs, LeftOut]);
        assert_eq!(shown([("hits_total", Counter), ("misses", Counter), ("depth", Gauge)]), [AsItIs, Untyped, AsItIs]);
    }

    #[test]
    fn calls_give_way_to_none() {
        let of_calls = [("operations_total".to_owned(), Counter), ("operation_seconds".to_owned(), Histogram)];
        let names = HashSet::new();
        let others = [("operations_created", Gauge), ("operation_seconds_created", Gauge), ("other", Gauge)];
        assert_eq!(in_open_metrics(&of_calls, &names, others.into_iter()), [LeftOut, LeftOut, AsItIs]);
        let others = [("operation_seconds_created", Histogram)];
        assert_eq!(in_open_metrics(&of_calls, &names, others.into_iter()), [LeftOut]);
    }
}
