//! Failures by kind, as a monitor tells them.

use crate::extend::{ErrorLog, ErrorSlice, LogPosition};
use crate::series::{ErrorGroup, Errors, Selector, SeriesErrors, TimeRange};
use crate::test_util::{ManualClock, isolated};
use crate::{ErrorType, Kind, Monitor, MonitorBuilder, Outcome, Window, monitor};
use proptest::prelude::*;
use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, ErrorType)]
enum StoreError {
    TimedOut(&'static str),
    #[error_type(expected)]
    NotFound,
}

impl Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(secret) => write!(f, "timed out with password '{secret}' and token {secret}"),
            Self::NotFound => f.write_str("not found"),
        }
    }
}

/// Neither a sort nor a text.
struct Opaque;

#[monitor("errors_store")]
fn store(error: StoreError) -> Result<(), StoreError> {
    Err(error)
}

#[monitor("errors_opaque")]
fn opaque() -> Option<Result<(), Opaque>> {
    Some(Err(Opaque))
}

#[monitor("errors_shown", err)]
async fn shown(text: String) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { Err(text) }
}

#[monitor("errors_plain")]
fn plain(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[monitor("errors_judged", error_if = |value| *value > 3)]
fn judged(value: u32) -> u32 {
    value
}

#[monitor("errors_panics")]
fn panics(secret: Option<&str>) {
    match secret {
        None => panic!("the floor is lava"),
        Some(secret) => panic!("the password is {secret}"),
    }
}

fn ask(monitor: &Monitor, window: Window) -> Errors {
    monitor.errors(&Selector::calls(), window)
}

fn of<'a>(errors: &'a Errors, operation: &str) -> Option<&'a SeriesErrors> {
    errors.series.iter().find(|series| series.labels.get("operation") == Some(operation))
}

fn groups(monitor: &Monitor, operation: &str) -> Vec<ErrorGroup> {
    of(&ask(monitor, Window::LastHour), operation).map(|series| series.groups.clone()).unwrap_or_default()
}

fn run<F: Future>(future: F) -> F::Output {
    match Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it waits for nothing"),
    }
}

fn built(set_up: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Monitor {
    set_up(Monitor::builder()).build().unwrap()
}

#[test]
fn failures_are_told_by_type_variant_and_outcome() {
    let _alone = isolated();
    let monitor = built(|builder| builder);
    store(StoreError::TimedOut("a")).unwrap_err();
    store(StoreError::NotFound).unwrap_err();
    store(StoreError::NotFound).unwrap_err();
    assert!(opaque().is_some());
    judged(4);
    monitor.record_mcp_call("context7", "resolve", SECOND, false);
    let told = |group: &ErrorGroup| (group.error_type.clone(), group.type_name.clone(), group.expected, group.count);
    let store_type = Some(format!("{}::StoreError", module_path!()));
    assert_eq!(
        groups(&monitor, "errors_store").iter().map(told).collect::<Vec<_>>(),
        [
            (Some("not_found".to_owned()), store_type.clone(), true, 2),
            (Some("timed_out".to_owned()), store_type, false, 1)
        ]
    );
    let opaque_type = Some(format!("{}::Opaque", module_path!()));
    assert_eq!(groups(&monitor, "errors_opaque").iter().map(told).collect::<Vec<_>>(), [(None, opaque_type, false, 1)]);
    assert_eq!(groups(&monitor, "errors_judged").iter().map(told).collect::<Vec<_>>(), [(None, None, false, 1)]);
    let errors = ask(&monitor, Window::LastMinute);
    assert_eq!(errors.series.iter().filter(|series| series.kind == Kind::McpCall).count(), 1);
}

#[test]
fn ten_thousand_failures_with_ids_in_their_texts_are_one_group() {
    let alone = isolated();
    let monitor = built(|builder| builder);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let handle = alone.handle();
            scope.spawn(move || {
                let _joined = handle.enter();
                for place in 0..2_500 {
                    let id = (thread * 2_500 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    run(shown(format!("no user {id} in shard {id:016x} named 'u{id}'"))).unwrap_err();
                }
            });
        }
    });
    let found = groups(&monitor, "errors_shown");
    assert_eq!((found.len(), found[0].count), (1, 10_000), "{found:?}");
    assert!(found[0].text.as_deref().unwrap().starts_with("no user "));
}

