//! Language models: from an attribute and a span to the route, with a budget of the settings that a history keeps.

use super::*;
use perf_kit::extend::ToldUsage;
use perf_kit::llm::budget::Durability;
use perf_kit::llm::meter::Plan;
use perf_kit::{monitor_agent, monitor_llm_call};

#[test]
fn language_models_are_metered_from_a_call_to_the_route() {
    passes("language_models", "[server]\nport = 0\n[[llm.budgets]]\nper = \"month\"\ntokens = 100\n", &[]);
    let output = run("language_models", "[server]\nport = 0\n[[llm.budgets]]\nper = \"never\"\ntokens = 100\n", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("llm.budgets.1.per"), "{text}");
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told, crate = perf_kit)]
async fn ask() -> ToldUsage {
    ToldUsage::new().count("input", 60).count("output", 20)
}

#[monitor_agent("researcher", crate = perf_kit)]
async fn research() {
    ask().await;
}

pub(super) fn language_models() -> Tested {
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        research().await;
        let meter = perf.llm().expect("it is on");
        let span = {
            use tracing_subscriber::layer::SubscriberExt;
            tracing::subscriber::set_default(tracing_subscriber::registry().with(meter.layer()))
        };
        drop(tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.usage.input_tokens = 5,
            gen_ai.usage.output_tokens = 5
        ));
        drop(span);
        assert_eq!(meter.durability().0, Durability::Store, "with the history");
        let refused = meter.reserve(&Plan::new("ollama", "llama", 10, 10)).unwrap_err();
        assert!(refused.to_string().contains("90 tokens spent"), "{refused}");
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/llm", "")).await??;
        assert_eq!(status, 200, "{text}");
        let body: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!((&body["total"]["calls"], &body["total"]["input_tokens"]), (&2.into(), &65.into()), "{text}");
        assert_eq!((&body["agents"][0]["agent"], &body["unattributed"]["calls"]), (&"researcher".into(), &1.into()));
        assert_eq!((&body["budgets"][0]["spent"], &body["budgets"][0]["left"]), (&"90".into(), &"10".into()), "{text}");
        assert_eq!((&body["budgets_are_durable"], &body["spans_seen"]), (&true.into(), &1.into()));
        assert_eq!(body["spans_hidden"], serde_json::json!([]), "no filter hides any");
        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/llm?of=1", "")).await??;
        assert_eq!(status, 422, "a parameter that there is not: {text}");
        let (_, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/openapi.json", "")).await??;
        assert!(text.contains("LlmTotals"), "the document describes it");
        perf.shutdown().await;
        Ok(())
    })
}
