//! Where the calls of one tree are written as they end, by whatever threads they end on.
//!
//! A buffer lasts as long as the process. One root after another has it, and each has a turn of its own, which stands in the names of its
//! calls: a call that ends after its root finds that the turn is another's, and writes nothing.

use super::recording::Recording;
use crate::measure::cells::lazy::LazyBox;
use crate::measure::cells::tree::node::Node;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// How many roots may be recorded at the same time.
pub(super) const SLOTS: usize = Recording::SLOTS;
/// The most calls of one tree.
pub(crate) const MOST_CALLS: usize = CHUNK * CHUNKS;
const CHUNK: usize = 64;
const CHUNKS: usize = 16;
/// The chunks of all buffers together, of 3 KiB each. They are never given back.
const MOST_CHUNKS: usize = 4_096;

static BUFFERS: [Buffer; SLOTS] = [const { Buffer::new() }; SLOTS];
static CHUNKS_MADE: AtomicUsize = AtomicUsize::new(0);
/// The most calls of one tree, as the settings have it.
static BOUND: AtomicUsize = AtomicUsize::new(0);

/// Sets the most calls of one tree.
pub(super) fn bound_calls(most: usize) {
    BOUND.store(most.min(MOST_CALLS), Relaxed);
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

/// A call that ended, as it is written by one thread and read by another.
#[derive(Debug)]
pub(super) struct Record {
    parent: AtomicU64,
    own: AtomicU64,
    covered: AtomicU64,
    start: AtomicU64,
    nanos: AtomicU64,
    /// The node, the outcome and the failure. Zero until all of the record is there.
    rest: AtomicU64,
}

/// A call that ended inside another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    /// The call that it was made inside.
    pub(crate) parent: Parent,
    /// Its own name; none where it made no calls.
    pub(crate) own: Parent,
    /// The time that calls inside it covered, in nanoseconds.
    pub(crate) covered: u64,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
    pub(crate) node: Node,
    pub(crate) outcome: Outcome,
    /// The serial number of its group of failures; zero where it is in none.
    pub(crate) failure: u32,
}

impl Record {
    /// In place of the rest, of a record that nobody wrote.
    const VOID: u64 = 1 << 20;
    const OUTCOME_SHIFT: u32 = u16::BITS;
    const FAILURE_SHIFT: u32 = u32::BITS;

    const fn new() -> Self {
        let [parent, own, covered, start, nanos, rest] = [const { AtomicU64::new(0) }; 6];
        Self { parent, own, covered, start, nanos, rest }
    }

    /// Writes what is known as the calls inside it end. The rest is to follow.
    #[inline]
    pub(super) fn write_inside(&self, own: Parent, covered: u64) {
        self.own.store(own.bits(), Relaxed);
        self.covered.store(covered, Relaxed);
    }

    /// Writes all else.
    #[inline]
    pub(super) fn write(&self, parent: Parent, started: Moment, nanos: u64, node: Node, end: (Outcome, u32)) {
        self.parent.store(parent.bits(), Relaxed);
        self.start.store(started.to_nanos(), Relaxed);
        self.nanos.store(nanos, Relaxed);
        let (outcome, failure) = end;
        let rest = u64::from(node.number())
            | (outcome.index() as u64) << Self::OUTCOME_SHIFT
            | u64::from(failure) << Self::FAILURE_SHIFT;
        self.rest.store(rest, Release);
    }

    /// The record, and whether it is there at all. `None` where nobody wrote it.
    fn read(&self) -> (bool, Option<Recorded>) {
        let rest = self.rest.load(Acquire);
        if rest == 0 || rest == Self::VOID {
            return (rest != 0, None);
        }
        let [f3, f2, f1, f0, _, outcome, n1, n0] = rest.to_be_bytes();
        let recorded = Recorded {
            parent: Parent::from_bits(self.parent.load(Relaxed)),
            own: Parent::from_bits(self.own.load(Relaxed)),
            covered: self.covered.load(Relaxed),
            started: Moment::from_nanos(self.start.load(Relaxed)),
            nanos: self.nanos.load(Relaxed),
            node: Node::from_number(u16::from_be_bytes([n1, n0])),
            outcome: Outcome::ALL[usize::from(outcome) % Outcome::ALL.len()],
            failure: u32::from_be_bytes([f3, f2, f1, f0]),
        };
        (true, Some(recorded))
    }
}

/// The records of a tree whose root has ended.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) records: Vec<Recorded>,
    /// Calls that ended inside the root and were not written, or not to the end.
    pub(super) missing: u64,
}

