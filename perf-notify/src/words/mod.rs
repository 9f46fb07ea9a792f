//! Words: the text that a message becomes, the same for every receiver, fitted to its limits and escaped for it.
//!
//! A message has a headline, the service, and a paragraph for each alert, the worst first. The sentence of an alert is the one
//! that the monitor wrote ([`Alert::message`](perf_runtime::alert::Alert::message)). All that comes from labels, rules and
//! people is made a line of its own first ([`clean::line`]), so that nothing in it acts.

mod chart;
pub(crate) mod clean;
pub(crate) mod link;
mod notice;
mod paragraph;

pub(crate) use clean::{Count, Style};
use notice::NoticeWords;
pub(crate) use paragraph::Paragraph;

use crate::message::{Message, MessageAlert, Reason};
use clean::short;
use perf_runtime::alert::Severity;
use serde::Serialize;
use std::cmp::Reverse;

/// The most characters of a headline.
pub(crate) const MAX_HEADLINE: usize = 240;
/// The most alerts that have a paragraph: no receiver has room for more.
const MAX_PARAGRAPHS: usize = 50;
/// The words where nobody knows the cause of an incident.
const NO_CAUSE: &str = "No clear cause";
/// The room that is kept for "and 37 more".
const ROOM_FOR_MORE: usize = 40;

/// The words of one message. Texts are one line each, and not escaped.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Words {
    /// The service and how bad it is, such as `3 alerts fire in shop: 2 critical`.
    pub(crate) headline: String,
    /// `firing` or `resolved`; of a notice `notice`.
    pub(crate) status: &'static str,
    /// The worst severity of the alerts that fire, or of all where none fires. `None` of a notice.
    pub(crate) severity: Option<Severity>,
    /// Name, version and instance.
    pub(crate) service: Option<String>,
    /// The cause of the incident that all alerts are of, and how sure it is.
    pub(crate) cause: Option<String>,
    /// The text of a notice.
    pub(crate) notice: Option<NoticeWords>,
    /// One for each alert, those that fire first, the worst of them first.
    pub(crate) paragraphs: Vec<Paragraph>,
    /// Alerts that have no paragraph.
    pub(crate) more: u64,
    /// Where the dashboard shows that moment.
    pub(crate) link: Option<String>,
}

/// Whether an alert fires, or is about to.
pub(crate) fn fires(alert: &MessageAlert) -> bool {
    alert.alert.resolved_at.is_none()
}

/// The alerts, those that fire first, the worst of them first.
pub(crate) fn worst_first(alerts: &[MessageAlert]) -> Vec<&MessageAlert> {
    let mut alerts: Vec<&MessageAlert> = alerts.iter().collect();
    alerts.sort_by_key(|alert| Reverse((fires(alert), alert.alert.severity)));
    alerts
}

impl Words {
    pub(crate) fn of(message: &Message) -> Self {
        if let Some(notice) = &message.notice {
            return Self::of_notice(message, notice);
        }
        let alerts = worst_first(&message.alerts);
        let firing = alerts.iter().filter(|alert| fires(alert)).count() as u64 + message.more_firing;
        Self {
            headline: headline(message, &alerts, firing),
            status: if firing > 0 { "firing" } else { "resolved" },
            severity: Some(alerts.first().map_or(Severity::Warning, |worst| worst.alert.severity)),
            service: message.service.as_ref().map(|service| short(&service.to_string(), 200)),
            cause: message.incident.as_ref().map(|incident| short(incident.cause.as_deref().unwrap_or(NO_CAUSE), 400)),
            notice: None,
            paragraphs: alerts.iter().take(MAX_PARAGRAPHS).map(|alert| Paragraph::of(alert, message.at)).collect(),
            more: message.more_firing + message.more_resolved + alerts.len().saturating_sub(MAX_PARAGRAPHS) as u64,
            link: message.link.as_deref().and_then(link::http_only),
        }
    }

    /// Headline, service and paragraphs, escaped, no longer than `most`.
    pub(crate) fn text(&self, style: Style, count: Count, most: usize) -> String {
        let headline = style.bold(&style.fitted(&self.headline, most.min(2 * MAX_HEADLINE), count));
        let body_room = most.saturating_sub(count.of(&headline) + count.of("\n"));
        match self.body(style, count, body_room) {
            _ if count.of(&headline) > most => style.fitted(&self.headline, most, count),
            body if body.is_empty() => headline,
            body => format!("{headline}\n{body}"),
        }
    }

