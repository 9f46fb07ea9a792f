//! Caches that say how well they do: `moka`'s, with what it does counted.
//!
//! [`Cache`] is for threads, [`AsyncCache`] for async code: many who ask for what is not there wait for one who loads it.
//! Both are bounded by the number of entries or by their weight, and forget what is older than the time to live. Expired
//! entries are removed as the cache is used, and once a second on the monitor's thread: an idle cache says what is in it.
//! [`watch`] has a cache watched that is there already.
//!
//! | metric, with the label `cache` | |
//! |---|---|
//! | `cache_hit_ratio` | of the look-ups of the last five minutes, from 20 on; the rule `cache` judges it |
//! | `cache_requests_total` | by `result`: `hit`, `miss` |
//! | `cache_evictions_total` | by `cause`: `expired`, `size`, `explicit`, `replaced` |
//! | `cache_entries`, `cache_weight` | how much is in it |
//! | `cache_load_duration_seconds` | a histogram: what it takes to load what is not there, with or without success; there from the first load on |

use crate::lazy_histogram::LazyHistogram;
use perf_runtime::config::{Section, Span};
use perf_runtime::metric::{SampledMetric, Sampler, Samples, names};
use perf_runtime::text::show_duration;
use perf_runtime::{ConfigError, Monitor};
use serde::Deserialize;
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod asynchronous;
mod entry;
mod synchronous;
mod upkeep;
mod watched;

pub use asynchronous::AsyncCache;
use entry::{Entry, PerEntry};
pub use synchronous::Cache;
use upkeep::Upkeep;
pub use watched::{CacheUsage, CacheWatch, WatchedCache, watch};

/// The rules look for this name.
const RATIO: SampledMetric = SampledMetric::gauge(
    names::CACHE_HIT_RATIO,
    "ratio",
    "Look-ups that found something, of those of the last five minutes.",
);
const REQUESTS: SampledMetric =
    SampledMetric::counter(names::CACHE_REQUESTS_TOTAL, "", "Look-ups in a cache, by whether they found something.");
const EVICTIONS: SampledMetric =
    SampledMetric::counter(names::CACHE_EVICTIONS_TOTAL, "", "Entries that a cache has no more, by why.");
const ENTRIES: SampledMetric = SampledMetric::gauge(names::CACHE_ENTRIES, "", "Entries in a cache.");
const WEIGHT: SampledMetric = SampledMetric::gauge(
    names::CACHE_WEIGHT,
    "",
    "What the entries of a cache weigh: as many, where nothing else was said.",
);
const LOAD: &str = names::CACHE_LOAD_DURATION_SECONDS;

const CAUSES: [&str; 4] = ["expired", "size", "explicit", "replaced"];
const WINDOW: Duration = Duration::from_secs(300);
/// Fewer look-ups say too little: a cache that is new has nothing to be found.
const MIN_LOOKUPS: u64 = 20;

/// The counts of a cache so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Look-ups that found something.
    pub hits: u64,
    /// Look-ups that found nothing.
    pub misses: u64,
    /// Entries that outlived their time.
    pub expired: u64,
    /// Entries for which there was no room.
    pub evicted: u64,
    /// Entries that the program removed.
    pub removed: u64,
    /// Entries that were replaced by newer ones.
    pub replaced: u64,
}

impl CacheStatistics {
    /// The share of look-ups that found something, 0 to 1; `None` where there was none.
    pub fn hit_rate(&self) -> Option<f64> {
        let all = self.hits + self.misses;
        (all > 0).then(|| self.hits as f64 / all as f64)
    }
}

/// The counters of a cache.
#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    gone: [AtomicU64; CAUSES.len()],
}

/// The histogram of what it takes to load.
fn load_time(monitor: &Monitor, name: &str) -> Arc<LazyHistogram> {
    let help = "How long it took to load what was not in a cache, with or without success.";
    let builder = monitor.metrics().histogram(LOAD).unit("seconds").help(help).label("cache", name);
    Arc::new(LazyHistogram::new(builder))
}

