//! The channels that are there, as far as they queue: those that wait for room in each, and when something was received last.
//!
//! A channel comes in here when it is made, and leaves when the last of its senders and receivers is dropped; nothing of it is kept then but its counts.

use super::message::Queued;
use crate::watch::cells::{self, Writer};
use crate::watch::live::{Listed, Live};
use crate::watch::series::SeriesNumber;
use crate::watch::waits::Waits;
use perf_runtime::__locks;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};

/// Moments of sends are told apart by 2 to the power of so many nanoseconds: an eighth of a second.
const MOMENT: u32 = 27;
/// Readings of two threads that differ by less, in ns: the moments of a send and of its receive may come from two clocks.
const CLOCKS: u64 = 1 << 20;
/// The call that receives is asked for so seldom: about once a second.
const SECOND: u32 = 30;
/// The deepest that a channel was is kept for one to two times as long: about a minute.
const MINUTE: u32 = 36;

/// How many messages are left is asked for again after so many that were received, at most.
const ASKED_EACH: u64 = 64;

/// The part of a channel that is looked at from elsewhere.
pub(crate) struct Instance {
    serial: u64,
    pub(crate) series: SeriesNumber,
    /// For so many messages there is room; `None` for any number.
    capacity: Option<u64>,
    pub(crate) waits: Waits,
    /// Permits that are out.
    reserved: AtomicU64,
    /// Senders and receivers that are there.
    handles: AtomicUsize,
    place: AtomicUsize,
    sent: SenderSide,
    received: ReceiverSide,
}

/// Written by senders, an eighth of a second apart.
#[repr(align(128))]
struct SenderSide {
    /// One more than the last part of time in which something was sent; zero before.
    last: AtomicU64,
}

/// Written by the receiver alone, or by all receivers of a channel that has several.
#[repr(align(128))]
struct ReceiverSide {
    /// When something was received last or, before, when the channel was made.
    at: AtomicU64,
    /// The messages that were left then, at least; zero where none was.
    left: AtomicU64,
    /// One more than the second of that; zero before.
    second: AtomicU64,
    /// The series whose call received something in that second.
    by: AtomicU16,
    /// The most messages that were there in a minute, and in the one before.
    most: AtomicU64,
    most_before: AtomicU64,
    minute: AtomicU64,
    /// The messages that were received, as far as receivers beside each other miss none. Only of a channel that has several.
    turns: AtomicU64,
    is_there: AtomicBool,
    is_closed: AtomicBool,
}

static LIVE: Live<Instance> = Live::new();

impl Listed for Instance {
    fn serial(&self) -> u64 {
        self.serial
    }

    fn place(&self) -> &AtomicUsize {
        &self.place
    }
}

impl Instance {
    fn new(series: SeriesNumber, capacity: Option<usize>) -> Self {
        let now = __locks::now();
        Self {
            serial: LIVE.serial(),
            series,
            capacity: capacity.map(|capacity| capacity as u64),
            waits: Waits::default(),
            reserved: AtomicU64::new(0),
            handles: AtomicUsize::new(1),
            place: AtomicUsize::new(0),
            sent: SenderSide { last: AtomicU64::new(0) },
            received: ReceiverSide {
                at: AtomicU64::new(now),
                left: AtomicU64::new(0),
                second: AtomicU64::new(0),
                by: AtomicU16::new(0),
                most: AtomicU64::new(0),
                most_before: AtomicU64::new(0),
                minute: AtomicU64::new(now >> MINUTE),
                turns: AtomicU64::new(0),
                is_there: AtomicBool::new(true),
                is_closed: AtomicBool::new(false),
            },
        }
    }

    /// A message for which there is room, counted as sent.
    #[inline]
    pub(crate) fn message<T>(&self, value: T) -> Queued<T> {
        let now = __locks::now();
        Writer::of(self.series).at_once(0);
        self.marks(now);
        Queued::new(self.series, now, value)
    }

    /// Says that something is sent now.
    #[inline]
    pub(crate) fn marks(&self, now: u64) {
        let moment = (now >> MOMENT) + 1;
        if self.sent.last.load(Ordering::Relaxed) != moment {
            self.sent.last.store(moment, Ordering::Release);
        }
    }

    /// Counts permits that were granted.
    pub(super) fn granted(&self, permits: u64) {
        Writer::of(self.series).units(permits);
        self.reserved.fetch_add(permits, Ordering::Relaxed);
    }

    /// Counts a permit that is used now.
    pub(super) fn used(&self) {
        self.reserved.fetch_sub(1, Ordering::Relaxed);
        Writer::of(self.series).units_back(1);
    }

