//! Rules on budgets, cost and tokens, the indicator, and agents that go round in circles.

use super::told;
use perf_llm::meter::{LoopView, Meter, Plan};
use perf_llm::{BudgetSetting, Llm, Money, Settings, presets, rules};
use perf_runtime::alert::Severity;
use perf_runtime::extend::ToldUsage;
use perf_runtime::health::IndicatorStatus;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, MonitorBuilder, monitor_agent, monitor_llm_call};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn judging(change: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> (Monitor, Llm) {
    let monitor = change(Llm::set_up(Monitor::builder())).build().unwrap();
    let llm = Llm::with_settings(&monitor, Settings::default()).unwrap();
    (monitor, llm)
}

fn tick(monitor: &Monitor, clock: &ManualClock, by: Duration) {
    clock.advance(by);
    monitor.tick();
}

/// The alerts that fire, by rule, with the name of their series.
fn firing(monitor: &Monitor) -> Vec<(String, Severity, String)> {
    let alerts = monitor.alerts().active().into_iter().filter(|alert| alert.rule.starts_with("llm-"));
    let of = |labels: &std::collections::BTreeMap<String, String>| {
        ["name", "tool"].iter().find_map(|label| labels.get(*label)).cloned().unwrap_or_default()
    };
    let mut firing: Vec<_> = alerts.map(|alert| (alert.rule.clone(), alert.severity, of(&alert.labels))).collect();
    firing.sort_by(|one, other| (&one.0, &one.2).cmp(&(&other.0, &other.2)));
    firing
}

fn indicator(monitor: &Monitor) -> Option<IndicatorStatus> {
    let health = monitor.health();
    health.indicators().iter().find(|one| one.name() == "model budgets").map(perf_runtime::health::Indicator::status)
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
async fn ask(input: u64, picos: i64) -> ToldUsage {
    told(input, 0, picos)
}

#[test]
fn no_rule_is_refused() {
    let ids: Vec<_> = rules().iter().map(|rule| (rule.id().to_owned(), rule.is_enabled())).collect();
    let expected = [
        ("llm-budget", true),
        ("llm-budget-burn", true),
        ("llm-budget-refusals", true),
        ("llm-loop", true),
        ("llm-cost", false),
        ("llm-tokens", false),
        ("llm-unpriced", false),
    ];
    assert_eq!(ids, expected.map(|(id, enabled)| (id.to_owned(), enabled)));
    let spending = presets::spending(Money::from_dollars(3).unwrap(), 500);
    assert!(spending.iter().all(perf_runtime::rule::Rule::is_enabled) && spending.len() == 7);
    let threshold = |id: &str| spending.get(id).unwrap().threshold(Severity::Warning).unwrap().numbers().next();
    assert_eq!((threshold("llm-cost"), threshold("llm-tokens")), (Some(3.0), Some(500.0)));
}

#[tokio::test]
async fn a_budget_that_is_nearly_spent_is_told_and_one_without_room_is_critical() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = judging(|builder| builder);
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("forever").tokens(1_000)).unwrap();
    meter.add_budget(BudgetSetting::per("forever").tokens(100).user("*")).unwrap();
    tick(&monitor, &clock, MINUTE);
    assert_eq!((firing(&monitor), indicator(&monitor)), (vec![], None), "nobody has used a budget yet");
    ask(790, 1).await;
    tick(&monitor, &clock, MINUTE);
    tick(&monitor, &clock, MINUTE);
    assert_eq!((firing(&monitor), indicator(&monitor)), (vec![], Some(IndicatorStatus::Green)));
    // Of a user, who is told by the refusal.
    let mine = Plan::new("ollama", "llama", 10, 0).user("ada");
    meter.reserve(&mine).unwrap().settle(&told(100, 0, 1));
    tick(&monitor, &clock, MINUTE);
    assert!(firing(&monitor).is_empty(), "it might be reserved alone, for a moment");
    tick(&monitor, &clock, MINUTE);
    let all = |rule: &str, severity| (rule.to_owned(), severity, String::new());
    assert_eq!(firing(&monitor), [all("llm-budget", Severity::Warning)]);
    assert_eq!(indicator(&monitor), Some(IndicatorStatus::Yellow));
    // The rest is too little for the next one.
    meter.reserve(&mine).unwrap_err();
    meter.reserve(&Plan::new("ollama", "llama", 500, 0)).unwrap_err();
    tick(&monitor, &clock, MINUTE);
    let refused = [all("llm-budget", Severity::Warning), all("llm-budget-refusals", Severity::Critical)];
    assert_eq!(firing(&monitor), refused);
    let text = monitor.render_prometheus();
    for (name, labels, value) in [
        ("llm_budget_refusals_total", "reason=\"no_room\",scope=\"all\"", " 1"),
        ("llm_budget_refusals_total", "name=\"ada\",reason=\"no_room\"", " 1"),
        ("llm_budget_used_ratio", "name=\"ada\"", " 1"),
    ] {
        let mut lines = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        assert!(lines.next().is_some_and(|line| line.ends_with(value)), "{name} {labels}: {text}");
    }
    ask(200, 1).await;
    for _ in 0..6 {
        tick(&monitor, &clock, MINUTE);
    }
    assert_eq!(firing(&monitor), [all("llm-budget", Severity::Critical)], "nothing was refused for five minutes");
    assert_eq!(indicator(&monitor), Some(IndicatorStatus::Red));
}

