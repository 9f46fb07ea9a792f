//! The options of the attributes: labels, buckets, slow, objective, predicates, sorts of errors.

use perf_runtime::series::SeriesSummary;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{
    ErrorType, Kind, Label, Monitor, Window, monitor, monitor_db_operation, monitor_external_call, monitor_tool,
};
use std::time::Duration;

#[derive(Clone, Copy, Label)]
enum Region {
    Eu,
    #[label("us-1")]
    Us,
}

#[derive(Clone, Copy, Label)]
enum Tier {
    Free,
    Pro,
}

fn series(kind: Kind, labels: &[&str]) -> SeriesSummary {
    let summary = Monitor::builder().build().unwrap().summary(Window::LastHour);
    summary.find(kind, labels).unwrap_or_else(|| panic!("no {kind} with {labels:?}")).clone()
}

fn ok_calls(kind: Kind, labels: &[&str]) -> u64 {
    series(kind, labels).total.ok
}

/// This program's allocator does not count: of memory nothing is known, and nothing is said.
#[test]
fn a_profile_without_a_counting_allocator_has_no_memory() {
    #[monitor_tool("options_profiled", profile, units = |text: &String| text.len())]
    fn write() -> String {
        "four".to_owned()
    }
    write();
    let profile = series(Kind::Tool, &["options_profiled"]).profile.unwrap();
    assert_eq!((profile.allocations, profile.allocated_bytes, profile.net_bytes), (None, None, None));
    assert_eq!(profile.cpu_seconds.is_some(), cfg!(target_os = "linux"));
    let text = Monitor::builder().build().unwrap().render_prometheus();
    assert!(text.contains("tool_call_units_total{tool=\"options_profiled\"} 4\n"), "{text}");
    assert!(!text.contains("tool_call_allocations_total") && !text.contains("tool_call_released_bytes_total"));
    assert_eq!(text.contains("tool_call_cpu_time_seconds_total"), cfg!(target_os = "linux"));
}

#[test]
fn a_series_knows_where_its_functions_are_in_the_source() {
    const FIRST: u32 = line!() + 1;
    #[monitor("options_placed")]
    fn one() {}
    #[monitor("options_placed")]
    fn other() {}
    let monitor = Monitor::builder().build().unwrap();
    let places = || {
        let all = monitor.series(Window::LastHour).into_iter();
        all.filter(|series| series.id.labels.get("operation") == Some("options_placed"))
            .flat_map(|series| series.places)
    };
    assert_eq!(places().count(), 0, "nobody called them");
    one();
    other();
    let expected = [FIRST, FIRST + 2].map(|line| format!("{}:{line}", file!()));
    assert_eq!(places().collect::<Vec<_>>(), expected);
}

#[test]
fn labels_come_from_arguments_as_the_call_starts() {
    struct Cart {
        tier: Tier,
    }

    #[monitor("options_checkout", labels(region = Region::Eu, tier = cart.tier, express = express))]
    async fn check_out(cart: Cart, mut express: bool) -> bool {
        express = !express;
        let Cart { tier } = cart;
        express && matches!(tier, Tier::Free)
    }

    let known = Monitor::builder().build().unwrap().render_prometheus();
    assert!(!known.contains("options_checkout"), "the type of `cart.tier` is not in the signature");
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        check_out(Cart { tier: Tier::Pro }, true).await;
        check_out(Cart { tier: Tier::Free }, true).await;
        check_out(Cart { tier: Tier::Free }, true).await;
    });
    assert_eq!(ok_calls(Kind::Operation, &["options_checkout", "eu", "pro", "true"]), 1);
    assert_eq!(ok_calls(Kind::Operation, &["options_checkout", "eu", "free", "true"]), 2);
    assert_eq!(ok_calls(Kind::Operation, &["options_checkout", "eu", "free", "false"]), 0);
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let line = r#"operations_total{operation="options_checkout",region="eu",tier="pro",express="true",outcome="ok"} 1"#;
    assert!(text.contains(line), "{text}");
}