/// The records of one tree.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Buffer {
    /// The turn in the upper 16 bits, zero while no root has it; below that how many places were given out.
    state: AtomicU64,
    /// The last turn. Written by whoever has the buffer.
    turn: AtomicU64,
    /// Places that were given out in the turn that ended.
    used: AtomicU64,
    /// Name and covered time of the root, once it has no more children.
    root: AtomicU64,
    covered: AtomicU64,
    /// The most calls of this turn's tree: settings that change meanwhile are for later ones.
    bound: AtomicUsize,
    chunks: [LazyBox<[Record; CHUNK]>; CHUNKS],
}

impl Buffer {
    const TURN_SHIFT: u32 = 48;

    const fn new() -> Self {
        let [state, turn, used, root, covered] = [const { AtomicU64::new(0) }; 5];
        let bound = AtomicUsize::new(0);
        Self { state, turn, used, root, covered, bound, chunks: [const { LazyBox::new() }; CHUNKS] }
    }

    /// Begins a turn. The caller has the buffer.
    pub(super) fn begin(&self, slot: u16) -> Recording {
        let recording = Recording::after_turn(slot, self.turn.load(Relaxed));
        let turn = u64::from(recording.turn());
        self.turn.store(turn, Relaxed);
        self.bound.store(BOUND.load(Relaxed), Relaxed);
        self.state.store(turn << Self::TURN_SHIFT, Release);
        recording
    }

    /// A place for the record of a call of this turn, by its number too; `None` where there is none left, or the turn is over.
    #[inline]
    pub(super) fn reserve(&self, recording: Recording) -> Option<(u32, &Record)> {
        let state = self.state.fetch_add(1, AcqRel);
        let (turn, place) = (state >> Self::TURN_SHIFT, state & ((1 << Self::TURN_SHIFT) - 1));
        if turn != u64::from(recording.turn()) {
            self.leave_void(turn, place);
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below the bound, or not used")]
        let place = place.min(u64::from(u32::MAX)) as u32;
        Some((place, self.place(place)?))
    }

    /// The record at a place. The first one of each chunk makes it, as long as there is room for more.
    #[inline]
    pub(super) fn place(&self, place: u32) -> Option<&Record> {
        let place = place as usize;
        if place >= self.bound.load(Relaxed) {
            return None;
        }
        let chunk = self.chunks.get(place / CHUNK)?;
        let records = match chunk.get() {
            Some(records) => records,
            None => make_chunk(chunk)?,
        };
        records.get(place % CHUNK)
    }

    /// A call of an earlier turn took a place of this one.
    #[cold]
    fn leave_void(&self, turn: u64, place: u64) {
        let place = u32::try_from(place).ok().filter(|_| turn != 0);
        if let Some(record) = place.and_then(|place| self.place(place)) {
            record.rest.store(Record::VOID, Release);
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

    /// Ends the turn: nothing is written from now on but in places that were given out before.
    pub(super) fn close(&self) {
        let used = self.state.swap(0, AcqRel) & ((1 << Self::TURN_SHIFT) - 1);
        self.used.store(used, Relaxed);
    }

    /// The records of the turn that ended.
    pub(super) fn take(&self) -> Taken {
        let (records, given_out) = (self.given_out(), self.used.load(Relaxed));
        let mut taken = Taken { records: Vec::with_capacity(records.clone().count()), missing: given_out };
        for record in records {
            match record.read() {
                (_, Some(recorded)) => taken.records.push(recorded),
                // Of another root's call.
                (true, None) => taken.missing = taken.missing.saturating_sub(1),
                (false, None) => {}
            }
        }
        taken.missing = taken.missing.saturating_sub(taken.records.len() as u64);
        taken
    }

    /// Makes the records ready for the next turn; `false` where one is yet to be written.
    pub(super) fn clear(&self) -> bool {
        let is_whole = self.given_out().all(|record| record.rest.load(Acquire) != 0);
        if is_whole {
            self.given_out().for_each(|record| record.rest.store(0, Relaxed));
        }
        is_whole
    }

    /// The records whose places were given out. Those of chunks that could not be made are none.
    fn given_out(&self) -> impl Iterator<Item = &Record> + Clone {
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(usize::MAX).min(self.bound.load(Relaxed));
        let chunks = self.chunks.iter().take(used.div_ceil(CHUNK)).enumerate();
        chunks.flat_map(move |(place, chunk)| {
            let left = used.saturating_sub(place * CHUNK);
            chunk.get().into_iter().flat_map(move |records| records.iter().take(left))
        })
    }
}

#[cold]
#[inline(never)]
fn make_chunk(chunk: &LazyBox<[Record; CHUNK]>) -> Option<&[Record; CHUNK]> {
    if CHUNKS_MADE.load(Relaxed) >= MOST_CHUNKS {
        return None;
    }
    Some(chunk.get_or_init(|| {
        CHUNKS_MADE.fetch_add(1, Relaxed);
        Box::new([const { Record::new() }; CHUNK])
    }))
}
