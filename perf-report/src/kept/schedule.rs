//! When reports are due: by the calendar of a time zone.

use super::id::{Of, ReportId, seconds};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use std::time::SystemTime;

/// So many periods are made at once at most, where a process was not there for long: the latest.
pub(super) const MOST_MISSED: usize = 7;

/// The occasions on which reports are made by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) zone: TimeZone,
    pub(crate) daily: Option<Time>,
    pub(crate) weekly: Option<(Weekday, Time)>,
    pub(crate) session: bool,
}

/// A day or a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) id: ReportId,
    pub(crate) from: SystemTime,
    pub(crate) to: SystemTime,
    /// When its report is due; when it is over where none is.
    pub(crate) due: SystemTime,
}

/// Days, or weeks by their Mondays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Day,
    Week,
}

impl Length {
    fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
        }
    }

    fn id(self, first: Date) -> ReportId {
        match self {
            Self::Day => ReportId::day(first),
            Self::Week => ReportId::week(first),
        }
    }
}

impl Schedule {
    /// Whether anything is made by itself.
    pub(crate) fn is_any(&self) -> bool {
        self.daily.is_some() || self.weekly.is_some() || self.session
    }

    /// The lengths of periods whose reports are made by themselves.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = Length> {
        let daily = self.daily.map(|_| Length::Day);
        daily.into_iter().chain(self.weekly.map(|_| Length::Week))
    }

    /// The last period that is over.
    pub(crate) fn last_over(&self, length: Length, now: SystemTime) -> Option<Period> {
        let period = self.period(length, after(self.current(length, now)?, -length.days())?)?;
        // A day that is skipped has no time: the one before it.
        if period.from < period.to {
            Some(period)
        } else {
            self.period(length, after(first_of(period.id)?, -length.days())?)
        }
    }

    /// The periods whose reports are due, the first first: those after the newest that there is, the latest at most, and without one the last.
    pub(crate) fn due(&self, length: Length, now: SystemTime, newest: Option<ReportId>) -> Vec<Period> {
        let newest = newest.and_then(first_of);
        let Some(mut first) = self.current(length, now) else { return Vec::new() };
        let mut due = Vec::new();
        // One that is over may not be due yet.
        for _ in 0..=MOST_MISSED {
            let Some(before) = after(first, -length.days()) else { break };
            first = before;
            if newest.is_some_and(|newest| first <= newest) || due.len() == MOST_MISSED {
                break;
            }
            let Some(period) = self.period(length, first) else { break };
            if period.due <= now && period.from < period.to {
                due.push(period);
                if newest.is_none() {
                    break;
                }
            }
        }
        due.reverse();
        due
    }

    /// The report that is due next, and when.
    pub(crate) fn next(&self, now: SystemTime) -> Option<(ReportId, SystemTime)> {
        let next_of = |length: Length| {
            // The time of today may be ahead, that of the period before.
            let first = after(self.current(length, now)?, -length.days())?;
            let coming = (0..=2).filter_map(|ahead| self.period(length, after(first, ahead * length.days())?));
            coming
                .filter(|period| period.due > now && period.from < period.to)
                .map(|period| (period.due, period.id))
                .min()
        };
        self.lengths().filter_map(next_of).min().map(|(due, id)| (id, due))
    }

    /// The day or the week of an id.
    pub(crate) fn period_of(&self, id: ReportId) -> Option<Period> {
        match id.of() {
            Of::Day(first) => self.period(Length::Day, first),
            Of::Week(first) => self.period(Length::Week, first),
            Of::Session(_) | Of::Range(..) | Of::Comparison(..) => None,
        }
    }

    /// Whether the time of a report is over; of a session, whether it began.
    pub(crate) fn is_over(&self, id: ReportId, now: SystemTime) -> bool {
        match id.of() {
            Of::Day(_) | Of::Week(_) => self.period_of(id).is_some_and(|period| period.to <= now),
            Of::Session(at) | Of::Range(_, at) => seconds(now).is_some_and(|now| at <= now),
            Of::Comparison([_, before], [_, after]) => seconds(now).is_some_and(|now| before.max(after) <= now),
        }
    }

    /// The first day of the period that goes on.
    fn current(&self, length: Length, now: SystemTime) -> Option<Date> {
        let today = Timestamp::try_from(now).ok()?.to_zoned(self.zone.clone()).date();
        match length {
            Length::Day => Some(today),
            Length::Week => after(today, -i64::from(today.weekday().to_monday_zero_offset())),
        }
    }

    fn period(&self, length: Length, first: Date) -> Option<Period> {
        let end = after(first, length.days())?;
        let (from, to) = (self.instant(first, Time::midnight())?, self.instant(end, Time::midnight())?);
        let due = match length {
            Length::Day => self.daily.map(|time| self.instant(end, time)),
            Length::Week => self.weekly.map(|(day, time)| {
                let date = after(end, i64::from(day.to_monday_zero_offset()))?;
                self.instant(date, time)
            }),
        };
        let due = due.unwrap_or(Some(to))?.max(to);
        Some(Period { id: length.id(first), from, to, due })
    }

    /// When the clocks of the zone show a time first. Where they skip it, when they skip.
    fn instant(&self, date: Date, time: Time) -> Option<SystemTime> {
        let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
        let instant = match ambiguous.offset() {
            AmbiguousOffset::Gap { .. } => {
                let later = ambiguous.later().ok()?;
                let skipped = self.zone.preceding(later.checked_add(1.nanosecond()).ok()?).next();
                skipped.map_or(later, |transition| transition.timestamp())
            }
            _ => ambiguous.earlier().ok()?,
        };
        Some(instant.into())
    }
}

