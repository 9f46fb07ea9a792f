//! Calls that had to wait, and since when: so that a stuck call can be told by its age.
//!
//! Only a future that returned `Pending` is listed. A call that is ready at its first poll pays nothing here; one that
//! waits pays one lock when it begins to wait and one when it ends. There is a list for each thread, so that the lock is
//! free unless the call ends on another thread, or somebody reads.

use super::tree::children::Children;
use crate::measure::clock::Moment;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The waiting calls of one series that began to wait on one thread.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// When the call in each slot started; `None` where the slot is free.
    started: Vec<Option<Moment>>,
    free: Vec<NonZeroU32>,
    /// The children of the call in each slot, as far as one that had any ever used it.
    children: Vec<Children>,
}

/// A call's place in the list, counted from one.
pub(crate) type Place = NonZeroU32;

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self { slots: Mutex::new(Slots { started: Vec::new(), free: Vec::new(), children: Vec::new() }) }
    }

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

    /// Takes a call off the list.
    pub(crate) fn leave(&self, place: Place) {
        let slots = &mut *self.lock();
        slots.started[index(place)] = None;
        slots.free.push(place);
    }

    /// Keeps the children of a call for its next poll.
    pub(crate) fn keep(&self, place: Place, children: &Children) {
        let slots = &mut *self.lock();
        if slots.children.len() <= index(place) {
            slots.children.resize_with(index(place) + 1, Children::default);
        }
        slots.children[index(place)] = children.clone();
    }

    /// The children that were kept for a call.
    pub(crate) fn kept(&self, place: Place) -> Children {
        self.lock().children.get(index(place)).cloned().unwrap_or_default()
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
        let waiting = Waiting::new();
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
        waiting.leave(first);
        assert_eq!(all(), [second_started]);
        assert_eq!(waiting.enter(second_started), Some(first), "a free slot is used again");
        waiting.leave(second);
    }
}
