use super::*;
use crate::measure::clock;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::{ErrorType, Label, Monitor};
use parse::{Number, Text, key};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

mod parse;

const FORMATS: [Format; 2] = [Format::Prometheus, Format::OpenMetrics];
const BILLION: Number = 1_000_000_000;

fn record(registry: &Registry, labels: &[&str], outcome: Outcome, millis: u64) {
    let nanos = clock::nanos(Duration::from_millis(millis));
    registry.series(Kind::McpCall, labels).own.record(outcome, nanos);
}

/// A read model, and what writes it.
struct Both(ReadModel, Renderer);

impl Both {
    fn new(prefix: &str) -> Self {
        let model = ReadModel::new(prefix, true);
        let renderer = Renderer::new(&model);
        Self(model, renderer)
    }
}

fn rendered(both: &Both, registry: &Registry, format: Format, others: &[Block]) -> String {
    let mut text = String::new();
    both.1.render(&both.0, registry, format, (others, None), &mut text);
    text
}

fn render(registry: &Registry, prefix: &str) -> String {
    rendered(&Both::new(prefix), registry, Format::Prometheus, &[])
}

#[test]
fn a_family_is_written_as_the_format_asks() {
    let registry = Registry::new();
    record(&registry, &["context7", "resolve"], Outcome::Ok, 15);
    record(&registry, &["context7", "resolve"], Outcome::Ok, 700_000);
    let text = render(&registry, "mcp_");
    let labels = r#"server="context7",capability="resolve",outcome="ok""#;
    for expected in [
        "# TYPE mcp_mcp_calls_total counter\n".to_owned(),
        format!("mcp_mcp_calls_total{{{labels}}} 2\n"),
        format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"0.01\"}} 0\n"),
        format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"0.02\"}} 1\n"),
        format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"1\"}} 1\n"),
        format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2\n"),
        format!("mcp_mcp_call_duration_seconds_sum{{{labels}}} 700.015\n"),
        format!("mcp_mcp_call_duration_seconds_count{{{labels}}} 2\n"),
        "mcp_mcp_calls_in_flight{server=\"context7\",capability=\"resolve\"} 0\n".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected:?} is not in\n{text}");
    }
    assert!(!text.contains("outcome=\"panicked\",le"), "no histogram before it is needed");
}

