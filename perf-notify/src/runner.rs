//! The thread that hears of alerts at each tick, writes the outbox, and hands messages to the channels.

use crate::channel::{Accepted, Refused};
use crate::dispatcher::Dispatcher;
use crate::figures::Figures;
use crate::group::Now;
use crate::links::Links;
use crate::message::{Message, MessageAlert};
use crate::outbox::{Done, Store};
use crate::state::{Shared, StoreState};
use crate::surroundings;
use crate::worker::{Job, Worker};
use perf_runtime::Monitor;
use perf_runtime::alert::{Alert, Fingerprint};
use perf_runtime::rule::Rule;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

/// How often receivers that keep the state are told it.
const MIRROR_EVERY: Duration = Duration::from_secs(60);
/// How long one that failed is left alone.
const MIRROR_AGAIN: Duration = Duration::from_secs(10);
/// How often what is known is compared with what fires: it costs some microseconds for each alert.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How long an alert that ended is told to them.
const MIRROR_ENDED: Duration = Duration::from_secs(15 * 60);
/// How often a file that cannot be used is tried again.
const REOPEN_EVERY: Duration = Duration::from_secs(10);

/// How often outboxes are looked for that other processes left.
const ADOPT_EVERY: Duration = Duration::from_secs(60);

/// An order to the thread.
pub(crate) enum Order {
    /// A tick has passed.
    Tick(Now),
    Done(Box<Done>),
    Mirrored {
        channel: String,
        answer: Result<Accepted, Refused>,
    },
    /// Somebody tries a channel.
    Test {
        channel: String,
        asks: SyncSender<Result<Accepted, Refused>>,
    },
    /// Send what is due, wait for the answers until this moment, and end.
    End {
        until: Instant,
        done: SyncSender<()>,
    },
}

pub(crate) struct Runner {
    pub(crate) monitor: Monitor,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) workers: BTreeMap<String, Worker>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) links: Option<Links>,
    pub(crate) figures: Figures,
    /// Whether some channel draws the last hour.
    pub(crate) with_pictures: bool,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) now: Now,
    /// When what is known was last compared with what fires.
    pub(crate) compared: Option<Duration>,
    pub(crate) reopened: Duration,
    /// When outboxes of other processes were last looked for.
    pub(crate) adopted: Option<Duration>,
    pub(crate) mirrors: BTreeMap<String, Mirror>,
}

/// The state as a receiver that keeps it was last told.
#[derive(Default)]
pub(crate) struct Mirror {
    /// When it is told again, changed or not.
    next: Duration,
    /// When it may be told of a change.
    not_before: Duration,
    /// Whether its answer is still to come.
    is_asked: bool,
    told: BTreeMap<Fingerprint, Alert>,
    ended: Vec<(Duration, Alert)>,
}

impl Runner {
    pub(crate) fn run(mut self, orders: &Receiver<Order>, is_waiting: &AtomicBool) {
        while let Ok(order) = orders.recv() {
            if let Order::End { until, done } = order {
                self.end(orders, until);
                // The file is free before anybody is told: the next process may be waiting for it.
                self.shared.close();
                drop(self);
                let _ = done.send(());
                return;
            }
            self.take(order, is_waiting);
        }
    }

    fn take(&mut self, order: Order, is_waiting: &AtomicBool) {
        match order {
            Order::Tick(now) => {
                is_waiting.store(false, Ordering::Relaxed);
                self.now = now;
                self.adopt();
                self.hear();
                self.advance();
            }
            Order::Done(done) => {
                self.dispatcher.finish(&done, self.now);
                self.advance();
            }
            Order::Mirrored { channel, answer } => {
                if let Some(mirror) = self.mirrors.get_mut(&channel) {
                    mirror.answered(answer.is_ok(), self.now);
                }
                self.dispatcher.mirrored(&channel, &answer, self.now);
            }
            Order::Test { channel, asks } => {
                let message = self.dispatcher.test_message(self.now);
                if let Some(worker) = self.workers.get(&channel) {
                    worker.give(Job::Test(Box::new(message), asks));
                }
            }
            Order::End { .. } => {}
        }
    }

    /// Hears of what happened since the last tick.
    fn hear(&mut self) {
        let alerts = self.monitor.alerts();
        let news = alerts.events_since(self.dispatcher.seq());
        for event in &news.events {
            self.dispatcher.hear(event, self.now);
        }
        self.dispatcher.go_on_from(news.last_seq);
        if news.missed > 0 {
            self.dispatcher.look_again(self.now);
        }
        if self.compared.is_some_and(|at| news.missed == 0 && self.now.uptime < at + COMPARE_EVERY) {
            return;
        }
        self.compared = Some(self.now.uptime);
        let active = alerts.active();
        let known = || active.iter().chain(&alerts.pending()).map(|alert| alert.fingerprint).collect::<BTreeSet<_>>();
        self.dispatcher.compare(&active, known, self.now);
    }

