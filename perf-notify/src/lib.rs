//! Notifications of alerts: channels, routes between them, and an outbox that loses nothing.
//!
//! ```no_run
//! use perf_notify::Notifier;
//! use perf_runtime::Monitor;
//!
//! let builder = Monitor::builder().service(perf_runtime::extend::Service::new("shop"));
//! let monitor = Notifier::set_up(builder).config_file("perf.toml").build()?;
//! // Before the first tick: it goes on where the process before stopped.
//! let notifier = Notifier::open(&monitor, None)?;
//! let monitor = monitor.install()?;
//! # drop((notifier, monitor));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```toml
//! [notify.channels.team]
//! type = "slack"
//! url_env = "SLACK_WEBHOOK_URL"
//!
//! [notify.channels.pager]
//! type = "pagerduty"
//! routing_key_file = "/run/secrets/pagerduty"
//!
//! [[notify.routes]]
//! only = { severity = "critical", components = ["db_operation"] }
//! channels = ["pager", "team"]
//! escalate = [{ after = "15m", channels = ["boss"] }]
//!
//! [[notify.routes]]                # what no route before took
//! channels = ["team"]
//! except = ["night"]               # waits for the morning, and is told if it fires still
//!
//! [notify.windows.night]
//! from = "22:00"
//! to = "07:00"
//! zone = "Europe/Berlin"
//! ```
//!
//! # From an alert to a message
//!
//! Each tick, the thread `perf-notify` hears of the changes of alerts that somebody is to be told of (not of those that are
//! [muted](perf_runtime::alert::Muted)). The first route whose filters an alert passes takes it. Alerts of one route and, unless
//! `group_by` says otherwise, of one incident are one group; of one service, where nobody looks for incidents
//! ([`AlertGroups`](perf_runtime::extend::AlertGroups)). Its first message waits 5 s for others (`group_wait`), and another one
//! comes a minute later at the earliest (`group_interval`). What still fires, and nobody has acknowledged, is told again after the rule's
//! cooldown, or after 4 h.
//!
//! A message is written to the outbox before it is first sent, and leaves it when its receiver took it. So each is sent at least once; a
//! crash in between may send one twice, with the same id. A receiver that cannot be reached is tried again after 1 s, then after twice as
//! long each time, up to 5 min, or as long as it asks for. A message that waits is brought up to date: one that fired and ended
//! meanwhile is told as both. What fires is given up after a day, the news of an end after an hour. Where a channel has failed for
//! 5 minutes, or refuses a message for good, its `fallback` is told.
//!
//! Each attempt is noted in the monitor ([`Alerts::deliveries_in`](perf_runtime::alert::Alerts::deliveries_in)), where a history keeps it.
//!
//! No thread of the application waits for any of it, and no async runtime is needed: a runtime that is blocked is when somebody must hear.
//!
//! # Notices
//!
//! Another part may have a short text told to people, by [`Deliver`]: it goes to the channels that
//! [`notices`](Settings::notices) names, by the same outbox and with its retries, once for each key, also after a restart. It is given up after
//! a day. Of 100 that wait, no more are taken. Alerts that are due go first, and a notice is never joined with another message.
//!
//! # Known limits
//!
//! - Two processes of one service that run side by side have an outbox each, and each tells of its own alerts. One that starts beside
//!   another waits for the end of that one, for 30 s at most, so that a deploy in which both overlap tells nothing twice. Messages that a
//!   process leaves are sent by the others within a minute, or by the next one.
//! - Processes of one service that run side by side do not know which notices the others told.
//! - Where the file cannot be written, messages are sent all the same, and lost with the process.

mod channel;
mod dispatcher;
mod figures;
mod group;
mod hex;
mod links;
pub mod message;
mod mirror;
mod moment;
mod notice;
mod outbox;
mod route;
mod runner;
mod settings;
mod since;
mod state;
mod surroundings;
#[cfg(test)]
mod testing;
mod trace;
mod view;
mod words;
mod worker;

pub use channel::{ChannelError, ChannelKind, ChannelSettings, Secret, SmtpTls};
pub use figures::rules;
pub use outbox::{Attempt, AttemptOutcome};
pub use route::{Filter, Maintenance, Route, Step, Window};
pub use settings::Settings;
pub use view::{AcknowledgeLink, ChannelView, LinkError, NotifierView, Overview, RouteVerdict, TestAnswer, TestError};

