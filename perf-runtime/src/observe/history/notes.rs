//! Sums that only grow, as they were at earlier ticks.
//!
//! At each tick the sums so far are noted: by the second for a minute, by five seconds for five, by the minute for an hour.
//! A window is what the sums are now less what they were when it began.

use super::window::Window;
use crate::measure::clock::Moment;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// So many notes more than there are in a window: it begins at or before its length ago.
const SPARE: usize = 1;
const NOTES: usize = 60 + SPARE;
/// Ticks that come this much early are as good as in time.
const EARLY: Duration = Duration::from_millis(500);

/// The sums of a series at earlier ticks. Empty, and without memory, until it [begins](Self::begin).
#[derive(Debug)]
pub(crate) struct Notes<S>(OnceLock<Box<Mutex<Rings<S>>>>);

/// The sums at moments in the past.
#[derive(Debug)]
struct Rings<S> {
    /// When it was first looked at, or last reset: no window begins earlier.
    since: Note<S>,
    fine: Ring<S>,
    middle: Ring<S>,
    coarse: Ring<S>,
}

#[derive(Clone, Copy, Debug)]
struct Note<S> {
    at: Moment,
    sums: S,
}

#[derive(Debug)]
struct Ring<S> {
    every: Duration,
    notes: VecDeque<Note<S>>,
}

impl<S> Default for Notes<S> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<S: Copy + Default> Notes<S> {
    /// Begins with no sums, unless it has.
    pub(crate) fn begin(&self, now: Moment) {
        self.0.get_or_init(|| Box::new(Mutex::new(Rings::new(Note { at: now, sums: S::default() }))));
    }

    /// Whether it has begun.
    pub(crate) fn are_kept(&self) -> bool {
        self.0.get().is_some()
    }

    /// Notes the sums of a tick.
    pub(crate) fn tick(&self, now: Moment, sums: impl FnOnce() -> S) {
        if let Some(mut rings) = self.rings() {
            let note = Note { at: now, sums: sums() };
            let Rings { fine, middle, coarse, .. } = &mut *rings;
            for ring in [fine, middle, coarse] {
                ring.note(note);
            }
        }
    }

    /// Begins anew: what was used before is in no window.
    pub(crate) fn reset(&self, now: Moment, sums: impl FnOnce() -> S) {
        if let Some(mut rings) = self.rings() {
            *rings = Rings::new(Note { at: now, sums: sums() });
        }
    }

    /// How long ago a window began, and the sums at that time.
    pub(crate) fn at_the_begin_of(&self, window: Window, now: Moment) -> Option<(Duration, S)> {
        let begin = self.rings()?.at_the_begin_of(window, now);
        Some((now.since(begin.at), begin.sums))
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let Some(rings) = self.rings() else { return 0 };
        let all = [&rings.fine, &rings.middle, &rings.coarse];
        size_of::<Mutex<Rings<S>>>()
            + all.map(|ring| ring.notes.capacity() * size_of::<Note<S>>()).iter().sum::<usize>()
    }

    fn rings(&self) -> Option<MutexGuard<'_, Rings<S>>> {
        self.0.get().map(|rings| rings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Copy> Rings<S> {
    fn new(since: Note<S>) -> Self {
        let ring = |seconds| Ring { every: Duration::from_secs(seconds), notes: VecDeque::new() };
        Self { since, fine: ring(1), middle: ring(5), coarse: ring(60) }
    }

    /// The last note before the window, or what there was first.
    fn at_the_begin_of(&self, window: Window, now: Moment) -> Note<S> {
        let ring = match window {
            Window::LastMinute => &self.fine,
            Window::Last5Minutes => &self.middle,
            Window::Last15Minutes | Window::LastHour => &self.coarse,
        };
        let before = |note: &&Note<S>| now.since(note.at) >= window.duration();
        ring.notes.iter().rev().find(before).copied().unwrap_or(self.since)
    }
}

impl<S> Ring<S> {
    fn note(&mut self, note: Note<S>) {
        let due = self.every.saturating_sub(EARLY);
        if self.notes.back().is_some_and(|last| note.at.since(last.at) < due) {
            return;
        }
        while self.notes.len() >= NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
    }
}
