//! Channels that the program made by tokio itself.

use crate::channel::existing::{self, Probe};
use std::any::Any;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

/// A sender whose channel can be looked at by [`watch_channel`]: of `tokio::sync::mpsc` and `tokio::sync::broadcast`. An unbounded sender does not know how
/// many messages are queued, and neither do those of `oneshot` and `watch`.
pub trait ExistingChannel: sealed::Sealed {}

mod sealed {
    pub trait Sealed {
        #[doc(hidden)]
        fn look_at(&self, name: &'static str) -> bool;
    }
}

/// Looks at a channel that the program made by tokio itself, at each tick, under a name: the messages queued in it, and the room that it has. Of several channels of
/// one name, the sums. A channel that is looked at already is so under the new name alone. Says whether there was place for it: 1,000 channels are looked at, at most.
///
/// It looks by a weak sender, which never keeps the channel open, and which the channel's `weak_count` counts: when its last sender is dropped, it is looked at no longer. While
/// it looks, a microsecond at each tick and at each call of this function, which looks at all, there is one sender more. Permits that are out count as queued in a channel of
/// `mpsc`. In one of `broadcast`, queued is what some receiver has still before it.
///
/// ```
/// let (sender, _receiver) = tokio::sync::mpsc::channel::<u32>(100);
/// assert!(perf_sync::tokio::watch_channel("jobs", &sender));
/// ```
pub fn watch_channel<S: ExistingChannel>(name: &'static str, sender: &S) -> bool {
    sender.look_at(name)
}

impl<T: Send + 'static> ExistingChannel for mpsc::Sender<T> {}

impl<T: Send + 'static> sealed::Sealed for mpsc::Sender<T> {
    fn look_at(&self, name: &'static str) -> bool {
        existing::add(name, "existing_mpsc", Arc::new(self.downgrade()), self)
    }
}

impl<T: Send + 'static> Probe for mpsc::WeakSender<T> {
    fn look(&self) -> Option<(u64, Option<u64>)> {
        let sender = self.upgrade()?;
        let capacity = sender.max_capacity();
        let queued = capacity.saturating_sub(sender.capacity()) as u64;
        Some((queued, Some(capacity as u64)))
    }

    fn is_of(&self, sender: &dyn Any) -> bool {
        let same = |sender: &mpsc::Sender<T>| self.upgrade().is_some_and(|own| own.same_channel(sender));
        sender.downcast_ref().is_some_and(same)
    }
}

impl<T: Send + 'static> ExistingChannel for broadcast::Sender<T> {}

impl<T: Send + 'static> sealed::Sealed for broadcast::Sender<T> {
    fn look_at(&self, name: &'static str) -> bool {
        existing::add(name, "existing_broadcast", Arc::new(self.downgrade()), self)
    }
}

impl<T: Send + 'static> Probe for broadcast::WeakSender<T> {
    fn look(&self) -> Option<(u64, Option<u64>)> {
        Some((self.upgrade()?.len() as u64, None))
    }

    fn is_of(&self, sender: &dyn Any) -> bool {
        let same = |sender: &broadcast::Sender<T>| self.upgrade().is_some_and(|own| own.same_channel(sender));
        sender.downcast_ref().is_some_and(same)
    }
}
