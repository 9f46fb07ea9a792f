//! Where the calls of one tree are written as they end, by whatever threads they end on.
//!
//! A buffer lasts as long as the process. One root after another has it, and each has a turn of its own, which stands in the names of its
//! calls: a call that ends after its root finds that the turn is another's, and writes nothing.
//!
//! The thread that changes the owner from the root's name to another value has the buffer from then on: that of the root, as it ends, or one
//! that takes the buffer of a root which has it too long.

use super::chunks::{CHUNK, CHUNKS, Chunks};
use super::record::{Record, Recorded};
use super::recording::Recording;
use super::values::{KeptValues, Values};
use super::values_list::ValuesList;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::Moment;
use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// How many roots may be recorded at the same time.
pub(super) const SLOTS: usize = Recording::SLOTS;
/// The most calls of one tree.
pub(crate) const MOST_CALLS: usize = CHUNK * CHUNKS;
/// So many nanoseconds a root has its buffer for itself: ten minutes. One that runs for longer is most likely leaked, or never ends.
const OWN_NANOS: u64 = 600_000_000_000;

static BUFFERS: [Buffer; SLOTS] = [const { Buffer::new() }; SLOTS];
/// The most calls of one tree, as the settings have it.
static BOUND: AtomicUsize = AtomicUsize::new(0);

/// Sets the most calls of one tree, and says whether it was more before.
pub(super) fn bound_calls(most: usize) -> bool {
    let most = most.min(MOST_CALLS);
    BOUND.swap(most, Relaxed) > most
}

impl Recording {
    #[inline]
    pub(super) fn buffer(self) -> &'static Buffer {
        buffer(self.slot())
    }
}

#[inline]
pub(super) fn buffer(slot: u16) -> &'static Buffer {
    &BUFFERS[usize::from(slot) % SLOTS]
}

/// The records of a tree whose root has ended.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) records: Vec<Recorded>,
    /// Calls that ended inside the root and were not written, or not to the end.
    pub(super) missing: u64,
    /// The values of their fields, by the place of the record in `records`.
    pub(super) values: HashMap<usize, KeptValues>,
    /// Calls whose values found no room.
    pub(super) values_missing: u64,
}

/// The turn of a buffer, zero while no root has it; the most calls of the turn's tree; and how many places were given out.
#[derive(Clone, Copy)]
struct State(u64);

impl State {
    const TURN_SHIFT: u32 = 60;
    const BOUND_SHIFT: u32 = 48;
    const BOUND_MASK: u64 = (1 << (Self::TURN_SHIFT - Self::BOUND_SHIFT)) - 1;
    const PLACES_MASK: u64 = (1 << Self::BOUND_SHIFT) - 1;

    fn new(turn: u16, bound: usize) -> Self {
        Self(u64::from(turn) << Self::TURN_SHIFT | (bound as u64 & Self::BOUND_MASK) << Self::BOUND_SHIFT)
    }

    #[inline]
    fn is_of(self, recording: Recording) -> bool {
        self.0 >> Self::TURN_SHIFT == u64::from(recording.turn())
    }

    #[inline]
    fn places(self) -> u64 {
        self.0 & Self::PLACES_MASK
    }

    fn bound(self) -> u64 {
        self.0 >> Self::BOUND_SHIFT & Self::BOUND_MASK
    }

    /// The next place, where it is within the bound; none where no root has the buffer.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "below the bound")]
    fn place(self) -> Option<usize> {
        Some(self.places()).filter(|&place| place < self.bound()).map(|place| place as usize)
    }
}

