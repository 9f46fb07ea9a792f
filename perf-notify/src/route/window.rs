//! Hours of the week in a time zone.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::time::SystemTime;

/// Hours of some days of the week in a time zone: `[notify.windows.office]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// The days on which it begins, such as `["mon-fri", "sun"]`. Every day unless set.
    #[serde(default = "every_day", deserialize_with = "days")]
    days: Vec<Weekday>,
    /// When it begins, such as `08:00`. Midnight unless set.
    #[serde(default, deserialize_with = "time")]
    from: Time,
    /// When it ends, such as `18:30`; one that is not after `from` is on the next day. Midnight unless set.
    #[serde(default, deserialize_with = "time")]
    to: Time,
    /// The time zone, such as `Europe/Berlin`. UTC unless set.
    #[serde(default = "utc", deserialize_with = "zone")]
    zone: TimeZone,
}

impl Window {
    /// Whether a moment is in the window. Where the clocks of the zone are set, the hours are those on the wall.
    pub(crate) fn contains(&self, at: SystemTime) -> bool {
        let Ok(at) = Timestamp::try_from(at) else { return false };
        let wall = at.to_zoned(self.zone.clone());
        let (day, time) = (wall.weekday(), wall.time());
        let begins_on = |day| self.days.contains(&day);
        if self.from < self.to {
            return begins_on(day) && self.from <= time && time < self.to;
        }
        // Over midnight: the part of today's, and that of yesterday's.
        (begins_on(day) && self.from <= time) || (begins_on(day.previous()) && time < self.to)
    }
}

fn every_day() -> Vec<Weekday> {
    Weekday::Sunday.cycle_forward().take(7).collect()
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
    let mut all = Vec::new();
    for text in Vec::<String>::deserialize(deserializer)? {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let (Some(first), Some(last)) = (weekday(first), weekday(last)) else {
            return Err(D::Error::custom("days or spans of days, such as [\"mon-fri\", \"sun\"]"));
        };
        let span = first.cycle_forward().take(7);
        all.extend(span.take(usize::from(first.until(last).unsigned_abs()) + 1));
    }
    if all.is_empty() { Err(D::Error::custom("at least one day, such as \"mon\"")) } else { Ok(all) }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    })
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let is_two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_two_digits(hour) || !is_two_digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    read().ok_or_else(|| D::Error::custom("a time of day, 00:00 to 23:59"))
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(|_| D::Error::custom("the name of a time zone, such as \"Europe/Berlin\" or \"UTC\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use perf_runtime::text::parse_rfc3339;

    fn window(text: &str) -> Window {
        serde_json::from_str(text).unwrap()
    }

    fn at(text: &str) -> SystemTime {
        parse_rfc3339(text).unwrap()
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_in_winter() {
        let office = window(r#"{"days": ["mon-fri"], "from": "08:00", "to": "18:00", "zone": "Europe/Berlin"}"#);
        assert!(office.contains(at("2026-07-01T06:00:00Z")), "8:00 in summer is 6:00 UTC");
        assert!(!office.contains(at("2026-12-01T06:59:59Z")) && office.contains(at("2026-12-01T07:00:00Z")));
        assert!(!office.contains(at("2026-12-01T17:00:00Z")), "the end is outside");
        assert!(!office.contains(at("2026-12-05T10:00:00Z")), "a Saturday");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = window(r#"{"days": ["fri"], "from": "22:00", "to": "06:00"}"#);
        assert!(night.contains(at("2026-12-04T22:00:00Z")) && night.contains(at("2026-12-05T05:59:00Z")));
        assert!(!night.contains(at("2026-12-04T05:00:00Z")) && !night.contains(at("2026-12-05T22:00:00Z")));
        let always = window("{}");
        assert!(always.contains(at("2026-12-04T00:00:00Z")) && always.contains(at("2026-12-05T23:59:59Z")));
    }

    #[test]
    fn days_go_around_the_week() {
        let long = window(r#"{"days": ["sat-mon"]}"#);
        let inside = |text| long.contains(at(text));
        assert!(inside("2026-12-05T12:00:00Z") && inside("2026-12-06T12:00:00Z") && inside("2026-12-07T12:00:00Z"));
        assert!(!inside("2026-12-08T12:00:00Z") && !inside("2026-12-04T12:00:00Z"));
    }

    #[test]
    fn a_wrong_part_says_what_is_allowed() {
        for (text, allowed) in [
            (r#"{"days": ["monday"]}"#, "mon-fri"),
            (r#"{"days": []}"#, "at least one day"),
            (r#"{"from": "8:00"}"#, "00:00 to 23:59"),
            (r#"{"to": "24:00"}"#, "00:00 to 23:59"),
            (r#"{"zone": "Berlin"}"#, "Europe/Berlin"),
        ] {
            let error = serde_json::from_str::<Window>(text).unwrap_err().to_string();
            assert!(error.contains(allowed), "{text}: {error}");
        }
    }
}