#[test]
fn every_combination_is_known_before_the_first_call_where_the_signature_shows_the_types() {
    #[monitor_external_call("options_stripe", "charge", labels(region = region, tier = tier))]
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a reference to a label is a label")]
    fn charge(region: &Region, tier: Tier) -> u8 {
        let _ = (region, tier);
        7
    }
    for region in ["eu", "us-1"] {
        for tier in ["free", "pro"] {
            assert_eq!(ok_calls(Kind::ExternalCall, &["options_stripe", "charge", region, tier]), 0);
        }
    }
    assert_eq!(charge(&Region::Us, Tier::Pro), 7);
    assert_eq!(ok_calls(Kind::ExternalCall, &["options_stripe", "charge", "us-1", "pro"]), 1);
}

#[test]
fn a_positional_label_may_be_a_constant_a_variant_or_an_argument() {
    const TABLE: &str = "options_users";
    #[derive(Clone, Copy, Label)]
    enum Table {
        OptionsCarts,
        OptionsOrders,
    }
    #[monitor_db_operation("select", TABLE)]
    fn constant() {}
    #[monitor_db_operation("insert", Table::OptionsCarts)]
    fn variant() {}
    #[monitor_db_operation("delete", table)]
    fn argument(table: Table) {
        let _ = table;
    }
    const SCAN: &str = "options_scan";
    #[monitor_db_operation(concat!("options", "_", "rows"), operation = SCAN)]
    fn constants() {}
    constant();
    constants();
    variant();
    argument(Table::OptionsOrders);
    assert_eq!(ok_calls(Kind::DbOperation, &["select", "options_users"]), 1);
    assert_eq!(ok_calls(Kind::DbOperation, &["options_scan", "options_rows"]), 1);
    assert_eq!(ok_calls(Kind::DbOperation, &["insert", "options_carts"]), 1);
    assert_eq!(ok_calls(Kind::DbOperation, &["delete", "options_orders"]), 1);
    assert_eq!(ok_calls(Kind::DbOperation, &["delete", "options_carts"]), 0);
}

#[test]
fn generic_functions_take_labels_of_their_own_type() {
    #[monitor("options_generic", labels(what = what))]
    fn generic<L: Label + Copy>(what: L) -> L {
        what
    }
    generic(Tier::Pro);
    assert_eq!(ok_calls(Kind::Operation, &["options_generic", "pro"]), 1);
}

