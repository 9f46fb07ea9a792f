//! Rules, alerts, objectives and settings as a program has them.

use perf_runtime::alert::{AlertState, Severity, Transition};
use perf_runtime::objective::{Objective, Promise};
use perf_runtime::rule::{Condition, Rule, RuleBuilder, RuleProfile, RuleSet, Statistic, presets};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window, monitor};
use perf_server::shapes::{check_health, performance_health};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn seconds(clock: &ManualClock, monitor: &Monitor, count: u32, mut each: impl FnMut()) {
    for _ in 0..count {
        each();
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn only(rule: Rule) -> RuleSet {
    [rule].into_iter().collect()
}

#[test]
fn a_rule_of_ones_own_goes_through_its_states() {
    let clock = ManualClock::hold();
    let rule = Rule::builder("slow-exports")
        .metric(Kind::Operation)
        .only("operation", ["export"])
        .statistic(Statistic::Mean)
        .window(Window::LastMinute)
        .warning(0.5)
        .critical(2.0)
        .hold_for(10 * SECOND)
        .label("team", "data")
        .runbook("https://example.com/exports")
        .build()
        .unwrap();
    let monitor = Monitor::builder().rules(only(rule)).build().unwrap();
    assert_eq!(monitor.alerts().rules()[0].state, None, "not judged yet");
    let record = |name: &str, millis| monitor.operation(name).record(Duration::from_millis(millis), Outcome::Ok);

    seconds(&clock, &monitor, 5, || record("import", 9_000));
    assert_eq!(monitor.alerts().rules()[0].state, Some(AlertState::Inactive));
    seconds(&clock, &monitor, 10, || record("export", 900));
    let pending = monitor.alerts().pending();
    assert_eq!((pending.len(), pending[0].state), (1, AlertState::Pending));
    assert!(monitor.alerts().active().is_empty());
    seconds(&clock, &monitor, 1, || record("export", 900));
    let alert = &monitor.alerts().active()[0];
    assert_eq!((alert.severity, alert.labels["team"].as_str()), (Severity::Warning, "data"));
    assert_eq!(alert.series, "operation{operation=export}");
    assert!(alert.message.contains("mean of operation{operation=export} is 0.90 s"), "{}", alert.message);
    let json = serde_json::to_value(alert).unwrap();
    assert_eq!(
        (&json["severity"], &json["state"], &json["unit"]),
        (&"warning".into(), &"firing".into(), &"seconds".into())
    );
    assert_eq!(monitor.health().indicators().iter().find(|one| one.name() == "alerts").unwrap().value(), Some(1.0));
}

#[test]
fn an_objective_of_a_function_burns_its_budget_and_alerts() {
    #[monitor("judging_checkout", objective(success = 99.9))]
    fn checkout(good: bool) -> Result<(), String> {
        if good { Ok(()) } else { Err("no".to_owned()) }
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    seconds(&clock, &monitor, 600, || assert_eq!(checkout(true), Ok(())));
    let mine = |monitor: &Monitor| {
        let all = monitor.objectives();
        all.into_iter().find(|one| one.series == "operation{operation=judging_checkout}").unwrap()
    };
    let report = mine(&monitor);
    assert_eq!((report.promise, report.calls, report.bad), (Promise::Success, 600, 0));
    assert!((report.budget_left - 1.0).abs() < 1e-9);
    let burns = |monitor: &Monitor| {
        monitor.alerts().active().into_iter().filter(|alert| alert.rule.starts_with("objective-burn-")).count()
    };
    assert_eq!(burns(&monitor), 0);
    seconds(&clock, &monitor, 60, || assert!(checkout(false).is_err()));
    assert!(mine(&monitor).budget_left < 0.0);
    assert_eq!(burns(&monitor), 1, "one alert an objective");
    let alerts = monitor.alerts().active();
    let fast = alerts.iter().find(|alert| alert.rule == "objective-burn-5m-1h").unwrap();
    assert_eq!((fast.severity, fast.labels["operation"].as_str()), (Severity::Critical, "judging_checkout"));
    let exported = monitor.prometheus_rules(RuleProfile::Current).rules;
    assert!(exported.contains(r#"operations_total{operation=\"judging_checkout\",outcome=~\"error|panicked\"}[5m]"#));
}

#[test]
fn a_budget_that_burns_from_the_start_is_one_alert_from_windows_that_were_seen() {
    let clock = ManualClock::hold();
    let objective = Objective::new(Kind::Operation).only("operation", "judging_young").success(99.9);
    let monitor = Monitor::builder().objective(objective).build().unwrap();
    let mut told = Vec::new();
    for second in 1..=900 {
        seconds(&clock, &monitor, 1, || monitor.operation("judging_young").record(SECOND, Outcome::Error));
        let active = monitor.alerts().active();
        let burns: Vec<_> = active.into_iter().filter(|alert| alert.rule.starts_with("objective-burn-")).collect();
        assert!(burns.len() <= 1, "{burns:?}");
        told.extend(burns.first().map(|alert| (second, alert.rule.clone())));
    }
    assert_eq!(told.first(), Some(&(301, "objective-burn-5m-1h".to_owned())), "five minutes were seen, and no hour");
    assert!(told.iter().all(|(_, rule)| rule == "objective-burn-5m-1h"), "{told:?}");
}

/// Each of the calls takes a little longer than is too long: the example of a fault that takes as long as a threshold.
#[test]
fn calls_that_take_as_long_as_the_threshold_are_one_alert_told_at_once() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let events = monitor.alerts().subscribe(1_000);
    let operation = monitor.operation("judging_sawtooth");
    let mut first = None;
    // Two minutes of calls that are dropped after 6.5 s; the limit is 6 s.
    for _ in 0..18 {
        let mut call = Box::pin(operation.watch(std::future::pending::<()>()));
        assert!(call.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
        for _ in 0..13 {
            clock.advance(SECOND / 2);
            monitor.tick();
            if first.is_none() && monitor.alerts().active().iter().any(|alert| alert.rule == "operation-stuck") {
                first = Some(monitor.uptime());
            }
        }
    }
    assert!(first.is_some_and(|first| first <= 7 * SECOND), "{first:?}");
    let kept = monitor.alerts().active().into_iter().find(|alert| alert.rule == "operation-stuck").unwrap();
    seconds(&clock, &monitor, 5, || {});
    let kept_on = monitor.alerts().active().into_iter().find(|alert| alert.rule == "operation-stuck").unwrap();
    assert_eq!(kept_on.id, kept.id);
    assert!(kept_on.message.ends_with("; kept for 30s after it was"), "{}", kept_on.message);
    seconds(&clock, &monitor, 31, || {});
    let all = std::iter::from_fn(|| events.try_recv()).filter(|event| event.alert.rule == "operation-stuck");
    let transitions: Vec<Transition> = all.map(|event| event.transition).collect();
    assert_eq!(transitions, [Transition::Fired, Transition::Resolved]);
}

#[test]
fn requests_have_objectives_whatever_their_status() {
    let clock = ManualClock::hold();
    let objective = Objective::new(Kind::HttpRequest).only("route", "/judging").latency(SECOND, 90.0).success(90.0);
    let monitor = Monitor::builder().objective(objective).build().unwrap();
    seconds(&clock, &monitor, 1, || {});
    let request = |status: u16, millis| {
        let request = monitor.http_request("GET", "/judging");
        clock.advance(Duration::from_millis(millis));
        request.answer(status);
    };
    (0..8).for_each(|_| request(200, 1_000));
    request(200, 1_500);
    request(503, 10);
    seconds(&clock, &monitor, 1, || {});
    let reports = monitor.objectives();
    let reports: Vec<_> =
        reports.into_iter().filter(|one| one.series == "http_request{method=GET,route=/judging}").collect();
    let figures: Vec<_> = reports.iter().map(|one| (one.promise, one.latency, one.calls, one.bad)).collect();
    assert_eq!(figures, [(Promise::Latency, Some(1.0), 10, 1), (Promise::Success, None, 10, 1)]);
    assert!(reports.iter().all(|one| one.budget_left.abs() < 1e-9), "one in ten is all of the budget: {reports:?}");
}

/// Makes `calls` calls in one of `every` seconds, first good ones, then bad ones, and says after how many seconds of good
/// ones nothing fires any more.
fn seconds_until_quiet(clock: &ManualClock, rule: Rule, name: &str, (calls, every): (u32, u32)) -> Option<u32> {
    let monitor = Monitor::builder().rules(only(rule)).build().unwrap();
    let mut passed = 0;
    let mut run = |times: u32, outcome| {
        seconds(clock, &monitor, times, || {
            let now = if passed % every == 0 { calls } else { 0 };
            (0..now).for_each(|_| monitor.operation(name).record(SECOND, outcome));
            passed += 1;
        });
    };
    run(240, Outcome::Ok);
    run(60, Outcome::Error);
    assert_eq!(monitor.alerts().active().len(), 1, "{name}");
    (1..400).find(|_| {
        run(1, Outcome::Ok);
        monitor.alerts().active().is_empty()
    })
}

#[test]
fn an_alert_ends_soon_after_its_cause_where_there_is_traffic_to_tell() {
    let clock = ManualClock::hold();
    let rule = || {
        let rule = Rule::builder("failing").metric(Kind::Operation).statistic(Statistic::ErrorRate);
        rule.warning(0.10).min_samples(20)
    };
    let quiet = |rule: RuleBuilder, name, calls| seconds_until_quiet(&clock, rule.build().unwrap(), name, calls);
    let long = quiet(rule(), "judging_long", (5, 1)).unwrap();
    assert!(long > 180, "five minutes remember it for long: {long} s");
    let soon = quiet(rule().recovery_window(Window::LastMinute), "judging_soon", (5, 1)).unwrap();
    assert!((50..=61).contains(&soon), "a minute is well once less than a tenth of it failed: {soon} s");
    let few = quiet(rule().recovery_window(Window::LastMinute), "judging_few", (1, 10)).unwrap();
    assert!(few > 180, "six calls a minute say nothing: {few} s");
}

#[test]
fn a_file_is_reloaded_whole_or_not_at_all() {
    let clock = ManualClock::hold();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut put = |text: &str| {
        file.as_file_mut().set_len(0).unwrap();
        std::io::Seek::rewind(file.as_file_mut()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.path().to_owned()
    };
    let rule = |warning: &str| {
        format!("[rules.failing]\nmetric = \"operation\"\nstatistic = \"error_rate\"\nwarning = \"{warning}\"\n")
    };
    let path = put(&format!("presets = []\n{}", rule("10%")));
    let monitor = Monitor::builder().config_file(&path).build().unwrap();
    seconds(&clock, &monitor, 3, || monitor.operation("judging_reload").record(SECOND, Outcome::Error));
    let before = monitor.alerts().active();
    assert_eq!(before.len(), 1);

    put(&format!("presets = []\n{}[rules.other]\nmetric = \"depth\"\nwarning = 1\n", rule("10%")));
    monitor.reload().unwrap();
    assert_eq!((monitor.alerts().rules().len(), monitor.alerts().active()), (2, before.clone()));

    put(&format!("presets = []\n{}[rules.other]\nmetric = \"depth\"\nwarnin = 1\n", rule("20%")));
    let error = monitor.reload().unwrap_err();
    assert_eq!((error.field.as_str(), error.source.as_deref()), ("rules.other", path.to_str()));
    assert_eq!((monitor.alerts().rules().len(), monitor.alerts().active()), (2, before.clone()), "as it was");
    let known = before;

    put(&format!("presets = []\nnamespace = \"new\"\n{}", rule("20%")));
    assert_eq!(monitor.reload().unwrap_err().field, "namespace");

    put(&format!("presets = []\n{}", rule("20%")));
    monitor.reload().unwrap();
    let [goes_on] = monitor.alerts().active().try_into().unwrap();
    assert_eq!((goes_on.id, goes_on.since), (known[0].id, known[0].since), "the same rule, judged by another limit");
    assert!(goes_on.message.ends_with("(warning above 20.0 %)"), "{}", goes_on.message);
    put(&format!("presets = []\n{}", rule("20%").replace("error_rate", "cancelled_rate")));
    monitor.reload().unwrap();
    assert!(monitor.alerts().active().is_empty(), "another rule, another alert");
    assert_eq!(monitor.alerts().history().last().unwrap().transition, Transition::Resolved);
    assert!(Monitor::builder().config_file("/no/such/file").build().unwrap_err().to_string().contains("/no/such/file"));
}

#[test]
fn rules_are_replaced_while_others_read_and_record() {
    let monitor = Monitor::builder().build().unwrap();
    let one = presets::standard();
    let other = only(
        Rule::builder("few")
            .metric(Kind::Operation)
            .statistic(Statistic::Rate)
            .condition(Condition::Below)
            .warning(1e9)
            .build()
            .unwrap(),
    );
    let until = Instant::now() + Duration::from_millis(300);
    thread::scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < until {
                monitor.replace_rules(&one);
                monitor.replace_rules(&other);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while Instant::now() < until {
                    monitor.operation("judging_race").record(SECOND, Outcome::Error);
                    monitor.tick();
                    let rules = monitor.alerts().rules().len();
                    assert!(rules == one.len() || rules == 1, "a set is there whole: {rules}");
                }
            });
        }
    });
    let statistics = monitor.alerts().statistics();
    let still = u64::try_from(statistics.firing_warning + statistics.firing_critical).unwrap();
    assert_eq!(statistics.fired, statistics.resolved + still, "each alert that fired fires still or has ended");
}

#[test]
fn the_parts_are_checked_one_by_one() {
    let monitor = Monitor::builder().build().unwrap();
    assert!(check_health(&monitor).keys().all(|name| name == "response_time_healthy"));
    monitor.record_mcp_call("context7", "resolve", SECOND, true);
    monitor.record_mcp_call("magic", "draw", SECOND, false);
    let checks = check_health(&monitor);
    assert_eq!((checks.get("context7_healthy"), checks.get("magic_healthy")), (Some(&true), Some(&false)));
    let json = serde_json::to_value(performance_health(&monitor)).unwrap();
    assert!(json["performance_metrics"]["memory_percent"].is_null());
}

#[test]
fn a_slow_response_alerts_by_itself_for_a_minute() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(presets::performance_monitor()).build().unwrap();
    let active = || monitor.alerts().active();
    monitor.record_response_time("judging_answer", Duration::from_secs(2));
    seconds(&clock, &monitor, 1, || {});
    assert!(active().is_empty(), "two seconds are not over two seconds");
    monitor.record_response_time("judging_answer", Duration::from_millis(2_340));
    seconds(&clock, &monitor, 1, || {});
    let alerts = active();
    assert_eq!(alerts.iter().map(|alert| alert.rule.as_str()).collect::<Vec<_>>(), ["slow-response"]);
    let message = &alerts[0].message;
    assert!(message.starts_with("Slow response: max of operation{operation=judging_answer} is 2."), "{message}");
    seconds(&clock, &monitor, 62, || {});
    assert!(active().is_empty());
}

#[test]
fn a_rule_looks_at_what_the_application_counts_itself() {
    let clock = ManualClock::hold();
    let deep = Rule::builder("deep-queue").metric("queue_depth").warning(100.0).build().unwrap();
    let full = Rule::builder("full-memory").metric("system_memory_utilization_ratio").critical(0.85).build().unwrap();
    let monitor = Monitor::builder().rules([deep, full].into_iter().collect()).build().unwrap();
    monitor.record_custom_metric("queue_depth", 250.0, "items");
    seconds(&clock, &monitor, 1, || monitor.record_custom_metric("system_memory_utilization_ratio", 0.95, "ratio"));
    let alerts = monitor.alerts().active();
    assert_eq!(alerts.iter().map(|alert| alert.rule.as_str()).collect::<Vec<_>>(), ["deep-queue", "full-memory"]);
    assert_eq!(alerts[0].value, Some(250.0));
    let json = serde_json::to_value(performance_health(&monitor)).unwrap();
    assert_eq!(json["health_indicators"]["resource_usage"], "red");
    assert!((json["performance_metrics"]["memory_percent"].as_f64().unwrap() - 95.0).abs() < 1e-9);
}

/// Stopped for 15 s; then `wakes` first looks at it.
fn a_call_seen_to_wait_for_4s(wakes: impl FnOnce(&ManualClock, &Monitor)) {
    let clock = ManualClock::hold();
    let stuck = Rule::builder("stuck").metric(Kind::Operation).statistic(Statistic::OldestInFlight).critical(10.0);
    let monitor = Monitor::builder().rules(only(stuck.build().unwrap())).build().unwrap();
    let mut call = std::pin::pin!(monitor.operation("judging_stopped").watch(std::future::pending::<()>()));
    assert!(call.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    seconds(&clock, &monitor, 4, || {});
    clock.advance(15 * SECOND);
    wakes(&clock, &monitor);
    monitor.tick();
    assert!(monitor.alerts().active().is_empty(), "stopped for 15 s, seen to wait for 4");
    let summary = monitor.summary(Window::LastMinute);
    let oldest = summary.find(Kind::Operation, &["judging_stopped"]).unwrap().oldest_in_flight;
    assert!(oldest.is_some_and(|oldest| (4.0..5.0).contains(&oldest)), "{oldest:?}");
    seconds(&clock, &monitor, 7, || {});
    assert_eq!(monitor.alerts().active().len(), 1, "now it is");
}

#[test]
fn a_call_is_not_stuck_because_the_process_was_stopped() {
    a_call_seen_to_wait_for_4s(|_, _| ());
}

/// A request for the dashboard waits on its socket meanwhile, and may be answered before the ticker runs.
#[test]
fn a_call_is_not_stuck_because_somebody_looked_before_the_ticker_went_on() {
    a_call_seen_to_wait_for_4s(|clock, monitor| {
        monitor.summary(Window::LastMinute);
        clock.advance(Duration::from_millis(300));
    });
    // Stopped again, as a machine is that wakes slowly.
    a_call_seen_to_wait_for_4s(|clock, monitor| {
        monitor.summary(Window::LastMinute);
        clock.advance(5 * SECOND);
    });
}

/// By the preset, and of a request.
#[test]
fn a_request_is_not_stuck_because_the_process_was_stopped() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let mut request = monitor.http_request("GET", "/judging/stopped");
    request.pause();
    let is_stuck = || monitor.alerts().active().iter().any(|alert| alert.rule == "http-stuck");
    seconds(&clock, &monitor, 2, || {});
    clock.advance(15 * SECOND);
    monitor.tick();
    assert!(!is_stuck(), "stopped for 15 s, seen to wait for 2 of the 3 that are allowed");
    seconds(&clock, &monitor, 5, || {});
    assert!(is_stuck(), "now it is");
}

#[test]
fn all_alerts_that_fit_are_acknowledged_at_once_and_none_by_a_filter_that_is_wrong() {
    let clock = ManualClock::hold();
    let names = ["judging_bulk_a", "judging_bulk_b", "judging_bulk_c", "judging_bulk_d"];
    let slow = Rule::builder("slow").metric(Kind::Operation).only("operation", names);
    let slow = slow.statistic(Statistic::P95).warning(1.0).label("team", "data").build().unwrap();
    let monitor = Monitor::builder().rules(only(slow)).build().unwrap();
    let call = |name: &str| monitor.operation(name).record(4 * SECOND, Outcome::Ok);
    names[..3].iter().copied().for_each(call);
    seconds(&clock, &monitor, 1, || {});
    let alerts = monitor.alerts();
    let first = alerts.active()[0].id;
    alerts.acknowledge(first, "bob", "mine", None).unwrap();
    let mark = |rule: Option<&str>, labels: &[(&str, &str)], by: &str| {
        let marked = alerts.acknowledge_where(rule, labels, by, "known", None);
        marked.map(|all| all.len()).map_err(|error| error.to_string())
    };
    assert!(mark(None, &[], "ada").unwrap_err().contains("every alert"));
    assert!(mark(Some("slaw"), &[], "ada").unwrap_err().contains("slaw"));
    assert!(mark(Some("slow"), &[("tabel", "users")], "ada").unwrap_err().contains("labels.tabel"));
    assert!(mark(Some("slow"), &[], "").unwrap_err().contains("by"));
    let by = |name: &str| {
        let marks = alerts.active().into_iter().filter_map(|alert| alert.acknowledged);
        marks.filter(|mark| mark.by == name).count()
    };
    assert_eq!((by("ada"), by("bob")), (0, 1), "nothing was marked");
    let known = alerts.events_since(0).last_seq;
    assert_eq!(mark(None, &[("team", "ops")], "ada"), Ok(0));
    assert_eq!(mark(Some("slow"), &[("team", "data")], "ada"), Ok(2));
    assert_eq!((by("ada"), by("bob")), (2, 1), "a mark that was there stays");
    let told: Vec<Transition> = alerts.events_since(known).events.iter().map(|event| event.transition).collect();
    assert_eq!(told, [Transition::Acknowledged; 2]);
    assert_eq!(alerts.statistics().acknowledged, 3);
    call(names[3]);
    seconds(&clock, &monitor, 1, || {});
    assert!(alerts.active()[3].acknowledged.is_none(), "it began later");
}

#[test]
fn a_filter_that_matches_everything_or_nothing_is_refused() {
    let monitor = Monitor::builder().build().unwrap();
    let until = std::time::SystemTime::now() + Duration::from_hours(1);
    let silence = |rule: Option<&str>, labels: &[(&str, &str)]| {
        let refused = monitor.alerts().silence(rule, labels, "ada", "", until);
        refused.map(drop).map_err(|error| error.to_string())
    };
    assert!(silence(None, &[]).unwrap_err().contains("every alert"));
    assert!(silence(None, &[("table", "")]).unwrap_err().contains("labels.table"));
    let unknown = silence(Some("db-latency"), &[("tabel", "users")]).unwrap_err();
    assert!(unknown.contains("labels.tabel") && unknown.contains("operation, table"), "{unknown}");
    assert_eq!(silence(Some("db-latency"), &[("table", "users")]), Ok(()));
    assert_eq!(silence(Some("db-latency"), &[]), Ok(()));
    assert_eq!(silence(Some("http-stuck"), &[("route", "/ask"), ("status", "")]), Ok(()), "a request that waits");
    let rule =
        Rule::builder("slow").metric(Kind::HttpRequest).statistic(Statistic::P95).warning(1.0).only("rout", ["/"]);
    let error = rule.build().unwrap_err();
    assert_eq!((error.field.as_str(), error.value.as_str()), ("rules.slow.only", "rout"));
    assert!(
        error.allowed.contains("method, route, status") && error.allowed.contains("\"route\""),
        "{}",
        error.allowed
    );
    let objective = Objective::new(Kind::DbOperation).only("tables", "users").success(99.9);
    let error = Monitor::builder().objective(objective).build().unwrap_err();
    assert_eq!((error.field.as_str(), error.value.as_str()), ("objectives.only", "tables"));
}
