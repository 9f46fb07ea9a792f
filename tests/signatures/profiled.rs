//! The options `profile` and `units` on all forms: each behaves as it did without, and counts its work.

use crate::support::{calls, finish, yield_once};
use perf_runtime::series::ProfileSummary;
use perf_runtime::{Kind, Label, Monitor, Window, monitor};
use std::future::Future;
use std::mem::size_of_val;
use std::panic::catch_unwind;
use std::pin::Pin;

/// The profiles of all series with this first label, together.
fn profile(label: &str) -> (u64, Option<u64>) {
    let summary = Monitor::builder().build().unwrap().summary(Window::LastHour);
    let series = summary.series().iter().filter(|one| one.kind == Kind::Operation && one.labels[0].1 == label);
    let profiles: Vec<ProfileSummary> = series.filter_map(|one| one.profile).collect();
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let total = |name: &str| {
        let start = format!("operation_{name}_total{{operation=\"{label}\"");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).reduce(|sum, count| sum + count)
    };
    assert!(profiles.iter().all(|profile| profile.calls == 0), "they were made before anybody looked");
    (total("profiled_calls").unwrap_or_default(), total("units"))
}

#[test]
fn units_of_arguments_are_taken_as_the_call_starts() {
    #[monitor("profiled_sync", profile, units = rows.len())]
    fn sync(mut rows: Vec<u8>) -> Vec<u8> {
        rows.clear();
        rows
    }
    #[monitor("profiled_async", profile, units = rows.len())]
    async fn later(mut rows: Vec<u8>) -> Vec<u8> {
        rows.clear();
        yield_once().await;
        rows
    }
    #[monitor("profiled_pattern", profile, units = a + *b)]
    async fn pattern((a, b): (u64, &u64), [_, ..]: [String; 2]) -> u64 {
        yield_once().await;
        a * b
    }
    #[monitor("profiled_fields", profile, units = *n, fields(n = n), labels(even = *n & 1 == 0))]
    async fn fields(n: &u32) -> Result<&u32, String> {
        yield_once().await;
        Ok(n)
    }
    #[monitor("profiled_constant", profile, units = 64)]
    fn constant() {}
    #[monitor("profiled_name", profile, units = count)]
    fn name(count: i32) -> i32 {
        -count
    }
    assert!(sync(vec![1, 2, 3]).is_empty() && finish(later(vec![1, 2])).is_empty());
    assert_eq!(finish(pattern((3, &4), [String::new(), String::new()])), 12);
    assert_eq!(finish(fields(&6)), Ok(&6));
    constant();
    assert_eq!((name(5), name(-5)), (-5, 5));
    let all = ["profiled_sync", "profiled_async", "profiled_pattern", "profiled_fields", "profiled_constant"];
    assert_eq!(all.map(profile), [(1, Some(3)), (1, Some(2)), (1, Some(7)), (1, Some(6)), (1, Some(64))]);
    assert_eq!(profile("profiled_name"), (2, Some(5)), "less than none is none");
    assert_eq!(calls("profiled_async"), "1 ok");
}

#[test]
fn units_of_what_is_returned_are_those_of_an_ok() {
    type Found<T> = Result<T, std::num::ParseIntError>;
    #[monitor("profiled_found", profile, units = Vec::len)]
    async fn find(text: &str) -> Found<Vec<u32>> {
        yield_once().await;
        text.split(' ').map(str::parse).collect()
    }
    #[monitor("profiled_lines", profile, err, units = |lines| lines.iter().map(|line| line.len()).sum::<usize>())]
    fn lines(text: &str) -> Result<Vec<&str>, String> {
        if text.is_empty() { Err("nothing".to_owned()) } else { Ok(text.lines().collect()) }
    }
    #[monitor("profiled_option", profile, units = |found: &Option<u8>| u8::from(found.is_some()), error_if = Option::is_none)]
    fn option(found: Option<u8>) -> Option<u8> {
        found
    }
    #[monitor("profiled_whole", profile, units = |status| *status, ok_if = |status| *status < 500)]
    fn status(status: u16) -> u16 {
        status
    }
    assert_eq!(finish(find("1 2 3")), Ok(vec![1, 2, 3]));
    assert!(finish(find("one")).is_err() && lines("").is_err());
    assert_eq!(lines("ab\ncd"), Ok(vec!["ab", "cd"]));
    assert_eq!((option(Some(1)), option(None)), (Some(1), None));
    assert_eq!((status(200), status(500)), (200, 500));
    assert_eq!(["profiled_found", "profiled_lines"].map(profile), [(2, Some(3)), (2, Some(4))]);
    assert_eq!(["profiled_option", "profiled_whole"].map(profile), [(2, Some(1)), (2, Some(200))]);
    assert_eq!(calls("profiled_found"), "1 ok, 1 error");
}

