//! The process's own monitor: before and after it is installed. One test, for there is one in a process; all others are
//! isolated from it.

mod isolated;

use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::{InstallError, Kind, Monitor, monitor, monitor_tool};
use std::thread;
use std::time::{Duration, Instant};

#[monitor_tool("early")]
fn early() {}

#[test]
fn there_is_always_a_monitor_and_one_that_is_installed() {
    early();
    assert!(monitor().render_prometheus().contains(r#"tool_calls_total{tool="early",outcome="ok"} 1"#));

    let refused = Monitor::builder().namespace("9lives").install().unwrap_err();
    assert!(matches!(&refused, InstallError::Config(error) if error.field == "namespace"), "{refused}");
    assert!(monitor().render_prometheus().contains("\ntool_calls_total"), "nothing was half applied");

    let rule = Rule::builder("failing").metric(Kind::McpCall).statistic(Statistic::ErrorRate).warning(0.5);
    let rules = [rule.build().unwrap()].into_iter().collect();
    let installed = Monitor::builder().namespace("mcp").rules(rules).install().unwrap();
    assert!(matches!(Monitor::builder().install(), Err(InstallError::AlreadyInstalled)));
    let current = Monitor::builder().namespace("other").install_or_current().unwrap();
    assert!(current.render_prometheus().contains("\nmcp_tool_calls_total"), "the one that is there");
    assert!(Monitor::builder().namespace("9lives").install_or_current().is_err(), "a setting is checked all the same");
    assert!(monitor().render_prometheus().contains(r#"mcp_tool_calls_total{tool="early",outcome="ok"} 1"#));

    // The ticker judges by itself, without any runtime.
    for _ in 0..30 {
        installed.record_mcp_call("context7", "resolve", Duration::from_secs(9), false);
    }
    let patience = Instant::now();
    while installed.alerts().active().is_empty() {
        assert!(patience.elapsed() < Duration::from_secs(30), "no tick came");
        thread::sleep(Duration::from_millis(20));
    }
    let alert = &installed.alerts().active()[0];
    assert!(installed.alerts().acknowledge(alert.id, "ada", "looking", None).is_ok());
    assert!(installed.alerts().acknowledge(alert.id + 100, "ada", "", None).is_err());
}