#[test]
fn texts_beyond_the_bound_are_counted_together_and_that_is_told() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = built(|builder| builder.max_error_groups(20));
    for place in 0..10_000_u32 {
        // Letters alone, so that no two have the same shape.
        let word: String = format!("{place:05}").bytes().map(|digit| char::from(digit - b'0' + b'g')).collect();
        run(shown(word)).unwrap_err();
        if place % 100 == 0 {
            clock.advance(SECOND);
            monitor.tick();
        }
    }
    let errors = ask(&monitor, Window::LastHour);
    let series = of(&errors, "errors_shown").unwrap();
    let grouped: u64 = series.groups.iter().map(|group| group.count).sum();
    assert_eq!((series.groups.len(), series.failed, grouped + series.others), (20, 10_000, 10_000));
    assert!(series.others >= 9_000, "{}", series.others);
}

#[test]
fn secrets_in_errors_are_told_only_where_texts_are_wanted_and_then_pass_the_hook() {
    const SECRET: &str = "hunter-in-the-rye";
    let _alone = isolated();
    let hook = |text: &str| text.replace(SECRET, "(hidden)");
    let silent = built(|builder| builder.errors(true));
    let loud = built(|builder| builder.error_texts(true));
    let careful = built(|builder| builder.error_texts(true).redact_errors(hook));
    let broken = built(|builder| builder.error_texts(true).redact_errors(|_| panic!("a hook that fails")));
    store(StoreError::TimedOut(SECRET)).unwrap_err();
    plain(SECRET).unwrap_err();
    run(shown(SECRET.to_owned())).unwrap_err();
    assert!(catch_unwind(|| panics(Some(SECRET))).is_err());
    loud.operation("errors_own").try_run(|| Err::<(), _>(SECRET)).unwrap_err();
    let json = |monitor: &Monitor| serde_json::to_string(&ask(monitor, Window::LastHour)).unwrap();
    // The function with `err` asks for its text.
    let of_store = |monitor: &Monitor| groups(monitor, "errors_store")[0].text.clone();
    assert!(!json(&silent).replace(&format!("\"text\":\"{SECRET}\""), "").contains(SECRET), "{}", json(&silent));
    assert_eq!((of_store(&silent), groups(&silent, "errors_plain")[0].text.as_deref()), (None, None));
    assert_eq!(groups(&silent, "errors_shown")[0].text.as_deref(), Some(SECRET));
    assert!(of_store(&loud).unwrap().contains(SECRET));
    assert_eq!(groups(&loud, "errors_plain")[0].text.as_deref(), Some(SECRET));
    assert!(!json(&careful).contains(SECRET) && json(&careful).contains("(hidden)"), "{}", json(&careful));
    assert!(!json(&broken).contains(SECRET) && json(&broken).contains("hook that redacts errors panicked"));
}

/// A store that gives back what was told to it once.
struct Told(Vec<SeriesErrors>);

impl ErrorLog for Told {
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(ErrorSlice)) -> LogPosition {
        self.0.iter().for_each(|errors| show(ErrorSlice::new(range.start(), range.end(), errors.clone())));
        LogPosition::at(SystemTime::now())
    }
}

#[test]
fn texts_that_were_stored_are_shown_by_the_settings_of_today() {
    let _alone = isolated();
    let told = {
        let monitor = built(|builder| builder.error_texts(true));
        plain("the secret").unwrap_err();
        run(shown("the secret".to_owned())).unwrap_err();
        ask(&monitor, Window::LastMinute).series
    };
    let texts = |monitor: &Monitor| {
        let _provided = monitor.provide::<dyn ErrorLog>(Arc::new(Told(told.clone()))).unwrap();
        let errors = monitor.errors(&Selector::calls(), TimeRange::last(Duration::from_secs(7_200)));
        let text = |operation: &str| of(&errors, operation).and_then(|series| series.groups[0].text.clone());
        [text("errors_plain"), text("errors_shown")]
    };
    let secret = || Some("the secret".to_owned());
    assert_eq!(texts(&built(|builder| builder.error_texts(true))), [secret(), secret()]);
    // One function asks for its texts.
    assert_eq!(texts(&built(|builder| builder)), [None, secret()]);
    let hook = |builder: MonitorBuilder| builder.redact_errors(|text| text.replace("secret", "*")).error_texts(true);
    assert_eq!(texts(&built(hook)), [Some("the *".to_owned()), Some("the *".to_owned())]);
}

