//! Caches that are there already.

use super::{CacheSampler, Counts, Upkeep};
use perf_runtime::Monitor;
use perf_runtime::metric::Sampler;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// How much is in a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Entries that are there and not expired.
    pub entries: u64,
    /// Their weight, where the cache knows.
    pub weight: Option<u64>,
}

/// A cache that [`watch`] can have watched: those of `moka`, and your own.
pub trait WatchedCache: Send + 'static {
    /// The state of the cache. Called once a second on the monitor's thread, in the tokio runtime that the cache was watched
    /// in (with the feature `tokio`): it must not wait for long.
    fn usage(&self) -> CacheUsage;
}

/// `moka`'s pending tasks are run: what expired is removed, and its eviction listener told, on the monitor's thread.
impl<K, V, S> WatchedCache for moka::sync::Cache<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    fn usage(&self) -> CacheUsage {
        self.run_pending_tasks();
        CacheUsage { entries: self.entry_count(), weight: Some(self.weighted_size()) }
    }
}

/// As that of `moka::sync::Cache`; a listener that waits is gone on with by the cache's next use, or a second later.
impl<K, V, S> WatchedCache for moka::future::Cache<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone + Send + Sync + 'static,
{
    fn usage(&self) -> CacheUsage {
        Upkeep::here().run_async(|| self.run_pending_tasks());
        CacheUsage { entries: self.entry_count(), weight: Some(self.weighted_size()) }
    }
}

/// Has a cache watched that is there already, under the label `cache` = `name`, from the next tick on: how much is in it, and
/// the look-ups that are [counted](CacheWatch::look_up). Why entries went, nobody tells of a cache that was made without us.
///
/// It is watched until the last clone of the guard is dropped.
///
/// ```
/// let monitor = perf_runtime::monitor();
/// let users: moka::sync::Cache<u64, String> = moka::sync::Cache::new(1_000);
/// let watch = perf_host::cache::watch(&monitor, "users", users.clone());
/// users.insert(7, "ada".to_owned());
/// assert_eq!(watch.look_up(users.get(&7)).as_deref(), Some("ada")); // so the hit ratio is known
/// ```
pub fn watch(monitor: &Monitor, name: &str, cache: impl WatchedCache) -> CacheWatch {
    let (counts, upkeep) = (Arc::<Counts>::default(), Upkeep::here());
    let sampler = CacheSampler::new(name, &counts, false).watch(monitor, move || upkeep.run(|| cache.usage()));
    CacheWatch { counts, sampler }
}

/// The guard of a cache that is watched: see [`watch`]. A cheap handle.
#[must_use = "dropping the last of the guards ends the watching"]
#[derive(Clone, Debug)]
pub struct CacheWatch {
    counts: Arc<Counts>,
    #[expect(dead_code, reason = "ends the sampling when it is dropped")]
    sampler: Arc<Sampler>,
}

impl CacheWatch {
    /// Counts a look-up as a hit where it found something, and as a miss where not, and gives what was found. Without any, the
    /// ratio of hits is absent. Costs an atomic addition.
    pub fn look_up<T>(&self, found: Option<T>) -> Option<T> {
        self.counts.looked_up(found.is_some());
        found
    }
}
