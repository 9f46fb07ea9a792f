//! A small cache of each thread's own, in front of a registry.
//!
//! A hit takes no lock, allocates nothing and writes nothing that another thread reads, not even a count of references.
//! Labels are compared by value: the hash only says where to look, and a poor one costs a look-up in the registry.
//!
//! A thread keeps 128 entries, of which it uses two for each place; the newest stays. A table costs 3 KiB in a thread
//! that uses it (one for operations, one for the routes of requests; that of the metrics facade costs 11 KiB, for a key is
//! kept with each entry). An entry keeps its series alive, also when its monitor is gone: until the thread looks anything
//! up again, or ends. There are at most 128 of them for each thread, and a monitor is seldom dropped.

use rustc_hash::FxHasher;
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

const PLACES: usize = 64;
const WAYS: usize = 2;

/// How many owners of one sort there were and how many are gone.
#[derive(Debug)]
pub(crate) struct Owners {
    made: AtomicU64,
    gone: AtomicU64,
}

impl Owners {
    pub(crate) const fn new() -> Self {
        Self { made: AtomicU64::new(0), gone: AtomicU64::new(0) }
    }
}

/// Whose entries they are: a registry's number. Numbers are never used again, so no entry is taken for another's.
#[derive(Debug)]
pub(crate) struct Owner {
    number: u64,
    among: &'static Owners,
}

impl Owner {
    pub(crate) fn new(among: &'static Owners) -> Self {
        Self { number: among.made.fetch_add(1, Ordering::Relaxed), among }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.among.gone.fetch_add(1, Ordering::Relaxed);
    }
}

/// One thread's cache, for one sort of owners. It is to stand in a `thread_local`.
#[derive(Debug)]
pub(crate) struct Lookup<T> {
    /// Empty until the first entry comes.
    entries: RefCell<Box<[Option<Entry<T>>]>>,
    /// How many owners were gone when the cache was last emptied.
    gone: Cell<u64>,
}

#[derive(Debug)]
struct Entry<T> {
    owner: u64,
    hash: u64,
    value: T,
}

impl<T> Entry<T> {
    fn is_at(&self, owner: &Owner, hash: u64) -> bool {
        self.owner == owner.number && self.hash == hash
    }
}

impl<T> Lookup<T> {
    pub(crate) fn new() -> Self {
        Self { entries: RefCell::default(), gone: Cell::new(0) }
    }

    /// Shows what is kept for `owner` to `look`, where `is_it` says so.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        owner: &Owner,
        hash: u64,
        is_it: impl Fn(&T) -> bool,
        look: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let gone = owner.among.gone.load(Ordering::Relaxed);
        if self.gone.get() != gone {
            self.forget(gone);
        }
        // Borrowed already where `look` leads back here, by way of a subscriber: then it is looked up in the registry.
        let entries = self.entries.try_borrow().ok()?;
        let ways = entries.get(first_way(hash)..)?.iter().take(WAYS).flatten();
        let found = ways.into_iter().find(|entry| entry.is_at(owner, hash) && is_it(&entry.value))?;
        Some(look(&found.value))
    }

    /// Keeps a value.
    pub(crate) fn keep(&self, owner: &Owner, hash: u64, value: T) {
        let mut entry = Some(Entry { owner: owner.number, hash, value });
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            if entries.is_empty() {
                *entries = std::iter::repeat_with(|| None).take(PLACES * WAYS).collect();
            }
            // The newest moves in, the others move on, and the last falls out.
            for way in entries.iter_mut().skip(first_way(hash)).take(WAYS) {
                std::mem::swap(way, &mut entry);
            }
        }
        // The evicted entry is dropped here, while nothing is borrowed.
        drop(entry);
    }

    /// Some owner is gone: its entries must not keep their series alive. Owners are few and go seldom, so all go.
    #[cold]
    fn forget(&self, gone: u64) {
        let Ok(entries) = self.entries.try_borrow_mut().map(|mut entries| std::mem::take(&mut *entries)) else {
            return;
        };
        self.gone.set(gone);
        drop(entries);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "six bits")]
