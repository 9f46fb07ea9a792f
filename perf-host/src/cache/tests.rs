use super::*;
use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::rule::Rule;
use perf_runtime::test_util::ManualClock;
use std::ffi::OsString;
use std::thread;

fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        MetricValue::Histogram(reading) => Some(reading.count as f64),
        MetricValue::Counter(_) => None,
    }
}

fn tick(clock: &ManualClock, monitor: &Monitor, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
    monitor.tick();
}

#[test]
fn hits_and_misses_are_counted_and_their_ratio_is_that_of_the_last_minutes() {
    let clock = ManualClock::hold();
    let rule =
        Rule::builder("cache").metric("cache_hit_ratio").condition(perf_runtime::rule::Condition::Below).warning(0.8);
    let monitor = Monitor::builder().rules([rule.build().unwrap()].into_iter().collect()).build().unwrap();
    let cache: Cache<u64, u64> = Cache::builder("squares").build(&monitor).unwrap();
    for number in 0..10 {
        assert_eq!(cache.get_or_load(number, || number * number), number * number);
    }
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_hit_ratio", &["squares"]), None, "ten look-ups say too little");
    for number in 0..10 {
        cache.get(&number);
    }
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_hit_ratio", &["squares"]), Some(0.5));
    assert_eq!(get(&monitor, "cache_requests_total", &["miss"]), Some(10.0));
    assert_eq!(get(&monitor, "cache_load_duration_seconds", &["squares"]), Some(10.0));
    assert_eq!(monitor.alerts().active()[0].rule, "cache");
    // All of it is forgotten after five minutes; then every look-up finds something.
    tick(&clock, &monitor, 300);
    for _ in 0..30 {
        cache.get(&3);
    }
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_hit_ratio", &["squares"]), Some(1.0));
    assert!(monitor.alerts().active().is_empty());
    assert_eq!(cache.statistics().hit_rate(), Some(0.8));
}

#[test]
fn what_goes_is_counted_by_why() {
    let monitor = Monitor::builder().build().unwrap();
    let cache: Cache<u64, u64> = Cache::builder("small").max_size(5).build(&monitor).unwrap();
    for number in 0..20 {
        cache.insert(number, 0);
        cache.clean_up();
    }
    assert_eq!((cache.len(), cache.statistics().evicted), (5, 15));
    let kept = (0..20).find(|number| cache.get(number).is_some()).unwrap();
    cache.insert(kept, 1);
    assert_eq!(cache.remove(&kept), Some(1));
    cache.clean_up();
    let all = cache.statistics();
    assert_eq!((all.replaced, all.removed, cache.len()), (1, 1, 4));
    cache.clear();
    cache.clean_up();
    assert!(cache.is_empty());
}

#[test]
fn each_entry_lives_as_long_as_it_should_and_the_monitor_cleans_up() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let cache: Cache<&str, u64> =
        Cache::builder("short").time_to_live(Duration::from_secs(3_600)).build(&monitor).unwrap();
    cache.insert("long", 1);
    cache.insert_for("short", 2, Duration::from_millis(1));
    // `moka` keeps the time by its own clock.
    while cache.get("short").is_some() {
        thread::yield_now();
    }
    assert_eq!(cache.get("long"), Some(1));
    while cache.statistics().expired == 0 {
        tick(&clock, &monitor, 1);
        thread::yield_now();
    }
    tick(&clock, &monitor, 10);
    assert_eq!(get(&monitor, "cache_entries", &["short"]), Some(1.0));
    assert_eq!(get(&monitor, "cache_evictions_total", &["expired"]), Some(1.0));
}

#[test]
fn entries_weigh_what_they_are_said_to() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let weigh = |_: &u64, text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let cache: Cache<u64, String> = Cache::builder("texts").max_size(1_000).weigher(weigh).build(&monitor).unwrap();
    cache.insert(1, "x".repeat(600));
    cache.clean_up();
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_weight", &["texts"]), Some(600.0));
}