#[test]
fn every_form_is_profiled_once() {
    struct Store(Vec<u8>);
    #[monitor(profile)]
    impl Store {
        fn borrow(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }
        async fn later(&self) -> usize {
            yield_once().await;
            self.0.len()
        }
    }
    #[monitor("profiled_boxed", profile, units = n)]
    fn boxed(n: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
        Box::pin(async move {
            yield_once().await;
            n
        })
    }
    #[monitor("profiled_made", profile)]
    fn made(n: u8) -> impl Future<Output = u8> {
        std::future::ready(n)
    }
    #[monitor("profiled_closure", profile)]
    fn adder(n: u8) -> impl Fn(u8) -> u8 {
        move |other| n + other
    }
    #[monitor("profiled_never", profile)]
    fn never() -> ! {
        panic!("it ends so")
    }
    #[monitor("profiled_never_later", profile)]
    async fn never_later() -> ! {
        yield_once().await;
        panic!("it ends so")
    }
    trait Finds {
        async fn find(&self) -> Option<u8>;
    }
    impl Finds for Store {
        #[monitor("profiled_trait", profile, units = self.0.len())]
        async fn find(&self) -> Option<u8> {
            yield_once().await;
            self.0.first().copied()
        }
    }
    #[monitor("profiled_generic", profile)]
    async fn generic<T: Clone>(value: &T) -> T {
        yield_once().await;
        value.clone()
    }
    let mut store = Store(vec![1, 2]);
    store.borrow().push(3);
    assert_eq!((finish(store.later()), finish(store.find())), (3, Some(1)));
    assert_eq!((finish(boxed(1)), finish(made(2)), adder(3)(4)), (1, 2, 7));
    assert_eq!((finish(generic(&1)), finish(generic(&"a"))), (1, "a"));
    assert!(catch_unwind(|| never()).is_err() && catch_unwind(|| finish(never_later())).is_err());
    for label in ["Store::borrow", "Store::later", "profiled_made", "profiled_closure", "profiled_never"] {
        assert_eq!(profile(label), (1, None), "{label}");
    }
    assert_eq!((profile("profiled_boxed"), profile("profiled_trait")), ((1, Some(1)), (1, Some(3))));
    assert_eq!((profile("profiled_never_later"), profile("profiled_generic")), ((1, None), (2, None)));
    assert_eq!((calls("profiled_never"), calls("profiled_never_later")), ("1 panicked".into(), "1 panicked".into()));
}

#[test]
fn labels_of_calls_each_have_their_own() {
    #[derive(Clone, Copy, Label)]
    enum Tier {
        Free,
        Paid,
    }
    #[monitor("profiled_tiers", labels(tier = tier), profile, units = n)]
    fn serve(tier: Tier, n: u64) {
        let _ = tier;
    }
    serve(Tier::Free, 1);
    serve(Tier::Paid, 10);
    serve(Tier::Paid, 10);
    let text = Monitor::builder().build().unwrap().render_prometheus();
    for line in [
        r#"operation_units_total{operation="profiled_tiers",tier="free"} 1"#,
        r#"operation_units_total{operation="profiled_tiers",tier="paid"} 20"#,
        r#"operation_profiled_calls_total{operation="profiled_tiers",tier="paid"} 2"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// The figures of a call are kept in its future until it ends; a call that is not profiled holds nothing of it.
#[test]
fn a_profiled_future_is_a_little_larger() {
    async fn plain(b: [u8; 4096]) -> usize {
        yield_once().await;
        b.len()
    }
    #[monitor("profiled_size", profile, units = b.len())]
    async fn ours(b: [u8; 4096]) -> usize {
        yield_once().await;
        b.len()
    }
    let (plain, ours) = (size_of_val(&plain([0; 4096])), size_of_val(&ours([0; 4096])));
    assert!(ours <= plain + 128, "{ours} bytes, plain {plain}: {} more", ours - plain);
}
