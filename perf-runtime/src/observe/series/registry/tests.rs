use super::*;
use crate::observe::series::identity::OVERFLOW;
use crate::observe::series::overflow::{MAX_SERIES, MAX_VALUES};
use std::thread;

#[test]
fn a_label_overflows_alone_and_is_counted() {
    let registry = Registry::new();
    for value in 0..250 {
        registry.series(Kind::McpCall, &[&format!("server-{value}"), "resolve"]);
    }
    let servers: Vec<_> = registry.all().iter().map(|series| series.identity.clone()).collect();
    let of_kind: Vec<_> = servers.iter().filter(|identity| identity.kind == Kind::McpCall).collect();
    assert_eq!(of_kind.len(), MAX_VALUES + 1);
    assert!(of_kind.iter().all(|identity| identity.labels[1] == "resolve"));
    assert_eq!(registry.overflowed(), [(Kind::McpCall, "server", 50)]);
}

#[test]
fn a_kind_is_bounded_as_a_whole() {
    let registry = Registry::new();
    for (server, capability) in (0..100).flat_map(|server| (0..100).map(move |capability| (server, capability))) {
        registry.series(Kind::McpCall, &[&format!("s{server}"), &format!("c{capability}")]);
    }
    let made = registry.all().iter().filter(|series| series.identity.kind == Kind::McpCall).count();
    assert!(made > MAX_SERIES && made <= MAX_SERIES + MAX_VALUES + 1, "{made}");
}

#[test]
fn three_labels_are_bounded_as_a_whole_too() {
    let registry = Registry::new();
    for n in 0..200 {
        for m in 0..60 {
            let labels = [&*format!("m{}", n % 25), &*format!("r{}", (n * 60 + m) % 190), &*m.to_string()];
            registry.record(Kind::HttpRequest, &labels, Outcome::Ok, 1);
        }
    }
    let all = registry.all();
    let made = all.iter().filter(|series| series.identity.kind == Kind::HttpRequest);
    let (made, calls) = made.fold((0, 0), |(made, calls), series| (made + 1, calls + series.read().started));
    assert_eq!((made <= MAX_SERIES + MAX_VALUES + 1, calls), (true, 12_000), "{made}");
}

#[test]
fn an_overflowing_call_is_counted_once_whatever_was_looked_up_before() {
    let registry = Registry::new();
    let record = |name: &str| registry.record(Kind::Tool, &[name], Outcome::Ok, 1);
    (0..MAX_VALUES).for_each(|value| record(&value.to_string()));
    for _ in 0..5 {
        record("7");
        record("one too many");
        record(OVERFLOW);
    }
    assert_eq!(registry.overflowed(), [(Kind::Tool, "tool", 5)]);
    assert_eq!(registry.series(Kind::Tool, &[OVERFLOW]).read().started, 10);
    assert_eq!(registry.series(Kind::Tool, &["7"]).read().started, 6);
}

#[test]
fn two_registries_on_many_threads_never_take_each_others_series() {
    const CALLS: u64 = 2_000;
    let (one, other) = (Registry::new(), Registry::new());
    let names: Vec<String> = (0..150).map(|name| format!("name-{name}")).collect();
    let record = |registry: &Registry, of: u64| {
        for call in 0..CALLS * of {
            let name = &names[usize::try_from(call).unwrap() % names.len()];
            registry.record(Kind::Tool, &[name], Outcome::Ok, 1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                record(&one, 1);
                record(&Registry::new(), 1);
                record(&other, 2);
                record(&one, 1);
            });
        }
    });
    let started = |registry: &Registry| {
        let all = registry.all();
        let own = all.iter().filter(|series| series.identity.labels[0].starts_with("name-"));
        own.map(|series| series.read().started).sum::<u64>()
    };
    assert_eq!((started(&one), started(&other)), (4 * 2 * CALLS, 4 * 2 * CALLS));
}

#[test]
fn a_registry_that_is_gone_leaves_its_series_when_the_thread_looks_up_another() {
    let (registry, other) = (Registry::new(), Registry::new());
    let series = Arc::downgrade(&registry.series(Kind::Tool, &["short-lived"]));
    drop(registry);
    other.series(Kind::Tool, &["another"]);
    assert!(series.upgrade().is_none());
}

#[test]
fn records_of_a_thread_that_ends_count_with_or_without_its_cache() {
    struct Late(Arc<Registry>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.record(Kind::Tool, &["late"], Outcome::Ok, 1);
        }
    }
    thread_local!(static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) });
    let registry = Arc::new(Registry::new());
    for cache_first in [true, false] {
        let registry = Arc::clone(&registry);
        let work = move || {
            let touch = || registry.record(Kind::Tool, &["late"], Outcome::Ok, 1);
            if cache_first {
                touch();
            }
            LATE.set(Some(Late(Arc::clone(&registry))));
            if !cache_first {
                touch();
            }
        };
        thread::spawn(work).join().unwrap();
    }
    assert_eq!(registry.series(Kind::Tool, &["late"]).read().started, 4);
}

#[test]
fn no_kind_has_more_labels_than_are_looked_at() {
    assert!(Kind::ALL.iter().all(|kind| kind.label_names().len() <= MAX_LABELS));
}

#[test]
fn values_that_are_too_long_are_the_same_series_when_cut() {
    let registry = Registry::new();
    let long = registry.series(Kind::Tool, &[&"x".repeat(1_000)]);
    assert!(Arc::ptr_eq(&long, &registry.series(Kind::Tool, &[&"x".repeat(500)])));
}

#[test]
fn the_same_values_are_the_same_series_and_others_are_not() {
    let registry = Registry::new();
    let one = registry.series(Kind::McpCall, &["ab", "c"]);
    assert!(Arc::ptr_eq(&one, &registry.series(Kind::McpCall, &["ab", "c"])));
    assert!(!Arc::ptr_eq(&one, &registry.series(Kind::McpCall, &["a", "bc"])));
    assert!(!Arc::ptr_eq(&one, &registry.series(Kind::ExternalCall, &["ab", "c"])));
}
