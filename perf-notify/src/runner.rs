//! The thread that hears of alerts at each tick, writes the outbox, and hands messages to the channels.

use crate::channel::{Accepted, Refused};
use crate::dispatcher::{Dispatcher, Mirrored};
use crate::figures::Figures;
use crate::group::Now;
use crate::message::Message;
use crate::mirror::{Asked, Mirror};
use crate::notice::Backlog;
use crate::outbox::{Done, Store};
use crate::state::{Shared, StoreState};
use crate::surroundings::{self, Adding};
use crate::worker::{Job, Worker};
use perf_runtime::Monitor;
use perf_runtime::extend::{AlertGroup, AlertGroups, Notice};
use perf_runtime::rule::Rule;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// How often what is known is compared with what fires: it costs some microseconds for each alert.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How often a file that cannot be used is tried again.
const REOPEN_EVERY: Duration = Duration::from_secs(10);

/// How often outboxes are looked for that other processes left.
const ADOPT_EVERY: Duration = Duration::from_secs(60);
/// How long after its start a process waits for the end of another one of the service before it tells of anything: a deploy in which
/// both overlap tells nothing twice.
const OVERLAP: Duration = Duration::from_secs(30);

/// An order to the thread.
pub(crate) enum Order {
    /// A tick has passed.
    Tick(Now),
    Done(Box<Done>),
    /// Another part tells people something.
    Notice(Box<Notice>),
    Mirrored {
        channel: String,
        answer: Result<Accepted, Refused>,
        took: Duration,
    },
    /// Somebody tries a channel, and waits until this moment.
    Test {
        channel: String,
        asks: SyncSender<Result<Accepted, Refused>>,
        until: Instant,
    },
    Tested {
        channel: String,
        message: Box<Message>,
        answer: Result<Accepted, Refused>,
        took: Duration,
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
    pub(crate) adding: Adding,
    pub(crate) figures: Figures,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) now: Now,
    /// The uptime at the first tick.
    pub(crate) began: Duration,
    /// When what is known was last compared with what fires.
    pub(crate) compared: Option<Duration>,
    pub(crate) reopened: Duration,
    /// The number of the outbox whose lines this process knows.
    pub(crate) read: Option<u64>,
    /// When outboxes of other processes were last looked for.
    pub(crate) adopted: Option<Duration>,
    /// Whether another process of the service ran when this one began, and does still: this one waits for its end.
    pub(crate) overlaps: bool,
    pub(crate) mirrors: BTreeMap<String, Mirror>,
    /// Whether the source of incidents panicked.
    pub(crate) has_no_incidents: bool,
    /// Notices that are not in the outbox yet.
    pub(crate) notices: Vec<Notice>,
    /// The keys of those that may be in memory alone.
    pub(crate) in_memory: BTreeSet<String>,
    pub(crate) backlog: Arc<Backlog>,
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
            // A panic while one order is done does not stop those that follow: nobody would hear of anything any more.
            if catch_unwind(AssertUnwindSafe(|| self.take(order, is_waiting))).is_err() {
                // A listener of the log may be the cause.
                let _ = catch_unwind(|| tracing::error!(target: "perf::notify", "notifications panicked, and go on"));
            }
        }
    }

    fn take(&mut self, order: Order, is_waiting: &AtomicBool) {
        match order {
            Order::Tick(now) => {
                is_waiting.store(false, Ordering::Relaxed);
                self.now = now;
                if self.adopted.is_none() {
                    self.began = now.uptime;
                }
                self.reopen();
                self.adopt();
                self.hear();
                self.advance();
            }
            Order::Done(done) => {
                self.dispatcher.finish(&done, self.now);
                self.advance();
            }
            Order::Notice(notice) => {
                self.notices.push(*notice);
                self.advance();
            }
            Order::Mirrored { channel, answer, took } => {
                let asked = self.mirrors.get_mut(&channel).and_then(|mirror| mirror.answered(answer.is_ok(), self.now));
                let Some(Asked { alerts, is_change }) = asked else { return };
                let mirrored = Mirrored { channel: &channel, alerts, is_change, answer: &answer, took };
                self.dispatcher.mirrored(mirrored, self.now);
                self.write();
            }
            Order::Test { channel, asks, until } => {
                let message = self.dispatcher.test_message(self.now);
                if let Some(worker) = self.workers.get(&channel) {
                    worker.give(Job::Test(Box::new(message), asks, until));
                }
            }
            Order::Tested { channel, message, answer, took } => {
                self.dispatcher.tested(&channel, &message, &answer, took, self.now);
                self.write();
            }
            Order::End { .. } => {}
        }
    }

    /// Hears of what happened since the last tick, and of which alerts are one incident.
    fn hear(&mut self) {
        let incidents = self.incidents();
        self.dispatcher.has_incidents(incidents.is_some());
        self.hear_alerts();
        self.dispatcher.regroup(incidents.as_deref().unwrap_or_default(), self.now);
    }

    /// The open incidents, where somebody looks for them. A source that panics is asked no more.
    fn incidents(&mut self) -> Option<Vec<AlertGroup>> {
        if self.has_no_incidents {
            return None;
        }
        let source = self.monitor.ask::<dyn AlertGroups>()?;
        let open = catch_unwind(AssertUnwindSafe(|| source.open())).ok();
        if open.is_none() {
            self.has_no_incidents = true;
            tracing::error!(target: "perf::notify", "the source of incidents panicked: alerts are told without them");
        }
        open
    }

    fn hear_alerts(&mut self) {
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
        let finish = |message: &mut Message| surroundings::add(message, &self.monitor, &self.adding);
        if !self.overlaps {
            self.dispatcher.flush(self.now, &cooldown, &finish);
            // Before the first tick nobody has looked for what another process told.
            if self.compared.is_some() {
                self.tell();
            }
        }
        let due = self.dispatcher.take_due(self.now);
        self.write();
        for entry in due {
            if let Some(worker) = self.workers.get(&entry.channel) {
                worker.give(Job::Send(Box::new(entry)));
            }
        }
        self.settle();
        self.mirror();
        let states = self.dispatcher.states();
        self.figures.set(self.dispatcher.counts(), &states, self.now);
        self.shared.set(&states, self.now);
    }

    /// Puts the notices that came into the outbox.
    fn tell(&mut self) {
        let came = std::mem::take(&mut self.notices);
        for notice in &came {
            self.dispatcher.tell(notice, self.now);
            self.in_memory.insert(notice.key().to_owned());
        }
        self.backlog.set(came.len(), self.dispatcher.waiting_notices());
    }

    /// Writes the changes. Where that fails they wait, and the file is opened anew later.
    fn write(&mut self) {
        let alerts = self.monitor.alerts();
        self.dispatcher.take_deliveries().into_iter().for_each(|delivery| alerts.note_delivery(delivery));
        if self.dispatcher.changes().is_empty() {
            return;
        }
        let written = match self.shared.store() {
            Some(store) => store.commit(self.dispatcher.changes()),
            None => return,
        };
        match written {
            Ok(()) => self.dispatcher.clear_changes(),
            Err(error) => self.shared.set_store(StoreState::Off(error.to_string())),
        }
    }

    /// Notes which notices outlive this process, or were sent.
    fn settle(&mut self) {
        let is_written = self.dispatcher.changes().is_empty();
        let (dispatcher, backlog) = (&self.dispatcher, &self.backlog);
        self.in_memory.retain(|key| {
            let is_settled = is_written || !dispatcher.has_notice(key);
            if is_settled {
                backlog.settle(key);
            }
            !is_settled
        });
    }

    /// Takes over the outboxes of processes that have ended: with restarts that overlap, each has a file of its own.
    fn adopt(&mut self) {
        let (Some(folder), Some(own)) = (&self.folder, self.shared.store()) else {
            self.overlaps = false;
            return;
        };
        if self.adopted.is_some_and(|at| !self.overlaps && self.now.uptime < at + ADOPT_EVERY) {
            return;
        }
        self.adopted = Some(self.now.uptime);
        let others = Store::others(folder, own.path());
        for store in others.left {
            let Ok(left) = store.load_all() else { continue };
            self.dispatcher.adopt(left, self.now);
            // Without a commit here they stay there: sent twice at worst.
            if own.commit(self.dispatcher.changes()).is_ok() {
                self.dispatcher.clear_changes();
                if let Err(error) = store.remove() {
                    tracing::warn!(target: "perf::notify", %error, "the outbox of another process cannot be removed");
                }
            }
        }
        self.overlaps &= others.running > 0 && self.now.uptime < self.began + OVERLAP;
    }

    /// Opens the file where it could not be used before. One that this process has not read holds what processes before left: their messages,
    /// and what was told.
    fn reopen(&mut self) {
        let (Some(folder), None) = (&self.folder, self.shared.store()) else { return };
        if self.now.uptime < self.reopened + REOPEN_EVERY {
            return;
        }
        self.reopened = self.now.uptime;
        let opened = Store::open(folder).and_then(|store| {
            // By its number: in the same place may be another file, such as that of another disk.
            let instance = store.instance()?;
            let left = if self.read == Some(instance) { None } else { Some(store.load()?) };
            Ok((store, instance, left))
        });
        match opened {
            Ok((store, instance, left)) => {
                self.read = Some(instance);
                self.shared.set_store(StoreState::On(Arc::new(store)));
                if let Some(left) = left {
                    self.dispatcher.take_in(left, self.now);
                }
            }
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
        // Notices that were taken until now are among the orders that came.
        self.backlog.end();
        self.reopen();
        let is_waiting = AtomicBool::new(false);
        for order in orders.try_iter().collect::<Vec<_>>() {
            self.take(order, &is_waiting);
        }
        self.hear();
        // Those that came before the first tick are lost otherwise.
        self.tell();
        if self.overlaps && self.leaves(orders, until) {
            return;
        }
        self.advance();
        while self.dispatcher.is_sending() {
            match orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(order) => self.take(order, &is_waiting),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Leaves what waits to the other process, which may have told of it: sends nothing more, and takes note of the answers that are
    /// still to come. Whether that is written: what cannot be is better told twice than lost.
    fn leaves(&mut self, orders: &Receiver<Order>, until: Instant) -> bool {
        self.write();
        if !self.dispatcher.changes().is_empty() {
            return false;
        }
        while self.dispatcher.is_sending() {
            match orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Order::Done(done)) => self.dispatcher.finish(&done, self.now),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
            self.write();
        }
        true
    }
}
