use super::{plain, polled_once, told};
use perf_llm::usage::{Shape, told_by};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Outcome, Window, monitor_agent, monitor_llm_call, monitor_tool};
use std::time::Duration;

#[derive(Debug)]
struct Answer {
    usage: ToldUsage,
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |answer| &answer.usage)]
async fn ask(usage: Option<ToldUsage>) -> Result<Answer, String> {
    tokio::task::yield_now().await;
    usage.map(|usage| Answer { usage }).ok_or_else(|| "refused".to_owned())
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = usage_of)]
fn ask_at_once(usage: Option<ToldUsage>) -> Result<Answer, String> {
    let usage = usage.ok_or("refused")?;
    Ok(Answer { usage })
}

fn usage_of(answer: &Answer) -> &ToldUsage {
    &answer.usage
}

#[tokio::test]
async fn a_call_is_counted_with_its_tokens_and_its_cost() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    ask(Some(told(1_000, 200, 5_000_000_000))).await.unwrap();
    ask_at_once(Some(told(10, 2, 1_000_000_000).count("cache_read", 4).first_token(Duration::from_millis(250))))
        .unwrap();
    let totals = llm.meter().totals();
    assert_eq!((totals.calls, totals.input_tokens, totals.output_tokens), (2, 1_010, 202));
    assert_eq!((totals.cache_read_tokens, totals.cost), (4, 6_000_000_000));
    let text = monitor.render_prometheus();
    for line in [
        r#"llm_tokens_total{class="input",model="gpt-5-mini",provider="openai"} 1010"#,
        r#"llm_tokens_total{class="cache_read",model="gpt-5-mini",provider="openai"} 4"#,
        r#"llm_cost_dollars_total{model="gpt-5-mini",provider="openai"} 0.006"#,
        r#"llm_calls_by_price_total{model="gpt-5-mini",provider="openai",state="priced"} 2"#,
        r#"llm_calls_total{provider="openai",model="gpt-5-mini",outcome="ok"} 2"#,
        r#"llm_time_to_first_token_seconds_count{model="gpt-5-mini",provider="openai"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_call_that_tells_no_usage_is_unknown_and_not_zero() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    ask(None).await.unwrap_err();
    ask_at_once(None).unwrap_err();
    polled_once(ask(Some(told(1, 1, 1)))).await;
    // Never polled: it is no call.
    drop(ask(Some(told(1, 1, 1))));
    let totals = llm.meter().totals();
    assert_eq!((totals.calls, totals.by_price["unknown"], totals.cost), (3, 3, 0));
    let text = monitor.render_prometheus();
    assert!(
        text.contains(r#"llm_calls_by_price_total{model="gpt-5-mini",provider="openai",state="unknown"} 3"#),
        "{text}"
    );
    assert!(!text.contains("llm_cost_dollars_total"), "what is unknown is no cost of 0:\n{text}");
    let summary = monitor.summary(Window::LastMinute);
    let calls = summary.find(Kind::LlmCall, &["openai", "gpt-5-mini"]).unwrap().total;
    assert_eq!([Outcome::Ok, Outcome::Error, Outcome::Cancelled].map(|outcome| calls.of(outcome)), [0, 2, 1]);
}

#[tokio::test]
async fn usage_that_cannot_be_true_is_refused_and_counted() {
    let _alone = isolated();
    let (monitor, llm) = plain();
    ask(Some(told(10, 1, 7).count("cache_read", 11))).await.unwrap();
    let view = llm.meter().view();
    assert_eq!(view.total.input_tokens, 0);
    assert!(view.models[0].totals.by_price.contains_key("priced"), "the provider's cost stands: {view:?}");
    assert_eq!(view.total.cost, 7);
    ask(Some({
        let mut usage = told(1, 1, 0);
        usage.cost_picos = None;
        usage.invalid = Some("torn".to_owned());
        usage
    }))
    .await
    .unwrap();
    let view = llm.meter().view();
    assert_eq!(view.total.by_price["unknown"], 1);
    assert_eq!(view.models[0].gaps.len(), 2, "{view:?}");
    assert!(view.models[0].gaps.contains(&"torn".to_owned()));
    assert!(monitor.render_prometheus().contains("llm_usage_refused_total 2"));
}

#[tokio::test]
async fn an_agents_own_usage_counts_where_nothing_inside_it_was_counted() {
    #[monitor_agent("researcher", usage = |all| all)]
    async fn run(asks: bool) -> ToldUsage {
        if asks {
            drop(ask(Some(told(10, 1, 100))).await);
        }
        told(10, 1, 100).provider("openai").model("gpt-5")
    }
    #[monitor_tool("search", usage = |r| told_by(Shape::OpenAiChat, r))]
    fn search() -> serde_json::Value {
        serde_json::json!({ "model": "sonar", "usage": { "prompt_tokens": 3, "completion_tokens": 4, "cost": 0.5 } })
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    run(true).await;
    assert_eq!(llm.meter().totals().cost, 100, "once, by the call inside");
    run(false).await;
    assert_eq!(llm.meter().totals().cost, 200, "once, by the run itself");
    search();
    let view = llm.meter().view();
    assert_eq!((view.unattributed.calls, view.unattributed.cost), (1, 500_000_000_000));
    assert_eq!((&*view.agents[0].agent, view.agents[0].runs, view.agents[0].running), ("researcher", 2, 0));
    assert_eq!(view.agents[0].totals.calls, 2);
    super::assert_law(llm.meter());
}

#[tokio::test]
async fn a_run_knows_its_own_calls_and_those_of_the_agents_inside_it() {
    #[monitor_agent("planner")]
    async fn plan() {
        drop(ask(Some(told(1, 1, 5))).await);
        write().await;
        drop(ask_at_once(Some(told(1, 1, 7))));
    }
    #[monitor_agent("writer")]
    async fn write() {
        drop(ask(Some(told(1, 1, 100))).await);
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    plan().await;
    drop(ask(Some(told(1, 1, 1_000))).await);
    let view = llm.meter().view();
    let costs: Vec<_> = view.dearest_runs.iter().map(|run| (&*run.agent, run.totals.cost, run.own.cost)).collect();
    assert_eq!(costs, [("planner", 112, 12), ("writer", 100, 100)]);
    assert_eq!(view.dearest_runs[1].parent, Some(view.dearest_runs[0].id));
    assert_eq!((view.unattributed.cost, view.total.cost), (1_000, 1_112));
    super::assert_law(llm.meter());
}

#[tokio::test]
async fn the_operation_is_on_the_span_and_is_no_label() {
    #[monitor_llm_call("openai", "text-embedding-3-small", operation = "embeddings")]
    async fn embed() {}
    let _alone = isolated();
    let (monitor, llm) = plain();
    embed().await;
    assert_eq!(llm.meter().totals().by_price["unknown"], 1);
    let text = monitor.render_prometheus();
    assert!(
        text.contains(r#"llm_calls_total{provider="openai",model="text-embedding-3-small",outcome="ok"} 1"#),
        "{text}"
    );
    assert!(!text.contains("operation=\"embeddings\""));
}

#[tokio::test]
async fn a_call_without_a_price_is_unpriced_and_says_why() {
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |usage| usage)]
    async fn plain_call(model: &str) -> ToldUsage {
        ToldUsage::new().count("input", 1_000_000).count("output", 0).model(model)
    }
    #[monitor_llm_call("nobody", "nothing", usage = |usage| usage)]
    async fn strange() -> ToldUsage {
        ToldUsage::new().count("input", 1).count("output", 1)
    }
    let _alone = isolated();
    let (_monitor, llm) = plain();
    assert!(llm.meter().prices().wait(Duration::from_secs(120)));
    plain_call("gpt-5-mini-2025-08-07").await;
    strange().await;
    let view = llm.meter().view();
    assert_eq!(view.total.cost, 250_000_000_000, "0.25 dollars a million");
    let strange = view.models.iter().find(|model| &*model.provider == "nobody").unwrap();
    assert_eq!((strange.totals.by_price["unpriced"], strange.gaps.len()), (1, 1), "{strange:?}");
    assert!(view.prices.is_some());
}
