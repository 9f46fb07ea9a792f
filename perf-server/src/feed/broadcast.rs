//! Where clients and the worker meet.

use super::backlog::{Log, Unread};
use super::part::{PartCards, PartTopic};
use super::seats::Seats;
use super::text::Text;
use super::topic::Topic;
use super::watch::{Watch, Without};
use crate::auth::Access;
use perf_runtime::Monitor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};

/// The live feed of a monitor. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) monitor: Monitor,
    pub(super) topics: Arc<[PartTopic]>,
    pub(super) cards: Arc<[PartCards]>,
    /// Tells this feed from that of the process before.
    pub(super) epoch: String,
    pub(super) seats: Seats,
    shared: Mutex<Shared>,
    latest: watch::Sender<u64>,
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Shared {
    log: Log,
    /// To the worker, while there is one.
    worker: Option<mpsc::UnboundedSender<Command>>,
}

/// A request to the worker.
#[derive(Debug)]
pub(super) enum Command {
    /// Somebody watches this from now on.
    Join { watch: Arc<Watch>, knows: Knows, access: Access, reply: oneshot::Sender<Joined> },
    /// Somebody watches this no more. One that is gone may come back.
    Leave { watch: Arc<Watch>, is_gone: bool },
    /// Somebody wants the points of some rows of a topic.
    Points { topic: Arc<Topic>, rows: Vec<usize>, reply: oneshot::Sender<Text> },
}

/// The knowledge that a client has of the topic that it joins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Knows {
    #[default]
    Nothing,
    /// All up to a message: it was here before.
    UpTo(u64),
    /// All but this: it goes on with its topic.
    AllBut(Without),
}

/// From where on a client reads the log.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) seq: u64,
    /// The message that it needs before; `None` where it knows everything up to there.
    pub(super) initial: Option<Text>,
}

impl Hub {
    pub(crate) fn new(monitor: Monitor, topics: Vec<PartTopic>, cards: Vec<PartCards>) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let epoch = format!("{:x}-{:x}", since_epoch.as_nanos(), std::process::id());
        let shared = Mutex::default();
        let (seats, latest) = (Seats::default(), watch::Sender::new(0));
        let closed = watch::Sender::new(false);
        let (topics, cards) = (topics.into(), cards.into());
        Self { inner: Arc::new(Inner { monitor, topics, cards, epoch, seats, shared, latest, closed }) }
    }

    /// Sends all clients away.
    pub(crate) fn close(&self) {
        self.inner.closed.send_replace(true);
    }

    /// Returns when all clients are to go.
    pub(super) async fn closed(&self) {
        // An error means that the sender is gone, but `self` holds it.
        let _ = self.inner.closed.subscribe().wait_for(|&closed| closed).await;
    }

    /// The number of the last message, as it changes.
    pub(super) fn latest(&self) -> watch::Receiver<u64> {
        self.inner.latest.subscribe()
    }

    /// Hands a command to the worker; `start` gets what one is to obey, where there is none.
    pub(super) fn ask(
        &self,
        command: Command,
        start: impl FnOnce(mpsc::UnboundedReceiver<Command>),
    ) -> mpsc::UnboundedSender<Command> {
        let mut shared = self.shared();
        let command = match &shared.worker {
            // Under the lock: a worker that ends says so under it.
            Some(worker) => match worker.send(command) {
                Ok(()) => return worker.clone(),
                Err(mpsc::error::SendError(command)) => command,
            },
            None => command,
        };
        let (worker, commands) = mpsc::unbounded_channel();
        // The receiver is here.
        let _ = worker.send(command);
        shared.worker = Some(worker.clone());
        start(commands);
        worker
    }

    /// Ends the worker's part, unless somebody has asked for something meanwhile.
    pub(super) fn retire(&self, commands: &mpsc::UnboundedReceiver<Command>) -> bool {
        let mut shared = self.shared();
        let may = commands.is_empty();
        if may {
            shared.worker = None;
            // A client that comes later gets everything.
            shared.log.forget_all();
        }
        may
    }

    /// Puts a message into the log, for those who watch this or for everybody.
    pub(super) fn post(&self, watch: Option<Arc<Watch>>, make: impl FnOnce(u64) -> String) -> u64 {
        let seq = self.shared().log.push(watch, make);
        self.inner.latest.send_replace(seq);
        seq
    }

    pub(super) fn seq(&self) -> u64 {
        self.shared().log.seq()
    }

    /// Whether the log holds all that came after this.
    pub(super) fn covers(&self, seq: u64) -> bool {
        self.shared().log.covers(seq)
    }

    /// The next messages after `seq` for those who watch this.
    pub(super) fn after(&self, seq: u64, watch: &Watch) -> Unread {
        self.shared().log.after(seq, watch)
    }

    #[cfg(test)]
    pub(super) fn is_working(&self) -> bool {
        self.shared().worker.is_some()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.inner.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
