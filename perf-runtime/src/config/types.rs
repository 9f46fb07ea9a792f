//! Types for the settings of parts.

use crate::text;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A span of time in settings, written with its unit: `"250ms"`, `"30s"`, `"5m"`, `"1h 30m"`, `"30d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A share in settings, written as `"80%"` or `0.8`: 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

const SPAN: &str = "a span with its unit, such as \"1s\" or \"250ms\"";
const SHARE: &str = "a share, such as \"80%\" or 0.8";

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spans;
        impl Visitor<'_> for Spans {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SPAN)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                text::parse_duration(text).map(Span).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Spans)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text::show_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shares;
        impl Visitor<'_> for Shares {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHARE)
            }

            fn visit_f64<E: Error>(self, share: f64) -> Result<Share, E> {
                let is_share = (0.0..=1.0).contains(&share);
                is_share.then_some(Share(share)).ok_or_else(|| E::invalid_value(Unexpected::Float(share), &self))
            }

            fn visit_i64<E: Error>(self, share: i64) -> Result<Share, E> {
                self.visit_f64(share as f64)
            }

            fn visit_u64<E: Error>(self, share: u64) -> Result<Share, E> {
                self.visit_f64(share as f64)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
                let trimmed = text.trim();
                let percent = trimmed.strip_suffix('%').map(|percent| (percent.trim(), 100.0));
                let (number, of) = percent.unwrap_or((trimmed, 1.0));
                let share = number.parse::<f64>().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))?;
                self.visit_f64(share / of)
            }
        }
        deserializer.deserialize_any(Shares)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}
