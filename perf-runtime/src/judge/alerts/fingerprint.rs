//! The stable name of an alert: the same in every process and after each restart.

use crate::judge::rule::observation::Labels;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A rule and the labels of a series in one number: alerts with the same fingerprint are about the same thing, in every
/// process and after each restart. Shown, and written in JSON, as 16 hexadecimal digits.
///
/// It is the 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>) of the rule's id and the sorted names and
/// values of the labels, each with the byte 0xff behind it, as Prometheus makes its fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a rule and the labels of a series.
    pub(crate) fn of(rule: &str, labels: &Labels) -> Self {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut sorted: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        sorted.sort_unstable();
        let texts = [rule].into_iter().chain(sorted.into_iter().flat_map(|(name, value)| [name, value]));
        let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
        Self(bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
    }

    /// The number itself.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The digits are no fingerprint: it has 16 hexadecimal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no fingerprint: 16 hexadecimal digits are needed")
    }
}

impl std::error::Error for NoFingerprint {}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let is_hexadecimal = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).map_err(|_| NoFingerprint)?;
        if is_hexadecimal { Ok(Self(number)) } else { Err(NoFingerprint) }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_same_thing_has_the_same_fingerprint_for_ever() {
        let one = Fingerprint::of("http-latency", &labels(&[("route", "/a"), ("method", "GET")]));
        let same = Fingerprint::of("http-latency", &labels(&[("method", "GET"), ("route", "/a")]));
        assert_eq!(one, same, "whatever the order of the labels");
        // Written down: it is kept on disk and sent to receivers, so no version may change it.
        assert_eq!(one.to_string(), "79202f02d00be429");
        assert_eq!(Fingerprint::of("", &[]).to_string(), "af64724c8602eb6e");
    }

    #[test]
    fn other_things_have_another() {
        let all = [
            Fingerprint::of("a", &labels(&[("b", "c")])),
            Fingerprint::of("ab", &labels(&[("", "c")])),
            Fingerprint::of("a", &labels(&[("bc", "")])),
            Fingerprint::of("a", &[]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(all[place + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn it_is_read_back_and_nothing_else_is() {
        let one = Fingerprint::of("a", &[]);
        assert_eq!(one.to_string().parse(), Ok(one));
        for bad in ["", "af64724c8602eb6", "+f64724c8602eb6e", "af64724c8602eb6g"] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(NoFingerprint), "{bad:?}");
        }
    }
}
