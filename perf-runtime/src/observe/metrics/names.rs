//! Names and labels as Prometheus takes them.
//!
//! <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>

use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::identity::shorten;
use std::borrow::Cow;

/// The longest name of a metric or a label, in bytes. Longer ones are cut.
const MAX_NAME_BYTES: usize = 256;

/// A metric's name: what is not a letter, a digit, `_` or `:` becomes `_`, and one stands before a first digit.
pub(crate) fn metric_name(name: &str) -> Cow<'_, str> {
    sanitised(name, |char| char.is_ascii_alphanumeric() || char == '_' || char == ':')
}

/// A label's name: the same without `:`. Two underscores at its front are one, for Prometheus keeps the others to itself;
/// and a histogram's own `le` is not to be mistaken for its buckets'.
pub(crate) fn label_name(name: &str, kind: MetricKind) -> Cow<'_, str> {
    let name = sanitised(name, |char| char.is_ascii_alphanumeric() || char == '_');
    let more = name.len() - name.trim_start_matches('_').len();
    match name {
        name if kind == MetricKind::Histogram && name == "le" => Cow::Borrowed("exported_le"),
        name if more < 2 => name,
        Cow::Borrowed(name) => Cow::Borrowed(&name[more - 1..]),
        Cow::Owned(mut name) => {
            name.drain(..more - 1);
            Cow::Owned(name)
        }
    }
}

fn sanitised(name: &str, is_allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let starts_well = name.starts_with(|first: char| is_allowed(first) && !first.is_ascii_digit());
    if starts_well && name.len() <= MAX_NAME_BYTES && name.chars().all(&is_allowed) {
        return Cow::Borrowed(name);
    }
    let front = if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) { "_" } else { "" };
    let rest = name.chars().map(|char| if is_allowed(char) { char } else { '_' });
    Cow::Owned(front.chars().chain(rest).take(MAX_NAME_BYTES).collect())
}

/// Labels in the order of their names, as they tell series apart: each name once (the last that was given stays), values cut
/// at 128 bytes, and without those that are empty, for to Prometheus an empty label is none.
pub(crate) fn labels<'a>(
    kind: MetricKind,
    given: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(Cow<'a, str>, &'a str)> {
    let mut labels: Vec<_> = given.map(|(name, value)| (label_name(name, kind), shorten(value))).collect();
    // Stable, so the last of a name is the last given; `dedup_by` keeps the first, hence from behind.
    labels.reverse();
    labels.sort_by(|(one, _), (other, _)| one.cmp(other));
    labels.dedup_by(|(one, _), (other, _)| one == other);
    labels.retain(|(_, value)| !value.is_empty());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_what_prometheus_takes() {
        let names = [
            ("http_requests_total", "http_requests_total"),
            ("cache.hit-ratio", "cache_hit_ratio"),
            ("9lives", "_9lives"),
            ("größe", "gr__e"),
            ("a:b", "a:b"),
            ("", "_"),
        ];
        for (given, expected) in names {
            assert_eq!(metric_name(given), expected);
        }
        let labels = [("a:b", "a_b"), ("__name__", "_name__"), ("___", "_"), ("_a", "_a"), ("le", "le"), ("", "_")];
        for (given, expected) in labels {
            assert_eq!(label_name(given, MetricKind::Gauge), expected);
        }
        assert_eq!(label_name("le", MetricKind::Histogram), "exported_le");
    }

    #[test]
    fn labels_are_one_set_in_whatever_order_they_come() {
        let given = [("b", "1"), ("a.x", "2"), ("empty", ""), ("b", "3"), ("a_x", "")];
        assert_eq!(labels(MetricKind::Counter, given.into_iter()), [("b".into(), "3")]);
    }

    proptest! {
        #[test]
        fn every_name_is_valid(name in "\\PC{0,300}") {
            let (metric, label) = (metric_name(&name), label_name(&name, MetricKind::Gauge));
            prop_assert!(!metric.is_empty() && metric.len() <= MAX_NAME_BYTES);
            prop_assert!(!metric.starts_with(|first: char| first.is_ascii_digit()));
            prop_assert!(metric.chars().all(|char| char.is_ascii_alphanumeric() || "_:".contains(char)));
            prop_assert!(!label.is_empty() && !label.starts_with("__"));
            prop_assert!(label.chars().all(|char| char.is_ascii_alphanumeric() || char == '_'));
            prop_assert_eq!(metric_name(&metric), metric.clone());
        }
    }
}
