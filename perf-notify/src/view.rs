//! A look at notifications from outside: channels, attempts, where an alert would go, and signed links.

use crate::links::{Links, NoTicket, Ticket};
use crate::outbox::{Attempt, QueueState};
use crate::route::{Facts, Routes};
use crate::runner::Order;
use crate::state::{Shared, StoreState};
use perf_runtime::Monitor;
use perf_runtime::alert::{AcknowledgeError, Alert, Fingerprint, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A handle by which others look at notifications, and try them.
#[derive(Clone)]
pub struct NotifierView {
    monitor: Monitor,
    shared: Arc<Shared>,
    routes: Arc<Routes>,
    types: Arc<BTreeMap<String, &'static str>>,
    notices: Arc<[String]>,
    links: Option<Links>,
    orders: Sender<Order>,
}

/// How notifications are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The file of the outbox. `None` where there is none.
    pub path: Option<PathBuf>,
    /// Why nothing is kept; `None` while it is.
    pub off: Option<String>,
    /// The channels, by name.
    pub channels: Vec<ChannelView>,
    /// The names of the routes, the first to try first.
    pub routes: Vec<String>,
}

/// How a channel is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// Its type, such as `slack`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is sent notices: texts of other parts that are no alerts.
    pub takes_notices: bool,
    /// Messages that wait.
    pub waiting: usize,
    /// When the oldest waiting message was made.
    #[serde(serialize_with = "moment_or_none")]
    pub oldest: Option<SystemTime>,
    /// When its receiver last took something in this process.
    #[serde(serialize_with = "moment_or_none")]
    pub delivered_at: Option<SystemTime>,
    /// Since when its attempts fail, those to tell of alerts where some of them do; `None` where the last one did not.
    #[serde(serialize_with = "moment_or_none")]
    pub failing_since: Option<SystemTime>,
    /// Why the last attempt failed. Without secrets.
    pub error: Option<String>,
}

/// The decision of a route about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RouteVerdict {
    /// The route.
    pub route: String,
    /// Whether it takes the alert.
    pub takes: bool,
    /// Why it does not; `None` where it does.
    pub why_not: Option<String>,
    /// Why nobody is told now although it takes the alert; `None` where somebody is.
    pub held: Option<String>,
    /// The channels that are told.
    pub channels: Vec<String>,
}

/// A receiver's answer to a message that tried its channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestAnswer {
    /// Whether it took the message.
    pub delivered: bool,
    /// The status of HTTP.
    pub status: Option<u16>,
    /// Its words, at most 1 KiB, or why it was not reached. Without secrets.
    pub text: String,
}

/// A channel that could not be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestError {
    /// There is no such channel.
    Unknown {
        /// The channels that there are.
        channels: Vec<String>,
    },
    /// No answer came in time: the channel is busy with another message, and this one is not sent; or its receiver takes long, and the
    /// attempts show what becomes of it.
    Busy,
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { channels } => write!(f, "no such channel; there are {}", channels.join(", ")),
            Self::Busy => f.write_str(
                "no answer in time: the channel is busy, or its receiver takes long, and the attempts show what becomes of it",
            ),
        }
    }
}

impl Error for TestError {}

/// A signed link that acknowledges an alert, once, as it was sent in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgeLink {
    /// The fingerprint of the alert.
    pub alert: Fingerprint,
    /// When the alert began, in milliseconds since 1970.
    pub since: u64,
    /// The second since 1970 at which the link expires.
    pub until: u64,
    /// The signature over these, in hexadecimal digits.
    pub signature: String,
}

