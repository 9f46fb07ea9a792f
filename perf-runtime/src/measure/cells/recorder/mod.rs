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
//! A request whose body streams holds its buffer to its end, but where memory is scarce. Where all buffers are taken, one is taken from a root whose duration has ended though it has not, such as a request whose body streams, or
//! which runs for more than ten minutes. A call that found no buffer, or lost its own, is kept without the calls inside it, and says so.
//!
//! Values of fields are taken as a call begins (see [`values`]), for its arguments are the body's from then on. As it ends inside another, they go into a
//! list of its root's buffer (see [`values_list`]), before the last word of its record.
//!
//! # Cost and memory
//!
//! While no monitor wants it, a root costs one load of a flag, and other calls a test of a word that they have. With it, nothing
//! is allocated and no lock taken once buffers have grown as far as they need to: 3 KiB for each 64 calls of a tree, 12 MiB at most. Where that
//! is nearly reached, buffers that no root has give back what they have above 64 calls; and all, once nobody wants calls recorded.

pub(crate) mod buffer;
pub(crate) mod chunks;
mod ended;
mod handed_over;
mod inside;
pub(crate) mod keep;
pub(crate) mod kept;
pub(crate) mod kept_as;
pub(in crate::measure::cells) mod last_failure;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod recording;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod values;
mod values_list;
pub(crate) mod wish;

use super::tree::node::Node;
use super::tree::parent::Parent;
use crate::measure::clock::Moment;
pub(crate) use ended::{Ended, Told};
pub(crate) use handed_over::HandedOver;
use inside::Inside;
pub(crate) use kept_as::KeptAs;
use record::Record;
use recording::Recording;
use tracing::Span;
use values::Values;

/// Whether calls are recorded.
#[inline]
pub(crate) fn is_on() -> bool {
    wish::is_any()
}

/// Whether the values of fields are kept of calls that are recorded, by some monitor of the process.
#[inline]
pub(crate) fn may_keep_values() -> bool {
    wish::is_any_for_values()
}

/// Whether the values of fields are kept here.
pub(crate) fn keeps_values() -> bool {
    store::here().keeps_values()
}

/// Begins to record a call without a caller, which is about to make others, at the moment `now`. It is to be [owned](own_root).
#[inline]
pub(crate) fn begin_root(now: Moment) -> Recording {
    if is_on() { take_buffer(now) } else { Recording::NONE }
}

#[inline(never)]
fn take_buffer(now: Moment) -> Recording {
    let store = store::here();
    if !store.is_on() {
        return Recording::NONE;
    }
    if let Some(slot) = pool::take(now) {
        return buffer::buffer(slot).begin(slot, now);
    }
    store.count_without_buffer();
    Recording::NONE
}

/// Says which name a call got that [is recorded](begin_root).
#[inline]
pub(crate) fn own_root(name: Parent) {
    let recording = name.recording();
    if recording.is_some() {
        recording.buffer().own(name);
    }
}

/// Says of a call without a caller that its duration has ended, though it has not: calls that end from now on are not inside it. It may go on for
/// as long as a client likes: where memory is scarce it is kept without the calls inside it, if at all.
#[cold]
pub(crate) fn leave_root(name: Parent) {
    let recording = name.recording();
    if recording.is_some() {
        recording.buffer().leave(name);
        if chunks::are_scarce() {
            forget_root(name);
        }
    }
}

/// The name of the root of the tree that a call of this name is in; `None` where that is not recorded, or over.
pub(crate) fn root_of(name: Parent) -> Option<Parent> {
    let recording = name.recording();
    if recording.is_some() { recording.buffer().owner_in(recording) } else { None }
}

/// Forgets a call without a caller that is not to be recorded, or is counted nowhere.
#[cold]
pub(crate) fn forget_root(name: Parent) {
    let recording = name.recording();
    if recording.is_some() && recording.buffer().claim(name) {
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
        record(parent, inside, ended);
    }
}

#[inline(never)]
fn record(parent: Parent, inside: &HandedOver, ended: Ended<'_>) {
    let record = place(parent, inside).map(|(_, record)| record);
    write(record, parent, ended);
}

