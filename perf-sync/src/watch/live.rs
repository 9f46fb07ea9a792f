//! Lists of what is there now, so that it can be looked at from elsewhere.

use super::waits::SMALL;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The lists that all are spread over.
const SHARDS: usize = 16;

/// Something in one of the lists.
pub(crate) trait Listed {
    /// Its number, by which two of one name are told apart.
    fn serial(&self) -> u64;

    /// Its place in its list.
    fn place(&self) -> &AtomicUsize;
}

/// All that are there.
pub(crate) struct Live<T> {
    lists: [Mutex<Vec<Arc<T>>>; SHARDS],
    last: AtomicU64,
}

impl<T: Listed> Live<T> {
    pub(crate) const fn new() -> Self {
        Self { lists: [const { Mutex::new(Vec::new()) }; SHARDS], last: AtomicU64::new(0) }
    }

    /// A number for one more.
    pub(crate) fn serial(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn enter(&self, one: &Arc<T>) {
        let list = &mut *self.list(one);
        one.place().store(list.len(), Ordering::Relaxed);
        list.push(Arc::clone(one));
    }

    pub(crate) fn leave(&self, one: &T) {
        let list = &mut *self.list(one);
        let place = one.place().load(Ordering::Relaxed);
        if list.get(place).is_some_and(|there| there.serial() == one.serial()) {
            list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                moved.place().store(place, Ordering::Relaxed);
            }
            if list.capacity() > SMALL && list.len() < list.capacity() / 4 {
                list.shrink_to(list.len() * 2);
            }
        }
    }

    /// Looks at all, a part of them at a time.
    pub(crate) fn each(&self, mut look: impl FnMut(&Arc<T>)) {
        for list in &self.lists {
            lock(list).iter().for_each(&mut look);
        }
    }

    fn list(&self, one: &T) -> MutexGuard<'_, Vec<Arc<T>>> {
        let shard = usize::try_from(one.serial()).unwrap_or_default() % SHARDS;
        let [first, ..] = &self.lists;
        lock(self.lists.get(shard).unwrap_or(first))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