    /// Service and paragraphs, escaped, no longer than `most`: as many paragraphs as there is room for, the last of them in
    /// short where that helps, and the number of the others.
    pub(crate) fn body(&self, style: Style, count: Count, most: usize) -> String {
        let mut text = match &self.service {
            Some(service) => style.fitted(service, most.saturating_sub(ROOM_FOR_MORE).min(400), count),
            None => String::new(),
        };
        if let Some(cause) = &self.cause {
            let room = most.saturating_sub(count.of(&text) + 1 + ROOM_FOR_MORE).min(800);
            let between = if text.is_empty() { "" } else { "\n" };
            text = format!("{text}{between}{}", style.fitted(cause, room, count));
        }
        let link = self.link.as_deref().map(|link| style.link("Look", link)).unwrap_or_default();
        // A long link is left out before what is wrong is.
        let link = if count.of(&link) <= most / 4 { link } else { String::new() };
        let after = count.of(&link) + ROOM_FOR_MORE;
        if let Some(notice) = &self.notice {
            let between = if text.is_empty() { "" } else { "\n\n" };
            let room = most.saturating_sub(count.of(&text) + count.of(between) + count.of(&link) + count.of("\n\n"));
            let shown = style.fitted(&notice.laid_out(style), room, count);
            if !shown.is_empty() {
                text = format!("{text}{between}{shown}");
            }
        }
        let mut left_out = self.more;
        let append = |text: &mut String, part: &str, after: usize| {
            let between = if text.is_empty() { "" } else { "\n\n" };
            let fits = count.of(text) + count.of(between) + count.of(part) + after <= most;
            if fits {
                text.push_str(between);
                text.push_str(part);
            }
            fits
        };
        let mut is_brief = false;
        for (place, paragraph) in self.paragraphs.iter().enumerate() {
            is_brief = is_brief || !append(&mut text, &paragraph.text(style), after);
            if is_brief && !append(&mut text, &paragraph.brief(style), after) {
                left_out += (self.paragraphs.len() - place) as u64;
                break;
            }
        }
        if left_out > 0 {
            append(&mut text, &format!("and {left_out} more"), count.of(&link));
        }
        if !link.is_empty() {
            append(&mut text, &link, 0);
        }
        text
    }
}

/// `Critical: Slow requests in shop`, `3 alerts fire in shop: 2 critical; 1 recovered`.
fn headline(message: &Message, alerts: &[&MessageAlert], firing: u64) -> String {
    let place = message.service.as_ref().map(|service| format!(" in {}", short(&service.name, 60))).unwrap_or_default();
    let shown_firing = alerts.iter().filter(|alert| fires(alert)).count();
    let resolved = (alerts.len() - shown_firing) as u64 + message.more_resolved;
    let plural = |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let what = match (alerts, firing, resolved) {
        ([], 0, 0) => format!("No alerts{place}"),
        ([one], 1, 0) => {
            let severity = if one.alert.severity == Severity::Critical { "Critical" } else { "Warning" };
            format!("{severity}: {}{place}", name(one))
        }
        ([one], 0, 1) => format!("Recovered: {}{place}", name(one)),
        (_, 0, resolved) => format!("{} recovered{place}", plural(resolved, "alert", "alerts")),
        (_, firing, resolved) => {
            let is_critical = |alert: &&&MessageAlert| fires(alert) && alert.alert.severity == Severity::Critical;
            let critical = alerts.iter().filter(is_critical).count();
            // The worst come first: where a warning is shown, none of those not shown is critical.
            let about = if message.more_firing > 0 && critical == shown_firing { "at least " } else { "" };
            let critical = if critical == 0 { String::new() } else { format!(": {about}{critical} critical") };
            let resolved = if resolved == 0 { String::new() } else { format!("; {resolved} recovered") };
            format!("{}{place}{critical}{resolved}", plural(firing, "alert fires", "alerts fire"))
        }
    };
    // Of an incident, it says what happens before how many alerts are a part of it.
    let what = match &message.incident {
        Some(incident) if firing > 0 => format!("Incident{place}: {}", short(&incident.headline, 160)),
        Some(incident) if resolved > 0 && incident.goes_on => {
            format!("{what}, of an incident that goes on: {}", short(&incident.headline, 160))
        }
        Some(incident) if resolved > 0 => format!("Incident over{place}: {}", short(&incident.headline, 160)),
        _ => what,
    };
    let why = match message.reason {
        Reason::Changed | Reason::Notice => "",
        Reason::Repeated => "Reminder: ",
        Reason::Explained => "Cause found: ",
        Reason::Escalated => "Not acknowledged: ",
        Reason::Digest => "Digest: ",
        Reason::Test => "Test: ",
    };
    short(&format!("{why}{what}"), MAX_HEADLINE)
}

fn name(alert: &MessageAlert) -> String {
    let name = if alert.alert.name.is_empty() { &alert.alert.rule } else { &alert.alert.name };
    short(name, 100)
}

#[cfg(test)]
pub(crate) mod tests;