#[test]
fn refusals_of_more_names_than_a_metric_has_are_counted_together_and_none_is_lost() {
    refusals_of_many_names(200, 60);
    // A label may have fewer values: a third of them each.
    refusals_of_many_names(31, 10);
}

fn refusals_of_many_names(values: usize, names: usize) {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = judging(|builder| builder.max_label_values(values));
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("forever").tokens(1).user("*")).unwrap();
    for number in 0..150 {
        meter.reserve(&Plan::new("ollama", "llama", 2, 0).user(&format!("user {number}"))).unwrap_err();
    }
    meter.add_budget(BudgetSetting::per("forever").tokens(1).model("*")).unwrap();
    for number in 0..150 {
        meter.reserve(&Plan::new("ollama", &format!("model {number}"), 2, 0)).unwrap_err();
    }
    meter.budgets().stop("enough");
    meter.reserve(&Plan::new("ollama", "llama", 0, 0)).unwrap_err();
    tick(&monitor, &clock, MINUTE);
    let text = monitor.render_prometheus();
    let counts = text.lines().filter(|line| line.starts_with("llm_budget_refusals_total{"));
    let counts: Vec<u64> = counts.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
    assert_eq!(counts.iter().sum::<u64>(), 301, "each counts once: {text}");
    assert_eq!(counts.len(), 2 * (names + 1) + 1, "so many names of each kind, and the rest together");
}

#[tokio::test]
async fn the_pace_of_a_budget_says_how_long_it_lasts() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = judging(|builder| builder);
    llm.meter().add_budget(BudgetSetting::per("forever").tokens(100_000)).unwrap();
    llm.meter().add_budget(BudgetSetting::per("month").calls(500)).unwrap();
    let lasts = |meter: &Meter| meter.view().budgets.iter().map(|budget| budget.lasts_seconds).collect::<Vec<_>>();
    for minute in 0..300_u64 {
        ask(100, 1).await;
        tick(&monitor, &clock, MINUTE);
        if minute < 239 {
            assert_eq!(lasts(llm.meter()), [None, None], "{minute}: it was not watched for four hours");
        }
    }
    // 300 calls of 100 tokens, one a minute: 70,000 tokens are left, and 200 calls.
    let [Some(tokens), Some(calls)] = lasts(llm.meter())[..] else { panic!("{:?}", lasts(llm.meter())) };
    assert!((tokens / 60.0 - 700.0).abs() < 5.0 && (calls / 60.0 - 200.0).abs() < 5.0, "{tokens} {calls}");
    let budgets = llm.meter().view().budgets;
    assert_eq!((budgets[0].ends.is_some(), budgets[1].ends.is_some()), (false, true));
    let text = monitor.render_prometheus();
    let burning: Vec<_> = text.lines().filter(|line| line.starts_with("llm_budget_burn_ratio{")).collect();
    assert!(
        burning.len() == 1 && burning[0].contains("period=\"month\""),
        "what never begins anew has no end: {burning:?}"
    );
    // It rests, and then lasts for ever.
    for _ in 0..25 * 60 {
        tick(&monitor, &clock, MINUTE);
    }
    assert_eq!(lasts(llm.meter()), [None, None]);
}