#[test]
fn slow_calls_are_counted_exactly_and_the_bound_is_exposed() {
    #[monitor_tool("options_slow", slow = "250ms")]
    fn work(clock: &ManualClock, nanos: u64) {
        clock.advance(Duration::from_nanos(nanos));
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    for nanos in [249_999_999, 250_000_000, 250_000_001, 900_000_000] {
        work(&clock, nanos);
    }
    let summary = monitor.summary(Window::LastMinute);
    let slow = summary.find(Kind::Tool, &["options_slow"]).unwrap().slow.unwrap();
    assert_eq!((slow.limit, slow.count), (0.25, 2));
    let text = monitor.render_prometheus();
    let bucket =
        |le: &str| format!(r#"tool_call_duration_seconds_bucket{{tool="options_slow",outcome="ok",le="{le}"}}"#);
    assert!(text.contains(&format!("{} 2\n", bucket("0.25"))), "{text}");
    assert!(text.contains(&format!("{} 0\n", bucket("0.2"))), "the kind's own bounds stay");
}

#[test]
fn an_objective_is_held_against_the_window() {
    #[monitor("options_objective", objective(latency = "100ms", percentile = 90.0, success = 75.0))]
    fn promise(clock: &ManualClock, millis: u64) -> Result<(), ()> {
        clock.advance(Duration::from_millis(millis));
        if millis > 100 { Err(()) } else { Ok(()) }
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let state = || monitor.summary(Window::LastMinute).find(Kind::Operation, &["options_objective"]).unwrap().objective;
    assert!(state().unwrap().met, "no call, no complaint");
    for _ in 0..9 {
        promise(&clock, 100).unwrap();
    }
    promise(&clock, 101).unwrap_err();
    let met = state().unwrap();
    assert_eq!((met.latency, met.latency_target, met.success_target), (Some(0.1), Some(0.9), Some(0.75)));
    assert_eq!((met.latency_share, met.success_share, met.met), (Some(0.9), Some(0.9), true));
    promise(&clock, 101).unwrap_err();
    assert!(!state().unwrap().met, "nine of eleven are not 90 %");
}

#[test]
fn buckets_replace_the_kinds() {
    #[monitor("options_buckets", buckets = [0.007, 0.7])]
    fn work() {}
    work();
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let lines = text.lines().filter(|line| line.contains("options_buckets") && line.contains("_bucket{"));
    let bounds: Vec<_> =
        lines.filter(|line| line.contains("\"ok\"")).filter_map(|line| line.split('"').nth(5)).collect();
    assert_eq!(bounds, ["0.007", "0.7", "+Inf"]);
}

#[test]
fn functions_that_share_a_series_show_the_bounds_that_all_of_them_have() {
    #[monitor("options_shared", buckets = [0.007, 0.7])]
    fn one(clock: &ManualClock) {
        clock.advance(Duration::from_millis(8));
    }
    #[monitor("options_shared", buckets = [0.0071, 0.7])]
    fn other(clock: &ManualClock) {
        clock.advance(Duration::from_millis(8));
    }
    let clock = ManualClock::hold();
    one(&clock);
    other(&clock);
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let line =
        |le| format!(r#"operation_duration_seconds_bucket{{operation="options_shared",outcome="ok",le="{le}"}} 2"#);
    assert!(text.contains(&line("0.7")) && text.contains(&line("+Inf")), "{text}");
    assert!(!text.contains(r#"operation="options_shared",outcome="ok",le="0.007"#), "not exact, so not shown");
}

#[test]
fn predicates_say_what_an_error_is() {
    #[monitor("options_error_if", error_if = Option::is_none)]
    fn find(id: u8) -> Option<u8> {
        (id > 0).then_some(id)
    }
    #[monitor("options_ok_if", ok_if = |status| *status < 500)]
    async fn status(code: u16) -> u16 {
        code
    }
    find(0);
    find(1);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        status(404).await;
        status(503).await;
        status(200).await;
    });
    let counts = |label| {
        let total = series(Kind::Operation, &[label]).total;
        (total.ok, total.error)
    };
    assert_eq!(counts("options_error_if"), (1, 1));
    assert_eq!(counts("options_ok_if"), (2, 1));
}

#[test]
fn sorts_of_errors_add_up_to_the_errors() {
    #[derive(ErrorType)]
    enum StoreError {
        Timeout,
        #[error_type("gone")]
        NotFound,
    }
    #[derive(ErrorType)]
    enum AppError {
        Denied {
            reason: u8,
        },
        #[error_type(nested)]
        Store(Box<StoreError>),
    }
    type Alias<T> = Result<T, AppError>;
    #[monitor("options_sorts")]
    fn fail(how: u8) -> Alias<()> {
        Err(match how {
            0 => AppError::Denied { reason: 3 },
            1 => AppError::Store(Box::new(StoreError::Timeout)),
            _ => AppError::Store(Box::new(StoreError::NotFound)),
        })
    }
    #[monitor("options_sorts")]
    fn fail_somehow() -> Result<(), String> {
        Err("of no known sort".to_owned())
    }
    for how in [0, 1, 2, 2] {
        if let Err(AppError::Denied { reason }) = fail(how) {
            assert_eq!(reason, 3);
        }
    }
    fail_somehow().unwrap_err();
    assert_eq!(series(Kind::Operation, &["options_sorts"]).total.error, 5);
    let text = Monitor::builder().build().unwrap().render_prometheus();
    for (sort, count) in
        [(",error_type=\"denied\"", 1), (",error_type=\"timeout\"", 1), (",error_type=\"gone\"", 2), ("", 1)]
    {
        let line = format!("operations_total{{operation=\"options_sorts\",outcome=\"error\"{sort}}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}
