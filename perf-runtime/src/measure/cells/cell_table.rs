//! Where counts live: cumulative cells that are never reset.
//!
//! Each thread writes cells of its own (see `slot`), so that no two write the same cache line and a count needs no atomic
//! addition. Cells come into being when they are first touched. A series that is never called costs 80 bytes. For each
//! thread that calls it, it costs 256 bytes (and 128 once for every sixteen threads of the process), 184 for each outcome
//! that occurred, and 512 for each page of 64 buckets that a duration fell into: about 1.5 KiB a thread, where durations
//! are of one order of magnitude. A warm update allocates nothing, takes no lock and never waits.
//!
//! Calls in flight are not stored: they are calls started less calls ended. One thread's cells alone may have ended more
//! than they started, because futures move between threads; only the sum over all has a meaning.

use super::histogram::Layout;
use super::lazy::LazyBox;
use super::reading::Reading;
use super::slot::{self, SLOTS, Slot};
pub(crate) use super::thread_cells::Running;
use super::thread_cells::{Begun, Shard, Writers};
use super::times::Times;
use super::tree::children::Children;
use super::tree::context::Context;
use super::tree::edges::EdgeCounts;
use super::tree::node::Node;
use super::tree::parent::Parent;
use super::waiting::{Place, Waiting};
pub(crate) use super::waiting::{Progress, Waiter};
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use std::iter;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

/// Of the bits that say which shards are there, so many are in one word.
const WORD: usize = u64::BITS as usize;
/// Shards come in groups, so that a series which few threads call stays small.
const GROUP: usize = 16;

/// The cells of one series, or of one site where several sites make up a series.
#[derive(Debug)]
pub(crate) struct Cells {
    groups: [LazyBox<Group>; SLOTS / GROUP],
    /// A bit for each slot whose shard is there, or about to be: so a reader goes straight to the few that are.
    used: [AtomicU64; SLOTS / WORD],
}

type Group = [LazyBox<Shard>; GROUP];

/// Where a waiting call is listed: the slot in the upper seven bits, its place below. In one word, for every future holds
/// one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(NonZeroU32);

/// The start of a call. Where nobody says when it began, because the call ends at once or is let go, it is not noted.
#[derive(Clone, Copy)]
pub(crate) struct Started<'a>(&'a Shard);

/// A call that was counted as ended by the one thread that writes these cells.
#[derive(Clone, Copy)]
pub(crate) struct Finished<'a>(&'a Shard);

impl Finished<'_> {
    /// Counts that it was made inside a call of `parent`, where that is the first caller that this thread met; else it says `false`, and
    /// nothing happens.
    #[inline]
    pub(crate) fn inside(self, parent: Context, outcome: Outcome, nanos: u64) -> bool {
        self.0.count_first_edge(parent, outcome, nanos)
    }
}

impl Started<'_> {
    /// Its body begins to run on this thread.
    #[inline]
    pub(crate) fn begin(self, at: Moment, is_polled: bool) {
        self.0.begin(Begun { at, is_polled });
    }
}

impl Ticket {
    const PLACE_BITS: u32 = u32::BITS - SLOTS.ilog2();

    fn new(slot: Slot, place: Place) -> Option<Self> {
        let slot = u32::try_from(slot.index()).ok()?;
        // Where 33 million calls of a thread wait already, the place does not fit.
        (place.get() >> Self::PLACE_BITS == 0).then_some(Self(place | slot << Self::PLACE_BITS))
    }

    /// A number that no other call of the series has while this one is listed; never zero.
    pub(crate) fn number(self) -> u32 {
        self.0.get()
    }

    fn slot(self) -> usize {
        (self.0.get() >> Self::PLACE_BITS) as usize
    }

