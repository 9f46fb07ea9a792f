use super::{
    CacheBuilder, CacheSampler, CacheStatistics, CacheUsage, ConfigError, Counts, Entry, LONGEST, PerEntry, Upkeep,
    load_time,
};
use crate::lazy_histogram::LazyHistogram;
use perf_runtime::Monitor;
use perf_runtime::metric::Sampler;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// A cache for async code, that says how well it does. A cheap handle: clones are the same cache.
///
/// Expired entries are removed as the cache is used, once a second by the monitor, and by [`clean_up`](Self::clean_up).
///
/// ```
/// use perf_host::cache::AsyncCache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), perf_runtime::ConfigError> {
/// let monitor = perf_runtime::monitor();
/// let users: AsyncCache<u64, String> = AsyncCache::builder("users").max_size(1_000).build_async(&monitor)?;
/// assert_eq!(users.get_or_load(7, async { "ada".to_owned() }).await, "ada");
/// assert_eq!(users.get(&7).await.as_deref(), Some("ada"));
/// # Ok(())
/// # }
/// ```
pub struct AsyncCache<K, V> {
    entries: moka::future::Cache<K, Entry<V>>,
    counts: Arc<Counts>,
    load_time: Arc<LazyHistogram>,
    /// Ends with the last handle.
    sampler: Arc<Sampler>,
}

impl<K, V> Clone for AsyncCache<K, V> {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            counts: Arc::clone(&self.counts),
            load_time: Arc::clone(&self.load_time),
            sampler: Arc::clone(&self.sampler),
        }
    }
}

/// Without the entries.
impl<K, V> fmt::Debug for AsyncCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCache").field("statistics", &self.counts.statistics()).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> AsyncCache<K, V> {
    /// Begins a cache, which is called `name` in the metrics. Made with [`CacheBuilder::build_async`].
    pub fn builder(name: &str) -> CacheBuilder<K, V> {
        CacheBuilder::new(name)
    }

    /// The value of a key, if there is one. Costs a look-up of `moka`, and an atomic addition.
    pub async fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let found = self.entries.get(key).await;
        self.counts.looked_up(found.is_some());
        found.map(|entry| entry.value)
    }

    /// The value of a key, or the one that `load` gives: of all callers that ask for the same at once, one loads, and
    /// the others wait. A wait counts as a miss as well.
    pub async fn get_or_load(&self, key: K, load: impl Future<Output = V>) -> V {
        let load = async { Ok::<V, std::convert::Infallible>(load.await) };
        match self.try_get_or_load(key, load).await {
            Ok(value) => value,
            Err(never) => match *never {},
        }
    }

    /// As [`get_or_load`](Self::get_or_load), where loading can fail. A failure is not kept.
    ///
    /// # Errors
    /// As `get_or_load`, where loading may fail: the error goes to every caller that waited for it.
    pub async fn try_get_or_load<E: Send + Sync + 'static>(
        &self,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, Arc<E>> {
        if let Some(found) = self.entries.get(&key).await {
            self.counts.looked_up(true);
            return Ok(found.value);
        }
        self.counts.looked_up(false);
        let load = async {
            let _timing = self.load_time.time();
            load.await.map(Entry::new)
        };
        self.entries.try_get_with(key, load).await.map(|entry| entry.value)
    }

    /// Puts a value there.
    pub async fn insert(&self, key: K, value: V) {
        self.entries.insert(key, Entry::new(value)).await;
    }

    /// Puts a value there that is good for so long, or for the cache's own time to live where that is shorter. More
    /// than a hundred years are a hundred years.
    pub async fn insert_for(&self, key: K, value: V, time_to_live: Duration) {
        self.entries.insert(key, Entry { value, time_to_live: Some(time_to_live.min(LONGEST)) }).await;
    }

    /// Takes what is there away, and gives it.
    pub async fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.entries.remove(key).await.map(|entry| entry.value)
    }

    /// Takes everything away.
    pub fn clear(&self) {
        self.entries.invalidate_all();
    }

    /// Takes away what is expired or too much, now rather than by and by.
    pub async fn clean_up(&self) {
        self.entries.run_pending_tasks().await;
    }

    /// How many entries there are, those included that are expired and not cleaned up yet. A little late.
    pub fn len(&self) -> u64 {
        self.entries.entry_count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counts so far.
    pub fn statistics(&self) -> CacheStatistics {
        self.counts.statistics()
    }
}

impl<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> CacheBuilder<K, V> {
    /// As [`build`](Self::build), for async code.
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn build_async(self, monitor: &Monitor) -> Result<AsyncCache<K, V>, ConfigError> {
        let this = self.checked()?;
        let counts = Arc::<Counts>::default();
        let gone = Arc::clone(&counts);
        let mut entries =
            moka::future::Cache::builder().name(&this.name).max_capacity(this.max_weight).expire_after(PerEntry);
        entries = entries.eviction_listener(move |_, _, cause| gone.went(cause));
        if let Some(time) = this.time_to_live {
            entries = entries.time_to_live(time);
        }
        if let Some(time) = this.time_to_idle {
            entries = entries.time_to_idle(time);
        }
        if let Some(weigh) = this.weigher {
            entries = entries.weigher(move |key, entry: &Entry<V>| weigh(key, &entry.value));
        }
        let entries = entries.build();
        let (watched, upkeep) = (entries.clone(), Upkeep::here());
        let sampler = CacheSampler::new(&this.name, &counts, true).watch(monitor, move || {
            upkeep.run_async(|| watched.run_pending_tasks());
            CacheUsage { entries: watched.entry_count(), weight: Some(watched.weighted_size()) }
        });
        let load_time = load_time(monitor, &this.name);
        Ok(AsyncCache { entries, counts, load_time, sampler })
    }
}
