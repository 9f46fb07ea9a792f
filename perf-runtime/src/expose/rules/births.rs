//! Series that are born with failures: exported rules see them, as ours do.

use super::tests::{Folder, checkout, promtool};
use super::*;
use crate::judge::objective::tracker::Promise;
use crate::judge::rule::preset::presets;
use crate::observe::history::window::Window;

/// The alerts that promtool is to find firing of one rule, fifteen seconds a sample.
struct Case {
    name: &'static str,
    series: &'static [(&'static str, &'static str)],
    rule: &'static str,
    /// Seconds, and whether it fires then.
    fires: &'static [(u32, bool)],
}

const OK: &str = "http_requests_total{method=\"GET\",route=\"/cart\",status=\"200\",outcome=\"ok\"}";
const FAILED: &str = "http_requests_total{method=\"GET\",route=\"/cart\",status=\"503\",outcome=\"error\"}";
const ROUTE: &str = "method=\"GET\",route=\"/cart\"";
const TIMEOUT: &str = "tool_calls_total{tool=\"search\",outcome=\"error\",error_type=\"timeout\"}";
const MISSING: &str = "tool_calls_total{tool=\"search\",outcome=\"error\",error_type=\"missing\",expected=\"true\"}";
const FOUND: &str = "tool_calls_total{tool=\"search\",outcome=\"ok\"}";
const TOOL: &str = "tool=\"search\"";

/// An alert's labels are those of its rule's series; of requests, those without the status.
fn test_file(cases: &[Case]) -> String {
    let mut text = "rule_files: [perf.rules.yml]\nevaluation_interval: 15s\ntests:\n".to_owned();
    for Case { name, series, rule, fires } in cases {
        let _ = writeln!(text, "  - name: {}\n    interval: 15s\n    input_series:", quoted(name));
        for (series, values) in *series {
            let _ = writeln!(text, "      - {{series: {}, values: {}}}", quoted(series), quoted(values));
        }
        text.push_str("    promql_expr_test:\n");
        let labels = if rule.starts_with("http") { ROUTE } else { TOOL };
        for (second, fires) in *fires {
            let alerts = format!("ALERTS{{alertname=\"{rule}\",alertstate=\"firing\",severity=\"critical\",{labels}}}");
            let _ = writeln!(text, "      - expr: {}\n        eval_time: {second}s", quoted(&alerts));
            let found = format!("[{{labels: {}, value: 1}}]", quoted(&alerts));
            let _ = writeln!(text, "        exp_samples: {}", if *fires { found.as_str() } else { "[]" });
        }
    }
    text
}

fn holds(name: &str, cases: &[Case]) {
    let rules = presets::standard();
    let written = write(rules.iter(), &[], |_| LeftOut::default(), "", RuleProfile::Current);
    let folder = Folder::new(name);
    folder.write("perf.rules.yml", &written.rules);
    promtool(&["test", "rules"], &folder.write("perf.tests.yml", &test_file(cases)));
}

#[test]
fn a_series_that_is_born_with_failures_is_seen() {
    holds(
        "births",
        &[
            Case {
                name: "alone",
                series: &[(FAILED, "_x20 60+0x40")],
                rule: "http-errors",
                fires: &[(240, false), (420, true), (540, true), (660, false)],
            },
            Case {
                name: "beside a good one",
                series: &[(OK, "0+10x60"), (FAILED, "_x20 60+0x40")],
                rule: "http-errors",
                // It ends once the last minute was well.
                fires: &[(240, false), (345, true), (540, false), (720, false)],
            },
            Case {
                name: "too few to tell",
                series: &[(FAILED, "_x20 20+0x40")],
                rule: "http-errors",
                fires: &[(420, false), (540, false)],
            },
            Case {
                name: "one that was there before, with failures of long ago",
                series: &[(OK, "1000+10x80"), (FAILED, "5000+0x80")],
                rule: "http-errors",
                fires: &[(360, false), (720, false)],
            },
            Case {
                name: "one whose process starts anew",
                series: &[(OK, "1000+10x40 0+10x40"), (FAILED, "100+0x40 0+0x40")],
                rule: "http-errors",
                fires: &[(480, false), (720, false), (840, false)],
            },
            Case {
                name: "one that nobody scraped for eight minutes",
                series: &[(OK, "1000+10x20 _x32 1520+10x40"), (FAILED, "5000+0x20 _x32 5000+0x40")],
                rule: "http-errors",
                fires: &[(840, false), (960, false), (1200, false)],
            },
            Case {
                name: "a sort of error that comes with a burst, and another that was there at zero",
                series: &[(FOUND, "0+5x60"), (TIMEOUT, "0+0x20 500+0x40")],
                rule: "tool-errors",
                fires: &[(240, false), (420, true), (720, false)],
            },
        ],
    );
}

#[test]
fn expected_errors_are_no_failures_there_either() {
    holds(
        "expected",
        &[
            Case {
                name: "expected",
                series: &[(FOUND, "0+5x60"), (MISSING, "0+50x60")],
                rule: "tool-errors",
                fires: &[(300, false), (600, false)],
            },
            Case {
                name: "expected beside others",
                series: &[(FOUND, "0+5x60"), (MISSING, "0+5x60"), (TIMEOUT, "0+5x60")],
                rule: "tool-errors",
                fires: &[(600, true)],
            },
        ],
    );
}

/// The shares of our own rules and the exported ones are the same numbers of the same calls.
#[test]
fn expressions_leave_out_what_is_meant() {
    let cancelled = Rule::builder("cancelled").metric(Kind::Tool).statistic(Statistic::CancelledRate);
    let rule = cancelled.window(Window::Last5Minutes).warning(0.5).build().unwrap();
    let written = write([&rule], &[], |_| LeftOut::default(), "", RuleProfile::Current);
    assert!(written.rules.contains("expected=\\\"true\\\""), "{}", written.rules);
    let objective = checkout(Promise::Success);
    let rules = presets::standard();
    let written = write(rules.iter(), &[objective], |_| LeftOut::default(), "", RuleProfile::Current);
    let burn = written.rules.split("objective-burn-5m-1h").nth(1).unwrap();
    assert!(burn.contains("expected=") && burn.contains("unless count_over_time("), "{burn}");
    let of_tools = |waits, streams| {
        let left_out = move |kind| if kind == Kind::Tool { LeftOut { waits, streams } } else { LeftOut::default() };
        write(rules.iter(), &[], left_out, "", RuleProfile::Current)
    };
    let waits = of_tools(true, false);
    assert!(waits.only_here.contains(&("tool-latency".to_owned(), "waits")));
    assert!(waits.rules.contains("# Without a word here: waits of tool-latency.\n"));
    assert!(!waits.only_here.iter().any(|(id, setting)| *setting == "waits" && !id.starts_with("tool-")));
    let streams = of_tools(false, true);
    assert!(streams.rules.contains("# Without a word here: streams of tool-latency.\n"), "{}", streams.rules);
    assert!(!streams.only_here.iter().any(|(_, setting)| *setting == "waits"));
}
