use super::{metering, plain, polled_once, told, written};
use perf_llm::budget::{BudgetError, Durability};
use perf_llm::meter::{Meter, Plan};
use perf_llm::{BudgetSetting, Money};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{monitor_agent, monitor_llm_call};
use tracing_subscriber::layer::SubscriberExt;

/// A model of one's own costs nothing, so that its calls can be reserved without a table: tokens and calls are counted.
const LOCAL: &str = "ollama";

fn plan() -> Plan<'static> {
    Plan::new(LOCAL, "llama", 100, 50)
}

fn used(meter: &Meter) -> Vec<(String, String, String)> {
    let budgets = meter.view().budgets.into_iter();
    budgets.map(|budget| (format!("{} {}", budget.scope, budget.name), budget.spent, budget.reserved)).collect()
}

#[monitor_llm_call("ollama", "llama", usage = |told| told)]
async fn ask(meter: &Meter, waits: bool) -> Result<ToldUsage, BudgetError> {
    let mut call = meter.reserve(&plan())?;
    call.dispatched();
    if waits {
        std::future::pending::<()>().await;
    }
    tokio::task::yield_now().await;
    Ok(told(70, 20, 0))
}

#[tokio::test]
async fn a_reservation_inside_an_annotated_call_is_settled_with_its_usage() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(1_000)).unwrap();
    ask(meter, false).await.unwrap();
    assert_eq!(used(meter), [("all ".to_owned(), "90".to_owned(), "0".to_owned())]);
    // Cancelled after it was sent: its prompt is charged, as an estimate.
    polled_once(ask(meter, true)).await;
    assert_eq!(used(meter), [("all ".to_owned(), "190".to_owned(), "0".to_owned())]);
    assert_eq!(meter.view().budgets[0].estimated, "100");
    assert_eq!((meter.totals().calls, meter.totals().by_price["unknown"]), (2, 1));
}

#[tokio::test]
async fn a_call_without_room_is_refused_and_a_dropped_one_gives_it_back() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(200)).unwrap();
    let first = meter.reserve(&plan()).unwrap();
    let refused = ask(meter, false).await.unwrap_err();
    let BudgetError::Denied(denial) = &refused else { panic!("{refused}") };
    assert_eq!((denial.limit, denial.reserved, denial.needed), (200, 150, 150));
    drop(first);
    assert_eq!(meter.totals().calls, 0, "what was refused, and what was never sent, is no call");
    ask(meter, false).await.unwrap();
    let settled = meter.reserve(&Plan::new(LOCAL, "llama", 50, 50)).unwrap().settle(&told(5, 5, 0));
    assert!(settled.first && !settled.estimated);
    assert_eq!(used(meter)[0].1, "100");
}

#[tokio::test]
async fn a_call_that_the_provider_refused_or_that_reached_nobody_costs_nothing() {
    #[monitor_llm_call("ollama", "llama", usage = |told| told)]
    async fn ask_in_vain(meter: &Meter) -> Result<ToldUsage, &'static str> {
        let mut call = meter.reserve(&plan()).unwrap();
        call.dispatched();
        call.refused();
        Err("429")
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(1_000)).unwrap();
    ask_in_vain(meter).await.unwrap_err();
    let mut call = meter.reserve(&plan()).unwrap();
    call.dispatched();
    call.refused();
    assert_eq!(used(meter), [("all ".to_owned(), "0".to_owned(), "0".to_owned())]);
    assert_eq!((meter.totals().calls, meter.totals().by_price["unknown"]), (2, 2), "they are calls all the same");
}

#[tokio::test]
async fn a_call_that_is_made_again_after_it_was_refused_is_charged_its_usage() {
    #[monitor_llm_call("ollama", "llama", usage = |told| told)]
    async fn ask_twice(meter: &Meter) -> Result<ToldUsage, &'static str> {
        let mut call = meter.reserve(&plan()).unwrap();
        call.dispatched();
        call.refused();
        let mut call = meter.reserve(&plan()).unwrap();
        call.dispatched();
        drop(call);
        Ok(told(90, 40, 0))
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(1_000)).unwrap();
    ask_twice(meter).await.unwrap();
    assert_eq!(used(meter), [("all ".to_owned(), "130".to_owned(), "0".to_owned())]);
    let totals = meter.totals();
    assert_eq!((totals.calls, totals.input_tokens, totals.output_tokens), (2, 90, 40));
}

#[tokio::test]
async fn a_call_whose_span_tells_nothing_costs_its_prompt_and_nothing_where_it_was_refused() {
    #[monitor_llm_call("ollama", "llama")]
    async fn ask_in_vain(meter: &Meter, is_refused: bool) -> Result<(), &'static str> {
        let mut call = meter.reserve(&plan()).unwrap();
        call.dispatched();
        // Of a call that failed.
        drop(tracing::info_span!("chat", gen_ai.operation.name = "chat", error.type = "429"));
        if is_refused {
            call.refused();
        }
        Err("429")
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(1_000)).unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()));
    ask_in_vain(meter, true).await.unwrap_err();
    assert_eq!(used(meter), [("all ".to_owned(), "0".to_owned(), "0".to_owned())]);
    ask_in_vain(meter, false).await.unwrap_err();
    assert_eq!(used(meter), [("all ".to_owned(), "100".to_owned(), "0".to_owned())]);
    assert_eq!(meter.totals().calls, 2);
}

