//! The name of a series in one text.

use super::identity::write_labels;
use super::labels::Labels;
use crate::measure::model::kind::Kind;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A kind and the labels of a series. Its text is the series' name in the API, in alerts and in health; in JSON it is that
/// text.
///
/// In a value, `,` and `\` have a backslash before them, so that no two series have the same text.
///
/// ```
/// use perf_runtime::Kind;
/// use perf_runtime::series::SeriesId;
///
/// let id: SeriesId = "db_operation{operation=select,table=users}".parse()?;
/// assert_eq!((id.kind, id.labels.get("table")), (Kind::DbOperation, Some("users")));
/// assert_eq!(id.to_string(), "db_operation{operation=select,table=users}");
/// # Ok::<(), perf_runtime::series::NoSeriesId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId {
    /// The kind of work that the series measures.
    pub kind: Kind,
    /// The names and values of its labels. None of a kind as a whole: `db_operation{}`.
    pub labels: Labels,
}

impl SeriesId {
    /// The name without labels that are known only when a call has ended: of requests without their status, as edges and shares name them.
    #[must_use]
    pub fn without_late_labels(&self) -> Self {
        let labels = self.labels.pairs().filter(|(name, _)| !self.kind.is_late(name));
        Self { kind: self.kind, labels: labels.collect() }
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        write_labels(f, self.labels.pairs())
    }
}

/// The error of a text that is no series' name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSeriesId;

impl fmt::Display for NoSeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no series: a kind and its labels are needed, such as operation{operation=checkout}")
    }
}

impl std::error::Error for NoSeriesId {}

impl FromStr for SeriesId {
    type Err = NoSeriesId;

    fn from_str(text: &str) -> Result<Self, NoSeriesId> {
        let (kind, rest) = text.split_once('{').ok_or(NoSeriesId)?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(NoSeriesId)?;
        Ok(Self { kind, labels: pairs_of(rest.strip_suffix('}').ok_or(NoSeriesId)?)?.into() })
    }
}

impl SeriesId {
    /// Labels as a part of a series' name: `{operation=select,table=users}`.
    pub(crate) fn labels_of(text: &str) -> Result<Vec<(String, String)>, NoSeriesId> {
        pairs_of(text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(NoSeriesId)?)
    }
}

fn pairs_of(text: &str) -> Result<Vec<(String, String)>, NoSeriesId> {
    let pair = |pair: String| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    split(text)?.into_iter().map(|part| pair(part).ok_or(NoSeriesId)).collect()
}

/// The parts between commas, without the backslashes that escape.
fn split(text: &str) -> Result<Vec<String>, NoSeriesId> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let (mut parts, mut part) = (Vec::new(), String::new());
    let mut chars = text.chars();
    while let Some(one) = chars.next() {
        match one {
            ',' => parts.push(std::mem::take(&mut part)),
            '\\' => part.push(chars.next().filter(|escaped| matches!(escaped, ',' | '\\')).ok_or(NoSeriesId)?),
            one => part.push(one),
        }
    }
    parts.push(part);
    Ok(parts)
}

impl Serialize for SeriesId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SeriesId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::series::identity::Identity;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_series_is_refused() {
        let no_series = [
            "",
            "operation",
            "operation{operation=a",
            "operations{operation=a}",
            "operation{a}",
            "operation{a=b,}",
            r"operation{a=\b}",
            r"operation{a=b\}",
        ];
        for text in no_series {
            assert_eq!(text.parse::<SeriesId>(), Err(NoSeriesId), "{text}");
        }
        let error = serde_json::from_str::<SeriesId>(r#""checkout""#).unwrap_err();
        assert!(error.to_string().contains("operation{operation=checkout}"), "{error}");
    }

    #[test]
    fn a_kind_as_a_whole_has_no_labels() {
        let whole: SeriesId = "tool{}".parse().unwrap();
        assert_eq!((whole.kind, whole.labels.len(), whole.to_string().as_str()), (Kind::Tool, 0, "tool{}"));
    }

    proptest! {
        #[test]
        fn a_name_is_read_back_whatever_the_values_hold(one in r"[a,\\={}é]{0,8}", other in ".{0,8}") {
            let identity = Identity::of_values(Kind::DbOperation, &[&one, &other]);
            let id: SeriesId = identity.to_string().parse().unwrap();
            prop_assert_eq!((id.labels.get("operation"), id.labels.get("table")), (Some(&*one), Some(&*other)));
            prop_assert_eq!(id.to_string(), identity.to_string());
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<SeriesId>(&json).unwrap(), id);
        }
    }
}
