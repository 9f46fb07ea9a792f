//! Names with `*` in them.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A name, or several by `*`, which stands for any text, an empty one too: `http-*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(start) else { return false };
        let mut pieces = rest.split('*');
        // The last piece stands at the end; those before it where they are found first.
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            let Some((_, after)) = text.split_once(piece) else { return false };
            text = after;
        }
        text.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("a name, or a pattern such as \"http-*\", and not an empty text"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let matches = |pattern: &str, text: &str| Pattern(pattern.to_owned()).matches(text);
        assert!(matches("cpu", "cpu") && !matches("cpu", "cpus"));
        assert!(matches("http-*", "http-errors") && matches("http-*", "http-") && !matches("http-*", "http"));
        assert!(matches("*-errors", "http-errors") && !matches("*-errors", "http-errors-2"));
        assert!(matches("a*b*c", "a--b--b--c") && !matches("a*b*c", "a--c--b"));
        assert!(matches("*", "") && matches("**", "x"));
        assert!(!matches("ab*ba", "aba"), "the two ends do not overlap");
    }
}