/// The records of one tree.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Buffer {
    /// See [`State`].
    state: AtomicU64,
    /// The last turn. Written by whoever has the buffer.
    turn: AtomicU64,
    /// The name of the root while it has the buffer; else zero, or [`BUSY`](Self::BUSY).
    owner: AtomicU64,
    /// When the root got the buffer, in nanoseconds of the clock; zero once its duration has ended.
    begun: AtomicU64,
    /// How many places were given out in the turn that ended, and how many of them were within its bound.
    given_out: AtomicU64,
    used: AtomicUsize,
    /// Name and covered time of the root, once it has no more children.
    root: AtomicU64,
    covered: AtomicU64,
    values: ValuesList,
    chunks: Chunks,
}

impl Buffer {
    /// In place of the owner, while the root closes the turn. No call has this name.
    const BUSY: u64 = 1;

    const fn new() -> Self {
        let [state, turn, owner, begun, given_out, root, covered] = [const { AtomicU64::new(0) }; 7];
        let (used, values) = (AtomicUsize::new(0), ValuesList::new());
        Self { state, turn, owner, begun, given_out, used, root, covered, values, chunks: Chunks::new() }
    }

    /// Begins a turn. The caller has the buffer, until it is [owned](Self::own).
    pub(super) fn begin(&self, slot: u16, now: Moment) -> Recording {
        // Settings that change meanwhile are for later turns.
        self.begin_with(slot, now, BOUND.load(Relaxed))
    }

    fn begin_with(&self, slot: u16, now: Moment, bound: usize) -> Recording {
        let recording = Recording::after_turn(slot, self.turn.load(Relaxed));
        self.turn.store(u64::from(recording.turn()), Relaxed);
        self.begun.store(now.to_nanos().max(1), Relaxed);
        self.given_out.store(0, Relaxed);
        self.used.store(0, Relaxed);
        self.state.store(State::new(recording.turn(), bound).0, Release);
        recording
    }

    /// The root that has the buffer in this turn; `None` in another one.
    pub(super) fn owner_in(&self, recording: Recording) -> Option<Parent> {
        let owner = self.owner.load(Acquire);
        let is_turn = State(self.state.load(Acquire)).is_of(recording);
        Some(Parent::from_bits(owner)).filter(|_| is_turn && owner > Self::BUSY)
    }

    /// Says which root has the buffer.
    #[inline]
    pub(super) fn own(&self, root: Parent) {
        self.owner.store(root.bits(), Release);
    }

    /// Takes the buffer from a root, so that nobody else takes it; `false` where somebody has.
    #[inline]
    pub(super) fn claim(&self, root: Parent) -> bool {
        self.owner.compare_exchange(root.bits(), 0, AcqRel, Relaxed).is_ok()
    }

    /// Ends the turn of a root whose duration has ended, though the root has not: others may take the buffer from now on.
    pub(super) fn leave(&self, root: Parent) {
        if self.owner.compare_exchange(root.bits(), Self::BUSY, AcqRel, Relaxed).is_ok() {
            self.close();
            self.begun.store(0, Relaxed);
            self.own(root);
        }
    }

    /// Takes the buffer from a root that has it for too long at the moment `now`, or needs it no longer; `false` where there is none.
    pub(super) fn take_from_owner(&self, now: Moment) -> bool {
        let owner = self.owner.load(Acquire);
        let begun = self.begun.load(Relaxed);
        let is_long = begun == 0 || now.nanos_since(Moment::from_nanos(begun)) > OWN_NANOS;
        let is_owned = owner != 0 && owner != Self::BUSY;
        let is_taken = is_owned && is_long && self.claim(Parent::from_bits(owner));
        if is_taken {
            self.close();
        }
        is_taken
    }

    /// Takes the buffer from a root whose duration has [ended](Self::leave), though the root has not; `false` where there is none.
    pub(super) fn take_left(&self) -> bool {
        let owner = self.owner.load(Acquire);
        let has_left = owner > Self::BUSY && self.begun.load(Relaxed) == 0;
        has_left && self.claim(Parent::from_bits(owner))
    }

