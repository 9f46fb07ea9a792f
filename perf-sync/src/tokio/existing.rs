//! Channels that the program made by tokio itself.

use crate::channel::existing::{self, Probe};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc};

/// A sender whose channel can be looked at by [`watch_channel`]: of `tokio::sync::mpsc` and `tokio::sync::broadcast`. An unbounded sender does not know how
/// many messages are queued, and neither do those of `oneshot` and `watch`.
pub trait ExistingChannel: sealed::Sealed {}

mod sealed {
    use super::{Arc, Probe};

    pub trait Sealed {
        #[doc(hidden)]
        const KIND: &'static str;

        #[doc(hidden)]
        fn probe(&self) -> Arc<Probe>;
    }
}

/// Looks at a channel that the program made by tokio itself, at each tick, under a name: the messages queued in it, and the room that it has. Of several channels of
/// one name, the sums. Says whether there was place for it: 1,000 channels are looked at, at most.
///
/// It looks by a weak sender, which never keeps the channel open: when its last sender is dropped, it is looked at no longer. While it looks, a microsecond at each tick,
/// there is one sender more. Permits that are out count as queued in a channel of `mpsc`. In one of `broadcast`, queued is what some receiver has still before it.
///
/// ```
/// let (sender, _receiver) = tokio::sync::mpsc::channel::<u32>(100);
/// assert!(perf_sync::tokio::watch_channel("jobs", &sender));
/// ```
pub fn watch_channel<S: ExistingChannel>(name: &'static str, sender: &S) -> bool {
    existing::add(name, S::KIND, sender.probe())
}

impl<T: Send + 'static> ExistingChannel for mpsc::Sender<T> {}

impl<T: Send + 'static> sealed::Sealed for mpsc::Sender<T> {
    const KIND: &'static str = "existing_mpsc";

    fn probe(&self) -> Arc<Probe> {
        let weak = self.downgrade();
        Arc::new(move || {
            let sender = weak.upgrade()?;
            let capacity = sender.max_capacity();
            let queued = capacity.saturating_sub(sender.capacity()) as u64;
            Some((queued, Some(capacity as u64)))
        })
    }
}

impl<T: Send + 'static> ExistingChannel for broadcast::Sender<T> {}

impl<T: Send + 'static> sealed::Sealed for broadcast::Sender<T> {
    const KIND: &'static str = "existing_broadcast";

    fn probe(&self) -> Arc<Probe> {
        let weak = self.downgrade();
        Arc::new(move || Some((weak.upgrade()?.len() as u64, None)))
    }
}
