//! The state that others look at while the thread goes on.

use crate::group::Now;
use crate::outbox::{QueueState, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum StoreState {
    On(Arc<Store>),
    Off(String),
}

#[derive(Debug)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) store: StoreState,
    pub(crate) queues: BTreeMap<String, QueueState>,
    pub(crate) now: Now,
}

impl Shared {
    pub(crate) fn new(store: StoreState, now: Now) -> Self {
        Self(Mutex::new(State { store, queues: BTreeMap::new(), now }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self) -> State {
        self.lock().clone()
    }

    pub(crate) fn store(&self) -> Option<Arc<Store>> {
        match &self.lock().store {
            StoreState::On(store) => Some(Arc::clone(store)),
            StoreState::Off(_) => None,
        }
    }

    /// Another file, or none. A change is told in the log.
    pub(crate) fn set_store(&self, store: StoreState) {
        let before = std::mem::replace(&mut self.lock().store, store.clone());
        match (before, store) {
            (StoreState::On(_), StoreState::Off(error)) => {
                let text = "the outbox cannot be written: messages are sent, and lost with the process";
                tracing::error!(target: "perf::notify", error, "{text}");
            }
            (StoreState::Off(_), StoreState::On(_)) => {
                tracing::info!(target: "perf::notify", "the outbox is written again");
            }
            _ => {}
        }
    }

    /// Lets go of the file.
    pub(crate) fn close(&self) {
        self.lock().store = StoreState::Off("ended".to_owned());
    }

    pub(crate) fn set(&self, queues: &BTreeMap<String, QueueState>, now: Now) {
        let before = {
            let mut state = self.lock();
            state.now = now;
            std::mem::replace(&mut state.queues, queues.clone())
        };
        for (name, queue) in queues {
            let failed = before.get(name).is_some_and(|queue| queue.failing.is_some());
            tell_change(name, failed, queue.failing.as_ref().map(|failing| failing.text.as_str()));
        }
    }
}

/// Tells the log that a channel begins or ceases to fail. Nothing is locked meanwhile: who listens may ask us.
fn tell_change(channel: &str, failed: bool, error: Option<&str>) {
    match error {
        Some(error) if !failed => tracing::warn!(target: "perf::notify", channel, error, "a channel fails"),
        None if failed => tracing::info!(target: "perf::notify", channel, "a channel takes messages again"),
        _ => {}
    }
}
