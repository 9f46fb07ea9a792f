//! OpenTelemetry's names of metrics, by the switch.

use super::{told, written};
use perf_llm::{GenAiNames, Llm, Settings};
use perf_runtime::extend::ToldUsage;
use perf_runtime::test_util::isolated;
use perf_runtime::{Monitor, monitor_agent, monitor_llm_call};
use std::time::Duration;

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
async fn ask() -> Result<ToldUsage, ()> {
    Ok(told(300, 20, 1).count("cache_read", 100).model("gpt-5-mini-2025").first_token(Duration::from_millis(30)))
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told)]
async fn fail() -> Result<ToldUsage, ()> {
    Err(())
}

#[monitor_agent("writer")]
async fn write() {
    ask().await.unwrap();
    fail().await.unwrap_err();
}

/// The lines of the families `gen_ai_*`, without those of buckets.
async fn lines(names: &str) -> Vec<String> {
    let _alone = isolated();
    let settings = written(&format!("[llm]\ngen_ai_names = {names:?}\n")).unwrap();
    let monitor = Llm::set_up(Monitor::builder()).build().unwrap();
    let _llm = Llm::with_settings(&monitor, settings).unwrap();
    write().await;
    let text = monitor.render_prometheus();
    assert!(text.contains("llm_tokens_total{"), "ours are there in any case");
    let is_one = |line: &&str| line.starts_with("gen_ai_") && !line.contains("_bucket{");
    text.lines().filter(is_one).map(str::to_owned).collect()
}

/// The value of a line that begins so and has these labels.
fn value(lines: &[String], name: &str, labels: &[&str]) -> Option<f64> {
    let is_it =
        |line: &&String| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label));
    lines.iter().find(is_it)?.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn calls_have_the_names_that_the_switch_says() {
    assert_eq!(Settings::default().gen_ai_names, GenAiNames::None);
    assert_eq!(lines("none").await, Vec::<String>::new());
    let (old, new, both) = (lines("old").await, lines("new").await, lines("both").await);
    let model = ["gen_ai_provider_name=\"openai\"", "gen_ai_response_model=\"gpt-5-mini-2025\""];
    for (of, is_old, is_new) in [(&old, true, false), (&new, false, true), (&both, true, true)] {
        let of_type = |name, kind| value(of, name, &[model[0], model[1], kind]);
        let expect = |is: bool, value: f64| Some(value).filter(|_| is);
        assert_eq!(of_type("gen_ai_client_token_usage_sum", "type=\"input\""), expect(is_old, 300.0), "{of:?}");
        assert_eq!(of_type("gen_ai_client_token_usage_sum", "type=\"output\""), expect(is_old, 20.0));
        // The one that failed told nothing, and is in none of them.
        assert_eq!(value(of, "gen_ai_client_operation_duration_seconds_count", &model), expect(is_old, 1.0));
        assert_eq!(value(of, "gen_ai_client_inference_duration_seconds_count", &model), expect(is_new, 1.0));
        let tokens = |class: &str| value(of, &format!("gen_ai_client_inference_usage_{class}_tokens_total"), &model);
        assert_eq!((tokens("input"), tokens("output")), (expect(is_new, 300.0), expect(is_new, 20.0)), "{of:?}");
        assert_eq!((tokens("cache_read_input"), tokens("reasoning_output")), (expect(is_new, 100.0), None));
        assert_eq!(value(of, "gen_ai_client_inference_operation_input_tokens_sum", &model), expect(is_new, 300.0));
        let first = value(of, "gen_ai_client_inference_time_to_first_chunk_seconds_sum", &model);
        assert_eq!(first, expect(is_new, 0.03));
        let agent = ["gen_ai_agent_name=\"writer\""];
        assert_eq!(value(of, "gen_ai_invoke_agent_inference_calls_sum", &agent), expect(is_new, 2.0), "{of:?}");
        assert_eq!(value(of, "gen_ai_invoke_agent_tool_calls_count", &agent), expect(is_new, 1.0));
    }
    assert!(old.iter().all(|line| !line.contains("gen_ai_operation_name")), "nobody said what the function does");
    let error = written("[llm]\ngen_ai_names = \"newest\"\n").unwrap_err().to_string();
    assert!(error.contains("gen_ai_names") && error.contains("newest") && error.contains("both"), "{error}");
}
