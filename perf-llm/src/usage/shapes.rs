//! The fields of each provider's answers, made into classes that mean the same everywhere.

use super::class::{Class, Usage};
use super::fields::{at, count, first, sum, text};
use super::reading::{Reading, told_cost};
use super::{UsageError, repair};
use crate::Money;
use serde_json::Value;

/// The classes, and the paths where a shape tells them; of several the first that is there.
pub(super) type Paths = &'static [(Class, &'static [&'static [&'static str]])];

pub(super) fn counts(body: &Value, paths: Paths) -> Result<Usage, UsageError> {
    paths.iter().try_fold(Usage::UNKNOWN, |mut usage, (class, paths)| {
        usage.set(*class, first(body, paths)?);
        Ok(usage)
    })
}

const OPENAI_CHAT: Paths = &[
    (Class::Input, &[&["usage", "prompt_tokens"]]),
    (Class::Output, &[&["usage", "completion_tokens"]]),
    (
        Class::CacheRead,
        &[
            &["usage", "prompt_tokens_details", "cached_tokens"],
            // DeepSeek, and Moonshot.
            &["usage", "prompt_cache_hit_tokens"],
            &["usage", "cached_tokens"],
        ],
    ),
    (Class::CacheWrite, &[&["usage", "prompt_tokens_details", "cache_write_tokens"]]),
    (Class::InputAudio, &[&["usage", "prompt_tokens_details", "audio_tokens"]]),
    (Class::Reasoning, &[&["usage", "completion_tokens_details", "reasoning_tokens"]]),
    (Class::OutputAudio, &[&["usage", "completion_tokens_details", "audio_tokens"]]),
    // Perplexity.
    (Class::WebSearches, &[&["usage", "num_search_queries"]]),
];

/// Cached tokens are part of the prompt's, and reasoning is part of the generated ones but where the total says otherwise (xAI).
pub(super) fn openai_chat(body: &Value) -> Result<Reading, UsageError> {
    let mut reading = Reading { usage: counts(body, OPENAI_CHAT)?, ..of_openai(body)? };
    let total = count(body, &["usage", "total_tokens"])?;
    repair::reasoning(&mut reading.usage, total, &mut reading.repairs);
    if reading.model.as_deref().is_some_and(|model| model.contains("gemini")) {
        repair::thoughts(&mut reading.usage, total, &mut reading.repairs);
    }
    Ok(reading)
}

const OPENAI_RESPONSES: Paths = &[
    (Class::Input, &[&["usage", "input_tokens"]]),
    (Class::Output, &[&["usage", "output_tokens"]]),
    (Class::CacheRead, &[&["usage", "input_tokens_details", "cached_tokens"]]),
    (Class::CacheWrite, &[&["usage", "input_tokens_details", "cache_write_tokens"]]),
    (Class::InputAudio, &[&["usage", "input_tokens_details", "audio_tokens"]]),
    (Class::InputImage, &[&["usage", "input_tokens_details", "image_tokens"]]),
    (Class::Reasoning, &[&["usage", "output_tokens_details", "reasoning_tokens"]]),
    (Class::OutputAudio, &[&["usage", "output_tokens_details", "audio_tokens"]]),
    (Class::OutputImage, &[&["usage", "output_tokens_details", "image_tokens"]]),
];

pub(super) fn openai_responses(body: &Value) -> Result<Reading, UsageError> {
    let mut reading = Reading { usage: counts(body, OPENAI_RESPONSES)?, ..of_openai(body)? };
    repair::reasoning(&mut reading.usage, count(body, &["usage", "total_tokens"])?, &mut reading.repairs);
    // Searches are told as items of the answer alone.
    for (class, kind) in [(Class::WebSearches, "web_search_call"), (Class::StorageSearches, "file_search_call")] {
        let items = at(body, &["output"]).and_then(Value::as_array);
        let calls = items.map(|items| items.iter().filter(|item| item["type"] == kind && is_search(item)).count());
        reading.usage.set(class, calls.map(|calls| calls as u64).filter(|calls| *calls > 0));
    }
    Ok(reading)
}

