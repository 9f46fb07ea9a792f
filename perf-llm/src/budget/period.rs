use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How long a budget lasts before it begins anew, by the calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// It never begins anew.
    Forever,
    /// From midnight to midnight.
    Day,
    /// From the first day of a month to the first of the next.
    Month,
}

impl Period {
    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forever => "forever",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The period of a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Forever, Self::Day, Self::Month].into_iter().find(|period| period.name() == name)
    }

    /// The window that a moment (in seconds since 1970) is in.
    pub(super) fn window(self, now: i64) -> Window {
        match self {
            Self::Forever => Window { id: 0, ends: i64::MAX },
            Self::Day => {
                let id = now.div_euclid(DAY);
                Window { id, ends: id.saturating_add(1).saturating_mul(DAY) }
            }
            Self::Month => month(now).unwrap_or(Window { id: 0, ends: i64::MAX }),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One turn of a period: its number, and its end in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) id: i64,
    pub(super) ends: i64,
}

fn month(now: i64) -> Option<Window> {
    let date = Timestamp::from_second(now).ok()?.to_zoned(TimeZone::UTC).date();
    let (year, month) = (date.year(), date.month());
    let (next_year, next_month) = if month == 12 { (year.checked_add(1)?, 1) } else { (year, month + 1) };
    let end = Date::new(next_year, next_month, 1).ok()?.to_zoned(TimeZone::UTC).ok()?;
    let id = i64::from(year) * 12 + i64::from(month) - 1;
    Some(Window { id, ends: end.timestamp().as_second() })
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_the_calendar() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        for (period, now, ends) in [
            (Period::Day, "2026-11-28T23:59:59Z", "2026-11-29T00:00:00Z"),
            (Period::Day, "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
            (Period::Month, "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"),
            (Period::Month, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
        ] {
            let window = period.window(at(now));
            assert_eq!(window.ends, at(ends), "{now}");
            assert_eq!(period.window(at(ends)).id, window.id + 1, "{now}");
            assert_eq!(period.window(at(ends) - 1), window, "{now}");
        }
    }
}