    /// Counts permits that were given back.
    pub(super) fn unused(&self, permits: u64) {
        if permits > 0 {
            self.reserved.fetch_sub(permits, Ordering::Relaxed);
            Writer::of(self.series).units_back(permits);
            cells::series(self.series).slow.unused.fetch_add(permits, Ordering::Release);
        }
    }

    /// Says that a message was received now. How many are left is written by senders: it is asked for seldom where it is known that some are.
    #[inline]
    fn receives_one(&self, now: u64, left: impl FnOnce() -> usize) {
        let side = &self.received;
        // Nobody else takes messages out: of those that were left, the others are there still.
        let at_least = side.left.load(Ordering::Relaxed).saturating_sub(1);
        if at_least.is_multiple_of(ASKED_EACH) || side.second.load(Ordering::Relaxed) != (now >> SECOND) + 1 {
            return self.receives(now, 1, left());
        }
        side.at.store(now, Ordering::Release);
        side.left.store(at_least, Ordering::Release);
    }

    /// Says that so many messages were received now, and so many are left.
    #[inline]
    fn receives(&self, now: u64, taken: usize, left: usize) {
        let side = &self.received;
        side.at.store(now, Ordering::Release);
        side.left.store(left as u64, Ordering::Release);
        if side.second.load(Ordering::Relaxed) != (now >> SECOND) + 1 {
            self.begin_second(now);
        }
        let (left, taken) = (left as u64, taken as u64);
        // Messages that are left may have come after those that were taken: of several that were taken, the more of both was there for sure. One that was
        // taken was there with what is left, or gave its room to the last of it: one more at most.
        let both = if taken == 1 { left.saturating_add(1) } else { left.max(taken) };
        let depth = self.capacity.map_or(left.max(taken), |capacity| both.min(capacity));
        if depth > side.most.load(Ordering::Relaxed) {
            side.most.store(depth, Ordering::Relaxed);
        }
    }

    /// Says that one of several receivers received a message now. Nobody can say for how long there are messages left: another may take them at once. So
    /// `left` stays zero, and a look goes by the counts and by what was sent later.
    #[inline]
    pub(super) fn receives_beside_others(&self, now: u64, left: impl FnOnce() -> usize) {
        let side = &self.received;
        side.at.fetch_max(now, Ordering::AcqRel);
        let turns = side.turns.load(Ordering::Relaxed).wrapping_add(1);
        side.turns.store(turns, Ordering::Relaxed);
        // One that is late in saying it does not turn the time back.
        let is_new_second = side.second.load(Ordering::Relaxed) < (now >> SECOND) + 1;
        if is_new_second {
            self.begin_second(now);
        }
        if is_new_second || turns.is_multiple_of(ASKED_EACH) {
            let depth = (left() as u64).saturating_add(1);
            side.most.fetch_max(self.capacity.map_or(depth, |capacity| depth.min(capacity)), Ordering::Relaxed);
        }
    }

    /// Says that one of several receivers took so many messages out now, to give them one by one later or never: the channel had no more.
    pub(super) fn drained_beside_others(&self, now: u64, taken: usize) {
        if taken > 0 {
            self.receives_beside_others(now, || taken - 1);
        }
    }

    #[cold]
    fn begin_second(&self, now: u64) {
        let side = &self.received;
        side.by.store(__locks::current(), Ordering::Relaxed);
        side.second.store((now >> SECOND) + 1, Ordering::Release);
        let (minute, before) = (now >> MINUTE, side.minute.load(Ordering::Relaxed));
        // Of several receivers one moves on, and none goes back.
        let moves =
            |minutes: &AtomicU64| minutes.compare_exchange(before, minute, Ordering::Relaxed, Ordering::Relaxed);
        if minute > before && moves(&side.minute).is_ok() {
            let most = side.most.swap(0, Ordering::Relaxed);
            side.most_before.store(if before + 1 == minute { most } else { 0 }, Ordering::Relaxed);
        }
    }

    /// The series whose call received last, as it was asked for last; `None` where nothing was received yet.
    pub(super) fn by(&self) -> Option<u16> {
        let has_received = self.received.second.load(Ordering::Acquire) > 0;
        has_received.then(|| self.received.by.load(Ordering::Relaxed))
    }

    /// Whether the receiver is there.
    pub(super) fn has_receiver(&self) -> bool {
        self.received.is_there.load(Ordering::Relaxed)
    }

    /// Says that it was closed: nothing more is taken.
    pub(crate) fn closes(&self) {
        self.received.is_closed.store(true, Ordering::Relaxed);
    }

    /// Whether there may be room for those that wait: the receiver is there, and the channel is open.
    pub(super) fn is_open(&self) -> bool {
        self.has_receiver() && !self.received.is_closed.load(Ordering::Relaxed)
    }