/// As [`child_ended`], of a call with values of fields.
#[cold]
#[inline(never)]
pub(crate) fn child_with_values_ended(parent: Parent, inside: &HandedOver, ended: Ended<'_>, values: Box<Values>) {
    if !are_recorded(parent) {
        return values::release(values);
    }
    let place = place(parent, inside);
    match place {
        Some((place, _)) => parent.recording().buffer().add_values(place, values),
        None => values::release(values),
    }
    write(place.map(|(_, record)| record), parent, ended);
}

/// The record of a call that ended inside another, and its place.
#[inline]
fn place(parent: Parent, inside: &HandedOver) -> Option<(usize, &'static Record)> {
    let recording = parent.recording();
    let buffer = recording.buffer();
    match inside.place() {
        handed_over::Place::None => buffer.reserve(recording).inspect(|(_, record)| {
            record.write_inside(Parent::NONE, 0);
        }),
        handed_over::Place::Refused => None,
        handed_over::Place::Of(place) => buffer.place(place).map(|record| (place, record)),
    }
}

/// As [`child_ended`], of a call that kept its name and the time that calls inside it covered: it has no place before its end, for that may come
/// long after its duration's.
#[inline]
pub(crate) fn late_child_ended(parent: Parent, (name, covered): (Parent, u64), ended: Ended<'_>) {
    if are_recorded(parent) {
        record_late(parent, (name, covered), ended);
    }
}

#[inline(never)]
fn record_late(parent: Parent, (name, covered): (Parent, u64), ended: Ended<'_>) {
    let recording = parent.recording();
    let reserved = recording.buffer().reserve(recording);
    let record = reserved.map(|(_, record)| {
        record.write_inside(name, covered);
        record
    });
    write(record, parent, ended);
}

#[inline]
fn write(record: Option<&Record>, parent: Parent, Ended { meter, outcome, started, nanos }: Ended<'_>) {
    let failure = if outcome.is_failure() { last_failure::take(meter.failures.address()).0 } else { 0 };
    if let Some(record) = record {
        let node = meter.existing_node().unwrap_or(Node::OVERFLOW);
        record.write(parent, started, nanos, node, (outcome, failure));
    }
}

/// Whether the end of a call without a caller is of interest to the recorder.
#[inline]
pub(crate) fn wants_root(inside: &HandedOver) -> bool {
    inside.is_recording() || is_on()
}

/// Ends the record of a call without a caller, which is counted, at the moment `now`: its duration may have ended before. It is kept if it is one of the slowest of its series in this minute, or one
/// of the first that failed; and it is said as which.
#[inline(never)]
pub(crate) fn root_ended(inside: &HandedOver, ended: Ended<'_>, now: Moment, told: Told<'_>) -> Option<KeptAs> {
    end_root(inside.of_root(), ended, now, told)
}

/// As [`root_ended`], of a call that kept its name, none where it made no calls, and the time that calls inside it covered.
#[inline]
pub(crate) fn late_root_ended(
    (name, covered): (Parent, u64),
    ended: Ended<'_>,
    now: Moment,
    span: Option<&Span>,
) -> Option<KeptAs> {
    if are_recorded(name) || is_on() {
        return end_root(handed_over::of_late_root(name, covered), ended, now, Told { span, values: None });
    }
    None
}

#[inline(never)]
fn end_root(inside: Inside, ended: Ended<'_>, now: Moment, told: Told<'_>) -> Option<KeptAs> {
    let mut kept_as = None;
    if let Inside::Recorded(recording) = inside {
        recording.buffer().close();
    }
    if is_on() {
        let (failure, is_expected) =
            if ended.outcome.is_failure() { last_failure::take(ended.meter.failures.address()) } else { (0, false) };
        let has_failed = ended.outcome.is_failure() && !is_expected;
        if ended.meter.keep.wants(has_failed, ended.nanos, now) {
            kept_as = store::here().offer(inside, ended, (failure, has_failed), now, told);
        }
    }
    if let Inside::Recorded(recording) = inside {
        let_go(recording);
    }
    kept_as
}

/// Gives back a buffer that is closed, and nobody's.
fn let_go(recording: Recording) {
    if recording.buffer().clear() {
        pool::give_back(recording.slot(), is_on());
    } else {
        pool::put_aside(recording.slot());
    }
}
