//! Channels: how a message gets to its receiver.
//!
//! Each type has its limits and its markup; the words ([`crate::words`]) are the same. [`ChannelSettings`] lists the types and
//! their keys.

mod address;
mod alertmanager;
mod command;
mod console;
#[cfg(feature = "email")]
mod email;
mod http;
mod notice;
mod payload;
mod secret;
mod settings;
mod slack;
mod template;
#[cfg(test)]
mod tests;
mod webhook;
mod written;

pub use secret::Secret;
pub use settings::{ChannelError, ChannelKind, ChannelSettings, SmtpTls};

use crate::message::{Message, MessageAlert, MessageNotice, Reason};
use perf_runtime::extend::Service;
use std::time::{Duration, SystemTime};

/// The answer of a receiver that took a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The status of HTTP, where the channel speaks that.
    pub(crate) status: Option<u16>,
    /// The beginning of the answer's body, at most 1 KiB, without secrets.
    pub(crate) body: String,
}

/// A message that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why, without secrets.
    pub(crate) reason: String,
    /// The status of HTTP, where there is one.
    pub(crate) status: Option<u16>,
    /// Whether another attempt may do better, and how long the receiver wants to be left alone, where it says so.
    pub(crate) again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No other attempt: it would be refused as well.
    Never,
    /// Later, as the outbox decides.
    Later,
    /// After this time.
    After(Duration),
}

/// A receiver of messages. Each has a thread of its own, on which it may block for a minute at most.
pub(crate) trait Channel: Send {
    /// Sends a message once.
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused>;

    /// Whether the receiver is told all that is so, again and again, and not what changed: then [`mirror`](Self::mirror) is
    /// called each minute and at each change, and [`send`](Self::send) only to try the channel.
    fn mirrors(&self) -> bool {
        false
    }

    /// Why it cannot show a notice, in the words of an error; `None` where it can.
    fn refuses_notices(&self) -> Option<String> {
        None
    }

    /// Tells the receiver of all alerts that fire, and of those that ended within the last 15 minutes.
    fn mirror(
        &mut self,
        _alerts: &[MessageAlert],
        _service: Option<&Service>,
        _now: SystemTime,
    ) -> Result<Accepted, Refused> {
        Ok(Accepted { status: None, body: String::new() })
    }
}

/// The surroundings that a channel is opened in, beside its settings.
pub(crate) struct Opening<'a> {
    /// Whether channels may run a program.
    pub(crate) allow_commands: bool,
    /// The environment: the value of a variable, where it is set.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Opens a channel. Nothing is sent and no name is resolved: a receiver that cannot be reached is no error here.
///
/// # Errors
/// A key that is not allowed or missing, a file or variable that cannot be read, a template that does not parse.
pub(crate) fn open(
    name: &str,
    settings: &ChannelSettings,
    opening: &Opening<'_>,
) -> Result<Box<dyn Channel>, ChannelError> {
    let kind = settings.kind()?;
    Ok(match kind {
        ChannelKind::Console => Box::new(console::Console::stderr()),
        ChannelKind::Email => open_email(settings, opening)?,
        ChannelKind::Alertmanager => Box::new(alertmanager::Alertmanager::open(settings, opening)?),
        ChannelKind::Command => Box::new(command::Command::open(name, settings, opening)?),
        ChannelKind::Webhook
        | ChannelKind::Slack
        | ChannelKind::Discord
        | ChannelKind::Pagerduty
        | ChannelKind::Teams
        | ChannelKind::Telegram
        | ChannelKind::Ntfy => Box::new(webhook::Webhook::open(name, kind, settings, opening)?),
    })
}

#[cfg(feature = "email")]
fn open_email(settings: &ChannelSettings, opening: &Opening<'_>) -> Result<Box<dyn Channel>, ChannelError> {
    Ok(Box::new(email::Email::open(settings, opening)?))
}

#[cfg(not(feature = "email"))]
fn open_email(_: &ChannelSettings, _: &Opening<'_>) -> Result<Box<dyn Channel>, ChannelError> {
    let allowed =
        "another type: this program is built without the feature `email` of perf-notify (`notify-email` of perf-kit)";
    Err(ChannelError::new("type", ChannelKind::Email.as_str(), allowed))
}

/// A message with one alert that is made up, to see whether a template works.
fn example() -> Message {
    let alert = serde_json::json!({
        "id": 1, "fingerprint": "0123456789abcdef", "rule": "example", "name": "Example", "state": "firing",
        "severity": "warning", "value": 2.0, "peak": 2.0, "threshold": 1.0, "unit": "plain",
        "labels": {"operation": "example"}, "series": "operation{operation=example}", "message": "Example: a value is 2",
        "description": "An example.", "runbook": null, "since": "2026-01-01T00:00:00.000Z", "fired_at": null,
        "resolved_at": null, "acknowledged": null, "muted": null,
    });
    let alerts = serde_json::from_value(alert)
        .map(|alert| MessageAlert { link: Some("https://example.com/".to_owned()), ..MessageAlert::new(alert, true) });
    Message {
        id: "example".to_owned(),
        group: "example".to_owned(),
        group_labels: [("service".to_owned(), "example".to_owned())].into(),
        reason: Reason::Test,
        at: SystemTime::UNIX_EPOCH,
        service: Some(Service::new("example")),
        alerts: alerts.into_iter().collect(),
        more_firing: 0,
        more_resolved: 0,
        link: Some("https://example.com/".to_owned()),
        incident: None,
        notice: None,
    }
}

/// Notices that are made up, for the same: one with everything that a notice may have, and one with nothing of it.
fn example_notices() -> [Message; 2] {
    let of = |text: &str| {
        let [key, title, text] = ["example", "Example", text].map(str::to_owned);
        let notice = Some(MessageNotice { key, title, text });
        Message { reason: Reason::Notice, alerts: Vec::new(), group_labels: [].into(), notice, ..example() }
    };
    [of("A line.\nAnother one."), Message { link: None, service: None, ..of("") }]
}
