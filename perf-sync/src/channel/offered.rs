//! Messages that wait in a channel of another make until it takes them, and may be taken back until then.
//!
//! Such a channel has no permits: a sender that finds no room leaves its message with the channel, which moves it to the queue when there is room. A receiver may
//! have it before the sender hears of that, and a sender that gives up does not hear whether the message went meanwhile. So sender and message share a word:
//! whoever notices first that the message went counts it as sent, once.

use super::Sending;
use super::instance::Instance;
use super::message::{Stamp, lost};
use crate::watch::cells::Writer;
use crate::watch::series::SeriesNumber;
use crate::watch::{Holds, Mode, Wait};
use perf_runtime::__locks;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The message waits for room.
const WAITS: u64 = 0;
/// Its sender gives up, and does not know yet whether it was dropped by that.
const GIVES_UP: u64 = 1;
/// It was dropped before anybody saw that the channel took it.
const DROPPED: u64 = 2;
/// The first moment: every later word is the one at which it was seen that the channel took it.
const FIRST_MOMENT: u64 = 3;

/// The state of a message that had to wait for room.
#[derive(Debug)]
struct Fate(AtomicU64);

impl Fate {
    /// Notes that the channel took the message, and counts it as sent where nobody did. The moment since which it counts; `None` where it was dropped.
    fn enters(&self, series: SeriesNumber, now: u64) -> Option<u64> {
        let moment = now.max(FIRST_MOMENT);
        let entered = |state| (state < DROPPED).then_some(moment);
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, entered) {
            Ok(_) => {
                Writer::of(series).at_once(0);
                Some(moment)
            }
            Err(DROPPED) => None,
            Err(before) => Some(before),
        }
    }

    /// Says that its sender gives up from now on.
    fn gives_up(&self) {
        let _ = self.0.compare_exchange(WAITS, GIVES_UP, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether its message, which is dropped, goes with a sender that gives up.
    fn is_dropped(&self) -> bool {
        self.0.compare_exchange(GIVES_UP, DROPPED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Counts its message as lost when it is dropped, unless its sender took it back by that.
struct Unreceived {
    stamp: Stamp,
    /// `None` where the message did not wait: its sender counts it.
    fate: Option<Arc<Fate>>,
}

impl Unreceived {
    /// Lets it count nothing.
    fn defused(mut self) -> (Stamp, Option<Arc<Fate>>) {
        let parts = (self.stamp, self.fate.take());
        mem::forget(self);
        parts
    }
}

impl Drop for Unreceived {
    fn drop(&mut self) {
        let series = self.stamp.series();
        if let Some(fate) = &self.fate {
            if fate.is_dropped() {
                return;
            }
            fate.enters(series, __locks::now());
        }
        lost(series);
    }
}

/// A message in such a channel. Its value is first, as that of a [`Queued`](super::Queued) is.
#[repr(C)]
pub(crate) struct Offered<T> {
    value: T,
    unreceived: Unreceived,
}

impl<T> Offered<T> {
    #[inline]
    fn new(series: SeriesNumber, now: u64, value: T, fate: Option<Arc<Fate>>) -> Self {
        Self { value, unreceived: Unreceived { stamp: Stamp::new(series, now), fate } }
    }

    /// The value that was received.
    #[inline]
    pub(super) fn received(self, now: u64) -> T {
        let Self { value, unreceived } = self;
        let (stamp, fate) = unreceived.defused();
        let series = stamp.series();
        let since = fate.and_then(|fate| fate.enters(series, now));
        since.map_or(stamp, |since| Stamp::new(series, since)).received(now);
        value
    }

    /// The value, which another message displaced: it is lost, as nobody received it.
    pub(crate) fn displaced(self) -> T {
        let Self { value, unreceived } = self;
        drop(unreceived);
        value
    }

    /// The value that was not sent after all.
    pub(crate) fn back(self) -> T {
        let Self { value, unreceived } = self;
        unreceived.defused();
        value
    }
}

impl<T: fmt::Debug> fmt::Debug for Offered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Sends a message where there is room at once. `send` gives the message back where there is none, or where the channel is closed: then it gives `true` too.
#[inline]
pub(crate) fn try_send<T>(
    channel: &Instance,
    value: T,
    send: impl FnOnce(Offered<T>) -> Result<(), (Offered<T>, bool)>,
) -> Result<(), (T, bool)> {
    let (series, now) = (channel.series, __locks::now());
    // Counted as sent also where that which the send wakes panics.
    let sending = Sending::new(series);
    match send(Offered::new(series, now, value, None)) {
        Ok(()) => {
            drop(sending);
            channel.marks(now);
            Ok(())
        }
        Err((message, true)) => {
            sending.closed();
            Err((message.back(), true))
        }
        Err((message, false)) => {
            mem::forget(sending);
            Err((message.back(), false))
        }
    }
}

/// An attempt to send a message for which there was no room: the sender's side. One that is dropped before its end was said was given up.
pub(crate) struct Offer<'a> {
    channel: &'a Instance,
    fate: Arc<Fate>,
    wait: Option<Wait<'a>>,
}

impl<'a> Offer<'a> {
    /// An attempt, and its message.
    #[cold]
    pub(crate) fn new<T>(channel: &'a Instance, value: T) -> (Self, Offered<T>) {
        let fate = Arc::new(Fate(AtomicU64::new(WAITS)));
        let message = Offered::new(channel.series, __locks::now(), value, Some(Arc::clone(&fate)));
        (Self { channel, fate, wait: None }, message)
    }

    /// Says that it waits from now on, and whether it blocks its thread.
    pub(crate) fn waits(&mut self, blocks: bool) {
        let Self { channel, wait, .. } = self;
        // Room in a channel is a permit of a semaphore.
        wait.get_or_insert_with(|| Wait::begin(&channel.waits, channel.series, Mode::Acquire, Holds::ByTask, blocks));
    }

    /// Counts that the channel took the message.
    pub(crate) fn taken(mut self) {
        self.end();
    }

    /// Counts that the channel was closed.
    pub(crate) fn closed(mut self) {
        match self.wait.take() {
            Some(wait) => wait.closed(),
            None => super::closed(self.channel.series),
        }
    }

    /// Counts that its time was over.
    pub(crate) fn timed_out(mut self) {
        self.waits(true);
        if let Some(wait) = self.wait.take() {
            wait.refused();
        }
    }

    /// Gives up: `drop` drops the message, unless the channel took it.
    pub(crate) fn give_up(mut self, drop: impl FnOnce()) {
        self.fate.gives_up();
        drop();
        self.end();
    }

    /// Ends the wait, if it is one, by what became of the message.
    fn end(&mut self) {
        let now = __locks::now();
        let entered = self.fate.enters(self.channel.series, now);
        let wait = self.wait.take();
        if let Some(since) = entered {
            // One that entered before was received or lost since: by it, nothing came after the last receive.
            if since >= now {
                self.channel.marks(now);
            }
            if let Some(wait) = wait {
                wait.acquired(0);
            }
        }
        // Else it is dropped, which counts it as cancelled.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{Handle, series_of};
    use crate::watch::cells;
    use crate::watch::kind::Kind;

    fn counts(channel: &Instance) -> (u64, u64, u64, u64) {
        let reading = cells::series(channel.series).read_channel(Kind::Mpmc);
        (reading.sent, reading.received.count(), reading.lost, reading.cancelled)
    }

    fn offer(channel: &Handle) -> (Offer<'_>, Offered<u8>) {
        let (mut offer, message) = Offer::new(channel, 1);
        offer.waits(false);
        (offer, message)
    }

    #[test]
    fn whatever_order_the_two_sides_hear_in_a_message_counts_once() {
        let channel = Handle::new(series_of("offered", Kind::Mpmc), Some(1));
        let (offer1, message) = offer(&channel);
        offer1.taken();
        assert_eq!(counts(&channel), (1, 0, 0, 0));
        assert_eq!(message.received(__locks::now()), 1);
        assert_eq!(counts(&channel), (1, 1, 0, 0), "the sender heard of it first");
        let (offer2, message) = offer(&channel);
        message.received(__locks::now());
        assert_eq!(counts(&channel), (2, 2, 0, 0), "the receiver had it first");
        offer2.taken();
        assert_eq!(counts(&channel), (2, 2, 0, 0));
        let (offer3, message) = offer(&channel);
        offer3.give_up(move || drop(message));
        assert_eq!(counts(&channel), (2, 2, 0, 1), "given up with its message");
        let (offer4, message) = offer(&channel);
        offer4.give_up(|| ());
        assert_eq!(counts(&channel), (3, 2, 0, 1), "given up too late: the channel has it");
        drop(message);
        assert_eq!(counts(&channel), (3, 2, 1, 1));
        let (offer5, message) = offer(&channel);
        offer5.give_up(move || _ = message.received(__locks::now()));
        assert_eq!(counts(&channel), (4, 3, 1, 1), "received while it is given up");
        let (offer6, message) = offer(&channel);
        mem::forget(offer6);
        message.received(__locks::now());
        assert_eq!(counts(&channel), (5, 4, 1, 1), "its sender is leaked");
    }
}
