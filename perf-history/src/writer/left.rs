//! The files that other processes of the service left in the folder: with restarts that overlap, the process before has one and
//! this one another.
//!
//! A file that nobody has any more is joined with ours: one of them, mostly the smaller one, is taken in by the other, which is
//! ours from then on.

use super::Writer;
use crate::folder;
use crate::store::{Store, StoreError};
use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// The time between two looks for them, in nanoseconds.
const BETWEEN_LOOKS: u64 = 60_000_000_000;

/// When it is looked for files that were left.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<u64>,
    /// There was no room for one of them, or it could not be read: they stay as they are while this process lives.
    gave_up: bool,
}

impl Looks {
    fn is_due(&mut self, now: u64) -> bool {
        let last = *self.last.get_or_insert(now);
        let is_due = now.saturating_sub(last) >= BETWEEN_LOOKS && !self.gave_up;
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

impl Writer {
    /// Joins the files that were left, once a minute, while nothing waits to be written. Gives the store that is ours then.
    pub(super) fn join_left(&mut self, mut store: Arc<Store>, now: u64) -> Result<Arc<Store>, StoreError> {
        let own = self.status.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        let Some(mut own) = own.filter(|_| self.looks.is_due(now)) else { return Ok(store) };
        for path in folder::others(&self.folder, &own) {
            // One that another process has is left alone, and so is one that cannot be read.
            let Ok(other) = Store::open(&path, &self.room) else { continue };
            let is_into_ours = store.is_to_take_in(&other)?;
            let (ours, theirs) = (store.cleaned_up()?, other.cleaned_up()?);
            let joined = if is_into_ours { store.take_in(&other) } else { other.take_in(&store) };
            let numbers = joined.inspect_err(|_| self.looks.gave_up = true)?;
            tracing::info!(target: "perf::history", file = %path.display(), "the past that another process left is joined");
            if theirs > ours {
                self.forget_what_is_seen_before(theirs);
            }
            if is_into_ours {
                remove(&path, other);
                continue;
            }
            let boot = numbers.get(&self.boot.0).copied();
            self.boot.0 = boot.map_or_else(|| other.last_boot().map(|last| last + 1), Ok)?;
            let other = Arc::new(other);
            *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&other));
            self.status.lock().unwrap_or_else(PoisonError::into_inner).path = Some(path.clone());
            remove(&own, std::mem::replace(&mut store, other));
            own = path;
        }
        Ok(store)
    }
}

/// Removes a file whose content is elsewhere now: while it is ours still, where the system lets us.
fn remove<S>(path: &Path, open: S) {
    let removed = fs::remove_file(path);
    drop(open);
    if removed.is_err() {
        // Once more where an open file cannot be removed. One that stays is taken in again, and doubles nothing.
        let _ = fs::remove_file(path);
    }
}
