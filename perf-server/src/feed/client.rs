//! A client that watches something: what it has read, and what it has to read.

use super::backlog::Unread;
use super::broadcast::{Command, Hub, Joined, Knows};
use super::producer;
use super::text::Text;
use super::watch::Watch;
use crate::auth::Access;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// A client that watches something, until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    hub: Hub,
    pub(super) watch: Arc<Watch>,
    pub(super) access: Access,
    seq: u64,
    latest: watch::Receiver<u64>,
    worker: mpsc::UnboundedSender<Command>,
    /// Whether its client goes on with something else.
    is_replaced: bool,
}

impl Watcher {
    /// Begins to watch, and says what is needed before. `None` where the worker is gone, which only a panic in it can do.
    pub(super) async fn join(hub: &Hub, watch: Watch, knows: Knows, access: Access) -> Option<(Self, Option<Text>)> {
        let watch = Arc::new(watch);
        let latest = hub.latest();
        let (reply, joined) = oneshot::channel();
        let worker = hub.ask(Command::Join { watch: Arc::clone(&watch), knows, access, reply }, |commands| {
            tokio::spawn(producer::run(hub.clone(), commands));
        });
        let mut watcher = Self { hub: hub.clone(), watch, access, seq: 0, latest, worker, is_replaced: false };
        let Joined { seq, initial } = joined.await.ok()?;
        watcher.seq = seq;
        Some((watcher, initial))
    }

    /// Waits for something to read. [`Unread::Gone`] where this client missed some.
    pub(super) async fn unread(&mut self) -> Unread {
        loop {
            let seen = *self.latest.borrow_and_update();
            if seen > self.seq {
                match self.unread_now() {
                    Unread::Messages(texts, _) if texts.is_empty() => continue,
                    unread => return unread,
                }
            }
            // An error means that the sender is gone, but `hub` holds it.
            let _ = self.latest.changed().await;
        }
    }

    /// The messages that have come already.
    pub(super) fn unread_now(&mut self) -> Unread {
        let unread = self.hub.after(self.seq, &self.watch);
        if let Unread::Messages(_, read) = unread {
            self.seq = read;
        }
        unread
    }

    /// The points of some rows. `None` as in [`join`](Self::join).
    pub(super) async fn points_of(&self, rows: Vec<usize>) -> Option<Text> {
        let (reply, points) = oneshot::channel();
        // A worker that is gone drops the reply.
        let _ = self.worker.send(Command::Points { topic: Arc::clone(&self.watch.topic), rows, reply });
        points.await.ok()
    }

    /// Ends, since its client watches something else now.
    pub(super) fn replaced(mut self) {
        self.is_replaced = true;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // A worker that is gone watches nothing.
        let _ = self.worker.send(Command::Leave { watch: Arc::clone(&self.watch), is_gone: !self.is_replaced });
    }
}
