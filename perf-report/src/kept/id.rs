//! Ids of kept reports: the name of a report in an address and of its files, read strictly.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// The longest text that is read as an id.
const LONGEST: usize = 64;
/// Seconds of a moment, in UTC.
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// The id of a kept report: `daily-2026-11-28`, `weekly-2026-W48` (of ISO 8601), `session-20261128T050311Z` (when the process was first
/// observed, in UTC) or `range-20261128T060000Z-20261128T070000Z`.
///
/// A text is read as an id where it is written so, to the letter, and as nothing else: no path can be hidden in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId(Of);

/// By kind, and then by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Of {
    Day(Date),
    /// The week that begins on this Monday.
    Week(Date),
    /// Seconds since 1970.
    Session(i64),
    Range(i64, i64),
}

/// The occasion of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReportKind {
    /// A day from midnight to midnight.
    Day,
    /// A week from Monday to Monday.
    Week,
    /// The life of a process.
    Session,
    /// A range that somebody asked for.
    Range,
}

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Session, Self::Range];

    /// The word for it, such as `day`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Session => "session",
            Self::Range => "range",
        }
    }
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no [`ReportId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidId;

impl InvalidId {
    /// The texts that are allowed.
    pub const ALLOWED: &'static str =
        "the id of a report, such as daily-2026-11-28, weekly-2026-W48 or session-20261128T050311Z";
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "allowed is {}", Self::ALLOWED)
    }
}

impl Error for InvalidId {}

impl ReportId {
    pub(crate) fn day(date: Date) -> Self {
        Self(Of::Day(date))
    }

    /// The week that this Monday begins.
    pub(crate) fn week(monday: Date) -> Self {
        Self(Of::Week(monday))
    }

    /// `None` for a time that has no name: before 1970, or after the year 9999.
    pub(crate) fn session(started: SystemTime) -> Option<Self> {
        Some(Self(Of::Session(seconds(started)?)))
    }

    pub(crate) fn range(from: SystemTime, to: SystemTime) -> Option<Self> {
        Some(Self(Of::Range(seconds(from)?, seconds(to)?)))
    }

    pub(crate) fn of(self) -> Of {
        self.0
    }

    /// The occasion.
    pub fn kind(self) -> ReportKind {
        match self.0 {
            Of::Day(_) => ReportKind::Day,
            Of::Week(_) => ReportKind::Week,
            Of::Session(_) => ReportKind::Session,
            Of::Range(..) => ReportKind::Range,
        }
    }
}

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Of::Day(date) => write!(f, "daily-{date}"),
            Of::Week(monday) => {
                let week = monday.iso_week_date();
                write!(f, "weekly-{:04}-W{:02}", week.year(), week.week())
            }
            Of::Session(at) => write!(f, "session-{}", moment(at)),
            Of::Range(from, to) => write!(f, "range-{}-{}", moment(from), moment(to)),
        }
    }
}

impl Serialize for ReportId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ReportId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() > LONGEST {
            return Err(InvalidId);
        }
        let id = read(text).map(Self).ok_or(InvalidId)?;
        // One way to write each: what reads as an id is the name of its files.
        if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
    }
}

fn read(text: &str) -> Option<Of> {
    let (kind, rest) = text.split_once('-')?;
    Some(match kind {
        "daily" => Of::Day(Date::strptime("%Y-%m-%d", rest).ok()?),
        "weekly" => {
            let (year, week) = rest.split_once("-W")?;
            Of::Week(ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?.date())
        }
        "session" => Of::Session(read_moment(rest)?),
        "range" => {
            let (from, to) = rest.split_once('-')?;
            let (from, to) = (read_moment(from)?, read_moment(to)?);
            if from >= to {
                return None;
            }
            Of::Range(from, to)
        }
        _ => return None,
    })
}

fn moment(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime(MOMENT).to_string()
}

fn read_moment(text: &str) -> Option<i64> {
    let at = DateTime::strptime(MOMENT, text).ok()?;
    let seconds = TimeZone::UTC.to_timestamp(at).ok()?.as_second();
    (seconds >= 0).then_some(seconds)
}

/// Whole seconds since 1970.
pub(crate) fn seconds(at: SystemTime) -> Option<i64> {
    let at = Timestamp::try_from(at).ok()?;
    (at >= Timestamp::UNIX_EPOCH).then(|| at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        for (text, kind) in [
            ("daily-2026-11-28", ReportKind::Day),
            ("weekly-2026-W48", ReportKind::Week),
            ("weekly-2020-W53", ReportKind::Week),
            ("session-20261128T050311Z", ReportKind::Session),
            ("range-20261128T060000Z-20261128T070000Z", ReportKind::Range),
        ] {
            let id: ReportId = text.parse().unwrap();
            assert_eq!((id.to_string().as_str(), id.kind()), (text, kind));
        }
        let week: ReportId = "weekly-2026-W01".parse().unwrap();
        assert_eq!(week.of(), Of::Week(jiff::civil::date(2025, 12, 29)));
    }

    #[test]
    fn nothing_else_is_an_id() {
        let long = "daily-".repeat(1_000);
        for text in [
            "",
            "daily",
            "daily-",
            "daily-2026-11-31",
            "daily-2026-1-1",
            "daily- 2026-11-28",
            "Daily-2026-11-28",
            "daily-2026-11-28 ",
            "daily-2026-11-28.html",
            "daily-2026-11-28/../../etc/passwd",
            "../../etc/passwd",
            "..%2F..%2Fetc%2Fpasswd",
            "daily-2026-11-28\0",
            "daily-２０２６-11-28",
            "weekly-2026-W54",
            "weekly-2025-W53",
            "weekly-2026-W1",
            "weekly-2026-w48",
            "weekly-+2026-W48",
            "session-17",
            "session-20261128T050360Z",
            "session-19690101T000000Z",
            "range-20261128T060000Z",
            "range-20261128T060000Z-20261128T060000Z",
            "range-20261128T070000Z-20261128T060000Z",
            &long,
        ] {
            assert_eq!(text.parse::<ReportId>(), Err(InvalidId), "{text:?}");
        }
    }
}