#[test]
fn counts_of_groups_and_others_are_the_failures_of_the_series_in_each_window() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = built(|builder| builder.max_error_groups(3));
    // A bit more than an hour, by the second and by longer ticks.
    for step in 0..700_u32 {
        let kind = char::from(b'g' + u8::try_from(step % 7).unwrap()).to_string();
        let failures = step % 5;
        for _ in 0..failures {
            run(shown(kind.clone())).unwrap_err();
        }
        run(shown(String::new())).unwrap();
        clock.advance(if step % 100 < 70 { SECOND } else { 17 * SECOND });
        monitor.tick();
        if step % 17 == 0 {
            for window in Window::ALL {
                let summary = monitor.summary(window);
                let failed =
                    summary.find(Kind::Operation, &["errors_shown"]).map_or(0, |series| series.outcomes.failed());
                let errors = ask(&monitor, window);
                let series = of(&errors, "errors_shown");
                let told = series
                    .map_or(0, |series| series.others + series.groups.iter().map(|group| group.count).sum::<u64>());
                assert_eq!((told, series.map_or(0, |series| series.failed)), (failed, failed), "{window} at {step}");
            }
        }
    }
    let bytes = monitor.inner.registry.all().iter().map(|series| series.window_bytes()).max().unwrap_or(0);
    assert!(bytes < 96 * 1_024, "{bytes} bytes");
}

#[test]
fn a_reset_begins_anew_and_failures_of_before_the_monitor_are_in_no_range() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    plain("of before").unwrap_err();
    let monitor = built(|builder| builder);
    assert_eq!(groups(&monitor, "errors_plain"), []);
    plain("of now").unwrap_err();
    clock.advance(SECOND);
    monitor.tick();
    plain("of now").unwrap_err();
    assert_eq!(groups(&monitor, "errors_plain")[0].count, 2);
    monitor.reset();
    assert_eq!(groups(&monitor, "errors_plain"), []);
    plain("of now").unwrap_err();
    let group = &groups(&monitor, "errors_plain")[0];
    assert_eq!((group.count, group.last_seen.duration_since(group.first_seen).unwrap()), (1, SECOND));
}

#[test]
fn a_range_has_the_failures_between_its_ends() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = built(|builder| builder);
    let start = monitor.time_of_day();
    for _ in 0..10 {
        plain("again").unwrap_err();
        clock.advance(SECOND);
        monitor.tick();
    }
    let between = |from: u64, to: u64| {
        let range = TimeRange::between(start + Duration::from_secs(from), start + Duration::from_secs(to)).unwrap();
        of(&monitor.errors(&Selector::calls(), range), "errors_plain").map_or(0, |series| series.failed)
    };
    assert_eq!((between(0, 10), between(2, 5), between(20, 30)), (10, 3, 0));
    let other = Selector::kind(Kind::Operation).label("operation", "errors_store");
    assert!(monitor.errors(&other, Window::LastHour).series.is_empty());
    let limited = monitor.errors(&Selector::calls().limit(0), Window::LastHour);
    assert_eq!((limited.series.len(), limited.left_out), (0, 1));
}

#[test]
fn panics_are_told_with_their_place_and_literal_messages() {
    let _alone = isolated();
    let monitor = built(MonitorBuilder::remember_panics);
    assert!(catch_unwind(|| panics(None)).is_err());
    assert!(catch_unwind(|| panics(Some("secret"))).is_err());
    let operation = monitor.operation("errors_own_panics");
    assert!(catch_unwind(AssertUnwindSafe(|| operation.run(|| panic!("so be it")))).is_err());
    let mut texts: Vec<_> =
        groups(&monitor, "errors_panics").into_iter().map(|group| (group.text, group.outcome)).collect();
    texts.sort_by_key(|(text, _)| text.clone());
    assert_eq!(texts, [(None, Outcome::Panicked), (Some("the floor is lava".to_owned()), Outcome::Panicked)]);
    let own = &groups(&monitor, "errors_own_panics")[0];
    let place = own.place.as_deref().unwrap();
    assert!(place.contains("errors.rs:") && own.text.as_deref() == Some("so be it"), "{own:?}");
}

#[test]
fn where_it_is_off_nothing_is_told() {
    let _alone = isolated();
    let monitor = built(|builder| builder.errors(false));
    plain("x").unwrap_err();
    let errors = ask(&monitor, Window::LastMinute);
    assert!(!errors.enabled && errors.series.is_empty());
    let error = Monitor::builder().max_error_groups(0).build().unwrap_err();
    assert_eq!((error.field.as_str(), error.allowed.as_str()), ("errors.max_groups", "1 to 1000 groups"));
}