/// Opening a page and finding in it are no searches, and cost nothing.
fn is_search(item: &Value) -> bool {
    at(item, &["action", "type"]).is_none_or(|action| action == "search")
}

fn of_openai(body: &Value) -> Result<Reading, UsageError> {
    Ok(Reading {
        model: text(body, &["model"]),
        service_tier: text(body, &["service_tier"]),
        cost: openai_cost(body)?,
        ..Reading::default()
    })
}

/// The cost that OpenRouter or Perplexity tells.
///
/// With a key of the caller's own at the provider behind OpenRouter, `usage.cost` is OpenRouter's fee alone, and the provider charges the rest:
/// <https://openrouter.ai/docs/use-cases/usage-accounting>. Perplexity's is an object: <https://docs.perplexity.ai/api-reference/chat-completions-post>.
fn openai_cost(body: &Value) -> Result<Option<Money>, UsageError> {
    let cost = match told_cost(body, &["usage", "cost"])? {
        None => told_cost(body, &["usage", "cost", "total_cost"])?,
        told => told,
    };
    if at(body, &["usage", "is_byok"]).and_then(Value::as_bool) != Some(true) {
        return Ok(cost);
    }
    let upstream = told_cost(body, &["usage", "cost_details", "upstream_inference_cost"])?;
    Ok(cost.zip(upstream).and_then(|(fee, upstream)| fee.checked_add(upstream)))
}

const ANTHROPIC: Paths = &[
    (Class::CacheRead, &[&["usage", "cache_read_input_tokens"]]),
    (Class::CacheWrite, &[&["usage", "cache_creation_input_tokens"]]),
    (Class::CacheWrite5m, &[&["usage", "cache_creation", "ephemeral_5m_input_tokens"]]),
    (Class::CacheWrite1h, &[&["usage", "cache_creation", "ephemeral_1h_input_tokens"]]),
    (Class::Output, &[&["usage", "output_tokens"]]),
    (Class::Reasoning, &[&["usage", "output_tokens_details", "thinking_tokens"]]),
    (Class::WebSearches, &[&["usage", "server_tool_use", "web_search_requests"]]),
];

/// Anthropic's `input_tokens` are those outside the cache.
pub(super) fn anthropic(body: &Value) -> Result<Reading, UsageError> {
    let mut reading = Reading {
        usage: counts(body, ANTHROPIC)?,
        model: text(body, &["model"]),
        service_tier: text(body, &["usage", "service_tier"]),
        speed: text(body, &["usage", "speed"]),
        ..Reading::default()
    };
    repair::writes(&mut reading.usage, &mut reading.repairs);
    add_cached(&mut reading.usage, count(body, &["usage", "input_tokens"])?);
    Ok(reading)
}

/// Makes the prompt's tokens of those outside the cache and those of the cache.
pub(super) fn add_cached(usage: &mut Usage, outside: Option<u64>) {
    let cached = sum(usage.get(Class::CacheRead), usage.get(Class::CacheWrite));
    usage.set(Class::Input, outside.and_then(|outside| sum(Some(outside), cached)));
}

const GEMINI: Paths = &[
    (Class::CacheRead, &[&["usageMetadata", "cachedContentTokenCount"]]),
    (Class::InputTool, &[&["usageMetadata", "toolUsePromptTokenCount"]]),
    (Class::Reasoning, &[&["usageMetadata", "thoughtsTokenCount"]]),
];

