//! Points in time as the data has them: a date and a clock time without a zone, kept as seconds since 1970.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 24 * HOUR;
pub(crate) const WEEK: i64 = 7 * DAY;

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Reads `2014-07-01 00:30:00`; nothing before 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    seconds(DateTime::strptime(FORMAT, text).ok()?)
}

/// As [`parse`], and also a day alone, and `T` between date and time: what one writes into a URL.
pub(crate) fn parse_loosely(text: &str) -> Option<i64> {
    let day = || seconds(Date::strptime("%Y-%m-%d", text).ok()?.at(0, 0, 0, 0));
    parse(text).or_else(|| seconds(DateTime::strptime("%Y-%m-%dT%H:%M:%S", text).ok()?)).or_else(day)
}

pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

pub(crate) fn show(at: i64) -> String {
    format(FORMAT, at)
}

pub(crate) fn show_day(at: i64) -> String {
    format("%Y-%m-%d", at)
}

/// The day with its weekday: `Saturday 2014-11-01`.
pub(crate) fn show_weekday(at: i64) -> String {
    format("%A %Y-%m-%d", at)
}

fn seconds(moment: DateTime) -> Option<i64> {
    let seconds = TimeZone::UTC.to_timestamp(moment).ok()?.as_second();
    (seconds >= 0).then_some(seconds)
}

fn format(format: &str, at: i64) -> String {
    // A number that is no date can only come from a database that somebody else wrote to: show it as it is.
    Timestamp::from_second(at).map_or_else(|_| at.to_string(), |moment| moment.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_shown_again() {
        let at = parse("2014-11-01 23:30:00").expect("a date");
        assert_eq!(at, 1_414_884_600);
        assert_eq!(show(at), "2014-11-01 23:30:00");
        assert_eq!(show_weekday(at), "Saturday 2014-11-01");
        assert_eq!(parse_loosely("2014-11-01T23:30:00"), Some(at));
        assert_eq!(parse_loosely("2014-11-01").map(show).as_deref(), Some("2014-11-01 00:00:00"));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in ["", "2014-02-30 00:00:00", "2014-11-01", "1969-12-31 23:59:59", "2014-11-01 24:00:00", "now"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
