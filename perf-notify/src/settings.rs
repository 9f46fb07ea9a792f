//! The section `[notify]` of the settings.

use crate::channel::ChannelSettings;
use crate::route::{INCIDENT, Maintenance, Route, Window};
use crate::trace::TraceUrl;
use perf_runtime::ConfigError;
use perf_runtime::config::Section;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of notifications: the section `[notify]`. Channels and routes are written in the file; `PERF_NOTIFY_ENABLED` and
/// `PERF_NOTIFY_PATH` and their like are variables too.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether anybody is told of anything.
    pub enabled: bool,
    /// The folder of the outbox. Without it, beside the history: `perf/<service>` in the state directory of the user.
    pub path: Option<PathBuf>,
    /// Whether channels may run commands.
    pub allow_commands: bool,
    /// The channels by name.
    pub channels: BTreeMap<String, ChannelSettings>,
    /// The routes, the first to try first. Without one, every alert goes to every channel.
    pub routes: Vec<Route>,
    /// Whether routes that do not say what they group by group by incident, where incidents are looked for: one message when it
    /// begins, one when its cause is known, one at its end.
    pub by_incident: bool,
    /// Windows of time by name.
    pub windows: BTreeMap<String, Window>,
    /// Planned work.
    pub maintenance: Vec<Maintenance>,
    /// The channels that are sent notices: short texts of other parts that are no alerts, such as a report of the week. None unless set,
    /// so that nobody is sent what nobody asked for. Routes, windows, maintenance and silences are of alerts, and do not apply. Of channels of the
    /// types `alertmanager` and `pagerduty` none may be named: they take alerts alone. The `fallback` of a channel is told of a notice that
    /// this one cannot tell, named here or not.
    pub notices: Vec<String>,
    /// Where traces are shown: an address of http or https with `{trace_id}` behind its host, such as
    /// `https://tempo.example.com/trace/{trace_id}`. Without it, messages have the ids alone.
    pub trace_url: Option<String>,
    /// The address below which others reach the dashboard, such as `https://ops.example.com/perf`: `[server] public_url`. Without it,
    /// messages have no links.
    #[serde(skip)]
    pub public_url: Option<String>,
}

