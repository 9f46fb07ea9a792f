//! Calls that had to wait, and since when: so that a stuck call can be told by its age.
//!
//! Only a future that returned `Pending` is listed. A call that is ready at its first poll pays nothing here; one that
//! waits pays one lock when it begins to wait and one when it ends. There is a list for each thread, so that the lock is
//! free unless the call ends on another thread, or somebody reads.

use super::tree::children::Children;
use super::tree::edges::WaitedFor;
use super::tree::node::Node;
use super::tree::parent::Parent;
use crate::measure::clock::Moment;
use std::cell::Cell;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The waiting calls of one series that began to wait on one thread.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Mutex<Slots>,
    /// The calls that these waited for, of those that ended.
    pub(super) waited_for: WaitedFor,
}

#[derive(Debug, Default)]
struct Slots {
    /// The call in each slot; `None` where the slot is free.
    listed: Vec<Option<Listing>>,
    free: Vec<NonZeroU32>,
    /// The children of the call in each slot, as far as one that had any ever used it.
    kept: Vec<Kept>,
    /// The stream in each slot, as far as one that had any ever used it.
    streams: Vec<Option<Listed>>,
}

/// A call in a slot.
#[derive(Clone, Copy, Debug)]
struct Listing {
    started: Moment,
    /// The call that it was made inside.
    parent: Parent,
    /// No other call was ever listed by this number.
    number: NonZeroU64,
}

thread_local! {
    /// The next number of this thread for a call that is listed; a multiple of `BLOCK` where it has none left.
    static NEXT_NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// So many numbers a thread takes at once.
const BLOCK: u64 = 1 << 12;

fn next_number() -> NonZeroU64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    let next = NEXT_NUMBER.get();
    // The first of each block is given to nobody, so none is zero.
    let number = if next.is_multiple_of(BLOCK) { BLOCKS.fetch_add(1, Relaxed).wrapping_mul(BLOCK) + 1 } else { next };
    NEXT_NUMBER.set(number + 1);
    NonZeroU64::MIN.saturating_add(number - 1)
}

/// A stream that is listed, or was: the next one in its slot uses the same memory.
#[derive(Debug)]
struct Listed {
    progress: Arc<Progress>,
    is_there: bool,
}

/// How far a stream that is listed has come. Written by the stream alone, without the lock.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    items: AtomicU64,
    /// Since when it has been waiting for an item; zero while its consumer has one.
    waits_since: AtomicU64,
}

impl Progress {
    /// It gave so many items.
    #[inline]
    pub(crate) fn set_items(&self, items: u64) {
        self.items.store(items, Relaxed);
    }

    /// It has been waiting for an item since then; `None` where its consumer has one.
    pub(crate) fn set_waiting(&self, since: Option<Moment>) {
        // The clock of a process never stands at zero for a second time.
        self.waits_since.store(since.map_or(0, |since| since.to_nanos().max(1)), Relaxed);
    }
}

/// A call that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// No other call was ever listed by this number.
    pub(crate) number: NonZeroU64,
    pub(crate) started: Moment,
    /// The call that it was made inside.
    pub(crate) parent: Parent,
    /// The name by which calls inside it know it, as of its last pause; none where it had made none by then.
    pub(crate) own: Parent,
    /// The items that it gave, of a stream.
    pub(crate) items: Option<u64>,
    /// Since when it has been waiting: of a stream since its consumer asked for an item that was not there, and `None` while
    /// the consumer has one; of all else since it started.
    pub(crate) waits_since: Option<Moment>,
}

/// The children of a call that waits.
#[derive(Debug, Default)]
struct Kept {
    children: Children,
    /// How long it waited for its children, in nanoseconds. Kept until it ends, as all of its waiting is.
    waits: Vec<(Node, u64)>,
}

impl Kept {
    /// So many children a call can have waited for; later ones are those beyond the bound.
    const MOST_WAITS: usize = 64;

