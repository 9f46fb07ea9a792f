//! The part that all receivers of a channel have together.

use super::instance::{Handle, Receiving};
use super::offered::Offered;
use perf_runtime::__locks;
use std::sync::{Arc, Weak};

/// A receiver's part in a channel that has several: each gets its own messages. The receiver is there until the last of them is dropped.
#[derive(Clone)]
pub(crate) struct SharedReceiving(Arc<Receiving>);

impl SharedReceiving {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(Receiving::new(handle)))
    }

    /// The value of a message that was received, after which so many are left.
    #[inline]
    pub(crate) fn take<T>(&self, message: Offered<T>, left: impl FnOnce() -> usize) -> T {
        let now = __locks::now();
        let value = message.received(now);
        self.0.instance().receives_beside_others(now, left);
        value
    }

    /// Says that the channel was closed.
    #[cfg(feature = "async-channel")]
    pub(crate) fn closes(&self) {
        self.0.instance().closes();
    }

    /// Says that so many messages were taken out now, to be received or lost one by one.
    #[cfg(feature = "flume")]
    pub(crate) fn drained(&self, taken: usize) {
        self.0.instance().drained_beside_others(__locks::now(), taken);
    }

    /// The same without keeping it there.
    pub(crate) fn downgrade(&self) -> WeakReceiving {
        WeakReceiving(Arc::downgrade(&self.0))
    }
}

/// That part without keeping it there.
#[derive(Clone)]
pub(crate) struct WeakReceiving(Weak<Receiving>);

impl WeakReceiving {
    pub(crate) fn upgrade(&self) -> Option<SharedReceiving> {
        self.0.upgrade().map(SharedReceiving)
    }
}