const MOST_CHANNELS: usize = 32;
const MOST_ROUTES: usize = 200;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            allow_commands: false,
            channels: BTreeMap::new(),
            routes: Vec::new(),
            by_incident: true,
            windows: BTreeMap::new(),
            maintenance: Vec::new(),
            notices: Vec::new(),
            trace_url: None,
            public_url: None,
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
        settings.checked()
    }

    /// The settings with every route named.
    ///
    /// # Errors
    /// As [`read`](Self::read): a channel or a window that there is not, two routes of one name, a span out of its range.
    pub(crate) fn checked(mut self) -> Result<Self, ConfigError> {
        at_most("notify.channels", self.channels.len(), MOST_CHANNELS)?;
        at_most("notify.routes", self.routes.len(), MOST_ROUTES)?;
        if let Some(url) = self.trace_url.as_ref().filter(|url| TraceUrl::parse(url).is_none()) {
            let allowed = "an address of http or https with {trace_id} behind its host, such as https://tempo.example.com/trace/{trace_id}";
            return Err(ConfigError::new("notify.trace_url", url, allowed));
        }
        for name in self.channels.keys() {
            check_name(&format!("notify.channels.{name}"), name)?;
        }
        if self.routes.is_empty() && !self.channels.is_empty() {
            self.routes.push(Route::to(self.channels.keys()));
        }
        let mut names = BTreeSet::new();
        for (number, route) in (1..).zip(&mut self.routes) {
            if route.name.is_empty() {
                route.name = format!("route {number}");
            }
            if self.by_incident {
                route.group_by.get_or_insert_with(|| vec![INCIDENT.to_owned()]);
            }
            let field = format!("notify.routes.{number}");
            if !names.insert(route.name.clone()) {
                return Err(ConfigError::new(format!("{field}.name"), &route.name, "a name that no other route has"));
            }
        }
        for (number, route) in (1..).zip(&self.routes) {
            self.check_route(&format!("notify.routes.{number}"), route)?;
        }
        known("notify.notices", &self.notices, self.channels.keys())?;
        let is_twice =
            |(place, name): &(usize, &String)| self.notices.iter().take(*place).any(|before| before == *name);
        if let Some((_, twice)) = self.notices.iter().enumerate().find(is_twice) {
            return Err(ConfigError::new("notify.notices", twice, "each channel once"));
        }
        for (number, work) in (1..).zip(&self.maintenance) {
            let field = format!("notify.maintenance.{number}");
            self.check_windows(&format!("{field}.within"), &work.within)?;
            let refused = |key: &str, allowed| Err(ConfigError::new(format!("{field}.{key}"), "", allowed));
            match (work.from, work.to, work.within.is_empty()) {
                (Some(from), Some(to), true) if from < to => {}
                (Some(_), Some(_), true) => return refused("to", "a time after `from`"),
                (None, None, false) => {}
                _ => return refused("from", "`from` and `to`, or `within` alone"),
            }
        }
        Ok(self)
    }

    fn check_route(&self, field: &str, route: &Route) -> Result<(), ConfigError> {
        self.check_channels(&format!("{field}.channels"), &route.channels)?;
        self.check_windows(&format!("{field}.within"), &route.within)?;
        self.check_windows(&format!("{field}.except"), &route.except)?;
        let spans = [
            ("group_wait", Some(route.group_wait), Duration::ZERO, HOUR, "0s to 1h"),
            ("group_interval", Some(route.group_interval), SECOND, WEEK, "1s to 7d"),
            ("repeat", route.repeat, MINUTE, WEEK * 4, "1m to 28d"),
        ];
        for (key, span, least, most, allowed) in spans {
            if let Some(span) = span.filter(|span| !(least..=most).contains(&span.0)) {
                let shown = perf_runtime::text::show_duration(span.0);
                return Err(ConfigError::new(format!("{field}.{key}"), shown, allowed));
            }
        }
        let mut before = Duration::ZERO;
        for (number, step) in (1..).zip(&route.escalate) {
            let field = format!("{field}.escalate.{number}");
            self.check_channels(&format!("{field}.channels"), &step.channels)?;
            if step.after.0 <= before || step.after.0 > WEEK {
                let shown = perf_runtime::text::show_duration(step.after.0);
                return Err(ConfigError::new(format!("{field}.after"), shown, "more than the step before, up to 7d"));
            }
            before = step.after.0;
        }
        Ok(())
    }

    fn check_channels(&self, field: &str, channels: &[String]) -> Result<(), ConfigError> {
        if channels.is_empty() {
            return Err(ConfigError::new(field, "[]", "at least one channel"));
        }
        known(field, channels, self.channels.keys())
    }

    fn check_windows(&self, field: &str, windows: &[String]) -> Result<(), ConfigError> {
        known(field, windows, self.windows.keys())
    }
}

fn known<'a>(
    field: &str,
    names: &[String],
    known: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), ConfigError> {
    match names.iter().find(|name| !known.clone().any(|other| other == *name)) {
        Some(unknown) => Err(ConfigError::unknown(field, unknown, known.map(String::as_str))),
        None => Ok(()),
    }
}

fn at_most(field: &str, found: usize, most: usize) -> Result<(), ConfigError> {
    if found > most { Err(ConfigError::new(field, found, format!("{most} at most"))) } else { Ok(()) }
}

/// Names are in addresses, metrics and logs.
fn check_name(field: &str, name: &str) -> Result<(), ConfigError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=40).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(ConfigError::new(field, name, "1 to 40 letters, digits, dashes and underscores"))
}