#[tokio::test]
async fn an_hour_that_is_too_dear_is_told_where_somebody_says_what_that_is() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = judging(|builder| builder.rules(presets::spending(Money::from_dollars(5).unwrap(), 1_000)));
    tick(&monitor, &clock, MINUTE);
    assert!(!monitor.render_prometheus().contains("llm_cost_last_hour"), "no call was seen");
    ask(400, 3_000_000_000_000).await;
    tick(&monitor, &clock, MINUTE);
    assert!(firing(&monitor).is_empty());
    ask(601, 2_500_000_000_000).await;
    llm.meter().reserve(&Plan::new("ollama", "llama", 1, 1)).unwrap().settle(&None::<ToldUsage>);
    tick(&monitor, &clock, MINUTE);
    let rules: Vec<_> = firing(&monitor).into_iter().map(|(rule, ..)| rule).collect();
    assert_eq!(rules, ["llm-cost", "llm-tokens", "llm-unpriced"]);
    let text = monitor.render_prometheus();
    assert!(
        text.contains("llm_cost_last_hour_dollars 5.5\n") && text.contains("llm_tokens_last_hour 1001\n"),
        "{text}"
    );
    for _ in 0..63 {
        tick(&monitor, &clock, MINUTE);
    }
    assert!(firing(&monitor).is_empty(), "that was an hour ago");
}

#[monitor_agent("searcher")]
async fn search(meter: &Meter, times: u64, go_on: &tokio::sync::Notify) -> Option<u64> {
    let mut last = None;
    for _ in 0..times {
        last = meter.tool_called("search", &("rust", 10));
        // The same tool with others, and another one with the same.
        meter.tool_called("search", &("rust", last));
        meter.tool_called("read", &("rust", 10));
    }
    go_on.notified().await;
    last
}

#[tokio::test]
async fn an_agent_that_calls_the_same_tool_with_the_same_arguments_is_found() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = judging(|builder| builder);
    let (meter, go_on) = (llm.meter(), tokio::sync::Notify::new());
    assert_eq!(meter.tool_called("search", "rust"), None, "in no run");
    go_on.notify_one();
    assert_eq!(search(meter, 7, &go_on).await, Some(7));
    tick(&monitor, &clock, MINUTE);
    assert_eq!((meter.view().loops, firing(&monitor)), (vec![], vec![]));
    let mut run = Box::pin(search(meter, 9, &go_on));
    assert!(futures_poll(&mut run).await.is_pending());
    tick(&monitor, &clock, MINUTE);
    let found: Vec<_> = meter.view().loops.iter().map(|one| (one.tool.to_string(), one.times, one.running)).collect();
    assert_eq!(found, [("read".to_owned(), 9, true), ("search".to_owned(), 9, true)]);
    let warned = |tool: &str| ("llm-loop".to_owned(), Severity::Warning, tool.to_owned());
    assert_eq!(firing(&monitor), [warned("read"), warned("search")]);
    go_on.notify_one();
    run.await;
    tick(&monitor, &clock, MINUTE);
    tick(&monitor, &clock, MINUTE);
    assert!(firing(&monitor).is_empty(), "the run is over");
    let view = meter.view();
    assert!(view.loops.iter().all(|LoopView { running, agent, .. }| !running && &**agent == "searcher"));
    assert_eq!((view.last_runs[0].tool_calls, view.last_runs[0].repeats), (27, 9));
}

#[tokio::test]
async fn what_is_kept_of_tools_is_bounded() {
    #[monitor_agent("many")]
    async fn many(meter: &Meter) {
        for turn in 0..1_000_u32 {
            let times = meter.tool_called("search", &turn);
            assert_eq!(times, Some(1).filter(|_| turn < 256), "{turn}");
        }
    }
    #[monitor_agent("looping")]
    async fn looping(meter: &Meter, tool: &str) {
        for _ in 0..8 {
            meter.tool_called(tool, "");
        }
    }
    let _alone = isolated();
    let (_monitor, llm) = judging(|builder| builder);
    many(llm.meter()).await;
    assert_eq!(llm.meter().view().last_runs[0].tool_calls, 1_000);
    for turn in 0..60 {
        looping(llm.meter(), &format!("{turn}{}", "x".repeat(500))).await;
    }
    let loops = llm.meter().view().loops;
    assert!(loops.len() == 50 && loops[0].tool.starts_with("59x") && loops[0].tool.len() == 128, "{loops:?}");
}

/// One poll.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))).await
}
