//! Values of crates that have a form of their own, whichever provider is behind them.

use super::UsageError;
use super::class::Class;
use super::fields::{at, count, first, sum, text};
use super::reading::{Reading, told_cost};
use super::repair;
use super::shapes::{Paths, add_cached, counts};
use serde_json::Value;

const GENAI: Paths = &[
    (Class::Input, &[&["prompt_tokens"]]),
    (Class::Output, &[&["completion_tokens"]]),
    (Class::CacheRead, &[&["prompt_tokens_details", "cached_tokens"]]),
    (Class::CacheWrite, &[&["prompt_tokens_details", "cache_creation_tokens"]]),
    (Class::CacheWrite5m, &[&["prompt_tokens_details", "cache_creation_details", "ephemeral_5m_tokens"]]),
    (Class::CacheWrite1h, &[&["prompt_tokens_details", "cache_creation_details", "ephemeral_1h_tokens"]]),
    (Class::InputAudio, &[&["prompt_tokens_details", "audio_tokens"]]),
    (Class::Reasoning, &[&["completion_tokens_details", "reasoning_tokens"]]),
    (Class::OutputAudio, &[&["completion_tokens_details", "audio_tokens"]]),
];

/// genai's counts are OpenAI's for every provider: cached tokens are part of the prompt's, and reasoning is part of the generated ones. It leaves
/// them as they come where it speaks Bedrock's own protocol (cached tokens stand outside), adds xAI's reasoning whether it stood outside or not, and
/// tells no generated tokens where Gemini told thoughts alone.
pub(super) fn genai(value: &Value) -> Result<Reading, UsageError> {
    // The event that ends a stream.
    let value = at(value, &["End"]).unwrap_or(value);
    let told = at(value, &["usage"]).or_else(|| at(value, &["captured_usage"])).unwrap_or(value);
    let adapter = text(value, &["model_iden", "adapter_kind"]);
    let mut reading = Reading {
        usage: counts(told, GENAI)?,
        provider: adapter.as_deref().map(genai_provider),
        model: genai_model(value, "provider_model_iden").or_else(|| genai_model(value, "model_iden")),
        ..Reading::default()
    };
    let Reading { usage, repairs, .. } = &mut reading;
    let total = count(told, &["total_tokens"])?;
    repair::writes(usage, repairs);
    if adapter.is_some_and(|adapter| adapter.starts_with("Bedrock")) {
        add_cached(usage, usage.get(Class::Input));
    } else {
        repair::cache(usage, repairs);
    }
    if usage.get(Class::Output).is_none() && usage.get(Class::Reasoning).is_some() {
        let generated = total.zip(usage.get(Class::Input)).and_then(|(total, input)| total.checked_sub(input));
        usage.set(Class::Output, generated.or(usage.get(Class::Reasoning)));
    }
    repair::reasoning_twice(usage, total, repairs);
    repair::reasoning(usage, total, repairs);
    if let Some(body) = at(value, &["captured_raw_body"]) {
        take_terms(&mut reading, body);
    }
    Ok(reading)
}

/// A model's name, which genai writes with the way in which it holds it.
fn genai_model(value: &Value, iden: &str) -> Option<String> {
    [&["Shared"][..], &["Static"], &[]]
        .into_iter()
        .find_map(|held| text(value, &[&[iden, "model_name"], held].concat()))
}

/// OpenTelemetry's name of an adapter's provider, as genai's spans have it.
fn genai_provider(adapter: &str) -> String {
    match adapter {
        "OpenAI" | "OpenAIResp" => "openai",
        "Gemini" | "GeminiIx" => "gcp.gemini",
        "Vertex" => "gcp.vertex_ai",
        "BedrockApi" | "BedrockSigv4" => "aws.bedrock",
        "Mistral" => "mistral_ai",
        "Xai" => "x_ai",
        "Moonshot" => "moonshot_ai",
        "GithubCopilot" => "github_copilot",
        "OpenRouter" => "open_router",
        other => return other.to_ascii_lowercase(),
    }
    .to_owned()
}

const RIG: Paths = &[
    (Class::Input, &[&["input_tokens"]]),
    (Class::Output, &[&["output_tokens"]]),
    (Class::CacheRead, &[&["cached_input_tokens"]]),
    (Class::CacheWrite, &[&["cache_creation_input_tokens"]]),
    (Class::InputTool, &[&["tool_use_prompt_tokens"]]),
    (Class::Reasoning, &[&["reasoning_tokens"]]),
];

