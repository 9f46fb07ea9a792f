//! The channels that are there at one moment, by their series.

use super::instance::{self, Instance, Stalls};
use crate::watch::series::SeriesNumber;
use crate::watch::waits::Waiter;
use std::collections::HashMap;
use std::sync::Arc;

/// The channels of a series that are there.
#[derive(Default)]
pub(crate) struct Group {
    /// Those that have a receiver.
    pub(crate) channels: u64,
    /// The room of those.
    pub(crate) capacity: u64,
    /// The most messages that one of them had, as far as that is known.
    pub(crate) peak: Option<u64>,
    /// Those that wait for room.
    pub(crate) waiters: Vec<Sender>,
    /// Since when the channel has stopped that stopped first, and the call that received last.
    pub(crate) stopped: Option<(u64, Option<u16>)>,
    /// Those that have no receiver.
    abandoned: u64,
    only: Option<Arc<Instance>>,
}

/// One that waits for room in a channel.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) waiter: Waiter,
    /// The number of the channel.
    pub(crate) instance: u64,
    /// The call that received last from the channel; `None` where nothing was received yet.
    pub(crate) by: Option<u16>,
    /// Whether the channel has its receiver and is open. Else it waits for nothing but to be polled: then it is told that the channel is closed.
    pub(crate) has_receiver: bool,
}

impl Group {
    fn add(&mut self, instance: &Arc<Instance>, now: u64, stalls: &mut Stalls) {
        let (number, by, has_receiver) = (instance.number(), instance.by(), instance.has_receiver());
        let (waiters, is_open) = (instance.waits.read().into_iter(), instance.is_open());
        self.waiters.extend(waiters.map(|waiter| Sender { waiter, instance: number, by, has_receiver: is_open }));
        if !has_receiver {
            self.abandoned += 1;
            return;
        }
        self.channels += 1;
        self.capacity = self.capacity.saturating_add(instance.capacity().unwrap_or_default());
        self.peak = self.peak.max(instance.peak(now));
        if self.channels == 1 {
            // The only one of its name is asked later, with the counts.
            self.only = Some(Arc::clone(instance));
            return;
        }
        if let Some(first) = self.only.take() {
            self.ask(&first, now, false, stalls);
        }
        self.ask(instance, now, false, stalls);
    }

    fn ask(&mut self, instance: &Instance, now: u64, has_queued: bool, stalls: &mut Stalls) {
        let since = instance.stopped_since(now, has_queued, stalls);
        if let Some(since) = since.filter(|since| self.stopped.is_none_or(|(first, _)| *since < first)) {
            self.stopped = Some((since, instance.by()));
        }
    }

    /// Takes into account that so many messages of the series are queued: where there is one channel, they are there. A channel that has no receiver may
    /// have some as well, of permits that were used later.
    pub(crate) fn with_queued(&mut self, queued: u64, now: u64, stalls: &mut Stalls) {
        if let Some(only) = self.only.take() {
            let is_known = self.abandoned == 0;
            // Without a message it has not stopped, whenever something was sent.
            if !is_known || queued > 0 {
                self.ask(&only, now, is_known, stalls);
            }
            if is_known {
                // Counts are read while messages come and go: there may be more in them than there ever was room for.
                let queued = only.capacity().map_or(queued, |capacity| queued.min(capacity));
                self.peak = self.peak.max(Some(queued));
            }
        }
    }
}

/// The channels that are there, by their series. Costs a look at all of them, a part at a time.
pub(crate) fn look(now: u64, stalls: &mut Stalls) -> HashMap<SeriesNumber, Group> {
    let mut groups: HashMap<SeriesNumber, Group> = HashMap::new();
    instance::each(|instance| groups.entry(instance.series).or_default().add(instance, now, stalls));
    groups
}
