use super::{metering, plain, told, written};
use perf_llm::budget::{BudgetError, Mode};
use perf_llm::meter::{Meter, Plan};
use perf_llm::{BudgetSetting, Settings};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{monitor_agent, monitor_llm_call};

const LOCAL: &str = "ollama";

fn plan() -> Plan<'static> {
    Plan::new(LOCAL, "llama", 100, 900)
}

/// Answers to 20 calls of a place, of 40 to 59 tokens.
fn answered(meter: &Meter, plan: &Plan<'_>) {
    for output in 40..60 {
        meter.reserve(plan).unwrap().settle(&told(100, output, 0));
    }
}

/// The tokens that the one budget has reserved.
fn reserved(meter: &Meter) -> u64 {
    meter.view().budgets[0].reserved.parse().unwrap()
}

fn estimated() -> Settings {
    written("[llm]\nbudgets = [{ per = \"day\", tokens = 100_000, mode = \"estimated\" }]\n").unwrap()
}

#[test]
fn an_estimated_budget_reserves_by_the_answers_of_the_same_place() {
    let _alone = isolated();
    let (_monitor, llm) = metering(estimated());
    let meter = llm.meter();
    let here = plan().site("here");
    let held = meter.reserve(&here).unwrap();
    assert_eq!((reserved(meter), meter.view().budgets[0].mode), (1_000, "estimated"), "nothing is known yet");
    drop(held);
    answered(meter, &here);
    let held = meter.reserve(&here).unwrap();
    assert!((159..=163).contains(&reserved(meter)), "{}", reserved(meter));
    drop(held);
    // Of other places nothing is known, nor of other models.
    for other in [plan().site("there"), plan(), Plan::new(LOCAL, "qwen", 100, 900).site("here")] {
        let held = meter.reserve(&other).unwrap();
        assert_eq!(reserved(meter), 1_000, "{other:?}");
        drop(held);
    }
    // Never more than the call can need.
    let held = meter.reserve(&Plan::new(LOCAL, "llama", 100, 10).site("here")).unwrap();
    assert_eq!(reserved(meter), 110);
    drop(held);
}

#[test]
fn a_strict_budget_holds_the_worst_case_whatever_calls_used() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(100_000)).unwrap();
    answered(meter, &plan());
    let held = meter.reserve(&plan()).unwrap();
    assert_eq!((reserved(meter), meter.view().budgets[0].mode), (1_000, "strict"));
    drop(held);
    // Beside it one that is estimated, from now on.
    meter.add_budget(BudgetSetting::per("day").tokens(100_000).agent("*").estimated()).unwrap();
    assert_eq!(meter.sizes(&plan()).unwrap().count(), 0);
    let _held = meter.reserve(&plan()).unwrap();
    assert_eq!(reserved(meter), 1_000);
}

#[monitor_llm_call("ollama", "llama", usage = |told| told)]
async fn ask(meter: &Meter, output: u64) -> Result<ToldUsage, BudgetError> {
    meter.reserve(&plan())?.dispatched();
    Ok(told(100, output, 0))
}

#[monitor_agent("researcher")]
async fn research(meter: &Meter, calls: u64) -> u64 {
    for call in 0..calls {
        ask(meter, 40 + call).await.unwrap();
    }
    let held = meter.reserve(&plan()).unwrap();
    let reserved = reserved(meter);
    drop(held);
    reserved
}

#[tokio::test]
async fn a_place_without_a_name_is_the_agent_and_its_calls_need_not_be_settled_by_hand() {
    let _alone = isolated();
    let (_monitor, llm) = metering(estimated());
    let meter = llm.meter();
    assert_eq!(research(meter, 19).await, 1_000, "one answer is missing");
    let likely = research(meter, 1).await;
    assert!((158..=163).contains(&likely), "{likely}");
    let held = meter.reserve(&plan()).unwrap();
    assert_eq!(reserved(meter), 1_000, "in no agent");
    drop(held);
}

#[test]
fn a_call_without_a_worst_case_is_refused_until_enough_answers_are_known() {
    let _alone = isolated();
    let (_monitor, llm) = metering(estimated());
    let meter = llm.meter();
    let unbounded = || Plan::unbounded(LOCAL, "llama", 100);
    let error = meter.reserve(&unbounded()).unwrap_err();
    assert!(matches!(error, BudgetError::NoWorstCase { mode: Mode::Estimated, .. }), "{error}");
    answered(meter, &plan());
    let held = meter.reserve(&unbounded()).unwrap();
    assert!((159..=163).contains(&reserved(meter)), "{}", reserved(meter));
    drop(held);
    // A strict one of calls has a worst case: one call.
    meter.add_budget(BudgetSetting::per("day").calls(100)).unwrap();
    drop(meter.reserve(&unbounded()).unwrap());
    meter.add_budget(BudgetSetting::per("day").tokens(100_000)).unwrap();
    let error = meter.reserve(&unbounded()).unwrap_err();
    assert!(matches!(error, BudgetError::NoWorstCase { mode: Mode::Strict, .. }), "{error}");
    let refusals = meter.view().refusals;
    let refused: Vec<_> = refusals.iter().map(|refusal| (refusal.scope, refusal.reason, refusal.calls)).collect();
    assert_eq!(refused, [("all", "no_worst_case", 2)]);
}

#[test]
fn a_mode_that_is_none_is_named() {
    let error = written("[llm]\nbudgets = [{ per = \"day\", calls = 1, mode = \"loose\" }]\n").unwrap_err().to_string();
    assert!(
        error.contains("llm.budgets.1.mode") && error.contains("loose") && error.contains("`strict` or `estimated`"),
        "{error}"
    );
    written("[llm]\nbudgets = [{ per = \"day\", calls = 1, mode = \"strict\" }]\n").unwrap();
}