/// The parts of rig's counts that the body of the provider alone tells (Anthropic's).
const RIG_RAW: Paths = &[
    (Class::CacheWrite5m, &[&["usage", "cache_creation", "ephemeral_5m_input_tokens"]]),
    (Class::CacheWrite1h, &[&["usage", "cache_creation", "ephemeral_1h_input_tokens"]]),
    (Class::WebSearches, &[&["usage", "server_tool_use", "web_search_requests"]]),
];

/// rig's counts mean the same for every provider: cached tokens are part of the prompt's, and reasoning is part of the generated ones.
pub(super) fn rig(value: &Value) -> Result<Reading, UsageError> {
    let told = at(value, &["usage"]).unwrap_or(value);
    // An agent's answer is the sum of these.
    let calls = at(value, &["completion_calls"]).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_reported =
        if calls.is_empty() { is_reported(told) } else { calls.iter().all(|call| is_reported(&call["usage"])) };
    // In an answer, or in the last turn of an agent's transcript.
    let messages = at(value, &["messages"]).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let origin = at(value, &["origin"]).or_else(|| messages.iter().rev().find_map(|turn| at(turn, &["origin"])));
    let named = |name: &str| origin.and_then(|origin| text(origin, &[name]));
    let mut reading = Reading {
        usage: counts(told, RIG)?,
        provider: named("provider"),
        model: named("response_model").or_else(|| named("model")),
        cost: if is_reported { told_cost(told, &["cost", "total"])? } else { None },
        ..Reading::default()
    };
    let bodies = at(value, &["raw"]).into_iter().chain(calls.iter().filter_map(|call| at(call, &["raw"])));
    for body in bodies {
        for (class, paths) in RIG_RAW {
            let all = sum(reading.usage.get(*class), first(body, paths)?);
            reading.usage.set(*class, all);
        }
        take_terms(&mut reading, body);
    }
    repair::writes(&mut reading.usage, &mut reading.repairs);
    Ok(reading)
}

/// Whether a cost is what the provider told. One that rig made with its own list of prices, which knows no tiers, has all of its parts; a provider
/// tells none of caches.
fn is_reported(usage: &Value) -> bool {
    at(usage, &["cost"]).is_some_and(|cost| at(cost, &["cache_read"]).is_none())
}

