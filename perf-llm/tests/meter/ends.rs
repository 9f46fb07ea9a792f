//! How runs of agents end.

use super::{plain, polled_once, told};
use perf_llm::BudgetSetting;
use perf_llm::meter::{Meter, Plan, RunEnd, View};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{monitor_agent, monitor_llm_call};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[derive(Clone, Copy, PartialEq)]
enum How {
    Well,
    Failing,
    Panicking,
    Waiting,
}

fn end(how: How) -> Result<u8, &'static str> {
    match how {
        How::Failing => Err("no"),
        How::Panicking => resume_unwind(Box::new("a test")),
        How::Well | How::Waiting => Ok(1),
    }
}

#[monitor_agent("awaited")]
async fn awaited(how: How) -> Result<u8, &'static str> {
    tokio::task::yield_now().await;
    if how == How::Waiting {
        std::future::pending::<()>().await;
    }
    end(how)
}

#[monitor_agent("at_once")]
fn at_once(how: How) -> Result<u8, &'static str> {
    end(how)
}

#[monitor_agent("judged", ok_if = |value| *value == 0)]
fn judged(value: u8) -> u8 {
    value
}

/// The ends of runs, the last first.
fn ends(view: &View) -> Vec<(&str, RunEnd)> {
    view.last_runs.iter().map(|run| (&*run.agent, run.ended)).collect()
}

fn caught<T>(act: impl FnOnce() -> T) {
    let _ = catch_unwind(AssertUnwindSafe(act));
}

#[test]
fn a_run_ends_as_the_call_of_its_function_does() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    for how in [How::Well, How::Failing, How::Panicking] {
        caught(|| at_once(how));
        caught(|| runtime().block_on(awaited(how)));
    }
    runtime().block_on(polled_once(awaited(How::Waiting)));
    judged(1);
    judged(0);
    // Never polled: it is no run.
    drop(awaited(How::Well));
    let view = llm.meter().view();
    let (ok, error, panicked) = (RunEnd::Ok, RunEnd::Error, RunEnd::Panicked);
    let expected = [
        ("judged", ok),
        ("judged", error),
        ("awaited", RunEnd::Cancelled),
        ("awaited", panicked),
        ("at_once", panicked),
        ("awaited", error),
        ("at_once", error),
        ("awaited", ok),
        ("at_once", ok),
    ];
    assert_eq!(ends(&view), expected);
    let awaited = view.agents.iter().find(|agent| &*agent.agent == "awaited").unwrap();
    let counts: Vec<_> = awaited.ended.iter().map(|(how, count)| (*how, *count)).collect();
    assert_eq!(counts, [("cancelled", 1), ("error", 1), ("ok", 1), ("panicked", 1)]);
    assert_eq!((awaited.runs, awaited.running), (4, 0));
    let text = monitor.render_prometheus();
    for how in ["ok", "error", "panicked", "cancelled"] {
        let line = format!(r#"llm_agent_runs_total{{agent="awaited",ended="{how}"}} 1"#);
        assert!(text.contains(&line), "{line}\n{text}");
        let line = format!(r#"agent_runs_total{{agent="awaited",outcome="{how}"}} 1"#);
        assert!(text.contains(&line), "the run ends as its call: {line}\n{text}");
    }
    assert_eq!(serde_json::to_value(&view.last_runs[2]).unwrap()["ended"], "cancelled");
}

fn plan() -> Plan<'static> {
    Plan::new("ollama", "llama", 100, 50)
}

#[monitor_llm_call("ollama", "llama", usage = |told| told)]
fn ask(meter: &Meter) -> Result<ToldUsage, String> {
    meter.reserve(&plan()).map_err(|error| error.to_string())?.dispatched();
    Ok(told(100, 50, 0))
}

/// Asks until it is refused, and then as often as it says.
#[monitor_agent("spender")]
fn spend(meter: &Meter, goes_on: bool, fails: bool) -> Result<(), String> {
    inside(meter)?;
    let refused = loop {
        if let Err(error) = ask(meter) {
            break error;
        }
    };
    if goes_on {
        meter.budgets().views();
        meter.add_budget(BudgetSetting::per("run").tokens(100_000)).map_err(|error| error.to_string())?;
        ask(meter)?;
    }
    if fails { Err(refused) } else { Ok(()) }
}

#[monitor_agent("inside")]
fn inside(meter: &Meter) -> Result<(), String> {
    ask(meter).map(drop)
}

#[test]
fn a_run_that_a_budget_stopped_says_so() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    let limit = |tokens| meter.add_budget(BudgetSetting::per("run").tokens(tokens)).unwrap();
    limit(400);
    spend(meter, false, true).unwrap_err();
    // It did without, or could ask again before it failed for another reason.
    spend(meter, false, false).unwrap();
    spend(meter, true, true).unwrap_err();
    limit(120);
    // The run around one that was stopped failed for it.
    spend(meter, false, true).unwrap_err();
    let (ok, error, budget) = (RunEnd::Ok, RunEnd::Error, RunEnd::Budget);
    let expected = [
        ("spender", budget),
        ("inside", budget),
        ("spender", error),
        ("inside", ok),
        ("spender", ok),
        ("inside", ok),
        ("spender", budget),
        ("inside", ok),
    ];
    assert_eq!(ends(&meter.view()), expected);
    // So does a stop of everything, which is no want of room.
    meter.budgets().stop("enough");
    limit(400);
    spend(meter, false, true).unwrap_err();
    let view = meter.view();
    assert_eq!((view.last_runs[0].ended, view.last_runs[0].refused_calls), (budget, 0));
}

#[cfg(feature = "tracing-layer")]
#[test]
fn a_run_that_is_a_span_ends_as_the_span_tells() {
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt;
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("run").tokens(10)).unwrap();
    let run = || {
        tracing::info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "spanned",
            gen_ai.usage.output_tokens = Empty,
            error.type = Empty
        )
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(meter.layer()), || {
        run().record("gen_ai.usage.output_tokens", 5);
        run().record("error.type", "timeout");
        drop(run());
        run().in_scope(|| meter.reserve(&plan()).unwrap_err());
        let failed = run();
        failed.in_scope(|| meter.reserve(&plan()).unwrap_err());
        failed.record("error.type", "402");
    });
    let view = meter.view();
    let ends: Vec<_> = ends(&view).into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, [RunEnd::Budget, RunEnd::Budget, RunEnd::Unknown, RunEnd::Error, RunEnd::Ok]);
}