#[tokio::test]
async fn calls_that_nobody_reserved_are_charged_all_the_same() {
    #[monitor_llm_call("openai", "gpt-5", usage = |told| told)]
    async fn ask_freely() -> ToldUsage {
        told(70, 20, 3_000_000_000_000)
    }
    #[monitor_agent("researcher")]
    async fn research() {
        ask_freely().await;
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("month").dollars(Money::from_dollars(5).unwrap()).agent("*")).unwrap();
    research().await;
    ask_freely().await;
    assert_eq!(used(meter), [("agent researcher".to_owned(), "3".to_owned(), "0".to_owned())]);
    research().await;
    let view = meter.view();
    assert_eq!((&*view.budgets[0].spent, &*view.budgets[0].left), ("6", "-1"), "truth first: the next one is refused");
    assert_eq!(view.uncharged_calls, 0);
}

#[tokio::test]
async fn a_budget_of_runs_ends_with_each_run() {
    #[monitor_agent("writer")]
    async fn write(meter: &Meter, calls: usize) -> Result<(), BudgetError> {
        for _ in 0..calls {
            drop(ask(meter, false).await?);
        }
        Ok(())
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("run").calls(3)).unwrap();
    for _ in 0..5 {
        write(meter, 3).await.unwrap();
        write(meter, 4).await.unwrap_err();
    }
    assert_eq!(meter.totals().calls, 5 * 6);
    assert!(meter.budgets().views().is_empty(), "each run's account went with it");
    let refused: Vec<_> = meter.view().last_runs.iter().map(|run| (run.totals.calls, run.refused_calls)).collect();
    assert_eq!(refused, [(3, 1), (3, 0)].repeat(5), "the last one first");
    assert_eq!(meter.totals().by_price.get("local").copied(), None, "the provider told a cost of 0");
}

#[tokio::test]
async fn budgets_of_the_settings_say_whether_they_outlive_the_process() {
    let _alone = isolated();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let toml = format!("[llm]\npath = {path:?}\n[[llm.budgets]]\nper = \"day\"\ntokens = 1000\n");
    {
        let (_monitor, llm) = metering(written(&toml).unwrap());
        assert_eq!(llm.meter().durability().0, Durability::Store);
        ask(llm.meter(), false).await.unwrap();
        llm.meter().budgets().flush().unwrap();
    }
    let (_monitor, llm) = metering(written(&toml).unwrap());
    let planned = llm.meter().reserve(&plan()).unwrap();
    assert_eq!(used(llm.meter()), [("all ".to_owned(), "90".to_owned(), "150".to_owned())]);
    drop((planned, llm));
    let (_monitor, llm) = metering(written(&format!("{toml}\n").replace("[llm]", "[llm]\ndurable = false")).unwrap());
    let (durability, why) = llm.meter().durability();
    assert_eq!((durability, why), (Durability::Process, Some("`durable = false`")));
}

#[tokio::test]
async fn a_reservation_that_outlives_its_call_is_settled_with_what_the_call_told() {
    #[monitor_llm_call("ollama", "llama", usage = |answer| &answer.0)]
    fn leave_open(meter: &Meter) -> (ToldUsage, perf_llm::meter::Planned) {
        let mut call = meter.reserve(&plan()).unwrap();
        call.dispatched();
        (told(70, 20, 0), call)
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    meter.add_budget(BudgetSetting::per("day").tokens(1_000)).unwrap();
    let (_, call) = leave_open(meter);
    assert_eq!(used(meter), [("all ".to_owned(), "0".to_owned(), "150".to_owned())]);
    drop(call);
    assert_eq!(used(meter), [("all ".to_owned(), "90".to_owned(), "0".to_owned())]);
    assert_eq!(meter.totals().calls, 1);
}

#[monitor_agent("frugal", budget = "180 tokens, 10 calls")]
async fn frugal(meter: &Meter, calls: u32) -> Result<(), BudgetError> {
    for _ in 0..calls {
        ask(meter, false).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_attribute_limits_each_run_of_an_agent() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    // Each run has its own 180 tokens: a call reserves 150 and uses 90.
    for _ in 0..3 {
        frugal(meter, 1).await.unwrap();
    }
    let BudgetError::Denied(denial) = frugal(meter, 5).await.unwrap_err() else { panic!("denied") };
    assert_eq!((denial.limit, denial.spent, denial.needed), (180, 90, 150));
    assert!(meter.has_budgets());
    // The settings of the same agent go before.
    meter.add_budget(BudgetSetting::per("run").agent("frugal").tokens(2_000)).unwrap();
    frugal(meter, 5).await.unwrap();
    let BudgetError::Denied(denial) = frugal(meter, 11).await.unwrap_err() else { panic!("denied") };
    assert_eq!(
        (denial.limit, denial.spent, denial.needed),
        (10, 10, 1),
        "calls are limited by the attribute all the same"
    );
}

#[test]
fn a_budget_that_is_added_again_takes_the_place_of_the_first() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let meter = llm.meter();
    for limit in [100, 1_000] {
        meter.add_budget(BudgetSetting::per("day").tokens(limit)).unwrap();
    }
    drop(meter.reserve(&plan()).unwrap());
    for number in 0..99 {
        meter.add_budget(BudgetSetting::per("day").user(&format!("user {number}")).calls(1)).unwrap();
    }
    let refused = meter.add_budget(BudgetSetting::per("day").user("one more").calls(1)).unwrap_err();
    assert!(refused.to_string().contains("at most 100"), "{refused}");
}