    /// A place for the record of a call of this turn, by its number too; `None` where there is none left, or the turn is over.
    #[inline]
    pub(super) fn reserve(&self, recording: Recording) -> Option<(usize, &Record)> {
        // A call that outlives its root is not to use up the places of another.
        if !State(self.state.load(Relaxed)).is_of(recording) {
            return None;
        }
        let state = State(self.state.fetch_add(1, AcqRel));
        if !state.is_of(recording) {
            self.leave_void(state);
            return None;
        }
        let place = state.place()?;
        Some((place, self.chunks.take(place)?))
    }

    /// The record at a place that was [reserved](Self::reserve).
    #[inline]
    pub(super) fn place(&self, place: usize) -> Option<&Record> {
        self.chunks.get(place)
    }

    /// Keeps the values of the fields of a call that has a place, and whose record is yet to be written to its end.
    pub(super) fn add_values(&self, place: usize, values: Box<Values>) {
        self.values.add(place, values);
    }

    /// A call of an earlier turn took a place of this one.
    #[cold]
    fn leave_void(&self, state: State) {
        if let Some(record) = state.place().and_then(|place| self.chunks.take(place)) {
            record.leave_void();
        }
    }

    /// Writes what is known of the root as the calls inside it end.
    #[inline]
    pub(super) fn write_root(&self, name: Parent, covered: u64) {
        self.root.store(name.bits(), Relaxed);
        self.covered.store(covered, Relaxed);
    }

    /// Name and covered time of the root.
    pub(super) fn root(&self) -> (Parent, u64) {
        (Parent::from_bits(self.root.load(Relaxed)), self.covered.load(Relaxed))
    }

    /// Ends the turn: nothing is written from now on but in places that were given out before. Done again, it changes nothing.
    pub(super) fn close(&self) {
        let state = State(self.state.swap(0, AcqRel));
        // Else calls of an earlier turn have come by since, if anything.
        if state.0 > State::PLACES_MASK {
            self.given_out.store(state.places(), Relaxed);
            self.used.store(usize::try_from(state.places().min(state.bound())).unwrap_or_default(), Relaxed);
        }
    }

    /// The records of the turn that ended, and the values of their fields, which are there once.
    pub(super) fn take(&self) -> Taken {
        let records = self.chunks.records(self.used.load(Relaxed));
        let missing = self.given_out.load(Relaxed);
        let mut taken = Taken { records: Vec::with_capacity(records.clone().count()), missing, ..Taken::default() };
        let mut places = Vec::with_capacity(taken.records.capacity());
        for (place, record) in records {
            match record.read() {
                (_, Some(recorded)) => {
                    places.push(place);
                    taken.records.push(recorded);
                }
                // Of another root's call.
                (true, None) => taken.missing = taken.missing.saturating_sub(1),
                (false, None) => {}
            }
        }
        taken.missing = taken.missing.saturating_sub(taken.records.len() as u64);
        // After the records: whoever sees one sees its values.
        self.values.take(|place, values| {
            if let Ok(record) = places.binary_search(&place) {
                taken.values.insert(record, values.keep());
            }
        });
        taken.values_missing = self.values.refused();
        taken
    }

    /// Makes the records ready for the next turn; `false` where one is yet to be written.
    pub(super) fn clear(&self) -> bool {
        let used = self.used.load(Relaxed);
        let is_done = self.chunks.are_done(used);
        if is_done {
            self.chunks.clear(used);
            // Values are added by calls that have a place, and none has one any more.
            self.values.clear();
        }
        is_done
    }

    /// Gives back the memory of all chunks but the first few.
    ///
    /// # Safety
    ///
    /// The caller has the buffer, and it was [cleared](Self::clear) since its last turn, or has had none.
    pub(super) unsafe fn give_back_memory(&self, kept: usize) {
        // SAFETY: no root has it, so no place is given out; and whoever had one of an earlier turn was waited for.
        unsafe { self.chunks.give_back(kept) };
    }
}

#[cfg(test)]
mod tests;