    /// Puts into the outbox what is due, writes it, and hands out what can be sent. Nothing is sent that is not written, unless the file
    /// cannot be: then it is better told than kept.
    fn advance(&mut self) {
        let rules = OnceCell::new();
        let cooldown = |rule: &str| rules.get_or_init(|| self.monitor.rules()).get(rule).map(Rule::cooldown);
        let finish = |message: &mut Message| {
            surroundings::add(message, &self.monitor, self.links.as_ref(), self.with_pictures);
        };
        self.dispatcher.flush(self.now, &cooldown, &finish);
        let due = self.dispatcher.take_due(self.now);
        self.write();
        for entry in due {
            if let Some(worker) = self.workers.get(&entry.channel) {
                worker.give(Job::Send(Box::new(entry)));
            }
        }
        self.mirror();
        let states = self.dispatcher.states();
        self.figures.set(self.dispatcher.counts(), &states, self.now.wall);
        self.shared.set(&states, self.now);
    }

    /// Writes the changes. Where that fails they wait, and the file is opened anew later.
    fn write(&mut self) {
        if self.dispatcher.changes().is_empty() {
            return;
        }
        self.reopen();
        let written = match self.shared.store() {
            Some(store) => store.commit(self.dispatcher.changes()),
            None => return,
        };
        match written {
            Ok(()) => self.dispatcher.clear_changes(),
            Err(error) => self.shared.set_store(StoreState::Off(error.to_string())),
        }
    }

    /// Takes over the outboxes of processes that have ended: with restarts that overlap, each has a file of its own.
    fn adopt(&mut self) {
        let (Some(folder), Some(own)) = (&self.folder, self.shared.store()) else { return };
        if self.adopted.is_some_and(|at| self.now.uptime < at + ADOPT_EVERY) {
            return;
        }
        self.adopted = Some(self.now.uptime);
        for store in Store::abandoned(folder, own.path()) {
            let Ok(left) = store.load() else { continue };
            self.dispatcher.adopt(left, self.now);
            // Without a commit here they stay there: sent twice at worst.
            if own.commit(self.dispatcher.changes()).is_ok() {
                self.dispatcher.clear_changes();
                if let Err(error) = store.remove() {
                    tracing::warn!(target: "perf::notify", %error, "the outbox of another process cannot be removed");
                }
            }
        }
    }

    fn reopen(&mut self) {
        let (Some(folder), None) = (&self.folder, self.shared.store()) else { return };
        if self.now.uptime < self.reopened + REOPEN_EVERY {
            return;
        }
        self.reopened = self.now.uptime;
        match Store::open(folder) {
            Ok(store) => self.shared.set_store(StoreState::On(Arc::new(store))),
            Err(error) => self.shared.set_store(StoreState::Off(error.to_string())),
        }
    }

    /// Tells the state to receivers that keep it: each minute, and when it changes.
    fn mirror(&mut self) {
        for (channel, worker) in self.workers.iter().filter(|(_, worker)| worker.mirrors) {
            let firing = self.dispatcher.alerts_for(channel);
            let mirror = self.mirrors.entry(channel.clone()).or_default();
            if let Some(alerts) = mirror.due(firing, self.now) {
                worker.give(Job::Mirror(alerts, self.now.wall));
            }
        }
    }

    /// Sends what is due, and waits for the answers as long as there is time. What is to be tried later is left to the next process.
    fn end(&mut self, orders: &Receiver<Order>, until: Instant) {
        self.hear();
        self.advance();
        let is_waiting = AtomicBool::new(false);
        while self.dispatcher.is_sending() {
            match orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(order) => self.take(order, &is_waiting),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

impl Mirror {
    /// The alerts to tell, where it is time.
    fn due(&mut self, firing: Vec<MessageAlert>, now: Now) -> Option<Vec<MessageAlert>> {
        let current: BTreeMap<Fingerprint, Alert> =
            firing.iter().map(|one| (one.alert.fingerprint, one.alert.clone())).collect();
        let has_changed = !current.keys().eq(self.told.keys())
            || current
                .iter()
                .any(|(key, alert)| self.told.get(key).is_some_and(|told| told.severity != alert.severity));
        let is_due = now.uptime >= self.next || (has_changed && now.uptime >= self.not_before);
        if self.is_asked || !is_due {
            return None;
        }
        for (key, alert) in std::mem::take(&mut self.told) {
            if !current.contains_key(&key) {
                self.ended.push((now.uptime, ended(alert, now.wall)));
            }
        }
        self.ended.retain(|(at, alert)| now.uptime < *at + MIRROR_ENDED && !current.contains_key(&alert.fingerprint));
        self.told = current;
        self.next = now.uptime + MIRROR_EVERY;
        let ended = self.ended.iter().map(|(_, alert)| MessageAlert::new(alert.clone(), false));
        let all: Vec<MessageAlert> = firing.into_iter().chain(ended).collect();
        self.is_asked = !all.is_empty();
        self.is_asked.then_some(all)
    }

    /// Takes note of the answer. A receiver that failed is told all of it again soon.
    fn answered(&mut self, is_taken: bool, now: Now) {
        self.is_asked = false;
        if !is_taken {
            self.not_before = now.uptime + MIRROR_AGAIN;
            self.next = self.not_before;
        }
    }
}

fn ended(mut alert: Alert, at: SystemTime) -> Alert {
    alert.resolved_at = Some(at);
    alert
}