impl Counts {
    fn looked_up(&self, found: bool) {
        let count = if found { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn went(&self, cause: moka::notification::RemovalCause) {
        use moka::notification::RemovalCause::{Expired, Explicit, Replaced, Size};
        let place = match cause {
            Expired => 0,
            Size => 1,
            Explicit => 2,
            Replaced => 3,
        };
        self.gone[place].fetch_add(1, Ordering::Relaxed);
    }

    fn statistics(&self) -> CacheStatistics {
        let [expired, evicted, removed, replaced] = self.gone.each_ref().map(|count| count.load(Ordering::Relaxed));
        let [hits, misses] = [&self.hits, &self.misses].map(|count| count.load(Ordering::Relaxed));
        CacheStatistics { hits, misses, expired, evicted, removed, replaced }
    }
}

/// The state of a cache's sampler.
struct CacheSampler {
    name: String,
    counts: Arc<Counts>,
    /// Whether all look-ups and evictions are counted, so that none is a zero.
    counts_all: bool,
    /// When, and the hits and misses by then.
    seen: VecDeque<(Duration, u64, u64)>,
}

impl CacheSampler {
    fn new(name: &str, counts: &Arc<Counts>, counts_all: bool) -> Self {
        Self { name: name.to_owned(), counts: Arc::clone(counts), counts_all, seen: VecDeque::new() }
    }

    /// Has a cache watched until the guard is dropped.
    fn watch(mut self, monitor: &Monitor, mut usage: impl FnMut() -> CacheUsage + Send + 'static) -> Arc<Sampler> {
        let name = format!("cache {}", self.name);
        Arc::new(monitor.sampler(&name, Duration::ZERO, move |samples| self.tell(usage(), samples)))
    }

    fn tell(&mut self, CacheUsage { entries, weight }: CacheUsage, samples: &mut Samples<'_>) {
        let (all, cache) = (self.counts.statistics(), ("cache", self.name.as_str()));
        if self.counts_all || all.hits + all.misses > 0 {
            samples.put(&REQUESTS, &[cache, ("result", "hit")], all.hits as f64);
            samples.put(&REQUESTS, &[cache, ("result", "miss")], all.misses as f64);
        }
        let gone = [all.expired, all.evicted, all.removed, all.replaced];
        for (cause, count) in CAUSES.into_iter().zip(gone).filter(|_| self.counts_all) {
            samples.put(&EVICTIONS, &[cache, ("cause", cause)], count as f64);
        }
        samples.put(&ENTRIES, &[cache], entries as f64);
        samples.put(&WEIGHT, &[cache], weight.map(|weight| weight as f64));
        let at = samples.monitor().uptime();
        self.seen.push_back((at, all.hits, all.misses));
        while self.seen.get(1).is_some_and(|&(second, ..)| at.saturating_sub(second) >= WINDOW) {
            self.seen.pop_front();
        }
        let Some(&(_, hits, misses)) = self.seen.front() else { return };
        // Within the first window all is counted from the start.
        let (hits, misses) = if at < WINDOW { (0, 0) } else { (hits, misses) };
        let recent = CacheStatistics { hits: all.hits - hits, misses: all.misses - misses, ..all };
        let enough = recent.hits + recent.misses >= MIN_LOOKUPS;
        samples.put(&RATIO, &[("cache", &self.name)], recent.hit_rate().filter(|_| enough));
    }
}

type Weigher<K, V> = Box<dyn Fn(&K, &V) -> u32 + Send + Sync>;

/// The settings of a cache to be: [`Cache::builder`], [`AsyncCache::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder<K, V> {
    name: String,
    max_weight: u64,
    time_to_live: Option<Duration>,
    time_to_idle: Option<Duration>,
    weigher: Option<Weigher<K, V>>,
    environment: bool,
}

impl<K, V> std::fmt::Debug for CacheBuilder<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("name", &self.name)
            .field("max_weight", &self.max_weight)
            .finish_non_exhaustive()
    }
}

/// Longer than any process runs, and short enough for `moka`, which takes no more than a thousand years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static> CacheBuilder<K, V> {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            max_weight: 10_000,
            time_to_live: None,
            time_to_idle: None,
            weigher: None,
            environment: false,
        }
    }

    /// How many entries there may be, or with a [`weigher`](Self::weigher) how much they may weigh: 10,000 by default.
    pub fn max_size(mut self, max: u64) -> Self {
        self.max_weight = max;
        self
    }

    /// How long an entry is good for since it was inserted, a hundred years at most: for ever by default.
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// How long an entry stays that nobody asks for, a hundred years at most: for ever by default.
    pub fn time_to_idle(mut self, time: Duration) -> Self {
        self.time_to_idle = Some(time);
        self
    }

    /// The weight of an entry, such as its bytes: 1 by default.
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Box::new(weigher));
        self
    }

    /// Lays `PERF_CACHE_<NAME>_MAX_SIZE` and `PERF_CACHE_<NAME>_TTL` (`"5m"`) over the settings of the code; the name in
    /// capitals, with an underscore for what is neither letter nor digit.
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }

    fn checked(mut self) -> Result<Self, ConfigError> {
        if self.environment {
            let section = Section::of_environment(&section_of(&self.name))?;
            self.lay_over(&section)?;
        }
        for (field, time) in [("time_to_live", self.time_to_live), ("time_to_idle", self.time_to_idle)] {
            if let Some(time) = time.filter(|time| *time > LONGEST || time.is_zero()) {
                let allowed = "more than nothing, and a hundred years at most";
                return Err(ConfigError::new(field, show_duration(time), allowed));
            }
        }
        Ok(self)
    }

    /// Lays the settings of a section over those of the code.
    fn lay_over(&mut self, section: &Section) -> Result<(), ConfigError> {
        let written: Written = section.read()?;
        self.max_weight = written.max_size.unwrap_or(self.max_weight);
        self.time_to_live = written.ttl.map(|span| span.0).or(self.time_to_live);
        Ok(())
    }
}

/// The settings of a cache in the environment. Other keys are left alone: they may be those of a cache whose name
/// begins as this one's does.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    max_size: Option<u64>,
    ttl: Option<Span>,
}

/// The section of a cache's variables, `PERF_CACHE_<NAME>_..`.
fn section_of(name: &str) -> String {
    format!("cache_{}", name.to_lowercase().replace(|char: char| !char.is_ascii_alphanumeric(), "_"))
}

#[cfg(test)]
mod tests;