fn first_way(hash: u64) -> usize {
    (hash >> (u64::BITS - PLACES.ilog2())) as usize * WAYS
}

/// A hash for [`Lookup`]: quick, and good for nothing that a stranger could gain by.
#[inline]
pub(crate) fn hash_of<'a>(seed: u64, values: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u64(seed);
    values.into_iter().for_each(|value| value.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Arc;

    fn find<T: Clone + PartialEq>(cache: &Lookup<T>, owner: &Owner, hash: u64, wanted: &T) -> Option<T> {
        cache.with(owner, hash, |value| value == wanted, T::clone)
    }

    fn owners() -> (Owner, Owner) {
        let owners = Box::leak(Box::new(Owners::new()));
        (Owner::new(owners), Owner::new(owners))
    }

    #[test]
    fn what_is_kept_is_found_by_owner_and_by_value() {
        let (one, other) = owners();
        let cache = Lookup::new();
        cache.keep(&one, 7, "seven");
        assert_eq!(find(&cache, &one, 7, &"seven"), Some("seven"));
        assert_eq!(find(&cache, &one, 7, &"eight"), None, "the same hash is not the same value");
        assert_eq!(find(&cache, &other, 7, &"seven"), None, "another's");
        cache.keep(&one, 7, "eight");
        assert_eq!(find(&cache, &one, 7, &"eight").zip(find(&cache, &one, 7, &"seven")), Some(("eight", "seven")));
        cache.keep(&one, 7, "nine");
        assert_eq!(find(&cache, &one, 7, &"seven"), None, "the oldest gave way");
    }

    #[test]
    fn it_is_bounded_and_lets_go_when_an_owner_is_gone() {
        let (one, other) = owners();
        let (cache, value) = (Lookup::new(), Arc::new(()));
        for entry in 0..10_000 {
            cache.keep(&one, hash_of(entry, []), Arc::clone(&value));
        }
        let kept = Arc::strong_count(&value) - 1;
        assert!(kept <= PLACES * WAYS && kept > PLACES, "{kept}");
        drop(one);
        assert_eq!(find(&cache, &other, 0, &Arc::default()), None);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn a_table_is_as_small_as_it_says() {
        assert_eq!(size_of::<Option<Entry<Arc<()>>>>() * PLACES * WAYS, 3 << 10);
        #[cfg(feature = "metrics")]
        assert_eq!(
            size_of::<Option<Entry<(metrics::Key, crate::observe::metrics::cell::Cell)>>>() * PLACES * WAYS,
            11 << 10
        );
    }

    #[test]
    fn a_look_up_inside_a_look_up_finds_or_misses_and_nothing_worse() {
        let (owner, _other) = owners();
        let cache = Lookup::new();
        cache.keep(&owner, 1, 1);
        let inner = cache.with(
            &owner,
            1,
            |_| true,
            |_| {
                cache.keep(&owner, 2, 2);
                (find(&cache, &owner, 1, &1), find(&cache, &owner, 2, &2))
            },
        );
        assert_eq!(inner, Some((Some(1), None)));
    }

    #[test]
    fn hashes_differ_where_values_do() {
        let texts =
            ["", "a", "b", "ab", "ba", "aba", "abab", "ababa", "ababbab", "abcdefgh", "abcdefghi", "\0", "\0\0"];
        let pairs = texts.iter().flat_map(|&one| texts.iter().map(move |&other| [one, other]));
        let hashes: HashSet<u64> = pairs.map(|pair| hash_of(0, pair)).collect();
        assert_eq!(hashes.len(), texts.len() * texts.len());
        let places: HashSet<usize> = (0..1_000).map(|n| first_way(hash_of(0, [&*n.to_string()]))).collect();
        assert_eq!(places.len(), PLACES, "all places are used");
    }
}