#[test]
fn the_trace_of_an_error_has_a_link_where_an_address_is_set() {
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let _alone = isolated();
    let mut told = {
        let monitor = built(|builder| builder);
        plain("x").unwrap_err();
        ask(&monitor, Window::LastMinute).series
    };
    let link = |monitor: &Monitor, told: &[SeriesErrors]| {
        let _provided = monitor.provide::<dyn ErrorLog>(Arc::new(Told(told.to_vec()))).unwrap();
        let errors = monitor.errors(&Selector::calls(), TimeRange::last(Duration::from_secs(7_200)));
        of(&errors, "errors_plain").and_then(|series| series.groups[0].trace_link.clone())
    };
    let with_address = built(|builder| builder.trace_url("https://tempo.example/trace/{trace_id}"));
    assert_eq!(link(&with_address, &told), None, "there is no trace");
    told[0].groups[0].trace_id = Some(ID.to_owned());
    // An address of before is not that of today.
    told[0].groups[0].trace_link = Some("https://other.example".to_owned());
    assert_eq!(link(&with_address, &told).unwrap(), format!("https://tempo.example/trace/{ID}"));
    drop(with_address);
    assert_eq!(link(&built(|builder| builder), &told), None);
    let refused = Monitor::builder().trace_url("javascript:alert({trace_id})").build().unwrap_err();
    assert_eq!(refused.field, "trace_url");
}

#[test]
fn errors_are_read_back_as_they_were_written() {
    let _alone = isolated();
    let _clock = ManualClock::hold();
    let monitor = built(|builder| builder.error_texts(true));
    store(StoreError::TimedOut("a")).unwrap_err();
    let mut errors = ask(&monitor, Window::LastMinute);
    // As they are written, to the millisecond.
    [errors.start, errors.end] = [errors.start, errors.end].map(crate::text::to_millis);
    super::is_read_back(&errors);
    assert_eq!(errors.series[0].groups.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Failures of some words, ticks and resets, in any order.
    #[test]
    fn groups_add_up_whatever_happens_in_between(steps in proptest::collection::vec(0_u8..12, 1..200), most in 1_usize..5) {
        let _alone = isolated();
        let clock = ManualClock::hold();
        let monitor = built(|builder| builder.max_error_groups(most));
        let mut since_reset = 0;
        for step in steps {
            match step {
                0 => {
                    monitor.reset();
                    since_reset = 0;
                }
                1..=3 => {
                    clock.advance(SECOND * u32::from(step) * 7);
                    monitor.tick();
                }
                word => {
                    run(shown(char::from(b'g' + word).to_string())).unwrap_err();
                    since_reset += 1;
                }
            }
            let errors = ask(&monitor, Window::LastHour);
            let failed = of(&errors, "errors_shown").map_or(0, |series| {
                assert!(series.groups.len() <= most);
                series.others + series.groups.iter().map(|group| group.count).sum::<u64>()
            });
            prop_assert_eq!(failed, since_reset);
        }
    }
}

/// Prints what a failing call costs: `cargo test --release -p perf-runtime --lib what_a_failure_costs -- --ignored --nocapture`.
#[test]
#[ignore = "prints figures, and asserts none"]
fn what_a_failure_costs() {
    const CALLS: u32 = 200_000;
    #[monitor("errors_cost_ok")]
    fn ok() -> Result<(), &'static str> {
        std::hint::black_box(Ok(()))
    }
    #[monitor("errors_cost")]
    fn fails() -> Result<(), &'static str> {
        std::hint::black_box(Err("no such user 4711"))
    }
    #[monitor("errors_cost_text", err)]
    fn tells() -> Result<(), &'static str> {
        std::hint::black_box(Err("no such user 4711 in shard 'a', asked by 550e8400-e29b-41d4-a716-446655440000"))
    }
    let time = |name: &str, call: fn() -> Result<(), &'static str>| {
        let rounds = (0..7).map(|_| {
            let began = std::time::Instant::now();
            (0..CALLS).for_each(|_| _ = call());
            began.elapsed() / CALLS
        });
        println!("{name}: {:?} a call", rounds.min().unwrap_or_default());
    };
    time("ok", ok);
    time("error without a text", fails);
    time("error with a text", tells);
    let off = built(|builder| builder.errors(false));
    time("error, switched off", fails);
    drop(off);
}
