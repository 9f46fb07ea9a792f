//! Times and spans as text: one place for how they are read and written.

use jiff::fmt::friendly::{Designator, SpanPrinter};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::{Span, SpanRelativeTo, SpanRound, Timestamp, Unit};
use serde::{Deserialize, Deserializer, Serializer};
use std::time::{Duration, SystemTime};

/// Writes a time as RFC 3339 in UTC with milliseconds: `2026-11-21T03:05:00.000Z`. Times outside of the years -9999 to
/// 9999 are written as the nearest that is inside.
pub fn rfc3339(at: SystemTime) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&timestamp(at))
}

/// The path of a source file as people know it: of a library from a registry or from git, without the folder that the library was put
/// into, which is another one on each machine: `tokio-1.54.1/src/time/sleep.rs`. Others are as the compiler knows them.
pub(crate) fn source_path(file: &str) -> &str {
    // Below a registry's folder is one of its index, below that of git's checkouts one of the repository and one of the commit.
    let after = |folders: [&str; 2], own: usize| {
        let (_, below) = folders.into_iter().find_map(|folder| file.split_once(folder))?;
        below.splitn(own + 1, ['/', '\\']).nth(own)
    };
    let registry = || after(["/registry/src/", r"\registry\src\"], 1);
    let git = || after(["/git/checkouts/", r"\git\checkouts\"], 2);
    registry().or_else(git).unwrap_or(file)
}

/// Cuts a time to the millisecond: as it is written, so that it is the same once it is read back.
pub(crate) fn to_millis(at: SystemTime) -> SystemTime {
    let below = |since: Duration| Duration::from_nanos(u64::from(since.subsec_nanos() % 1_000_000));
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => at.checked_sub(below(since)).unwrap_or(at),
        Err(_) => at,
    }
}

/// Reads a time in RFC 3339, with any offset; `None` where the text is no such time.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    text.parse::<Timestamp>().ok().map(SystemTime::from)
}

/// Reads a span of time with its units, such as `250ms`, `30s`, `1h 30m` or `30d` (a day has 24 hours); `None` where the
/// text is no such span, or one below zero.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    // The parser takes ISO 8601 (`PT5M`) too, which nobody is told of.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(signed).ok()
}

/// Writes a span of time with its units, such as `1m 30s` or `30d`, to the nanosecond.
pub fn show_duration(span: Duration) -> String {
    const PRINTER: SpanPrinter = SpanPrinter::new().designator(Designator::HumanTime);
    let rounding = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    let balanced = Span::try_from(span).and_then(|span| span.round(rounding));
    // A span of more than 19,998 years is none that anybody sets.
    balanced.map_or_else(|_| PRINTER.unsigned_duration_to_string(&span), |span| PRINTER.span_to_string(&span))
}

/// Moments in JSON: RFC 3339 in UTC, to the millisecond. For `#[serde(with = "text::moment")]`.
pub mod moment {
    use super::{Deserialize, Deserializer, Serializer, SystemTime, parse_rfc3339, rfc3339};
    use serde::de::Error;

    /// Writes a time, as [`rfc3339`] does.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(*at))
    }

    /// Reads a time, with any offset.
    ///
    /// # Errors
    /// The value is no text in RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rfc3339(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no time of RFC 3339")))
    }
}

/// Moments in JSON, or null. For `#[serde(with = "text::moment_or_none")]`.
pub mod moment_or_none {
    use super::{Deserialize, Deserializer, Serializer, SystemTime, moment};

    /// Writes a time, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => moment::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a time with any offset, or null.
    ///
    /// # Errors
    /// The value is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        #[derive(Deserialize)]
        struct Moment(#[serde(with = "moment")] SystemTime);
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|Moment(at)| at))
    }
}

/// Numbers in JSON, which has none for infinity: as in the HTTP API of Prometheus, a number that is not finite is one of the texts
/// `"NaN"`, `"+Inf"` and `"-Inf"`. For `#[serde(with = "text::any_number")]`.
pub(crate) mod any_number {
    use super::{Deserialize, Deserializer, Serializer};
    use serde::de::Error;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            number if number.is_finite() || !serializer.is_human_readable() => serializer.serialize_f64(*number),
            number if number.is_nan() => serializer.serialize_str("NaN"),
            number if *number > 0.0 => serializer.serialize_str("+Inf"),
            _ => serializer.serialize_str("-Inf"),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        if !deserializer.is_human_readable() {
            return f64::deserialize(deserializer);
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "+Inf" => Ok(f64::INFINITY),
                "-Inf" => Ok(f64::NEG_INFINITY),
                _ => Err(D::Error::custom(format_args!("{text:?} is no number, \"NaN\", \"+Inf\" or \"-Inf\""))),
            },
        }
    }
}