fn after(date: Date, days: i64) -> Option<Date> {
    date.checked_add(days.days()).ok()
}

/// The first day of a day or a week.
fn first_of(id: ReportId) -> Option<Date> {
    match id.of() {
        Of::Day(first) | Of::Week(first) => Some(first),
        Of::Session(_) | Of::Range(..) | Of::Comparison(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use perf_runtime::text::{parse_rfc3339, rfc3339};

    fn berlin(daily: Time, weekly: Option<(Weekday, Time)>) -> Schedule {
        Schedule { zone: TimeZone::get("Europe/Berlin").unwrap(), daily: Some(daily), weekly, session: false }
    }

    fn at(text: &str) -> SystemTime {
        parse_rfc3339(text).unwrap()
    }

    fn id(text: &str) -> ReportId {
        text.parse().unwrap()
    }

    /// The ids that are due, with when.
    fn due(schedule: &Schedule, length: Length, now: &str, newest: Option<&str>) -> Vec<String> {
        let due = schedule.due(length, at(now), newest.map(id));
        due.into_iter().map(|period| format!("{} {}", period.id, &rfc3339(period.due)[..16])).collect()
    }

    #[test]
    fn a_day_is_due_on_the_next_at_the_time_of_the_zone() {
        let schedule = berlin(time(6, 0, 0, 0), None);
        let none = |now: &str| due(&schedule, Length::Day, now, Some("daily-2026-07-09")).is_empty();
        assert!(none("2026-07-11T03:59:59Z") && !none("2026-07-11T04:00:00Z"), "6:00 in summer is 4:00 UTC");
        assert_eq!(due(&schedule, Length::Day, "2026-07-11T03:59:59Z", None), ["daily-2026-07-09 2026-07-10T04:00"]);
        assert_eq!(
            schedule.next(at("2026-07-11T03:00:00Z")),
            Some((id("daily-2026-07-10"), at("2026-07-11T04:00:00Z")))
        );
        assert_eq!(
            schedule.next(at("2026-07-11T04:00:00Z")),
            Some((id("daily-2026-07-11"), at("2026-07-12T04:00:00Z")))
        );
        let last = schedule.last_over(Length::Day, at("2026-07-10T22:00:00Z")).unwrap();
        let expected = (id("daily-2026-07-10"), at("2026-07-09T22:00:00Z"), at("2026-07-10T22:00:00Z"));
        assert_eq!((last.id, last.from, last.to), expected);
    }

    #[test]
    fn missed_ones_are_due_up_to_seven() {
        let schedule = berlin(time(6, 0, 0, 0), None);
        let all = due(&schedule, Length::Day, "2026-07-11T05:00:00Z", Some("daily-2026-07-07"));
        let days: Vec<&str> = all.iter().map(|text| &text[..16]).collect();
        assert_eq!(days, ["daily-2026-07-08", "daily-2026-07-09", "daily-2026-07-10"]);
        assert_eq!(due(&schedule, Length::Day, "2026-07-11T05:00:00Z", Some("daily-2026-01-01")).len(), 7);
        assert!(due(&schedule, Length::Day, "2026-07-11T05:00:00Z", Some("daily-2026-07-10")).is_empty());
        assert!(
            due(&schedule, Length::Day, "2026-07-01T05:00:00Z", Some("daily-2026-07-10")).is_empty(),
            "a clock set back"
        );
    }

    #[test]
    fn a_week_is_that_of_iso_8601() {
        let schedule = berlin(time(6, 0, 0, 0), Some((Weekday::Wednesday, time(7, 30, 0, 0))));
        let newest = Some("weekly-2026-W47");
        assert!(due(&schedule, Length::Week, "2026-12-02T06:29:59Z", newest).is_empty());
        assert_eq!(due(&schedule, Length::Week, "2026-12-02T06:30:00Z", newest), ["weekly-2026-W48 2026-12-02T06:30"]);
        let week = schedule.last_over(Length::Week, at("2026-12-02T06:30:00Z")).unwrap();
        assert_eq!((week.from, week.to), (at("2026-11-22T23:00:00Z"), at("2026-11-29T23:00:00Z")));
        assert_eq!(
            due(&schedule, Length::Week, "2026-12-30T12:00:00Z", Some("weekly-2026-W51")),
            ["weekly-2026-W52 2026-12-30T06:30"]
        );
    }

    #[test]
    fn a_time_that_the_clocks_skip_is_when_they_skip() {
        let schedule = berlin(time(2, 30, 0, 0), None);
        let found = due(&schedule, Length::Day, "2026-03-29T01:00:00Z", Some("daily-2026-03-27"));
        assert_eq!(found, ["daily-2026-03-28 2026-03-29T01:00"], "2:00 is 3:00");
        assert!(due(&schedule, Length::Day, "2026-03-29T00:59:59Z", Some("daily-2026-03-27")).is_empty());
        let day = schedule.last_over(Length::Day, at("2026-03-30T12:00:00Z")).unwrap();
        assert_eq!(day.to.duration_since(day.from).unwrap().as_secs(), 23 * 3_600);
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first() {
        let schedule = berlin(time(2, 30, 0, 0), None);
        let found = due(&schedule, Length::Day, "2026-10-25T00:30:00Z", Some("daily-2026-10-23"));
        assert_eq!(found, ["daily-2026-10-24 2026-10-25T00:30"]);
        assert!(due(&schedule, Length::Day, "2026-10-25T01:30:00Z", Some("daily-2026-10-24")).is_empty(), "once");
        assert_eq!(
            schedule.next(at("2026-10-25T00:30:00Z")),
            Some((id("daily-2026-10-25"), at("2026-10-26T01:30:00Z")))
        );
        let day = schedule.last_over(Length::Day, at("2026-10-26T12:00:00Z")).unwrap();
        assert_eq!(day.to.duration_since(day.from).unwrap().as_secs(), 25 * 3_600);
    }

    #[test]
    fn a_day_that_a_country_skipped_has_no_report() {
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let schedule = Schedule { zone, daily: Some(time(6, 0, 0, 0)), weekly: None, session: false };
        let found = due(&schedule, Length::Day, "2011-12-31T17:00:00Z", Some("daily-2011-12-28"));
        let days: Vec<&str> = found.iter().map(|text| &text[..16]).collect();
        assert_eq!(days, ["daily-2011-12-29", "daily-2011-12-31"]);
    }
}
