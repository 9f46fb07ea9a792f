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

#[test]
fn what_ran_inside_a_run_is_shown_where_the_history_alone_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for life in ["1", "2"] {
        passes("a_run_that_is_kept", FREE_PORT, &[("PERF_HISTORY_PATH", path), ("PERF_KIT_LIFE", life)]);
    }
}

/// Makes a run and follows its link, and in the next process opens the link that was kept, as a bookmark is.
pub(super) fn a_run_that_is_kept() -> Tested {
    let bookmark = std::path::Path::new(&env::var("PERF_HISTORY_PATH")?).join("bookmark");
    let is_first = env::var("PERF_KIT_LIFE")? == "1";
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        let asked = async |path: String| -> Result<(u16, serde_json::Value), Box<dyn Error>> {
            let (status, text) = tokio::task::spawn_blocking(move || get(address, &path, "")).await??;
            Ok((status, serde_json::from_str(&text)?))
        };
        if is_first {
            research().await;
        }
        let (status, recorded) = asked("/api/v1/llm/runs/recorded".to_owned()).await?;
        assert_eq!(status, 200, "{recorded}");
        if is_first {
            let (_, all) = asked("/api/v1/llm".to_owned()).await?;
            assert_eq!(recorded["runs"][0]["run"], all["dearest_runs"][0]["id"], "{all}");
            std::fs::write(&bookmark, recorded["runs"][0]["call"].as_str().expect("an id"))?;
        } else {
            assert_eq!(recorded["runs"], serde_json::json!([]), "runs are those of this process");
        }
        let (status, call) = asked(format!("/api/v1/calls/{}", std::fs::read_to_string(&bookmark)?)).await?;
        assert_eq!(status, 200, "{call}");
        assert_eq!(call["call"]["series"], "agent{agent=researcher}", "{call}");
        assert_eq!(call["inside"][0]["series"], "llm_call{provider=openai,model=gpt-5-mini}", "{call}");
        perf.shutdown().await;
        Ok(())
    })
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
