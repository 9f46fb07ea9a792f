//! Usage between a function's value and the part that counts it.

use super::class::Class;
use super::reading::{Reading, Shape, read_value};
use super::{Usage, UsageError};
use perf_runtime::extend::{TellsUsage, ToldUsage};
use serde::Serialize;

/// Reads the usage of an answer of any crate whose types `serde` writes: as the provider does, or in a form that is known here. For the option `usage`
/// of the attributes:
///
/// ```
/// use perf_llm::usage::{Reading, Shape, UsageError, told_by};
/// use perf_runtime::monitor_llm_call;
/// # #[derive(serde::Serialize)]
/// # struct Completion { model: &'static str, usage: serde_json::Value }
///
/// #[monitor_llm_call("openai", "gpt-5-mini", usage = |answer| told_by(Shape::OpenAiChat, answer))]
/// fn ask() -> Completion {
///     // client.chat().create(..)
/// # Completion { model: "gpt-5-mini", usage: serde_json::json!({ "prompt_tokens": 5, "completion_tokens": 7 }) }
/// }
/// # ask();
/// ```
///
/// | crate | value | shape |
/// |---|---|---|
/// | async-openai | `CreateChatCompletionResponse`, items of its stream | [`Shape::OpenAiChat`] |
/// | async-openai | `responses::Response` | [`Shape::OpenAiResponses`] |
/// | genai | `ChatResponse`, `EmbedResponse`; `ChatStreamEvent` and `StreamEnd` (with `capture_usage`); `Usage` | [`Shape::Genai`] |
/// | rig-core | `CompletionResponse` (of a stream, what `finish` gives); `Usage` | [`Shape::Rig`] |
/// | rig-agent | `PromptResponse`, for `#[monitor_agent]`: the sum of a run, which is priced as one call | [`Shape::Rig`] |
/// | ollama-rs | `ChatMessageResponse`, `GenerationResponse`, items of their streams | [`Shape::Ollama`] |
/// | any other with the provider's own fields | the answer | the provider's |
///
/// Values of genai and rig name provider and model, so that agents, tools and workflows can tell by them too. A cost in them counts where the provider
/// told it; one that rig made with its own list of prices does not, for that list knows neither tiers nor batches: the table of this crate does.
/// genai keeps no cache hits of DeepSeek and Moonshot, so that none are told: their cost is too high by the discount, as in its spans.
///
/// # Errors
///
/// [`UsageError`] as [`read`](super::read), and for a value that is not written as a JSON object.
pub fn told_by(shape: Shape, answer: &(impl Serialize + ?Sized)) -> Result<Reading, UsageError> {
    let value = serde_json::to_value(answer).map_err(|error| UsageError::NoJson { why: error.to_string() })?;
    // Events of a stream that carry nothing are written as their name alone.
    if shape == Shape::Genai && value.is_string() {
        return Ok(Reading::default());
    }
    read_value(shape, &value)
}

/// The counts of a told usage by class, with those that no class is known for left out.
///
/// # Errors
///
/// [`UsageError`] where counts contradict each other.
pub fn usage_of(told: &ToldUsage) -> Result<Usage, UsageError> {
    let class = |name: &str| {
        let full = format!("{name}_tokens");
        let full = if name == "reasoning" { Class::Reasoning.name() } else { &full };
        Class::of_name(name).or_else(|| Class::of_name(full))
    };
    let usage: Usage = told.counts.iter().filter_map(|(name, count)| Some((class(name)?, *count))).collect();
    usage.check()?;
    Ok(usage)
}

impl TellsUsage for Usage {
    fn told_usage(&self) -> Option<ToldUsage> {
        let told = self.iter().fold(ToldUsage::new(), |told, (class, count)| told.count(class.name(), count));
        (!self.is_unknown()).then_some(told)
    }
}

impl TellsUsage for Reading {
    fn told_usage(&self) -> Option<ToldUsage> {
        let mut told = self.usage.told_usage().unwrap_or_default();
        told.provider.clone_from(&self.provider);
        told.model.clone_from(&self.model);
        told.service_tier.clone_from(&self.service_tier);
        told.speed.clone_from(&self.speed);
        told.cost_picos = self.cost.map(crate::Money::picos);
        told.repairs = self.repairs.iter().map(|repair| repair.name()).collect();
        Some(told)
    }
}