/// Why a link acknowledges nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// It was not made by this service, or changed.
    Forged,
    /// It is older than a day.
    Expired,
    /// The alert that it was sent for has ended.
    Ended,
    /// It was used before.
    Used,
    /// The use of the link cannot be noted, so that it could be used twice.
    NotKept,
    /// The alert cannot be acknowledged so.
    Refused(AcknowledgeError),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forged => f.write_str("the link was not made by this service, or is not complete"),
            Self::Expired => f.write_str("the link is older than a day"),
            Self::Ended => f.write_str("the alert has ended"),
            Self::Used => f.write_str("the link was used before"),
            Self::NotKept => f.write_str("the outbox cannot be written: acknowledge the alert in the dashboard"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl Error for LinkError {}

impl NotifierView {
    pub(crate) fn new(
        monitor: &Monitor,
        shared: Arc<Shared>,
        routes: Routes,
        types: BTreeMap<String, &'static str>,
        notices: Vec<String>,
        links: Option<Links>,
        orders: Sender<Order>,
    ) -> Self {
        let (routes, types) = (Arc::new(routes), Arc::new(types));
        Self { monitor: monitor.clone(), shared, routes, types, notices: notices.into(), links, orders }
    }

    /// How notifications are now.
    pub fn overview(&self) -> Overview {
        let state = self.shared.get();
        let (path, off) = match &state.store {
            StoreState::On(store) => (Some(store.path().to_owned()), None),
            StoreState::Off(why) => (None, Some(why.clone())),
        };
        let channel = |(name, kind): (&String, &&'static str)| {
            let queue = state.queues.get(name).cloned().unwrap_or_default();
            ChannelView { takes_notices: self.notices.contains(name), ..view_of(name, kind, &queue) }
        };
        let channels = self.types.iter().map(channel).collect();
        let routes = self.routes.all.iter().map(|route| route.name.clone()).collect();
        Overview { path, off, channels, routes }
    }

    /// The last attempts, the newest first, each with its number; of those before a number, where one is given. Empty where there is no
    /// file. Reads the disk: call it where blocking is allowed.
    pub fn attempts(&self, before: Option<u64>, limit: usize) -> Vec<(u64, Attempt)> {
        let store = self.shared.store();
        store.and_then(|store| store.attempts(before, limit).ok()).unwrap_or_default()
    }

    /// The decision of each route, at this moment, about an alert of a rule at a severity, with these labels. `None` where there is no such
    /// rule.
    pub fn route(
        &self,
        rule: &str,
        severity: Severity,
        labels: &BTreeMap<String, String>,
    ) -> Option<Vec<RouteVerdict>> {
        let rules = self.monitor.rules();
        let metric = rules.get(rule)?.metric();
        let facts = Facts { rule, severity, metric: &metric, labels };
        let at = self.shared.get().now.wall;
        let mut taken: Option<&str> = None;
        let verdict = |route: &'_ crate::route::Route, taken: Option<&str>| {
            let refusal = taken.map(|by| format!("{by} took it")).or_else(|| route.only.refusal(&facts));
            let is_mine = refusal.is_none();
            let held = if is_mine { self.routes.held(route, &facts, at) } else { None };
            RouteVerdict {
                route: route.name.clone(),
                takes: is_mine,
                why_not: refusal,
                held,
                channels: route.channels.clone(),
            }
        };
        let mut all = Vec::new();
        for route in &self.routes.all {
            let one = verdict(route, taken);
            if one.takes && !route.goes_on {
                taken = Some(&route.name);
            }
            all.push(one);
        }
        Some(all)
    }

    /// Sends a message that tries a channel, and waits for the answer, at most so long. Blocks the thread.
    ///
    /// # Errors
    /// There is no such channel, or it is busy.
    pub fn test(&self, channel: &str, at_most: Duration) -> Result<TestAnswer, TestError> {
        if !self.types.contains_key(channel) {
            return Err(TestError::Unknown { channels: self.types.keys().cloned().collect() });
        }
        let (asks, answer) = sync_channel(1);
        let order = Order::Test { channel: channel.to_owned(), asks, until: Instant::now() + at_most };
        self.orders.send(order).map_err(|_| TestError::Busy)?;
        let answer = answer.recv_timeout(at_most).map_err(|_| TestError::Busy)?;
        Ok(match answer {
            Ok(accepted) => TestAnswer { delivered: true, status: accepted.status, text: accepted.body },
            Err(refused) => TestAnswer { delivered: false, status: refused.status, text: refused.reason },
        })
    }

    /// The alert that a link acknowledges. Changes nothing: mail scanners and previews of chats follow links too.
    ///
    /// # Errors
    /// It is not of this service, too old, or the alert has ended.
    pub fn alert_of(&self, link: &AcknowledgeLink) -> Result<Alert, LinkError> {
        self.checked(link).map(|(alert, _)| alert)
    }

    /// Acknowledges the alert of a link, which can be done once, as `by`. Writes the disk: call it where blocking is allowed.
    ///
    /// # Errors
    /// As [`alert_of`](Self::alert_of); it was used before; or `by` is empty.
    pub fn acknowledge(&self, link: &AcknowledgeLink, by: &str, comment: &str) -> Result<Alert, LinkError> {
        let (alert, signature) = self.checked(link)?;
        if by.trim().is_empty() {
            return Err(LinkError::Refused(AcknowledgeError::NoName));
        }
        let store = self.shared.store().ok_or(LinkError::NotKept)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if !store.use_link(&signature, link.until, now).map_err(|_| LinkError::NotKept)? {
            return Err(LinkError::Used);
        }
        self.monitor.alerts().acknowledge(alert.id, by, comment, None).map_err(LinkError::Refused)
    }

    fn checked(&self, link: &AcknowledgeLink) -> Result<(Alert, Vec<u8>), LinkError> {
        let ticket = Ticket { alert: link.alert, since: link.since, until: link.until };
        let links = self.links.as_ref().ok_or(LinkError::Forged)?;
        let signature = links.check(ticket, &link.signature, SystemTime::now()).map_err(|error| match error {
            NoTicket::Forged => LinkError::Forged,
            NoTicket::Expired => LinkError::Expired,
        })?;
        let active = self.monitor.alerts().active();
        let alert = active.into_iter().find(|alert| ticket.is_for(alert)).ok_or(LinkError::Ended)?;
        Ok((alert, signature))
    }
}

fn view_of(name: &str, kind: &str, queue: &QueueState) -> ChannelView {
    let failing = queue.failing.as_ref();
    ChannelView {
        name: name.to_owned(),
        kind: kind.to_owned(),
        takes_notices: false,
        waiting: queue.waiting,
        oldest: queue.oldest.map(|oldest| oldest.at),
        delivered_at: queue.delivered_at,
        failing_since: failing.map(|failing| failing.since.at),
        error: failing.map(|failing| failing.text.clone()),
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn moment_or_none<S: serde::Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => crate::moment::serialize(at, serializer),
        None => serializer.serialize_none(),
    }
}

impl fmt::Debug for NotifierView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierView").field("channels", &self.types).finish_non_exhaustive()
    }
}