#[test]
fn one_loads_for_all_who_wait() {
    let monitor = Monitor::builder().build().unwrap();
    let cache: Cache<u64, u64> = Cache::builder("one").build(&monitor).unwrap();
    let loads = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let load = || {
                    loads.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                    7
                };
                assert_eq!(cache.get_or_load(1, load), 7);
            });
        }
    });
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    let all = cache.statistics();
    assert_eq!(all.hits + all.misses, 8);
    let failed = cache.try_get_or_load(2, || Err::<u64, _>("no")).unwrap_err();
    assert_eq!((*failed, cache.get(&2)), ("no", None));
}

#[tokio::test]
async fn it_does_the_same_for_async_code() {
    let monitor = Monitor::builder().build().unwrap();
    let cache: AsyncCache<u64, u64> = AsyncCache::builder("async").max_size(10).build_async(&monitor).unwrap();
    let (one, two) = tokio::join!(cache.get_or_load(1, async { 5 }), cache.get_or_load(1, async { 5 }));
    assert_eq!((one, two, cache.get(&1).await), (5, 5, Some(5)));
    let failed = cache.try_get_or_load(2, async { Err("no") }).await.unwrap_err();
    assert_eq!((*failed, cache.get(&2).await), ("no", None));
    cache.insert_for(3, 3, Duration::MAX).await;
    assert_eq!(cache.remove(&3).await, Some(3));
    cache.clear();
    cache.clean_up().await;
    assert!(cache.is_empty());
    monitor.tick();
    assert_eq!(get(&monitor, "cache_load_duration_seconds", &["async"]), Some(2.0));
}

#[test]
fn settings_come_from_the_environment_too_and_bad_ones_are_refused() {
    let with = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        let section = Section::of_variables(&section_of("user-Names"), variables)?;
        let mut builder = CacheBuilder::<u64, u64>::new("user-Names");
        builder.lay_over(&section).map(|()| builder)
    };
    let builder = with(&[
        ("PERF_CACHE_USER_NAMES_MAX_SIZE", "50"),
        ("PERF_CACHE_USER_NAMES_TTL", "5m"),
        ("PERF_CACHE_USER_NAMES_OF_OTHERS_TTL", "that of another cache"),
        ("PERF_CACHE_USER_MAX_SIZE", "7"),
    ]);
    let builder = builder.unwrap();
    assert_eq!((builder.max_weight, builder.time_to_live), (50, Some(Duration::from_secs(300))));
    for (key, value, allowed) in [("TTL", "5", "unit"), ("MAX_SIZE", "-1", "a whole number")] {
        let name = format!("PERF_CACHE_USER_NAMES_{key}");
        let error = with(&[(&name, value)]).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), (name.as_str(), value));
        assert_eq!(error.source.as_deref(), Some("environment"));
        assert!(error.allowed.contains(allowed), "{error}");
    }
    let monitor = Monitor::builder().build().unwrap();
    let endless = Cache::<u64, u64>::builder("x").time_to_live(Duration::MAX).build(&monitor).unwrap_err();
    assert_eq!(endless.field, "time_to_live");
}

#[test]
fn a_cache_is_watched_until_its_last_handle_is_dropped() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let held = Arc::new(());
    let cache: Cache<u64, Arc<()>> = Cache::builder("short").build(&monitor).unwrap();
    cache.insert(7, Arc::clone(&held));
    let clone = cache.clone();
    drop(cache);
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_requests_total", &["short", "hit"]), Some(0.0));
    drop(clone);
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_requests_total", &["short", "hit"]), None);
    assert_eq!(Arc::strong_count(&held), 1, "nothing keeps the entries");
}

/// Long enough for what lives a few milliseconds to expire, with room for its clock.
fn wait_until_expired() {
    thread::sleep(Duration::from_millis(60));
}

fn entries_and_expired(monitor: &Monitor) -> (Option<f64>, Option<f64>) {
    (get(monitor, "cache_entries", &["idle"]), get(monitor, "cache_evictions_total", &["idle", "expired"]))
}

#[tokio::test]
async fn an_idle_async_cache_forgets_what_expired() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let cache: AsyncCache<u64, u64> = AsyncCache::builder("idle")
        .max_size(1_000)
        .time_to_live(Duration::from_millis(20))
        .build_async(&monitor)
        .unwrap();
    for number in 0..1_000 {
        cache.insert(number, number).await;
    }
    wait_until_expired();
    tick(&clock, &monitor, 1);
    assert_eq!(entries_and_expired(&monitor), (Some(0.0), Some(1_000.0)));
}

