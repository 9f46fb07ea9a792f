//! The recorder: whole calls, with every call that was made inside them, of which the slowest and the failed few are kept.
//!
//! A call without a caller is the root of a tree. When it first makes another call it gets a name, and with it one of 2,048 buffers, whose
//! number stands in its name and in those of all calls inside it that make others. A call that ends inside another writes one record of 48
//! bytes into its root's buffer: a place is reserved by one atomic addition, and the last word of the record says that all of it is
//! there. As the root ends, its duration is compared with the slowest of its series that were kept in this minute. Nearly always
//! it is shorter, and the buffer goes back. Else the records are copied, as they are; the tree is made of them when somebody asks.
//!
//! A call that outlives its root writes nothing, for its name tells the turn of the buffer. Where a record is still being written as the
//! root ends, the buffer is put aside until it is.
//!
//! # Cost and memory
//!
//! While no monitor wants it, a root costs one load of a flag, and other calls a test of a word that they have. With it, nothing
//! is allocated and no lock taken once buffers have grown as far as they need to: 3 KiB for each 64 calls of a tree, 12 MiB at most.

pub(crate) mod buffer;
mod ended;
pub(crate) mod keep;
pub(in crate::measure::cells) mod last_failure;
pub(crate) mod pool;
pub(crate) mod recording;
pub(crate) mod store;

use super::tree::node::Node;
use super::tree::parent::Parent;
use crate::measure::clock::Moment;
pub(crate) use ended::Ended;
use recording::Recording;
use std::sync::atomic::{AtomicU16, Ordering};
use tracing::Span;

/// What the end of a call's body hands over to the end of the call itself: whether calls inside it are recorded, and where.
///
/// Of a call without a caller it is its recording; of another the place of its record, counted from one. Until then, while the call is paused, it
/// keeps the child for which the call waits. Atomic, though one thread at a time has the call, so that futures may be shared between threads as
/// their bodies may; and within 16 bits, for every future holds one.
#[derive(Debug, Default)]
pub(crate) struct HandedOver(AtomicU16);

impl HandedOver {
    const BEYOND: u16 = u16::MAX;

    pub(crate) const fn nothing() -> Self {
        Self(AtomicU16::new(0))
    }

    /// Keeps the child for which a call waits that is paused.
    #[inline]
    pub(crate) fn keep(&mut self, child: Option<Node>) {
        *self.0.get_mut() = child.map_or(0, Node::number);
    }

    /// Takes the child for which a call waited that was paused.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Node> {
        let number = std::mem::take(self.0.get_mut());
        (number != 0).then(|| Node::from_number(number))
    }

    #[inline]
    fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    /// The recording of a call without a caller.
    #[inline]
    fn of_root(&self) -> Recording {
        Recording::from_bits(self.get())
    }

    /// Whether the calls inside it are recorded.
    #[inline]
    pub(crate) fn is_some(&self) -> bool {
        self.get() != 0
    }

    /// The calls inside a call of this name, which was made inside `parent`, are over for it: they covered so much of its time.
    #[inline]
    pub(crate) fn set(&self, name: Parent, parent: Parent, covered: u64) {
        if name.recording().is_some() {
            self.0.store(hand_over(name, parent, covered), Ordering::Relaxed);
        }
    }
}

fn hand_over(name: Parent, parent: Parent, covered: u64) -> u16 {
    let recording = name.recording();
    if !parent.is_some() {
        recording.buffer().write_root(name, covered);
        return recording.bits();
    }
    let Some((place, record)) = recording.buffer().reserve(recording) else { return HandedOver::BEYOND };
    record.write_inside(name, covered);
    // Places are below `MOST_CALLS`.
    u16::try_from(place + 1).unwrap_or(HandedOver::BEYOND)
}

/// Whether calls are recorded.
#[inline]
pub(crate) fn is_on() -> bool {
    store::is_any()
}

/// Begins to record a call without a caller, which is about to make others.
#[inline]
pub(crate) fn begin_root() -> Recording {
    if is_on() { take_buffer() } else { Recording::NONE }
}

#[inline(never)]
fn take_buffer() -> Recording {
    let store = store::here();
    if !store.is_on() {
        return Recording::NONE;
    }
    if let Some(slot) = pool::take() {
        return buffer::buffer(slot).begin(slot);
    }
    store.count_without_buffer();
    Recording::NONE
}

/// Forgets the calls inside a call without a caller that is not to be recorded.
#[cold]
pub(crate) fn abandon(name: Parent) {
    forget(name.recording());
}

/// Forgets a call without a caller that is counted nowhere.
#[cold]
pub(crate) fn forget_root(inside: &HandedOver) {
    forget(inside.of_root());
}

fn forget(recording: Recording) {
    if recording.is_some() {
        recording.buffer().close();
        let_go(recording);
    }
}

/// Whether calls inside this one are recorded.
#[inline]
pub(crate) fn are_recorded(parent: Parent) -> bool {
    parent.recording().is_some()
}

/// Records a call that ended inside another, and is counted, where calls inside that [are recorded](are_recorded).
#[inline]
pub(crate) fn child_ended(parent: Parent, inside: &HandedOver, ended: Ended<'_>) {
    if are_recorded(parent) {
        record(parent, inside.get(), ended);
    }
}

#[inline(never)]
fn record(parent: Parent, inside: u16, Ended { meter, outcome, started, nanos }: Ended<'_>) {
    let recording = parent.recording();
    let buffer = recording.buffer();
    let record = match inside {
        0 => buffer.reserve(recording).map(|(_, record)| {
            record.write_inside(Parent::NONE, 0);
            record
        }),
        HandedOver::BEYOND => None,
        place => buffer.place(u32::from(place) - 1),
    };
    let failure = if outcome.is_failure() { last_failure::take(meter.failures.address()).0 } else { 0 };
    if let Some(record) = record {
        let node = meter.existing_node().unwrap_or(Node::OVERFLOW);
        record.write(parent, started, nanos, node, (outcome, failure));
    }
}

/// Whether the end of a call without a caller is of interest to the recorder.
#[inline]
pub(crate) fn wants_root(inside: &HandedOver) -> bool {
    inside.is_some() || is_on()
}

/// Ends the record of a call without a caller, which is counted, at the moment `now`: its duration may have ended before. It is kept if it is one of the slowest of its series in this minute, or one
/// of the first that failed.
#[inline(never)]
pub(crate) fn root_ended(inside: &HandedOver, ended: Ended<'_>, now: Moment, span: Option<&Span>) {
    let recording = inside.of_root();
    if recording.is_some() {
        recording.buffer().close();
    }
    if is_on() {
        let (failure, is_expected) =
            if ended.outcome.is_failure() { last_failure::take(ended.meter.failures.address()) } else { (0, false) };
        let has_failed = ended.outcome.is_failure() && !is_expected;
        if ended.meter.keep.wants(has_failed, ended.nanos, now) {
            store::here().offer(recording, ended, (failure, has_failed), now, span);
        }
    }
    if recording.is_some() {
        let_go(recording);
    }
}

/// Gives back a buffer that is closed.
fn let_go(recording: Recording) {
    if recording.buffer().clear() {
        pool::give_back(recording.slot());
    } else {
        pool::put_aside(recording.slot());
    }
}