/// As [`any_number`], or null. For `#[serde(with = "text::any_number_or_none")]`.
pub(crate) mod any_number_or_none {
    use super::{Deserialize, Deserializer, Serializer, any_number};
    use serde::Serialize;

    #[derive(Serialize, Deserialize)]
    struct Number(#[serde(with = "any_number")] f64);

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        number.map(Number).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Number>::deserialize(deserializer)?.map(|Number(number)| number))
    }
}

fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(if at < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[test]
    fn times_are_written_to_the_millisecond_and_read_back() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_230_300_250);
        let text = rfc3339(at);
        assert_eq!(text, "2026-11-21T03:05:00.250Z");
        assert_eq!(parse_rfc3339(&text), Some(at));
        assert_eq!(parse_rfc3339("2026-11-21T04:05:00.25+01:00"), Some(at));
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn a_time_that_is_cut_is_read_back_as_it_was() {
        let at = to_millis(SystemTime::now());
        assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
        let early = SystemTime::UNIX_EPOCH - Duration::from_nanos(5);
        assert_eq!(to_millis(early), early);
    }

    #[test]
    fn spans_are_read_with_their_units_and_in_no_other_way() {
        let read = |text| parse_duration(text).map(|span| span.as_secs_f64());
        assert_eq!(read("250ms"), Some(0.25));
        assert_eq!(read("30s"), Some(30.0));
        assert_eq!(read("1h 30m"), Some(5_400.0));
        assert_eq!(read("30d"), Some(2_592_000.0));
        assert_eq!(read("1day"), Some(86_400.0));
        assert_eq!(read("2 weeks"), Some(1_209_600.0));
        for bad in ["", "5", "-5s", "PT5M", "5 apples", "1.5.5s", "soon"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_read_back() {
        #[derive(Serialize, Deserialize)]
        struct Numbers(#[serde(with = "any_number")] f64, #[serde(with = "any_number_or_none")] Option<f64>);
        for (number, written) in [
            (0.5, "0.5"),
            (3.0, "3.0"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"+Inf\""),
            (f64::NEG_INFINITY, "\"-Inf\""),
        ] {
            let json = serde_json::to_string(&Numbers(number, Some(number))).unwrap();
            assert_eq!(json, format!("[{written},{written}]"));
            let Numbers(one, other) = serde_json::from_str(&json).unwrap();
            // Of NaN no bits are promised.
            assert!([Some(one), other].iter().all(|read| {
                read.is_some_and(|read| read.to_bits() == number.to_bits() || number.is_nan() && read.is_nan())
            }));
        }
        assert_eq!(serde_json::to_string(&Numbers(1.0, None)).unwrap(), "[1.0,null]");
        assert!(serde_json::from_str::<Numbers>("[1,null]").unwrap().1.is_none());
        for bad in ["[\"Infinity\",null]", "[null,null]", "[true,null]"] {
            assert!(serde_json::from_str::<Numbers>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_of_a_library_has_no_folder_of_this_machine() {
        for (path, shown) in [
            ("src/db/points.rs", "src/db/points.rs"),
            ("/home/ada/shop/src/main.rs", "/home/ada/shop/src/main.rs"),
            ("/home/ada/.cargo/registry/src/index.crates.io-19/tokio-1.54.1/src/lib.rs", "tokio-1.54.1/src/lib.rs"),
            ("/home/ada/.cargo/git/checkouts/tokio-3f/9a1/tokio/src/lib.rs", "tokio/src/lib.rs"),
            (r"C:\Users\ada\.cargo\registry\src\index-19\tokio-1.54.1\src\lib.rs", r"tokio-1.54.1\src\lib.rs"),
            ("/home/ada/.cargo/registry/src/lib.rs", "/home/ada/.cargo/registry/src/lib.rs"),
        ] {
            assert_eq!(source_path(path), shown);
        }
    }

    #[test]
    fn spans_are_written_as_they_are_read() {
        for text in ["0s", "250ms", "1s", "1m 30s", "1d", "8d 1h", "5m"] {
            let span = parse_duration(text).unwrap();
            assert_eq!(show_duration(span), text);
        }
    }
}