    fn place(self) -> Option<Place> {
        Place::new(self.0.get() & ((1 << Self::PLACE_BITS) - 1))
    }
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self { groups: [const { LazyBox::new() }; SLOTS / GROUP], used: [const { AtomicU64::new(0) }; SLOTS / WORD] }
    }

    /// Counts a call as started. `layout` is asked only when this thread's cells are touched for the first time.
    #[inline]
    pub(crate) fn start(&self, layout: impl FnOnce() -> &'static Layout) -> Started<'_> {
        let slot = slot::current();
        let shard = self.shard(slot, layout);
        shard.start(writers(slot));
        Started(shard)
    }

    /// As [`start`](Self::start), where this thread writes cells of its own, and they are there; else nothing happens.
    #[inline]
    pub(crate) fn start_warm(&self) -> Option<Started<'_>> {
        let shard = self.warm_shard()?;
        shard.start(Writers::One);
        Some(Started(shard))
    }

    /// A body does not run on this thread any more, though its call has not ended.
    pub(crate) fn let_go(&self, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).let_go(writers(slot));
    }

    /// A body that was let go runs on this thread again, or is about to end on it.
    pub(crate) fn take_up(&self, layout: impl FnOnce() -> &'static Layout) -> Started<'_> {
        let slot = slot::current();
        let shard = self.shard(slot, layout);
        shard.take_up(writers(slot));
        Started(shard)
    }

    /// Shows the calls that run on each thread that has a slot of its own, by the slot's number.
    pub(crate) fn for_each_running(&self, mut look: impl FnMut(usize, Running)) {
        for (shard, slot) in self.shards().filter(|(_, slot)| !slot.is_shared()) {
            if let Some(running) = shard.running() {
                look(slot.index(), running);
            }
        }
    }

    /// Counts a call as started whose body runs on no thread.
    pub(crate) fn start_away(&self, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        let shard = self.shard(slot, layout);
        shard.start(writers(slot));
        shard.let_go(writers(slot));
    }

    /// Takes back one [`start_away`](Self::start_away): the call goes on under another series.
    pub(crate) fn take_back(&self, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).take_back(writers(slot));
    }

    /// Counts a call that is over.
    pub(crate) fn record(&self, outcome: Outcome, nanos: u64, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        let shard = self.shard(slot, layout);
        shard.start(writers(slot));
        shard.finish(outcome, nanos, writers(slot));
    }

    /// Counts a call as ended.
    #[inline]
    pub(crate) fn finish(&self, outcome: Outcome, nanos: u64, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).finish(outcome, nanos, writers(slot));
    }

    /// As [`finish`](Self::finish), where this thread writes cells of its own, and they are there; else nothing happens.
    #[inline]
    pub(crate) fn finish_warm(&self, outcome: Outcome, nanos: u64) -> Option<Finished<'_>> {
        self.warm_shard().filter(|shard| shard.finish_warm(outcome, nanos)).map(Finished)
    }

    /// Counts that a call which ended was made inside a call of `parent`; `own` gives the node of this series.
    pub(crate) fn count_edge(
        &self,
        parent: Context,
        own: impl FnOnce() -> Node,
        outcome: Outcome,
        nanos: u64,
        layout: impl FnOnce() -> &'static Layout,
    ) {
        let slot = slot::current();
        self.shard(slot, layout).count_edge(parent, own, outcome, nanos, writers(slot));
    }

    /// Shows the counts by caller, of each thread apart.
    pub(crate) fn for_each_edge(&self, mut look: impl FnMut(Context, EdgeCounts)) {
        self.shards().for_each(|(shard, _)| shard.for_each_edge(&mut look));
    }

    /// Shows the nanoseconds that calls waited for calls of another series, of each thread apart.
    pub(crate) fn for_each_wait(&self, mut look: impl FnMut(Node, u64)) {
        self.waiting().for_each(|waiting| waiting.waited_for.for_each(&mut look));
    }

    /// The summed times of calls that ended.
    pub(crate) fn times(&self) -> Times {
        self.shards().fold(Times::default(), |sum, (shard, _)| sum.plus(shard.times()))
    }

    /// Counts the time that calls inside a call covered.
    pub(crate) fn cover(&self, nanos: u64, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).cover(nanos, writers(slot));
    }

    /// Counts a poll that kept its thread for long.
    pub(crate) fn slow_poll(&self, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).slow_poll(writers(slot));
    }

    /// Lists a call that waits, how old it is, and the call that it was made inside. `None` where 33 million calls that began on this thread wait already: then
    /// this one's age is not known.
    pub(crate) fn wait(
        &self,
        started: Moment,
        parent: Parent,
        layout: impl FnOnce() -> &'static Layout,
    ) -> Option<Ticket> {
        let slot = slot::current();
        let waiting = self.shard(slot, layout).waiting();
        let place = waiting.enter(started, parent)?;
        Ticket::new(slot, place).or_else(|| {
            waiting.leave(place, |_| ());
            None
        })
    }

    /// Takes a call off the list, wherever it is, and counts how long it waited for each of its children; `own` gives the node of this series.
    pub(crate) fn leave(&self, ticket: Ticket, own: impl Fn() -> Node, layout: impl Fn() -> &'static Layout) {
        let Some((waiting, place)) = self.listed(ticket) else { return };
        waiting.leave(place, |(child, nanos)| {
            let slot = slot::current();
            self.shard(slot, &layout).waiting().waited_for.count(&own, child, nanos, writers(slot));
        });
    }

    /// Keeps the children of a call that waits for its next poll.
    pub(crate) fn keep_children(&self, ticket: Ticket, children: &Children) {
        if let Some((waiting, place)) = self.listed(ticket) {
            waiting.keep(place, children);
        }
    }

    /// Says by which name its children know a call that is listed, and keeps them elsewhere.
    pub(crate) fn name_waiting(&self, ticket: Ticket, name: Parent) {
        if let Some((waiting, place)) = self.listed(ticket) {
            waiting.name(place, name);
        }
    }

    /// The children that were kept for a call, which has waited since for so many nanoseconds: for which child, if any.
    pub(crate) fn kept_children(&self, ticket: Ticket, waited_for: Option<(Node, u64)>) -> Children {
        self.listed(ticket).map(|(waiting, place)| waiting.resume(place, waited_for)).unwrap_or_default()
    }

    fn listed(&self, ticket: Ticket) -> Option<(&Waiting, Place)> {
        Some((self.existing_shard(ticket.slot())?.existing_waiting()?, ticket.place()?))
    }

    /// Counts the time that a call waited.
    pub(crate) fn idle(&self, nanos: u64, layout: impl FnOnce() -> &'static Layout) {
        let slot = slot::current();
        self.shard(slot, layout).waited(nanos, writers(slot));
    }

    /// Says that a call that is listed is a stream, which tells how far it has come.
    pub(crate) fn follow(&self, ticket: Ticket) -> Option<Arc<Progress>> {
        self.listed(ticket).map(|(waiting, place)| waiting.follow(place))
    }

    /// Shows each of the calls that are listed.
    pub(crate) fn for_each_waiting(&self, mut look: impl FnMut(Waiter)) {
        self.waiting().for_each(|waiting| waiting.for_each(&mut look));
    }

    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.shards().filter_map(|(shard, _)| shard.existing_waiting())
    }

    /// The calls that started in the cells of this thread so far.
    pub(crate) fn started_here(&self) -> u64 {
        self.existing_shard(slot::current().index()).map_or(0, Shard::started)
    }

    /// A number that changes with every call that starts or ends. Costs a look at two cells for each thread that called.
    pub(crate) fn changes(&self) -> u64 {
        self.shards().fold(0, |sum, (shard, _)| sum.wrapping_add(shard.changes()))
    }

    /// How many calls ended, over all threads.
    pub(crate) fn ended(&self) -> u64 {
        self.shards().fold(0, |sum, (shard, _)| sum.wrapping_add(shard.ended()))
    }

    /// The memory of the cells on the heap, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let groups = self.groups.iter().filter(|group| group.get().is_some()).count();
        groups * size_of::<Group>() + self.shards().map(|(shard, _)| shard.bytes()).sum::<usize>()
    }

    /// Adds what the cells hold to `reading`.
    pub(crate) fn read_into(&self, reading: &mut Reading) {
        for (shard, slot) in self.shards() {
            shard.read_into(reading, writers(slot));
        }
        // Starts after all ends, over all shards: so no call is ever seen ended but not started.
        for (shard, _) in self.shards() {
            shard.read_starts_into(reading);
        }
    }

    #[inline]
    fn shard(&self, slot: Slot, layout: impl FnOnce() -> &'static Layout) -> &Shard {
        match self.existing_shard(slot.index()) {
            Some(shard) => shard,
            None => self.make_shard(slot, layout),
        }
    }

    /// Apart from those who find it made: to make room on the stack for all that it holds costs each of them.
    #[cold]
    #[inline(never)]
    fn make_shard(&self, slot: Slot, layout: impl FnOnce() -> &'static Layout) -> &Shard {
        let group = &self.groups[slot.index() / GROUP];
        let group = group.get_or_init(|| Box::new([const { LazyBox::new() }; GROUP]));
        group[slot.index() % GROUP].get_or_init(|| {
            // Before the shard is there: whatever is in it, a reader finds.
            self.used[slot.index() / WORD].fetch_or(1 << (slot.index() % WORD), Release);
            Box::new(Shard::new(layout()))
        })
    }

    #[inline]
    fn warm_shard(&self) -> Option<&Shard> {
        let slot = slot::own()?;
        self.existing_shard(slot.index())
    }

    #[inline]
    fn existing_shard(&self, slot: usize) -> Option<&Shard> {
        let group = self.groups.get(slot / GROUP)?.get()?;
        group[slot % GROUP].get()
    }

    fn shards(&self) -> impl Iterator<Item = (&Shard, Slot)> {
        let words = self.used.iter().zip((0..SLOTS).step_by(WORD));
        let used = words.flat_map(|(word, first)| {
            let mut bits = word.load(Acquire);
            iter::from_fn(move || {
                let slot = first + bits.checked_ilog2()? as usize;
                bits ^= 1 << (slot - first);
                Some(slot)
            })
        });
        used.filter_map(|slot| Some((self.existing_shard(slot)?, Slot::at(slot))))
    }
}

#[inline]
fn writers(slot: Slot) -> Writers {
    if slot.is_shared() { Writers::Several } else { Writers::One }
}

#[cfg(test)]
mod tests;
