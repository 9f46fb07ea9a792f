//! A client that watches something: what it has read, and what it has to read.

use super::backlog::Unread;
use super::broadcast::{Command, Hub, Joined};
use super::producer;
use super::topic::Topic;
use crate::auth::Access;
use axum::extract::ws::Utf8Bytes;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// A client that watches something, until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    hub: Hub,
    pub(super) topic: Arc<Topic>,
    pub(super) access: Access,
    seq: u64,
    latest: watch::Receiver<u64>,
    worker: mpsc::UnboundedSender<Command>,
}

impl Watcher {
    /// Begins to watch, and says what is needed before; `since` is what was seen last by who was here before. `None` where
    /// the worker is gone, which only a panic in it can do.
    pub(super) async fn join(
        hub: &Hub,
        topic: Topic,
        since: Option<u64>,
        access: Access,
    ) -> Option<(Self, Option<Utf8Bytes>)> {
        let topic = Arc::new(topic);
        let latest = hub.latest();
        let (reply, joined) = oneshot::channel();
        let worker = hub.ask(Command::Join { topic: Arc::clone(&topic), since, access, reply }, |commands| {
            tokio::spawn(producer::run(hub.clone(), commands));
        });
        let mut watcher = Self { hub: hub.clone(), topic, access, seq: 0, latest, worker };
        let Joined { seq, initial } = joined.await.ok()?;
        watcher.seq = seq;
        Some((watcher, initial))
    }

    /// Waits for something to read. [`Unread::Gone`] where this client missed some.
    pub(super) async fn unread(&mut self) -> Unread {
        loop {
            let seen = *self.latest.borrow_and_update();
            if seen > self.seq {
                match self.hub.after(self.seq, &self.topic) {
                    Unread::Messages(texts, read) => {
                        self.seq = read;
                        if !texts.is_empty() {
                            return Unread::Messages(texts, read);
                        }
                        continue;
                    }
                    Unread::Gone => return Unread::Gone,
                }
            }
            // An error means that the sender is gone, but `hub` holds it.
            let _ = self.latest.changed().await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // A worker that is gone watches nothing.
        let _ = self.worker.send(Command::Leave(Arc::clone(&self.topic)));
    }
}