    /// The number of the channel, among all that were made.
    pub(super) fn number(&self) -> u64 {
        self.serial
    }

    pub(super) fn capacity(&self) -> Option<u64> {
        self.capacity
    }

    /// The most messages that a receive of the last one or two minutes found, or that one before left, as they are there since. `None` where nothing was
    /// received in that time and nothing was left.
    pub(super) fn peak(&self, now: u64) -> Option<u64> {
        let side = &self.received;
        let most = side.most.load(Ordering::Relaxed);
        let found = match (now >> MINUTE).saturating_sub(side.minute.load(Ordering::Relaxed)) {
            0 => most.max(side.most_before.load(Ordering::Relaxed)),
            1 => most,
            _ => 0,
        };
        // A receive finds one at least.
        Some(found.max(side.left.load(Ordering::Relaxed))).filter(|most| *most > 0)
    }

    /// Since when messages are queued and nothing is received, where that is certain. Messages were left by the last receive, or were sent after it, or the
    /// counts say that they are there.
    pub(super) fn stopped_since(&self, now: u64, has_queued: bool, stalls: &mut Stalls) -> Option<u64> {
        let side = &self.received;
        if !self.has_receiver() {
            return None;
        }
        // Read in the other order than they are written: the moment is never before the receive that left them.
        let left = side.left.load(Ordering::Acquire);
        let received_at = side.at.load(Ordering::Acquire);
        if left > 0 {
            return Some(received_at);
        }
        let sent_from = self.sent.last.load(Ordering::Acquire).checked_sub(1).map(|moment| moment << MOMENT);
        let is_first = side.second.load(Ordering::Acquire) == 0;
        let sent_later = sent_from.is_some_and(|sent_from| is_first || sent_from > received_at.saturating_add(CLOCKS));
        (sent_later || has_queued).then(|| stalls.since(self.serial, received_at, now))
    }

    /// Settles what is left when nobody has the channel any more: futures and permits that were leaked.
    fn settle(&self) {
        let slow = &cells::series(self.series).slow;
        self.waits.settle(|_| _ = slow.cancelled.fetch_add(1, Ordering::Release));
        let reserved = self.reserved.swap(0, Ordering::Relaxed);
        slow.units_forgotten.fetch_add(reserved, Ordering::Release);
        slow.unused.fetch_add(reserved, Ordering::Release);
    }
}

/// A sender's or receiver's part in a channel.
pub(crate) struct Handle(Arc<Instance>);

impl Handle {
    /// The first of a channel.
    pub(crate) fn new(series: SeriesNumber, capacity: Option<usize>) -> Self {
        let instance = Arc::new(Instance::new(series, capacity));
        // It is there from now on, though nothing was sent yet.
        cells::series(series);
        LIVE.enter(&instance);
        Self(instance)
    }

    /// The channel, for what may be there after the last part in it.
    #[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
    pub(super) fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.0)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.handles.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Deref for Handle {
    type Target = Instance;

    #[inline]
    fn deref(&self) -> &Instance {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            LIVE.leave(self);
            self.settle();
        }
    }
}

/// The receiver's part in a channel.
pub(crate) struct Receiving(Handle);

impl Receiving {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(handle)
    }

    /// The value of a message that was received, after which so many are left.
    #[inline]
    pub(crate) fn take<T>(&self, message: Queued<T>, left: impl FnOnce() -> usize) -> T {
        let now = __locks::now();
        let value = message.received(now);
        self.0.receives_one(now, left);
        value
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.0
    }

    /// The same of many.
    pub(crate) fn take_all<T>(&self, messages: Vec<Queued<T>>, buffer: &mut Vec<T>, left: usize) {
        let (now, taken) = (__locks::now(), messages.len());
        if taken > 0 {
            buffer.extend(messages.into_iter().map(|message| message.received(now)));
            self.0.receives(now, taken, left);
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.received.is_there.store(false, Ordering::Relaxed);
    }
}

/// Since when channels have had messages of which nothing was received, as far as it was seen by one who looks at them again and again.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    /// By the number of the channel: when something was received last, and since when it is so.
    before: HashMap<u64, (u64, u64)>,
    now: HashMap<u64, (u64, u64)>,
}

impl Stalls {
    fn since(&mut self, serial: u64, received_at: u64, now: u64) -> u64 {
        let before = self.before.get(&serial).filter(|(last, _)| *last == received_at);
        let since = before.map_or(now, |(_, since)| *since);
        self.now.insert(serial, (received_at, since));
        since
    }

    /// Forgets those that were not so in this look.
    pub(crate) fn end_look(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }
}

/// Looks at all channels, a part of them at a time.
pub(super) fn each(look: impl FnMut(&Arc<Instance>)) {
    LIVE.each(look);
}
