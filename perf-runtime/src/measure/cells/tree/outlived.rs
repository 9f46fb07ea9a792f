//! Ends of calls that their caller did not see: on another thread, while it waited, or after it had ended itself.
//!
//! A caller that has such calls open looks here, and takes their ends. One that ends before them leaves a note of how many are left,
//! so that nothing stays here but notes of callers whose calls are still open.
//!
//! A caller that lends itself to other threads has the account of its calls here, from then on, for all threads to write.

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
    /// The account of a caller that is lent.
    Lent(Account),
}

/// The calls of a caller that is lent to other threads.
#[derive(Debug, Default)]
struct Account {
    open: u32,
    /// The time in which at least one was open, in nanoseconds; while one is, less the start of the first of these.
    covered: u64,
    /// The latest moment at which one began or ended. Threads come here in another order than they read the clock.
    latest: Moment,
    /// To so many it is lent.
    borrowers: u32,
    is_over: bool,
}

impl Account {
    fn begin(&mut self, now: Moment) {
        self.latest = self.latest.max(now);
        if self.open == 0 {
            self.covered = self.covered.wrapping_sub(self.latest.to_nanos());
        }
        self.open += 1;
    }

    fn end(&mut self, now: Moment) {
        self.latest = self.latest.max(now);
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.covered = self.covered.wrapping_add(self.latest.to_nanos());
        }
    }

    /// Whether nobody will come here any more.
    fn is_done(&self) -> bool {
        self.is_over && self.open == 0 && self.borrowers == 0
    }
}

/// Opens the account of a caller that lends itself, with so many calls open, the time that they covered so far and the moment when one last
/// ended; or lends it once more.
#[cold]
pub(super) fn lend(caller: Parent, open: u32, covered: u64, latest: Moment) {
    let notes = &mut *lock(caller);
    if let Some(Note::Lent(account)) = notes.get_mut(&caller) {
        account.borrowers += 1;
        return;
    }
    let mut account = Account { open, covered, latest, borrowers: 1, is_over: false };
    for end in taken(notes, caller) {
        account.end(end);
    }
    notes.insert(caller, Note::Lent(account));
}

/// Does something to the account of a caller that is lent, while it is there.
#[cold]
#[inline(never)]
fn with_account<R>(caller: Parent, change: impl FnOnce(&mut Account) -> R) -> Option<R> {
    let notes = &mut *lock(caller);
    let Some(Note::Lent(account)) = notes.get_mut(&caller) else { return None };
    let result = change(account);
    if account.is_done() {
        notes.remove(&caller);
    }
    Some(result)
}

/// Begins a call of a caller that is lent.
pub(super) fn begin_lent(caller: Parent, now: Moment) {
    with_account(caller, |account| account.begin(now));
}

/// Ends a borrower's time with a caller.
pub(super) fn give_back(caller: Parent) {
    with_account(caller, |account| account.borrowers = account.borrowers.saturating_sub(1));
}

/// The time that calls covered of a caller that is lent and ends now. Those that are still open outlive it.
pub(super) fn close_lent(caller: Parent, now: Moment) -> u64 {
    let covered = with_account(caller, |account| {
        account.is_over = true;
        let until = if account.open > 0 { account.latest.max(now).to_nanos() } else { 0 };
        account.covered.wrapping_add(until)
    });
    covered.unwrap_or_default()
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
        Note::Lent(account) => {
            account.end(now);
            if account.is_done() {
                notes.remove(&caller);
            }
        }
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
    if !matches!(notes.get(&caller), Some(Note::Ends(_))) {
        return Vec::new();
    }
    let Some(Note::Ends(mut ends)) = notes.remove(&caller) else { return Vec::new() };
    ENDS.fetch_sub(ends.len(), Ordering::Relaxed);
    ends.sort_unstable();
    ends
}

fn lock(caller: Parent) -> MutexGuard<'static, Notes> {
    NOTES[caller.spread() % NOTES.len()].lock().unwrap_or_else(PoisonError::into_inner)
}
