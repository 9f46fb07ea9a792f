//! The labels of a series as they are shown.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Names and values of labels, in their order. In JSON an object: `{"operation":"select","table":"users"}`.
///
/// A clone costs a count and no memory: all summaries of a series share one text. It is a slice of pairs as well.
///
/// ```
/// use perf_runtime::series::Labels;
///
/// let labels: Labels = [("operation", "select"), ("table", "users")].into_iter().collect();
/// assert_eq!(labels.get("table"), Some("users"));
/// assert_eq!(labels.get("server"), None);
/// assert_eq!(labels.len(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(String, String)]>);

impl Labels {
    /// The value of a label; `None` where there is no such label. Costs a look at each name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Names and values, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Default for Labels {
    /// No labels.
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Deref for Labels {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<(String, String)>> for Labels {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs.into())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = &'a (String, String);
    type IntoIter = std::slice::Iter<'a, (String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pairs()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.pairs())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, String>()? {
                    pairs.push(pair);
                }
                Ok(pairs.into())
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_an_object_in_their_own_order() {
        let labels: Labels = [("table", "users"), ("operation", "a\"b")].into_iter().collect();
        let text = serde_json::to_string(&labels).unwrap();
        assert_eq!(text, r#"{"table":"users","operation":"a\"b"}"#);
        assert_eq!(serde_json::from_str::<Labels>(&text).unwrap(), labels);
        assert_eq!(serde_json::to_string(&Labels::default()).unwrap(), "{}");
        let error = serde_json::from_str::<Labels>(r#"[["table","users"]]"#).unwrap_err();
        assert!(error.to_string().contains("an object of texts"), "{error}");
    }

    #[test]
    fn labels_are_found_by_name_and_shown_as_pairs() {
        let labels = Labels::from(vec![("b".to_owned(), "1".to_owned()), ("a".to_owned(), String::new())]);
        assert_eq!((labels.get("a"), labels.get("b"), labels.get("c")), (Some(""), Some("1"), None));
        assert_eq!(format!("{labels:?}"), r#"{"b": "1", "a": ""}"#);
        assert_eq!((&labels).into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }
}
