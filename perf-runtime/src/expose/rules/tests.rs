use super::*;
use crate::judge::objective::tracker::Promise;
use crate::judge::rule::condition::Condition;
use crate::judge::rule::preset::presets;
use crate::judge::rule::set::RuleSet;
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of its own, removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("perf-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Runs promtool, if it is installed, and asserts that it found nothing. With `PERF_REQUIRE_SERVERS` it must be.
pub(super) fn promtool(arguments: &[&str], file: &Path) {
    match Command::new("promtool").args(arguments).arg(file).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            let shown: String = said.chars().take(4_000).collect();
            assert!(output.status.success(), "{arguments:?}: {shown}");
        }
        Err(error) => {
            assert!(std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "promtool: {error}");
            println!("skipped: promtool: {error}");
        }
    }
}

pub(super) fn checkout(promise: Promise) -> ObjectiveReport {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ObjectiveReport {
        series: "operation{operation=checkout}".to_owned(),
        labels: vec![pair("kind", "operation"), pair("operation", "checkout")].into(),
        promise,
        target: 0.99,
        latency: (promise == Promise::Latency).then_some(1.0),
        covered: 0.0,
        calls: 0,
        bad: 0,
        budget_left: 1.0,
        burn_rate: None,
    }
}

/// One rule of each sort that can be exported.
fn of_every_sort() -> RuleSet {
    let minute = Duration::from_secs(60);
    let gauge = |id: &str| Rule::builder(id).metric("queue_depth");
    let calls = |id: &str, statistic| Rule::builder(id).metric(Kind::DbOperation).statistic(statistic);
    let none: [&str; 0] = [];
    let rules = [
        gauge("above").warning(10.0).critical(20.0),
        gauge("at-least").condition(Condition::AtLeast).warning(10.0),
        gauge("below").condition(Condition::Below).warning(10.0).critical(5.0),
        gauge("at-most").condition(Condition::AtMost).warning(-3.0),
        gauge("outside").condition(Condition::Outside).warning((2.0, 8.0)).critical((1.0, 9.0)),
        gauge("absent").only("queue", ["mail"]).absent(Severity::Critical),
        gauge("waits").warning(10.0).hold_for(5 * minute).keep_firing_for(minute),
        gauge("recovers").warning(10.0).recovery(5.0).label("team", "mail"),
        gauge("changes").warning(10.0).change_over(5 * minute),
        gauge("falls").condition(Condition::Below).warning(-10.0).change_over(5 * minute),
        gauge("divided").divided_by("queue_capacity").warning(0.9),
        gauge("added-up").by(none).warning(10.0),
        gauge("some").only("queue", ["mail", "a.b|c"]).except("host", ["a", "b\"\\"]).warning(10.0),
        calls("calls", Statistic::Calls).warning(1_000.0),
        calls("rate", Statistic::Rate).condition(Condition::Below).warning(1.0),
        calls("errors", Statistic::ErrorRate).warning(0.01).critical(0.05).min_samples(20),
        calls("success", Statistic::SuccessRate).condition(Condition::Below).by(["table"]).warning(0.8),
        calls("cancelled", Statistic::CancelledRate).warning(0.1),
        calls("mean", Statistic::Mean).warning(0.25).only("operation", ["select"]),
        calls("p50", Statistic::P50).warning(0.1),
        calls("p90", Statistic::P90).condition(Condition::Below).warning(0.01),
        calls("p95", Statistic::P95).warning(0.5).critical(1.0).min_samples(20),
        calls("p99", Statistic::P99).warning(2.0).hold_for(minute),
        calls("soon", Statistic::P95).warning(0.5).min_samples(20).recovery_window(Window::LastMinute),
        calls("soon-divided", Statistic::Rate)
            .divided_by(Kind::HttpRequest)
            .by(none)
            .condition(Condition::Outside)
            .warning((0.5, 2.0))
            .recovery_window(Window::LastMinute),
        calls("in-flight", Statistic::InFlight).warning(50.0),
    ];
    rules.into_iter().map(|rule| rule.description("a \"quoted\" {{ text }}").build().unwrap()).collect()
}

fn passes(name: &str, written: &PrometheusRules) {
    let folder = Folder::new(name);
    let rules = folder.write("perf.rules.yml", &written.rules);
    promtool(&["check", "rules"], &rules);
    promtool(&["test", "rules"], &folder.write("perf.tests.yml", &written.tests));
}

#[test]
fn promtool_passes_the_test_of_every_sort_of_rule() {
    let rules = of_every_sort();
    let written = write(rules.iter(), &[], |_| LeftOut::default(), "mcp_", RuleProfile::Current);
    assert_eq!(written.left_out, []);
    for rule in rules.iter() {
        assert!(written.tests.contains(&format!("\"{} fires", rule.id())), "{} has no test", rule.id());
    }
    passes("sorts", &written);
}

#[test]
fn promtool_passes_the_presets_and_says_what_is_left_out() {
    let objectives = [checkout(Promise::Latency), checkout(Promise::Success)];
    let rules = presets::standard();
    let written = write(rules.iter(), &objectives, |_| LeftOut::default(), "mcp_", RuleProfile::Current);
    promtool(&["check", "rules"], &Folder::new("presets").write("perf.rules.yml", &written.rules));
    // In two files, for promtool looks at all rules of one at every step of every test in it.
    passes("presets-alone", &write(rules.iter(), &[], |_| LeftOut::default(), "mcp_", RuleProfile::Current));
    passes("objectives", &write([], &objectives, |_| LeftOut::default(), "mcp_", RuleProfile::Current));
    assert_eq!(written.rules.matches("- alert: \"objective-burn-").count(), 8);
    let left_out: Vec<_> = written.left_out.iter().map(|(id, _)| id.rsplit('-').next().unwrap()).collect();
    assert_eq!((left_out.len(), left_out.iter().all(|what| ["slow", "stuck"].contains(what))), (16, true));
    let only: Vec<_> = rules.iter().filter(|rule| !left_out.contains(&rule.id())).collect();
    assert!(only.len() > 20);
}

#[test]
fn what_a_rule_file_has_no_word_for_is_said() {
    let rule = Rule::builder("deep").metric("queue_depth").warning(10.0).cooldown(Duration::from_secs(60));
    let rule = rule.no_data(NoData::Alert(Duration::from_secs(60))).build().unwrap();
    let written = write([&rule], &[], |_| LeftOut::default(), "", RuleProfile::Current);
    assert_eq!(written.only_here, [("deep".to_owned(), "cooldown"), ("deep".to_owned(), "no_data")]);
    assert!(written.rules.contains("# Without a word here: cooldown of deep.\n"));
    passes("words", &written);
}

#[test]
fn the_plain_profile_has_no_word_that_older_engines_lack() {
    let rules = of_every_sort();
    let written = write(rules.iter(), &[], |_| LeftOut::default(), "", RuleProfile::Plain);
    assert!(!written.rules.contains("keep_firing_for") && !written.rules.contains("ALERTS"));
    promtool(&["check", "rules"], &Folder::new("plain").write("perf.rules.yml", &written.rules));
}
