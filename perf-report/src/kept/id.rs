//! Ids of kept reports: the name of a report in an address and of its files, read strictly.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// The longest text that is read as an id.
const LONGEST: usize = 96;
/// Seconds of a moment, in UTC.
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// The id of a kept report: `daily-2026-11-28`, `weekly-2026-W48` (of ISO 8601), `session-20261128T050311Z` (when the process was first
/// observed, in UTC), `range-20261128T060000Z-20261128T070000Z`, or `compare-` with the two ends of the range before and those of the one after.
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
    /// The ends of the range before, and of the one after.
    Comparison([i64; 2], [i64; 2]),
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
    /// Two ranges side by side.
    Comparison,
}

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Session, Self::Range, Self::Comparison];

    /// The word for it, such as `day`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Session => "session",
            Self::Range => "range",
            Self::Comparison => "comparison",
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

    pub(crate) fn comparison(before: [SystemTime; 2], after: [SystemTime; 2]) -> Option<Self> {
        let ends = |[from, to]: [SystemTime; 2]| Some([seconds(from)?, seconds(to)?]);
        Some(Self(Of::Comparison(ends(before)?, ends(after)?)))
    }

    /// Of a comparison, the range before, to the second.
    pub fn range_before(self) -> Option<[SystemTime; 2]> {
        let Of::Comparison(before, _) = self.0 else { return None };
        let at = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?));
        Some([at(before[0])?, at(before[1])?])
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
            Of::Comparison(..) => ReportKind::Comparison,
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
            Of::Comparison([from, to], [after, end]) => {
                write!(f, "compare-{}-{}-{}-{}", moment(from), moment(to), moment(after), moment(end))
            }
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
            let [from, to] = read_range(rest)?;
            Of::Range(from, to)
        }
        "compare" => {
            let (end, _) = rest.match_indices('-').nth(1)?;
            Of::Comparison(read_range(rest.get(..end)?)?, read_range(rest.get(end + 1..)?)?)
        }
        _ => return None,
    })
}

fn read_range(text: &str) -> Option<[i64; 2]> {
    let (from, to) = text.split_once('-')?;
    let range = [read_moment(from)?, read_moment(to)?];
    (range[0] < range[1]).then_some(range)
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

    const COMPARED: &str = "compare-20261128T050000Z-20261128T060000Z-20261128T060000Z-20261128T070000Z";

    #[test]
    fn an_id_reads_as_it_is_written() {
        for (text, kind) in [
            ("daily-2026-11-28", ReportKind::Day),
            ("weekly-2026-W48", ReportKind::Week),
            ("weekly-2020-W53", ReportKind::Week),
            ("session-20261128T050311Z", ReportKind::Session),
            ("range-20261128T060000Z-20261128T070000Z", ReportKind::Range),
            (COMPARED, ReportKind::Comparison),
        ] {
            let id: ReportId = text.parse().unwrap();
            assert_eq!((id.to_string().as_str(), id.kind()), (text, kind));
        }
        let week: ReportId = "weekly-2026-W01".parse().unwrap();
        assert_eq!(week.of(), Of::Week(jiff::civil::date(2025, 12, 29)));
        assert_eq!(week.range_before(), None);
        let compared: ReportId = COMPARED.parse().unwrap();
        let [from, to] = compared.range_before().unwrap();
        assert_eq!(perf_runtime::text::rfc3339(from), "2026-11-28T05:00:00.000Z");
        assert_eq!(to.duration_since(from).unwrap(), Duration::from_secs(3_600));
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
            "compare-20261128T050000Z-20261128T060000Z",
            "compare-20261128T050000Z-20261128T060000Z-20261128T060000Z",
            "compare-20261128T060000Z-20261128T050000Z-20261128T060000Z-20261128T070000Z",
            "compare-20261128T050000Z-20261128T060000Z-20261128T060000Z-20261128T070000Z-",
            "compare-20261128T050000Z-20261128T060000Z-20261128T060000Z-20261128T070000Z-20261128T080000Z",
            &long,
        ] {
            assert_eq!(text.parse::<ReportId>(), Err(InvalidId), "{text:?}");
        }
    }
}