#[test]
fn openmetrics_names_counters_and_bounds_in_its_own_way() {
    let registry = Registry::new();
    record(&registry, &["context7", "resolve"], Outcome::Ok, 15);
    let text = rendered(&Both::new(""), &registry, Format::OpenMetrics, &[]);
    for expected in [
        "# TYPE mcp_calls counter\nmcp_calls_total{server=\"context7\"",
        "# TYPE mcp_call_duration_seconds histogram\n# UNIT mcp_call_duration_seconds seconds\n",
        "outcome=\"ok\",le=\"1.0\"} 1\n",
        "# TYPE mcp_calls_in_flight gauge\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let families = Text::parse(&text, Format::OpenMetrics).families;
    let durations = families.iter().find(|family| family.name == "mcp_call_duration_seconds").unwrap();
    assert_eq!(durations.unit.as_deref(), Some("seconds"));
}

#[test]
fn hostile_labels_cannot_break_out_of_their_quotes() {
    let registry = Registry::new();
    record(&registry, &["a\"} 1\nfake_total 2", "b\\"], Outcome::Ok, 1);
    let text = render(&registry, "");
    assert!(text.contains(r#"server="a\"} 1\nfake_total 2",capability="b\\""#), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#') || !line.starts_with("fake")), "{text}");
}

#[test]
fn workflows_without_a_site_count_their_steps() {
    let registry = Registry::new();
    registry.series(Kind::WorkflowStep, &["billing", "charge"]).own.start_away();
    registry.series(Kind::WorkflowStep, &["billing", "print"]).own.start_away();
    registry.series(Kind::WorkflowStep, &["nightly", "load"]).own.start_away();
    registry.series(Kind::Workflow, &["nightly"]);
    let text = render(&registry, "");
    assert!(text.contains("active_workflows{workflow=\"billing\"} 2\n"), "{text}");
    assert!(text.contains("active_workflows{workflow=\"nightly\"} 0\n"), "{text}");
    assert_eq!(text.matches("# TYPE active_workflows gauge").count(), 1);
}

#[test]
fn a_requests_gauge_is_without_the_status() {
    let registry = Registry::new();
    for status in ["", "200", "404"] {
        registry.series(Kind::HttpRequest, &["GET", "/a", status]).own.start_away();
    }
    registry.series(Kind::HttpRequest, &["GET", "/b", ""]).own.start_away();
    let text = Text::parse(&render(&registry, ""), Format::Prometheus);
    let in_flight = |route| text.get("http_requests_in_flight", &[("method", "GET"), ("route", route)]);
    assert_eq!((in_flight("/a"), in_flight("/b")), (Some(3 * BILLION), Some(BILLION)));
    let of_requests = text.families.iter().filter(|family| family.name.starts_with("http_"));
    assert_eq!(of_requests.count(), 1, "of calls that ended there is nothing to tell yet");
}

fn block(name: &str) -> Block {
    let text = format!("# HELP {name} x\n# TYPE {name} gauge\n{name}{{of=\"others\"}} 1\n");
    Block { name: name.to_owned(), texts: vec![text] }
}

#[test]
fn families_of_others_stand_between_ours_by_name_and_give_way_to_them() {
    let registry = Registry::new();
    record(&registry, &["a", "b"], Outcome::Ok, 1);
    let names = ["aaa", "http_requests_total", "mcp_call_duration_seconds_sum", "mcp_calls", "mcp_calls_total", "zzz"];
    let others = names.map(block);
    let told = |format| {
        let text = rendered(&Both::new(""), &registry, format, &others);
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: Vec<String> = families.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert!(names.is_sorted(), "{names:?}");
        names.into_iter().filter(|name| text.contains(&format!("{name}{{of=\"others\"}}"))).collect::<Vec<_>>()
    };
    assert_eq!(told(Format::Prometheus), ["aaa", "http_requests_total", "mcp_calls", "zzz"]);
    assert_eq!(told(Format::OpenMetrics), ["aaa", "http_requests_total", "zzz"]);
}

#[test]
fn sorts_of_errors_are_told_from_the_rest() {
    #[derive(ErrorType)]
    enum Failure {
        Late,
        Odd,
    }
    #[perf_runtime::monitor_tool("text_failing")]
    fn failing(odd: bool) -> Result<(), Failure> {
        Err(if odd { Failure::Odd } else { Failure::Late })
    }
    #[perf_runtime::monitor_tool("text_failing")]
    fn failing_too() -> Result<(), ()> {
        Err(())
    }
    let (registry, renderer) = (Registry::new(), Both::new(""));
    let shown = || {
        let text = Text::parse(&rendered(&renderer, &registry, Format::Prometheus, &[]), Format::Prometheus);
        let own = [("tool", "text_failing"), ("outcome", "error")];
        let of = |sort| text.get("tool_calls_total", &[own[0], own[1], ("error_type", sort)]);
        [text.get("tool_calls_total", &own), of("late"), of("odd")]
    };
    assert_eq!(shown(), [Some(0); 3], "the signature shows them");
    let _ = (failing(true), failing(true), failing(false), failing_too());
    assert_eq!(shown(), [Some(BILLION), Some(BILLION), Some(2 * BILLION)]);
    let _ = (failing(true), failing_too());
    assert_eq!(shown(), [Some(2 * BILLION), Some(BILLION), Some(3 * BILLION)]);
}

/// One call: the places of its labels, its outcome and its duration.
type Call = (usize, usize, usize, u64);

fn value() -> impl Strategy<Value = String> {
    prop::string::string_regex("[a-z\\\\\"\n {}=,#é世\u{1F980}\u{7F}]{0,12}").unwrap()
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let nanos = prop_oneof![0..2_000_u64, 0..20_000_000_000_u64, Just(1 << 47)];
    prop::collection::vec((0..4_usize, 0..4_usize, 0..4_usize, nanos), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the labels are: what is read back from a text is what was counted, exactly.
    #[test]
    fn what_is_written_reads_back(values in prop::collection::vec(value(), 4), calls in calls()) {
        let registry = Registry::new();
        let mut counted: BTreeMap<(usize, usize, usize), Vec<u64>> = BTreeMap::new();
        for &(server, capability, outcome, nanos) in &calls {
            let series = registry.series(Kind::McpCall, &[&values[server], &values[capability]]);
            series.own.record(Outcome::ALL[outcome], nanos);
            // Values may be equal: then it is the first place that counts.
            let place = |place: usize| values.iter().position(|value| *value == values[place]).unwrap();
            counted.entry((place(server), place(capability), outcome)).or_default().push(nanos);
        }
        for format in FORMATS {
            let text = Text::parse(&rendered(&Both::new("ns_"), &registry, format, &[]), format);
            for (&(server, capability, outcome), nanos) in &counted {
                let labels = [("server", &*values[server]), ("capability", &*values[capability])];
                let labels = [labels[0], labels[1], ("outcome", Outcome::ALL[outcome].as_str())];
                let count = nanos.len() as Number * BILLION;
                let of = |suffix: &str| text.get(&format!("ns_mcp_call_duration_seconds{suffix}"), &labels);
                prop_assert_eq!(of("_count"), Some(count));
                prop_assert_eq!(of("_sum"), Some(nanos.iter().map(|&nanos| Number::from(nanos)).sum()));
                prop_assert_eq!(text.get("ns_mcp_calls_total", &labels), Some(count));
                for bound in Kind::McpCall.family().bounds {
                    let le = match format {
                        Format::Prometheus => bound.to_string(),
                        Format::OpenMetrics => format!("{bound:?}"),
                    };
                    let bucket = [labels[0], labels[1], labels[2], ("le", &*le)];
                    let below = nanos.iter().filter(|&&nanos| nanos as f64 <= (bound * 1e9).round()).count();
                    let shown = text.get("ns_mcp_call_duration_seconds_bucket", &bucket);
                    prop_assert_eq!(shown, Some(below as Number * BILLION), "le={}", le);
                }
            }
        }
    }

    /// The state that a renderer keeps from scrape to scrape never shows: a new one writes the same.
    #[test]
    fn an_old_renderer_writes_what_a_new_one_does(
        values in prop::collection::vec(value(), 4),
        scrapes in prop::collection::vec(calls(), 1..6),
    ) {
        let (registry, old) = (Registry::new(), Both::new(""));
        for calls in scrapes {
            for (server, capability, outcome, nanos) in calls {
                let series = registry.series(Kind::McpCall, &[&values[server], &values[capability]]);
                series.own.record(Outcome::ALL[outcome], nanos);
            }
            for format in FORMATS {
                let (old, new) = [&old, &Both::new("")].map(|one| rendered(one, &registry, format, &[])).into();
                // Other tests call their functions meanwhile, which every registry knows.
                let own = |text: &str| text.lines().filter(|line| line.starts_with("mcp_")).map(str::to_owned).collect();
                let (old, new): (Vec<String>, Vec<String>) = (own(&old), own(&new));
                prop_assert!(old == new);
            }
        }
    }
}

/// While threads call, fail and make series, no scrape shows a counter smaller than the scrape before, nor a histogram
/// whose count is not its last bucket; and at the end every call is there.
#[test]
fn counters_never_go_backwards_in_any_scrape() {
    #[derive(ErrorType)]
    enum Failure {
        Late,
    }
    #[derive(Clone, Copy, Label)]
    enum Way {
        Well,
        Late,
    }
    #[perf_runtime::monitor_tool("text_storm", labels(way = way))]
    fn call(way: Way) -> Result<(), Failure> {
        if matches!(way, Way::Late) { Err(Failure::Late) } else { Ok(()) }
    }
    #[perf_runtime::monitor_tool("text_storm", labels(way = way))]
    fn call_too(way: Way) -> Result<(), ()> {
        if matches!(way, Way::Late) { Err(()) } else { Ok(()) }
    }
    #[perf_runtime::monitor_tool("text_waiting")]
    async fn wait() {
        tokio::task::yield_now().await;
    }
    const CALLS: usize = 3_000;
    let monitor = Monitor::builder().build().unwrap();
    let running = AtomicBool::new(true);
    thread::scope(|scope| {
        for format in FORMATS {
            let (monitor, running) = (&monitor, &running);
            scope.spawn(move || {
                let mut before = Text::parse(&scrape(monitor, format), format);
                while running.load(Ordering::Relaxed) {
                    let now = Text::parse(&scrape(monitor, format), format);
                    agrees_with_itself(&now);
                    follows(&now, &before);
                    before = now;
                }
            });
        }
        let callers: Vec<_> = (0..4)
            .map(|thread| {
                let monitor = &monitor;
                scope.spawn(move || {
                    for turn in 0..CALLS {
                        let way = if turn % 3 == 0 { Way::Late } else { Way::Well };
                        let _ = (call(way), call_too(way));
                        let mut waiting = pin!(wait());
                        while waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
                        if turn % 100 == 0 {
                            monitor
                                .operation(&format!("text storm {thread} {turn}"))
                                .record(Duration::ZERO, Outcome::Ok);
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.join().unwrap();
        }
        running.store(false, Ordering::Relaxed);
    });
    for format in FORMATS {
        let text = Text::parse(&scrape(&monitor, format), format);
        agrees_with_itself(&text);
        let late = [("tool", "text_storm"), ("way", "late"), ("outcome", "error"), ("error_type", "late")];
        let each = 4 * CALLS as Number / 3 * BILLION;
        assert_eq!(text.get("tool_calls_total", &late), Some(each));
        assert_eq!(text.get("tool_calls_total", &late[..3]), Some(each));
        let [busy, whole] = ["busy_seconds_total", "duration_seconds_sum"].map(|name| {
            let labels = [("tool", "text_waiting"), ("outcome", "ok")];
            let labels = if name.starts_with("busy") { &labels[..1] } else { &labels };
            text.get(&format!("tool_call_{name}"), labels)
        });
        assert!(busy > Some(0) && busy < whole, "{busy:?} of {whole:?}");
    }
}

fn scrape(monitor: &Monitor, format: Format) -> String {
    match format {
        Format::Prometheus => monitor.render_prometheus(),
        Format::OpenMetrics => monitor.render_openmetrics(),
    }
}

fn agrees_with_itself(text: &Text) {
    for ((name, labels), count) in text.samples.iter().filter(|((name, _), _)| name.ends_with("_seconds_count")) {
        let mut bucket = key(&name.replace("_count", "_bucket"), &[]);
        bucket.1 = labels.iter().cloned().chain([("le".to_owned(), "+Inf".to_owned())]).collect();
        assert_eq!(text.samples.get(&bucket), Some(count), "{name} {labels:?}");
    }
}

fn follows(now: &Text, before: &Text) {
    for (sample, value) in before.samples.iter().filter(|((name, _), _)| !name.ends_with("_in_flight")) {
        let later = now.samples.get(sample);
        assert!(later >= Some(value), "{sample:?} was {value} and is {later:?}");
    }
}
