//! Room that was reserved: it is used for a message, or given back.

use super::instance::Instance;
use super::message::Queued;
use std::ops::Deref;

/// Permits of a channel that are out. Those that are left when it is dropped count as unused.
pub(crate) struct Reserved<C: Deref<Target = Instance>> {
    channel: C,
    permits: u64,
}

impl<C: Deref<Target = Instance>> Reserved<C> {
    /// Counts that so many were granted.
    pub(crate) fn new(channel: C, permits: usize) -> Self {
        let permits = permits as u64;
        channel.granted(permits);
        Self { channel, permits }
    }

    /// Counts that the only one is used for a message, which is about to be sent.
    pub(crate) fn used<T>(mut self, value: T) -> Queued<T> {
        self.permits = 0;
        self.channel.used();
        self.channel.message(value)
    }

    pub(crate) fn channel(&self) -> &C {
        &self.channel
    }
}

impl<C: Deref<Target = Instance> + Copy> Reserved<C> {
    /// Takes one of them out.
    pub(crate) fn split(&mut self) -> Self {
        let permits = self.permits.min(1);
        self.permits -= permits;
        Self { channel: self.channel, permits }
    }
}

impl<C: Deref<Target = Instance>> Drop for Reserved<C> {
    fn drop(&mut self) {
        self.channel.unused(self.permits);
    }
}