    fn add(&mut self, child: Node, nanos: u64) {
        let place = |waits: &[(Node, u64)], child| waits.iter().position(|(known, _)| *known == child);
        let known = place(&self.waits, child);
        // One that is known keeps its place, however many others there are.
        let child = if known.is_some() || self.waits.len() < Self::MOST_WAITS { child } else { Node::OVERFLOW };
        match known.or_else(|| place(&self.waits, child)) {
            Some(place) => self.waits[place].1 = self.waits[place].1.saturating_add(nanos),
            None => self.waits.push((child, nanos)),
        }
    }
}

/// A call's place in the list, counted from one.
pub(crate) type Place = NonZeroU32;

impl Waiting {
    /// Lists a call. `None` where four billion calls wait already: that call's age is not known.
    pub(crate) fn enter(&self, started: Moment, parent: Parent) -> Option<Place> {
        let listing = Some(Listing { started, parent, number: next_number() });
        let slots = &mut *self.lock();
        if let Some(place) = slots.free.pop() {
            slots.listed[index(place)] = listing;
            return Some(place);
        }
        let place = u32::try_from(slots.listed.len() + 1).ok().and_then(NonZeroU32::new)?;
        slots.listed.push(listing);
        Some(place)
    }

    /// Takes a call off the list, and shows how long it waited for each of its children.
    pub(crate) fn leave(&self, place: Place, waited_for: impl FnMut((Node, u64))) {
        let slots = &mut *self.lock();
        slots.listed[index(place)] = None;
        slots.free.push(place);
        if let Some(Some(stream)) = slots.streams.get_mut(index(place)) {
            stream.is_there = false;
        }
        if let Some(kept) = slots.kept.get_mut(index(place)) {
            kept.waits.drain(..).for_each(waited_for);
            // The next call in this slot has another name, if any.
            kept.children = Children::default();
        }
    }

    /// Keeps the children of a call for its next poll.
    pub(crate) fn keep(&self, place: Place, children: &Children) {
        self.lock().kept(place).children = children.clone();
    }

    /// Says by which name its children know a call that keeps them elsewhere.
    pub(crate) fn name(&self, place: Place, name: Parent) {
        self.lock().kept(place).children = Children::of_name(name);
    }

    /// The children that were kept for a call, which has waited since for so many nanoseconds: for which child, if any.
    pub(crate) fn resume(&self, place: Place, waited_for: Option<(Node, u64)>) -> Children {
        let slots = &mut *self.lock();
        let kept = slots.kept(place);
        if let Some((child, nanos)) = waited_for {
            kept.add(child, nanos);
        }
        kept.children.clone()
    }

    /// Says that the call at this place is a stream, which tells how far it has come.
    pub(crate) fn follow(&self, place: Place) -> Arc<Progress> {
        let slots = &mut *self.lock();
        if slots.streams.len() <= index(place) {
            slots.streams.resize_with(index(place) + 1, || None);
        }
        let listed =
            slots.streams[index(place)].get_or_insert_with(|| Listed { progress: Arc::default(), is_there: true });
        listed.is_there = true;
        listed.progress.set_items(0);
        listed.progress.set_waiting(None);
        Arc::clone(&listed.progress)
    }

    /// Shows each of the calls that are listed.
    pub(crate) fn for_each(&self, mut look: impl FnMut(Waiter)) {
        let slots = &*self.lock();
        for (place, listing) in slots.listed.iter().enumerate() {
            let Some(Listing { started, parent, number }) = *listing else { continue };
            let own = slots.kept.get(place).map_or(Parent::NONE, |kept| kept.children.name());
            let mut waiter = Waiter { number, started, parent, own, items: None, waits_since: Some(started) };
            let stream = slots.streams.get(place).and_then(Option::as_ref).filter(|stream| stream.is_there);
            if let Some(Listed { progress, .. }) = stream {
                let since = progress.waits_since.load(Relaxed);
                waiter.items = Some(progress.items.load(Relaxed));
                waiter.waits_since = (since > 0).then(|| Moment::from_nanos(since));
            }
            look(waiter);
        }
    }

