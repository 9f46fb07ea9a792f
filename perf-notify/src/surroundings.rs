//! Everything that the words of a message need beyond its alerts: links, advice, and the last hour in a picture.

use crate::links::Links;
use crate::message::{Message, MessageAlert};
use crate::trace::{TraceUrl, trace_id};
use perf_runtime::Monitor;
use perf_runtime::alert::Alert;
use perf_runtime::health::{Aspect, HealthReport, Indicator};
use std::time::{Duration, SystemTime};

/// Alerts of a message that get advice and a picture: those that words are written about.
const MOST: usize = 10;
/// Values of a picture, and how long each stands for.
const VALUES: usize = 60;
const EACH: Duration = Duration::from_secs(60);

/// The settings of what is added.
#[derive(Clone, Debug)]
pub(crate) struct Adding {
    /// The addresses of the dashboard, where there is a public one.
    pub(crate) links: Option<Links>,
    /// Where traces are shown.
    pub(crate) traces: Option<TraceUrl>,
    /// Whether some channel draws the last hour.
    pub(crate) with_pictures: bool,
}

/// Adds it all to a message, the pictures only where somebody draws them.
pub(crate) fn add(message: &mut Message, monitor: &Monitor, Adding { links, traces, with_pictures }: &Adding) {
    if let Some(links) = links {
        links.add(message);
    }
    let alerts = monitor.alerts();
    let at = message.at;
    let mut health = None;
    let firing = message.alerts.iter_mut().filter(|one| one.alert.resolved_at.is_none());
    for one in firing.take(MOST) {
        let health = health.get_or_insert_with(|| monitor.health());
        one.advice = advice(health, &one.alert);
        one.trace_id = alerts.trace_of(&one.alert).as_deref().and_then(trace_id);
        one.trace_link = one.trace_id.as_deref().and_then(|id| traces.as_ref()?.of(id));
    }
    if *with_pictures {
        message.alerts.iter_mut().take(MOST).for_each(|one| draw(one, monitor, at));
    }
}

/// The advice of the health about the same figure.
fn advice(health: &HealthReport, alert: &Alert) -> Option<String> {
    let judged = alert.series.split_once('{').map_or(alert.series.as_str(), |(name, _)| name);
    let is_about = |indicator: &&Indicator| match indicator.kind() {
        Some(kind) => kind.as_str() == judged,
        None => indicator.name() == alert.rule && indicator.aspect() != Aspect::Alerts,
    };
    let advised = health.indicators().iter().filter(is_about).filter_map(Indicator::advice);
    advised.map(str::to_owned).next()
}

/// The figure of the rule over the last hour: of each minute the value that is furthest from zero.
fn draw(one: &mut MessageAlert, monitor: &Monitor, at: SystemTime) {
    let rules = monitor.rules();
    let Some(rule) = rules.get(&one.alert.rule) else { return };
    // Nobody keeps what a gauge was: then there is no picture.
    let Ok(past) = monitor.past_figures(rule, &one.alert.series) else { return };
    let mut recent = vec![None; VALUES];
    for (after, value) in past.values {
        let age = at.duration_since(past.since + after).unwrap_or_default();
        let minutes = usize::try_from(age.as_secs() / EACH.as_secs()).unwrap_or(VALUES);
        let place = VALUES.checked_sub(minutes + 1).and_then(|place| recent.get_mut(place));
        if let (Some(place), Some(value)) = (place, value) {
            *place = Some(place.map_or(value, |worst: f64| if value.abs() > worst.abs() { value } else { worst }));
        }
    }
    if recent.iter().any(Option::is_some) {
        one.recent = recent;
    }
}
