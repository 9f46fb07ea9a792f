//! Calls that had to wait, and since when: so that a stuck call can be told by its age.
//!
//! Only a future that returned `Pending` is listed. A call that is ready at its first poll pays nothing here; one that
//! waits pays one uncontended lock when it begins to wait and one when it ends.

use super::clock::Moment;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The waiting calls of one series.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// When the call in each slot started; `None` where the slot is free.
    started: Vec<Option<Moment>>,
    free: Vec<NonZeroU32>,
}

/// A call's place in the list: its slot's number, counted from one.
pub(crate) type Ticket = NonZeroU32;

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self { slots: Mutex::new(Slots { started: Vec::new(), free: Vec::new() }) }
    }

    /// Lists a call. `None` where four billion calls wait already: that call's age is not known.
    pub(crate) fn enter(&self, started: Moment) -> Option<Ticket> {
        let slots = &mut *self.lock();
        if let Some(ticket) = slots.free.pop() {
            slots.started[index(ticket)] = Some(started);
            return Some(ticket);
        }
        let ticket = u32::try_from(slots.started.len() + 1).ok().and_then(NonZeroU32::new)?;
        slots.started.push(Some(started));
        Some(ticket)
    }

    /// Takes a call off the list.
    pub(crate) fn leave(&self, ticket: Ticket) {
        let slots = &mut *self.lock();
        slots.started[index(ticket)] = None;
        slots.free.push(ticket);
    }

    /// When the oldest of the waiting calls started.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        self.lock().started.iter().flatten().min().copied()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // No code under the lock can unwind half way; a poisoned lock is as good as another.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn index(ticket: Ticket) -> usize {
    ticket.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::super::clock::{manual::ManualClock, now};
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_is_the_one_that_started_first() {
        let clock = ManualClock::hold();
        let waiting = Waiting::new();
        assert_eq!(waiting.oldest(), None);
        let first_started = now();
        let first = waiting.enter(first_started).unwrap();
        clock.advance(Duration::from_secs(1));
        let second_started = now();
        let second = waiting.enter(second_started).unwrap();
        assert_eq!(waiting.oldest(), Some(first_started));
        waiting.leave(first);
        assert_eq!(waiting.oldest(), Some(second_started));
        assert_eq!(waiting.enter(second_started), Some(first), "a free slot is used again");
        waiting.leave(second);
    }
}