use channel::{Channel, Opening};
use dispatcher::{Beginning, Dispatcher};
use figures::Figures;
use group::Now;
use links::Links;
use notice::{Backlog, Notices};
use outbox::{Plan, Store};
use perf_runtime::config::Value;
use perf_runtime::extend::{Deliver, Provided, ShutdownHook, TickObserver, state_folder};
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use ring::rand::{SecureRandom, SystemRandom};
use route::Routes;
use runner::{Order, Runner};
use state::{Shared, StoreState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use surroundings::Adding;
use trace::TraceUrl;
use worker::Worker;

/// The name of the section of settings.
const SECTION: &str = "notify";

/// The guard of notifications: dropping it sends what is left, for a second at most, and ends the threads.
#[must_use = "dropping the guard ends notifications"]
pub struct Notifier {
    orders: Sender<Order>,
    view: NotifierView,
    guards: Option<Guards>,
}

/// Not provided where another notifier of the monitor does.
type Guards = (TickObserver, ShutdownHook, Option<Provided>);

/// A channel that is open, with what is set about it.
pub(crate) type Opened = (Plan, &'static str, Box<dyn Channel>);

impl Notifier {
    /// Adds the section `[notify]`, and the [rules] on the outbox itself, to a monitor that is being set up.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        builder.section(SECTION).add_rules(rules())
    }

    /// Begins to tell of alerts, as the section `[notify]` says. `public_url` is the address below which others reach the dashboard;
    /// without it, messages have no links. To be called before the monitor ticks, and after its state was restored.
    ///
    /// # Errors
    /// A setting that is not allowed. A disk or a receiver that cannot be used is no error: it is told, and tried again.
    pub fn open(monitor: &Monitor, public_url: Option<&str>) -> Result<Self, ConfigError> {
        let mut settings = Settings::read(&monitor.section(SECTION)?)?;
        settings.public_url = public_url.map(str::to_owned);
        Self::with_settings(monitor, settings)
    }

    /// As [`open`](Self::open) with settings made in code.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_settings(monitor: &Monitor, settings: Settings) -> Result<Self, ConfigError> {
        let settings = settings.checked()?;
        let opened = opened_channels(&settings)?;
        Self::begin(monitor, settings, opened)
    }

    fn begin(monitor: &Monitor, settings: Settings, opened: Vec<Opened>) -> Result<Self, ConfigError> {
        let (orders, receiver) = channel();
        let now = Now { uptime: Duration::ZERO, wall: monitor.time_of_day() };
        let types: BTreeMap<String, &'static str> =
            opened.iter().map(|(plan, kind, _)| (plan.name.clone(), *kind)).collect();
        let routes = Routes { all: settings.routes, windows: settings.windows, maintenance: settings.maintenance };
        let is_on = settings.enabled && monitor.is_enabled() && !types.is_empty();
        if !is_on {
            let text = if types.is_empty() { "no channel is set" } else { "switched off" };
            let shared = Arc::new(Shared::new(StoreState::Off(text.to_owned()), now));
            let view = NotifierView::new(monitor, shared, routes, types, Vec::new(), None, orders.clone());
            return Ok(Self { orders, view, guards: None });
        }
        show_settings(monitor, &types, &settings.notices);
        let service = monitor.service().cloned();
        let folder =
            state_folder(settings.path.as_deref(), service.as_ref().map_or("service", |service| &service.name));
        let (store, left) = opened_store(folder.as_deref());
        let links = settings.public_url.as_deref().map(|url| Links::new(url, folder.as_deref()));
        let refused =
            |error: std::io::Error| ConfigError::new("server.public_url", error, "no address: links cannot be signed");
        let links = links.transpose().map_err(refused)?;
        let overlaps = overlaps(folder.as_deref(), &store);
        let read = match &store {
            StoreState::On(store) => store.instance().ok(),
            StoreState::Off(_) => None,
        };
        let shared = Arc::new(Shared::new(store, now));
        let named = settings.notices.clone();
        let seen = Arc::clone(&shared);
        let view = NotifierView::new(monitor, seen, routes.clone(), types, named, links.clone(), orders.clone());

        let traces = settings.trace_url.as_deref().and_then(TraceUrl::parse);
        let figures = Figures::new(monitor, opened.iter().map(|(plan, ..)| plan.name.as_str()));
        let with_pictures = opened.iter().any(|(_, kind, _)| *kind == "email");
        let plans = opened.iter().map(|(plan, ..)| plan.clone()).collect();
        let mut workers = BTreeMap::new();
        for (plan, _, receiver) in opened {
            let worker = Worker::begin(&plan.name, service.clone(), receiver, orders.clone());
            let refused =
                |error| ConfigError::new(format!("notify.channels.{}", plan.name), error, "a thread of its own");
            workers.insert(plan.name.clone(), worker.map_err(refused)?);
        }
        let backlog = Arc::new(Backlog::default());
        let has_channels = !settings.notices.is_empty();
        let notices = Notices { orders: orders.clone(), backlog: Arc::clone(&backlog), has_channels };
        let beginning = Beginning { routes, plans, service, notice_channels: settings.notices, ..Beginning::default() };
        let dispatcher = dispatcher_of(monitor, beginning, left, now);
        let runner = Runner {
            monitor: monitor.clone(),
            dispatcher,
            workers,
            shared,
            adding: Adding { links, traces, with_pictures },
            figures,
            folder,
            now,
            began: Duration::ZERO,
            compared: None,
            reopened: Duration::ZERO,
            read,
            adopted: None,
            overlaps,
            mirrors: BTreeMap::new(),
            has_no_incidents: false,
            notices: Vec::new(),
            in_memory: BTreeSet::new(),
            backlog,
        };
        let (on_tick, on_shutdown) = Self::listen(monitor, &orders, runner, receiver)?;
        let provided = monitor.provide::<dyn Deliver>(Arc::new(notices));
        let told = |error: &_| tracing::warn!(target: "perf::notify", %error, "notices of parts go another way");
        let provided = provided.inspect_err(told).ok();
        Ok(Self { orders, view, guards: Some((on_tick, on_shutdown, provided)) })
    }

    fn listen(
        monitor: &Monitor,
        orders: &Sender<Order>,
        runner: Runner,
        receiver: std::sync::mpsc::Receiver<Order>,
    ) -> Result<(TickObserver, ShutdownHook), ConfigError> {
        let (ticks, is_waiting) = (orders.clone(), Arc::new(AtomicBool::new(false)));
        let waits = Arc::clone(&is_waiting);
        let on_tick = monitor.on_tick(SECTION, move |tick| {
            // A thread that is held up by the disk is told once.
            if !waits.swap(true, Ordering::Relaxed) {
                let _ = ticks.send(Order::Tick(Now { uptime: tick.uptime, wall: tick.at }));
            }
        });
        let last = orders.clone();
        let on_shutdown = monitor.on_shutdown(SECTION, move |deadline| {
            // Half of the time: other parts flush after this one.
            end(&last, deadline.remaining() / 2);
        });
        thread::Builder::new()
            .name("perf-notify".to_owned())
            .spawn(move || runner.run(&receiver, &is_waiting))
            .map_err(|error| ConfigError::new(SECTION, error, "a thread of its own"))?;
        Ok((on_tick, on_shutdown))
    }

    /// A handle by which others look at it.
    pub fn view(&self) -> NotifierView {
        self.view.clone()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        if self.guards.is_some() {
            end(&self.orders, Duration::from_secs(1));
        }
    }
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

/// Shows the channels that there are, which of them take notices, and nothing else of what is set about them: keys of theirs are secrets.
fn show_settings(monitor: &Monitor, types: &BTreeMap<String, &'static str>, notices: &[String]) {
    let channel = |(name, kind): (&String, &&'static str)| {
        (name.clone(), Value::Table(BTreeMap::from([("type".to_owned(), Value::from(*kind))])))
    };
    let channels = Value::Table(types.iter().map(channel).collect());
    let notices = Value::List(notices.iter().map(|name| Value::from(name.as_str())).collect());
    let shown = [("channels".to_owned(), channels), ("notices".to_owned(), notices)];
    monitor.show_settings(SECTION, BTreeMap::from(shown));
}

/// Opens every channel. An unreachable receiver is no error: it is told when it is tried.
fn opened_channels(settings: &Settings) -> Result<Vec<Opened>, ConfigError> {
    let variable = |name: &str| std::env::var(name).ok();
    let opening = Opening { allow_commands: settings.allow_commands, variable: &variable };
    let open = |(name, channel): (&String, &ChannelSettings)| {
        let field = |key: &str| format!("notify.channels.{name}.{key}");
        let refused = |error: ChannelError| ConfigError::new(field(&error.field), error.value, error.allowed);
        let opened = channel::open(name, channel, &opening).map_err(refused)?;
        let limit = channel.limit().map_err(refused)?;
        if let Some(fallback) = &channel.fallback
            && (fallback == name || !settings.channels.contains_key(fallback))
        {
            let others: Vec<&str> =
                settings.channels.keys().filter(|other| *other != name).map(String::as_str).collect();
            return Err(ConfigError::unknown(&field("fallback"), fallback, others));
        }
        let refusal = opened.refuses_notices();
        let alerts_alone = refusal.is_some();
        if let Some(why) = refusal.filter(|_| settings.notices.contains(name)) {
            return Err(ConfigError::new(
                "notify.notices",
                name,
                format!("channels that can show a notice; this one: {why}"),
            ));
        }
        let mirrors = opened.mirrors();
        let fallback = channel.fallback.clone();
        let plan = Plan { name: name.clone(), limit, fallback, mirrors, alerts_alone, ..Plan::default() };
        Ok((plan, channel.kind.map_or("", ChannelKind::as_str), opened))
    };
    settings.channels.iter().map(open).collect()
}

/// The outbox of a folder, and what the process before left in it.
fn opened_store(folder: Option<&std::path::Path>) -> (StoreState, outbox::Left) {
    let Some(folder) = folder else {
        let text = "there is no folder for it: set [notify] path, XDG_STATE_HOME or HOME";
        tracing::warn!(target: "perf::notify", "the outbox is not kept: {text}");
        return (StoreState::Off(text.to_owned()), outbox::Left::default());
    };
    match Store::open(folder).and_then(|store| Ok((store.load()?, store))) {
        Ok((left, store)) => (StoreState::On(Arc::new(store)), left),
        Err(error) => {
            let error = error.to_string();
            tracing::error!(target: "perf::notify", error, "the outbox cannot be used: messages are sent, and lost with the process");
            (StoreState::Off(error), outbox::Left::default())
        }
    }
}

/// Whether another process of the service has an outbox in the folder.
fn overlaps(folder: Option<&std::path::Path>, store: &StoreState) -> bool {
    let (Some(folder), StoreState::On(own)) = (folder, store) else { return false };
    let overlaps = Store::others(folder, own.path()).running > 0;
    if overlaps {
        let text = "another process of the service runs: the first messages wait for its end, for 30 s at most";
        tracing::info!(target: "perf::notify", "{text}");
    }
    overlaps
}

/// The dispatcher that goes on from what a process before left.
fn dispatcher_of(monitor: &Monitor, beginning: Beginning, left: outbox::Left, now: Now) -> Dispatcher {
    let outbox::Left { instance, seq, groups, entries, told, .. } = left;
    // Without a state that was restored, events are counted anew.
    let seq = seq.min(monitor.alerts().events_since(0).last_seq);
    let instance = if instance == 0 { random() } else { instance };
    Dispatcher::new(Beginning { instance, seq, groups, entries, told, ..beginning }, now)
}

fn end(orders: &Sender<Order>, at_most: Duration) {
    let (done, finished) = sync_channel(1);
    if orders.send(Order::End { until: Instant::now() + at_most, done }).is_ok() {
        let _ = finished.recv_timeout(at_most);
    }
}

/// A number that nobody guesses; where the system gives none, the time.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match fill_random(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes).max(1),
        Err(()) => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |since| u64::from(since.subsec_nanos()) + 1),
    }
}

fn fill_random(bytes: &mut [u8]) -> Result<(), ()> {
    SystemRandom::new().fill(bytes).map_err(drop)
}
