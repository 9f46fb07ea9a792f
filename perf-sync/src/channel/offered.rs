//! Messages that wait in a channel of another make until it takes them, and may be taken back until then.
//!
//! Such a channel has no permits: a sender that finds no room leaves its message with the channel, which moves it to the queue when there is room. A receiver may
//! have it before the sender hears of that, and a sender that gives up does not hear whether the message went meanwhile. So sender and message share what became
//! of it: whoever notices first that the message went counts it as sent, once, and ends the wait for room.

use super::Sending;
use super::instance::{Handle, Instance};
use super::message::{Stamp, lost};
use crate::watch::cells::Writer;
use crate::watch::series::SeriesNumber;
use crate::watch::waits::Waits;
use crate::watch::{Holds, Mode, WaitAt};
use perf_runtime::__locks;
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The waits of a channel. A message may be there after the last sender and receiver.
struct There(Arc<Instance>);

impl Deref for There {
    type Target = Waits;

    fn deref(&self) -> &Waits {
        &self.0.waits
    }
}

/// The state of a message that had to wait for room.
struct Fate {
    channel: Arc<Instance>,
    state: Mutex<State>,
}

struct State {
    outcome: Outcome,
    /// As long as it is shown.
    wait: Option<WaitAt<There>>,
}

#[derive(Clone, Copy)]
enum Outcome {
    /// The message waits for room.
    Waits,
    /// Its sender gives up, and does not know yet whether it was dropped by that.
    GivesUp,
    /// It was dropped before anybody saw that the channel took it.
    Dropped,
    /// It was seen at that moment that the channel took it.
    Entered(u64),
}

impl Fate {
    /// Notes that the channel took the message; where nobody did before, counts it as sent and ends the wait. The moment since which it counts; `None` where it
    /// was dropped.
    fn enters(&self, now: u64) -> Option<u64> {
        let mut state = self.state();
        match state.outcome {
            Outcome::Waits | Outcome::GivesUp => state.outcome = Outcome::Entered(now),
            Outcome::Dropped => return None,
            Outcome::Entered(before) => return Some(before),
        }
        let wait = state.wait.take();
        drop(state);
        Writer::of(self.channel.series).at_once(0);
        if let Some(wait) = wait {
            wait.acquired(0);
        }
        Some(now)
    }

    /// Shows that it waits, unless it does no longer.
    fn waits(&self, blocks: bool) {
        let (state, channel) = (&mut *self.state(), &self.channel);
        if matches!(state.outcome, Outcome::Waits) && state.wait.is_none() {
            let there = There(Arc::clone(channel));
            // Room in a channel is a permit of a semaphore.
            state.wait = Some(WaitAt::begin(there, channel.series, Mode::Acquire, Holds::ByTask, blocks));
        }
    }

    /// The wait, to be ended.
    fn take_wait(&self) -> Option<WaitAt<There>> {
        self.state().wait.take()
    }

    /// Says that its sender gives up from now on.
    fn gives_up(&self) {
        let state = &mut *self.state();
        if matches!(state.outcome, Outcome::Waits) {
            state.outcome = Outcome::GivesUp;
        }
    }

    /// Whether its message, which is dropped, goes with a sender that gives up.
    fn is_dropped(&self) -> bool {
        let state = &mut *self.state();
        let is_dropped = matches!(state.outcome, Outcome::GivesUp);
        if is_dropped {
            state.outcome = Outcome::Dropped;
        }
        is_dropped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            fate.enters(__locks::now());
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
        let since = fate.and_then(|fate| fate.enters(now));
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

/// An attempt to send a message for which there was no room: the sender's side. One that is dropped before its end was said was given up, unless the channel takes
/// the message.
pub(crate) struct Offer(Arc<Fate>);

impl Offer {
    /// An attempt, and its message.
    #[cold]
    pub(crate) fn new<T>(channel: &Handle, value: T) -> (Self, Offered<T>) {
        let state = Mutex::new(State { outcome: Outcome::Waits, wait: None });
        let fate = Arc::new(Fate { channel: channel.instance(), state });
        let message = Offered::new(channel.series, __locks::now(), value, Some(Arc::clone(&fate)));
        (Self(fate), message)
    }

    /// Says that it waits from now on, and whether it blocks its thread.
    pub(crate) fn waits(&self, blocks: bool) {
        self.0.waits(blocks);
    }

    /// Says that the message may be dropped from now on, unless the channel took it: that is no loss.
    #[cfg(feature = "flume")]
    pub(crate) fn may_be_dropped(&self) {
        self.0.gives_up();
    }

    /// Counts that the channel took the message.
    pub(crate) fn taken(self) {
        self.end();
    }

    /// Counts that the channel was closed.
    pub(crate) fn closed(self) {
        match self.0.take_wait() {
            Some(wait) => wait.closed(),
            None => super::closed(self.0.channel.series),
        }
    }

    /// Counts that its time was over.
    pub(crate) fn timed_out(self) {
        self.waits(true);
        if let Some(wait) = self.0.take_wait() {
            wait.refused();
        }
    }

    /// Gives up: `drop` drops the message, unless the channel took it.
    pub(crate) fn give_up(self, drop: impl FnOnce()) {
        self.0.gives_up();
        drop();
        self.end();
    }

    /// Ends the wait, if it is one, by what became of the message.
    fn end(&self) {
        let now = __locks::now();
        match self.0.enters(now) {
            // One that entered before was received or lost since: by it, nothing came after the last receive.
            Some(since) if since >= now => self.0.channel.marks(now),
            Some(_) => {}
            // Where it is shown that it waits, the end of that counts it as cancelled.
            None => drop(self.0.take_wait()),
        }
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
        assert_eq!(reading.waiting, channel.waits.read().len() as u64);
        (reading.sent, reading.received.count(), reading.lost, reading.cancelled)
    }

    #[test]
    fn a_message_that_waits_takes_what_is_said_of_it() {
        // With the two counts of an allocation that is shared.
        assert!(size_of::<Fate>() + 2 * size_of::<usize>() <= 100, "{}", size_of::<Fate>());
        assert_eq!(size_of::<Offered<u64>>(), size_of::<u64>() + 16);
    }

    fn offer(channel: &Handle) -> (Offer, Offered<u8>) {
        let (offer, message) = Offer::new(channel, 1);
        offer.waits(false);
        (offer, message)
    }

    #[test]
    fn a_receiver_that_is_late_in_saying_it_leaves_the_peak() {
        const MINUTE: u64 = 1 << 36;
        let channel = Handle::new(series_of("offered-late", Kind::Mpmc), None);
        let now = __locks::now() + 3 * MINUTE;
        channel.receives_beside_others(now, || 9);
        channel.receives_beside_others(now - MINUTE, || 0);
        channel.receives_beside_others(now + (1 << 30), || 0);
        assert_eq!(channel.peak(now + (1 << 30)), Some(10));
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
        assert!(channel.waits.read().is_empty());
        let (offer7, message) = offer(&channel);
        drop(message);
        assert_eq!((counts(&channel), channel.waits.read().len()), ((6, 4, 2, 1), 0), "lost before its sender hears");
        offer7.taken();
        assert_eq!(counts(&channel), (6, 4, 2, 1));
        mem::forget(offer(&channel));
        let series = channel.series;
        assert_eq!(channel.waits.read().len(), 1);
        drop(channel);
        let reading = cells::series(series).read_channel(Kind::Mpmc);
        assert_eq!((reading.waiting, reading.cancelled, reading.sent), (0, 2, 6), "leaked with its message");
    }
}