    /// The memory that it holds on the heap, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let slots = &*self.lock();
        let of_kept = |kept: &Kept| kept.waits.capacity() * size_of::<(Node, u64)>();
        // With the two counts of its `Arc`.
        let of_stream = |_: &Listed| size_of::<Progress>() + 2 * size_of::<usize>();
        slots.listed.capacity() * size_of::<Option<Listing>>()
            + slots.free.capacity() * size_of::<NonZeroU32>()
            + slots.kept.capacity() * size_of::<Kept>()
            + slots.kept.iter().map(of_kept).sum::<usize>()
            + slots.streams.capacity() * size_of::<Option<Listed>>()
            + slots.streams.iter().flatten().map(of_stream).sum::<usize>()
            + self.waited_for.bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // No code under the lock can unwind half way; a poisoned lock is as good as another.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn kept(&mut self, place: Place) -> &mut Kept {
        if self.kept.len() <= index(place) {
            self.kept.resize_with(index(place) + 1, Kept::default);
        }
        &mut self.kept[index(place)]
    }
}

fn index(place: Place) -> usize {
    place.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::{manual::ManualClock, now};
    use std::time::Duration;

    #[test]
    fn those_who_left_are_forgotten_and_their_places_used_again() {
        let clock = ManualClock::hold();
        let waiting = Waiting::default();
        let all = || {
            let mut all = Vec::new();
            waiting.for_each(|waiter| all.push(waiter.started));
            all
        };
        assert_eq!(all(), []);
        let first_started = now();
        let first = waiting.enter(first_started, Parent::NONE).unwrap();
        clock.advance(Duration::from_secs(1));
        let second_started = now();
        let second = waiting.enter(second_started, Parent::NONE).unwrap();
        assert_eq!(all(), [first_started, second_started]);
        waiting.leave(first, |_| ());
        assert_eq!(all(), [second_started]);
        assert_eq!(waiting.enter(second_started, Parent::NONE), Some(first), "a free slot is used again");
        waiting.leave(second, |_| ());
    }

    #[test]
    fn a_call_that_waits_for_many_children_keeps_the_first_apart() {
        let waiting = Waiting::default();
        let place = waiting.enter(now(), Parent::NONE).unwrap();
        let children = (2_u16..).map(Node::from_number).filter(|child| *child != Node::OVERFLOW);
        let children: Vec<Node> = children.take(Kept::MOST_WAITS + 5).collect();
        for _ in 0..3 {
            for child in &children {
                waiting.resume(place, Some((*child, 10)));
            }
        }
        let mut waits = Vec::new();
        waiting.leave(place, |wait| waits.push(wait));
        let expected = children.iter().take(Kept::MOST_WAITS).map(|child| (*child, 30));
        assert_eq!(waits, expected.chain([(Node::OVERFLOW, 150)]).collect::<Vec<_>>());
    }

    #[test]
    fn a_stream_tells_how_far_it_has_come_and_the_next_call_in_its_place_does_not() {
        let clock = ManualClock::hold();
        let waiting = Waiting::default();
        let all = || {
            let mut all = Vec::new();
            waiting.for_each(|waiter| all.push((waiter.items, waiter.waits_since)));
            all
        };
        let started = now();
        let place = waiting.enter(started, Parent::NONE).unwrap();
        let before = waiting.bytes();
        let progress = waiting.follow(place);
        assert!(waiting.bytes() > before + size_of::<Progress>());
        assert_eq!(all(), [(Some(0), None)]);
        clock.advance(Duration::from_secs(1));
        progress.set_items(3);
        progress.set_waiting(Some(now()));
        assert_eq!(all(), [(Some(3), Some(now()))]);
        waiting.leave(place, |_| ());
        assert_eq!(waiting.enter(started, Parent::NONE), Some(place));
        assert_eq!(all(), [(None, Some(started))]);
    }
}