/// Takes what the price depends on from a provider's body, which a value may carry along.
fn take_terms(reading: &mut Reading, body: &Value) {
    reading.service_tier = text(body, &["service_tier"]).or_else(|| text(body, &["usage", "service_tier"]));
    reading.speed = text(body, &["usage", "speed"]);
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use crate::Money;
    use crate::usage::{Repair, Shape, read_value, told_by};
    use serde_json::json;

    fn counted(reading: &Reading) -> Vec<(Class, u64)> {
        reading.usage.iter().collect()
    }

    fn genai_of(adapter: &str, usage: &Value) -> Reading {
        let iden = json!({"adapter_kind": adapter, "model_name": {"Shared": "m"}});
        let value = json!({"content": [], "model_iden": iden, "provider_model_iden": iden, "usage": usage});
        read_value(Shape::Genai, &value).unwrap()
    }

    #[test]
    fn genai_tells_the_same_in_each_of_its_values() {
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_creation_tokens": 30,
                "cache_creation_details": {"ephemeral_5m_tokens": 10, "ephemeral_1h_tokens": 20}},
            "completion_tokens_details": {"reasoning_tokens": 8}});
        let counts = [
            (Class::Input, 100),
            (Class::CacheRead, 60),
            (Class::CacheWrite, 30),
            (Class::CacheWrite5m, 10),
            (Class::CacheWrite1h, 20),
            (Class::Output, 20),
            (Class::Reasoning, 8),
        ];
        let whole = genai_of("Anthropic", &usage);
        assert_eq!((whole.provider.as_deref(), whole.model.as_deref()), (Some("anthropic"), Some("m")));
        for value in [usage.clone(), json!({"captured_usage": usage}), json!({"End": {"captured_usage": usage}})] {
            assert_eq!(counted(&read_value(Shape::Genai, &value).unwrap()), counts, "{value}");
        }
        assert_eq!((counted(&whole), whole.repairs), (counts.to_vec(), vec![]));
    }

    #[test]
    fn a_value_without_usage_leaves_it_unknown() {
        for value in [json!("Start"), json!({"Chunk": {"content": "usage"}}), json!({"End": {}}), json!({"usage": {}})]
        {
            assert!(told_by(Shape::Genai, &value).unwrap().usage.is_unknown(), "{value}");
        }
        for value in [json!({"usage": {}, "raw": null}), json!({})] {
            let reading = told_by(Shape::Rig, &value).unwrap();
            assert!(reading.usage.is_unknown() && reading.cost.is_none(), "{value}");
        }
        told_by(Shape::Rig, "Start").unwrap_err();
    }

    #[test]
    fn what_genai_leaves_as_it_came_is_put_right() {
        // Bedrock's cached tokens stand outside of its prompt's, whichever are more.
        let cached = json!({"prompt_tokens": 500, "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 100, "cache_creation_tokens": 20}});
        assert_eq!(genai_of("BedrockApi", &cached).usage.get(Class::Input), Some(620));
        assert_eq!(genai_of("Anthropic", &cached).usage.get(Class::Input), Some(500));
        // Of a usage alone nobody knows the provider.
        let outside =
            json!({"prompt_tokens": 5, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 100}});
        let alone = read_value(Shape::Genai, &outside).unwrap();
        assert_eq!((alone.usage.get(Class::Input), alone.repairs), (Some(105), vec![Repair::CacheOutside]));
        // xAI's reasoning: 300 generated tokens, 200 of them reasoning, which xAI told inside of them or outside.
        let thought = |output: u64, total: Value| {
            let usage = json!({"prompt_tokens": 50, "completion_tokens": output, "total_tokens": total,
                "completion_tokens_details": {"reasoning_tokens": 200}});
            let reading = genai_of("Xai", &usage);
            (reading.usage.get(Class::Output), reading.repairs)
        };
        assert_eq!(thought(500, json!(350)), (Some(300), vec![Repair::ReasoningTwice]));
        assert_eq!(thought(300, json!(350)), (Some(300), vec![]));
        assert_eq!(thought(500, json!(null)), (Some(500), vec![]));
        // Gemini, stopped while it thought.
        let thoughts = |total: Value| {
            let usage = json!({"prompt_tokens": 50, "total_tokens": total, "completion_tokens_details": {"reasoning_tokens": 21}});
            genai_of("Gemini", &usage).usage.get(Class::Output)
        };
        assert_eq!((thoughts(json!(71)), thoughts(json!(null))), (Some(21), Some(21)));
    }

    #[test]
    fn a_body_that_is_carried_along_tells_tier_speed_and_lifetimes() {
        let mut value = json!({"usage": {"prompt_tokens": 1, "completion_tokens": 1},
            "model_iden": {"adapter_kind": "OpenAI", "model_name": {"Static": "gpt-5-mini"}},
            "captured_raw_body": {"service_tier": "flex"}});
        let told = read_value(Shape::Genai, &value).unwrap();
        assert_eq!((told.model.as_deref(), told.service_tier.as_deref()), (Some("gpt-5-mini"), Some("flex")));
        value = json!({"usage": {"input_tokens": 310, "output_tokens": 5, "cache_creation_input_tokens": 300},
            "origin": {"api": "anthropic", "provider": "anthropic", "model": "claude", "response_model": "claude-sonnet-4-5"},
            "raw": {"usage": {"input_tokens": 10, "service_tier": "batch", "speed": "fast", "server_tool_use": {"web_search_requests": 2},
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}}}});
        let told = read_value(Shape::Rig, &value).unwrap();
        assert_eq!((told.provider.as_deref(), told.model.as_deref()), (Some("anthropic"), Some("claude-sonnet-4-5")));
        assert_eq!((told.service_tier.as_deref(), told.speed.as_deref()), (Some("batch"), Some("fast")));
        let writes = [Class::CacheWrite5m, Class::CacheWrite1h, Class::WebSearches].map(|class| told.usage.get(class));
        assert_eq!(writes, [Some(100), Some(200), Some(2)]);
    }

    #[test]
    fn a_cost_of_rigs_own_list_is_none_that_the_provider_told() {
        let usage = |cost: Value| json!({"input_tokens": 10, "output_tokens": 5, "cost": cost});
        let cost = |value: Value| read_value(Shape::Rig, &value).unwrap().cost;
        let told = usage(json!({"total": 0.25}));
        let own = usage(json!({"total": 0.25, "input": 0.1, "output": 0.15, "cache_read": 0.0, "cache_write": 0.0}));
        assert_eq!(cost(told.clone()), Some(Money::from_picos(250_000_000_000)));
        assert_eq!(cost(own.clone()), None);
        // The sum of a run is the provider's where each of its calls is.
        let run =
            |calls: [&Value; 2]| json!({"usage": told, "completion_calls": calls.map(|usage| json!({"usage": usage}))});
        assert_eq!(cost(run([&told, &told])), Some(Money::from_picos(250_000_000_000)));
        assert_eq!(cost(run([&told, &own])), None);
    }
}