/// Gemini's candidates are without its thoughts, its prompt is without what tools added.
pub(super) fn gemini(body: &Value) -> Result<Reading, UsageError> {
    let mut usage = counts(body, GEMINI)?;
    let field = |name: &str| count(body, &["usageMetadata", name]);
    let input = field("promptTokenCount")?;
    let output = match (field("candidatesTokenCount")?, usage.get(Class::Reasoning)) {
        // Nothing generated is left out of the body; a total tells whether it was nothing.
        (None, thoughts) => match (field("totalTokenCount")?, input) {
            (Some(total), Some(input)) => {
                total.checked_sub(input.saturating_add(usage.get(Class::InputTool).unwrap_or(0)))
            }
            _ => thoughts,
        },
        (candidates, thoughts) => sum(candidates, thoughts),
    };
    usage.set(Class::Input, input.and_then(|input| sum(Some(input), usage.get(Class::InputTool))));
    usage.set(Class::Output, output);
    for (details, classes) in GEMINI_DETAILS {
        for (class, modalities) in classes {
            usage.set(*class, by_modality(body, details, modalities)?);
        }
    }
    Ok(Reading { usage, model: text(body, &["modelVersion"]), ..Reading::default() })
}

type Modalities = &'static [(Class, &'static [&'static str])];

const GEMINI_DETAILS: [(&str, Modalities); 3] = [
    (
        "promptTokensDetails",
        &[
            (Class::InputAudio, &["AUDIO"]),
            (Class::InputImage, &["IMAGE", "DOCUMENT"]),
            (Class::InputVideo, &["VIDEO"]),
        ],
    ),
    (
        "cacheTokensDetails",
        &[
            (Class::CacheReadAudio, &["AUDIO"]),
            (Class::CacheReadImage, &["IMAGE", "DOCUMENT"]),
            (Class::CacheReadVideo, &["VIDEO"]),
        ],
    ),
    (
        "candidatesTokensDetails",
        &[
            (Class::OutputAudio, &["AUDIO"]),
            (Class::OutputImage, &["IMAGE", "DOCUMENT"]),
            (Class::OutputVideo, &["VIDEO"]),
        ],
    ),
];

/// The tokens of some modalities in a list of details; `None` where it names none of them.
fn by_modality(body: &Value, details: &str, modalities: &[&str]) -> Result<Option<u64>, UsageError> {
    let items = at(body, &["usageMetadata", details]).and_then(Value::as_array);
    let mut total = None;
    for item in items.into_iter().flatten() {
        if text(item, &["modality"]).is_some_and(|modality| modalities.contains(&modality.as_str())) {
            total = sum(total, count(item, &["tokenCount"])?);
        }
    }
    Ok(total)
}

const OLLAMA: Paths = &[(Class::Input, &[&["prompt_eval_count"]]), (Class::Output, &[&["eval_count"]])];

pub(super) fn ollama(body: &Value) -> Result<Reading, UsageError> {
    Ok(Reading { usage: counts(body, OLLAMA)?, model: text(body, &["model"]), ..Reading::default() })
}

const BEDROCK: Paths = &[
    (Class::CacheRead, &[&["usage", "cacheReadInputTokens"]]),
    (Class::CacheWrite, &[&["usage", "cacheWriteInputTokens"]]),
    (Class::Output, &[&["usage", "outputTokens"]]),
];

/// Bedrock's `inputTokens` are those outside the cache.
pub(super) fn bedrock(body: &Value) -> Result<Reading, UsageError> {
    let mut reading = Reading { usage: counts(body, BEDROCK)?, model: text(body, &["model"]), ..Reading::default() };
    for item in at(body, &["usage", "cacheDetails"]).and_then(Value::as_array).into_iter().flatten() {
        let class = match text(item, &["ttl"]).as_deref() {
            Some("5m") => Class::CacheWrite5m,
            Some("1h") => Class::CacheWrite1h,
            _ => continue,
        };
        reading.usage.set(class, sum(reading.usage.get(class), count(item, &["inputTokens"])?));
    }
    repair::writes(&mut reading.usage, &mut reading.repairs);
    add_cached(&mut reading.usage, count(body, &["usage", "inputTokens"])?);
    Ok(reading)
}
