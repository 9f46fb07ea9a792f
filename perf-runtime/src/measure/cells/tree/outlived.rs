//! Ends of calls that their caller did not see: on another thread, while it waited, or after it had ended itself.
//!
//! A caller that has such calls open looks here, and takes their ends. One that ends before them leaves a note of how many are left,
//! so that nothing stays here but notes of callers whose calls are still open.

use super::parent::Parent;
use crate::measure::clock::Moment;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By the caller.
type Notes = HashMap<Parent, Note, BuildHasherDefault<DefaultHasher>>;

static NOTES: [Mutex<Notes>; 16] = [const { Mutex::new(HashMap::with_hasher(BuildHasherDefault::new())) }; 16];
/// Ends that no caller took yet.
static ENDS: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
enum Note {
    /// The ends of calls, for their caller to take.
    Ends(Vec<Moment>),
    /// So many calls of a caller that is over are still open.
    Left(u32),
}

/// Notes the end of a call whose caller is not the call that runs on this thread.
#[cold]
#[inline(never)]
pub(super) fn end(caller: Parent, now: Moment) {
    let notes = &mut *lock(caller);
    match notes.entry(caller).or_insert_with(|| Note::Ends(Vec::new())) {
        Note::Ends(ends) => {
            ends.push(now);
            ENDS.fetch_add(1, Ordering::Relaxed);
        }
        Note::Left(1) => {
            notes.remove(&caller);
        }
        Note::Left(left) => *left -= 1,
    }
}

/// The ends of calls of this caller since it last asked, the first of them first.
pub(super) fn take(caller: Parent) -> Vec<Moment> {
    if ENDS.load(Ordering::Relaxed) == 0 {
        return Vec::new();
    }
    taken(&mut lock(caller), caller)
}

/// As [`take`], of a caller that ends with so many calls open. Where more are open than ended, the rest outlive it.
#[cold]
#[inline(never)]
pub(super) fn close(caller: Parent, open: u32) -> Vec<Moment> {
    let notes = &mut *lock(caller);
    let ends = taken(notes, caller);
    let left = open.saturating_sub(u32::try_from(ends.len()).unwrap_or(u32::MAX));
    if left > 0 {
        notes.insert(caller, Note::Left(left));
    }
    ends
}

fn taken(notes: &mut Notes, caller: Parent) -> Vec<Moment> {
    let Some(Note::Ends(mut ends)) = notes.remove(&caller) else { return Vec::new() };
    ENDS.fetch_sub(ends.len(), Ordering::Relaxed);
    ends.sort_unstable();
    ends
}

fn lock(caller: Parent) -> MutexGuard<'static, Notes> {
    NOTES[caller.spread() % NOTES.len()].lock().unwrap_or_else(PoisonError::into_inner)
}
