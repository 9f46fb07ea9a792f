//! The section `[report]` of the settings.

use crate::Format;
use crate::kept::{MOST_KEPT, Schedule};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use perf_runtime::ConfigError;
use perf_runtime::config::Section;
use serde::Deserialize;
use std::path::PathBuf;

const LEAST_BYTES: u64 = 1 << 20;

/// The settings of reports: the section `[report]`, or `PERF_REPORT_DAILY` and its like.
///
/// `daily`, `weekly` and `session` need a history: without one only the last hour is known, and they are refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether reports are kept. On by default; without a schedule only those that somebody asks for are.
    pub enabled: bool,
    /// The folder of kept reports. Without it, `reports` in the folder of the service's history.
    pub path: Option<PathBuf>,
    /// The formats that each is kept in: `html` and `json` unless set.
    pub formats: Vec<Format>,
    /// When the report of the day before is made, such as `06:00`. Never unless set.
    pub daily: Option<String>,
    /// When the report of the week before is made, such as `monday 06:00`. A week begins on Monday. Never unless set.
    pub weekly: Option<String>,
    /// Whether the report of the process before is made when the service starts, also where that crashed. Off by default.
    pub session: bool,
    /// The time zone of `daily` and `weekly`, and of the days and weeks themselves, such as `Europe/Berlin`. UTC unless set.
    pub time_zone: String,
    /// The most reports of each kind (days, weeks, sessions, ranges, comparisons) that are kept: 1 to 1,000, and 60 unless set. The oldest give way.
    pub retention: usize,
    /// The most bytes that all kept reports take together: 1 MiB at least, and 256 MiB unless set. The oldest give way, but for the newest day, week and
    /// session.
    pub max_bytes: u64,
    /// Whether people are told of a report of the schedule, with its summary, where a part sends notices. On by default.
    pub deliver: bool,
    /// The file that gets the report of this process's life as JSON (`perf.report/1`) when the process ends in order; one that is there is
    /// replaced. Its folder must be there. None unless set.
    pub at_shutdown: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            formats: vec![Format::Html, Format::Json],
            daily: None,
            weekly: None,
            session: false,
            time_zone: "UTC".to_owned(),
            retention: 60,
            max_bytes: 256 << 20,
            deliver: true,
            at_shutdown: None,
        }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        let settings: Self = section.read()?;
        settings.check(&|key, _, allowed| section.refused(key, allowed))?;
        Ok(settings)
    }

    /// Checks each value, and reads the schedule. `refused` makes the error of a key, its value, and what is allowed.
    pub(crate) fn check(&self, refused: &dyn Fn(&str, &str, &str) -> ConfigError) -> Result<Schedule, ConfigError> {
        if let Some(path) = self.at_shutdown.as_ref().filter(|path| path.file_name().is_none()) {
            return Err(refused("at_shutdown", &path.display().to_string(), "the path of a file"));
        }
        if self.path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(refused("path", "", "the path of a folder"));
        }
        let mut seen = Vec::new();
        let is_twice = self.formats.iter().any(|format| {
            seen.push(format);
            seen.iter().filter(|one| **one == format).count() > 1
        });
        if self.formats.is_empty() || is_twice {
            let names: Vec<&str> = self.formats.iter().map(|format| format.as_str()).collect();
            return Err(refused(
                "formats",
                &names.join(", "),
                "one format or more, each once, such as [\"html\", \"json\"]",
            ));
        }
        if !(1..=MOST_KEPT).contains(&self.retention) {
            return Err(refused("retention", &self.retention.to_string(), "1 to 1000"));
        }
        if self.max_bytes < LEAST_BYTES {
            return Err(refused("max_bytes", &self.max_bytes.to_string(), "1048576 or more"));
        }
        let daily = self
            .daily
            .as_deref()
            .map(|text| time(text).ok_or_else(|| refused("daily", text, "a time of day, 00:00 to 23:59")));
        let weekly = self.weekly.as_deref().map(|text| {
            let read = text.trim().split_once(' ').and_then(|(day, at)| Some((weekday(day)?, time(at)?)));
            read.ok_or_else(|| refused("weekly", text, "a day and a time of day, such as \"monday 06:00\""))
        });
        let zone = TimeZone::get(&self.time_zone);
        let wrong_zone =
            |_| refused("time_zone", &self.time_zone, "the name of a time zone, such as \"Europe/Berlin\" or \"UTC\"");
        Ok(Schedule {
            zone: zone.map_err(wrong_zone)?,
            daily: daily.transpose()?,
            weekly: weekly.transpose()?,
            session: self.session,
        })
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.to_ascii_lowercase().as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thu" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_two_digits(hour) || !is_two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