#[test]
fn an_idle_cache_forgets_what_expired() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let cache: Cache<u64, u64> =
        Cache::builder("idle").max_size(1_000).time_to_live(Duration::from_millis(20)).build(&monitor).unwrap();
    for number in 0..1_000 {
        cache.insert(number, number);
    }
    wait_until_expired();
    tick(&clock, &monitor, 1);
    assert_eq!(entries_and_expired(&monitor), (Some(0.0), Some(1_000.0)));
}

#[tokio::test]
async fn caches_that_are_there_already_can_be_watched() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let short = Duration::from_millis(20);
    let sync: moka::sync::Cache<u64, u64> = moka::sync::Cache::builder().time_to_live(short).build();
    let future: moka::future::Cache<u64, u64> = moka::future::Cache::builder().time_to_live(short).build();
    let watch = watch(&monitor, "sync", sync.clone());
    let _other = super::watch(&monitor, "future", future.clone());
    for number in 0..100 {
        sync.insert(number, number);
        future.insert(number, number).await;
    }
    wait_until_expired();
    sync.insert(7, 7);
    future.insert(7, 7).await;
    tick(&clock, &monitor, 1);
    for name in ["sync", "future"] {
        assert_eq!(get(&monitor, "cache_entries", &[name]), Some(1.0), "{name}");
        assert_eq!(get(&monitor, "cache_weight", &[name]), Some(1.0), "{name}");
        for unknown in
            ["cache_requests_total", "cache_evictions_total", "cache_hit_ratio", "cache_load_duration_seconds"]
        {
            assert_eq!(get(&monitor, unknown, &[name]), None, "{unknown} of {name}: nobody counts");
        }
    }
    assert_eq!(watch.look_up(Some(7)), Some(7));
    assert_eq!(watch.look_up(None::<u64>), None);
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_requests_total", &["sync", "miss"]), Some(1.0));
    assert_eq!(get(&monitor, "cache_requests_total", &["future", "miss"]), None);
    drop(watch);
    tick(&clock, &monitor, 1);
    assert_eq!(get(&monitor, "cache_entries", &["sync"]), None);
    assert_eq!(get(&monitor, "cache_entries", &["future"]), Some(1.0));
}

/// A listener of the application's own may use its runtime, wherever it is called.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn upkeep_runs_in_the_applications_runtime() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let spawn = move |number: u64| {
        let told = told.clone();
        tokio::spawn(async move { told.send(number) });
    };
    let cache: moka::sync::Cache<u64, u64> = moka::sync::Cache::builder()
        .time_to_live(Duration::from_millis(20))
        .eviction_listener(move |key, _, _| spawn(*key))
        .build();
    let _watch = watch(&monitor, "listens", cache.clone());
    cache.insert(7, 7);
    wait_until_expired();
    thread::scope(|scope| {
        scope.spawn(|| tick(&clock, &monitor, 1));
    });
    assert_eq!(heard.recv().await, Some(7));
}

#[tokio::test]
async fn loading_that_is_given_up_or_panics_took_its_time_too() {
    let monitor = Monitor::builder().build().unwrap();
    let cache: AsyncCache<u64, u64> = AsyncCache::builder("slow").build_async(&monitor).unwrap();
    monitor.tick();
    assert_eq!(get(&monitor, "cache_load_duration_seconds", &["slow"]), None, "nothing was loaded");
    let loading = cache.get_or_load(1, std::future::pending());
    assert!(tokio::time::timeout(Duration::from_millis(5), loading).await.is_err());
    assert_eq!(get(&monitor, "cache_load_duration_seconds", &["slow"]), Some(1.0));
    let sync: Cache<u64, u64> = Cache::builder("sync").build(&monitor).unwrap();
    let panicked = thread::scope(|scope| scope.spawn(|| sync.get_or_load(1, || panic!("no"))).join());
    assert!(panicked.is_err());
    assert_eq!(get(&monitor, "cache_load_duration_seconds", &["sync"]), Some(1.0));
}
