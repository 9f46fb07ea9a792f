//! Calls that had to wait, and since when: so that a stuck call can be told by its age.
//!
//! Only a future that returned `Pending` is listed. A call that is ready at its first poll pays nothing here; one that
//! waits pays one lock when it begins to wait and one when it ends. There is a list for each thread, so that the lock is
//! free unless the call ends on another thread, or somebody reads.

use super::tree::children::Children;
use super::tree::edges::WaitedFor;
use super::tree::node::Node;
use crate::measure::clock::Moment;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The waiting calls of one series that began to wait on one thread.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Mutex<Slots>,
    /// The calls that these waited for, of those that ended.
    pub(super) waited_for: WaitedFor,
}

#[derive(Debug, Default)]
struct Slots {
    /// When the call in each slot started; `None` where the slot is free.
    started: Vec<Option<Moment>>,
    free: Vec<NonZeroU32>,
    /// The children of the call in each slot, as far as one that had any ever used it.
    kept: Vec<Kept>,
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
        let child = if self.waits.len() < Self::MOST_WAITS { child } else { Node::OVERFLOW };
        match self.waits.iter_mut().find(|(known, _)| *known == child) {
            Some((_, sum)) => *sum = sum.saturating_add(nanos),
            None => self.waits.push((child, nanos)),
        }
    }
}

/// A call's place in the list, counted from one.
pub(crate) type Place = NonZeroU32;

impl Waiting {
    /// Lists a call. `None` where four billion calls wait already: that call's age is not known.
    pub(crate) fn enter(&self, started: Moment) -> Option<Place> {
        let slots = &mut *self.lock();
        if let Some(place) = slots.free.pop() {
            slots.started[index(place)] = Some(started);
            return Some(place);
        }
        let place = u32::try_from(slots.started.len() + 1).ok().and_then(NonZeroU32::new)?;
        slots.started.push(Some(started));
        Some(place)
    }

    /// Takes a call off the list, and shows how long it waited for each of its children.
    pub(crate) fn leave(&self, place: Place, waited_for: impl FnMut((Node, u64))) {
        let slots = &mut *self.lock();
        slots.started[index(place)] = None;
        slots.free.push(place);
        if let Some(kept) = slots.kept.get_mut(index(place)) {
            kept.waits.drain(..).for_each(waited_for);
        }
    }

    /// Keeps the children of a call for its next poll.
    pub(crate) fn keep(&self, place: Place, children: &Children) {
        self.lock().kept(place).children = children.clone();
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

    /// When each of the waiting calls started.
    pub(crate) fn for_each(&self, look: impl FnMut(Moment)) {
        self.lock().started.iter().flatten().copied().for_each(look);
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
            waiting.for_each(|started| all.push(started));
            all
        };
        assert_eq!(all(), []);
        let first_started = now();
        let first = waiting.enter(first_started).unwrap();
        clock.advance(Duration::from_secs(1));
        let second_started = now();
        let second = waiting.enter(second_started).unwrap();
        assert_eq!(all(), [first_started, second_started]);
        waiting.leave(first, |_| ());
        assert_eq!(all(), [second_started]);
        assert_eq!(waiting.enter(second_started), Some(first), "a free slot is used again");
        waiting.leave(second, |_| ());
    }
}
