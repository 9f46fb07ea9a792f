//! The values of the calls inside a root that were recorded: a list that threads add to without a lock, and that whoever has the buffer reads
//! and empties.

use super::values::{self, Values};
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};

/// The bytes of all values inside one root.
pub(super) const MOST_BYTES: usize = 16 << 10;

/// The list of one buffer.
#[derive(Debug)]
pub(super) struct ValuesList {
    first: AtomicPtr<Values>,
    bytes: AtomicUsize,
    /// Calls whose values found no room.
    refused: AtomicU64,
}

impl ValuesList {
    pub(super) const fn new() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()), bytes: AtomicUsize::new(0), refused: AtomicU64::new(0) }
    }

    /// Adds the values of a call that has this place, and whose record is yet to be written to its end: whoever sees the record sees them.
    pub(super) fn add(&self, place: usize, mut values: Box<Values>) {
        let size = values.size();
        if self.bytes.fetch_add(size, Relaxed) + size > MOST_BYTES {
            self.bytes.fetch_sub(size, Relaxed);
            self.refused.fetch_add(1, Relaxed);
            return values::release(values);
        }
        values.place = place;
        let values = Box::into_raw(values);
        let mut first = self.first.load(Relaxed);
        loop {
            // SAFETY: it came of a box just now, and nobody else knows of it before the exchange.
            unsafe { (*values).next.store(first, Relaxed) };
            match self.first.compare_exchange_weak(first, values, Release, Relaxed) {
                Ok(_) => return,
                Err(changed) => first = changed,
            }
        }
    }

    /// Empties it, and shows the values with the places of their calls.
    pub(super) fn take(&self, mut look: impl FnMut(usize, &Values)) {
        // Most have none.
        if self.bytes.load(Relaxed) == 0 {
            return;
        }
        let mut next = self.first.swap(ptr::null_mut(), Acquire);
        while !next.is_null() {
            // SAFETY: it came of a box. It was in the list, once, and is no more: nobody else has it.
            let values = unsafe { Box::from_raw(next) };
            next = values.next.load(Relaxed);
            look(values.place, &values);
            values::release(values);
        }
    }

    /// How many calls there are whose values found no room.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Empties it for the next root. Nobody adds to it meanwhile.
    pub(super) fn clear(&self) {
        self.take(|_, _| ());
        if self.bytes.load(Relaxed) > 0 || self.refused() > 0 {
            self.bytes.store(0, Relaxed);
            self.refused.store(0, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
