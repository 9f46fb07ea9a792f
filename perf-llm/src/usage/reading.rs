use super::class::Usage;
use super::{Repair, UsageError, fields, shapes, values};
use crate::Money;
use serde_json::Value;
use std::borrow::Cow;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 16 << 20;

/// The form of a provider's answers, or of the values of a crate that has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Chat completions of OpenAI, and of the many that speak the same (OpenRouter, xAI, DeepSeek, Mistral, vLLM).
    /// <https://platform.openai.com/docs/api-reference/chat/object>
    OpenAiChat,
    /// Responses of OpenAI. <https://platform.openai.com/docs/api-reference/responses/object>
    OpenAiResponses,
    /// Messages of Anthropic. <https://docs.anthropic.com/en/api/messages>
    Anthropic,
    /// `generateContent` of Gemini. <https://ai.google.dev/api/generate-content#UsageMetadata>
    Gemini,
    /// `/api/chat` and `/api/generate` of Ollama. <https://github.com/ollama/ollama/blob/main/docs/api.md>
    Ollama,
    /// Converse of Amazon Bedrock. <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>
    Bedrock,
    /// Values of the crate `genai` (0.7): `ChatResponse`, `EmbedResponse`, `ChatStreamEvent`, `StreamEnd` and `Usage`. They are for [`told_by`](super::told_by).
    /// <https://docs.rs/genai/latest/genai/chat/struct.Usage.html>
    Genai,
    /// Values of the crates of `rig` (0.44): `CompletionResponse` and `Usage` of `rig-core`, `PromptResponse` of `rig-agent`. They are for
    /// [`told_by`](super::told_by). <https://docs.rs/rig-core/latest/rig_core/completion/struct.Usage.html>
    Rig,
}

/// An answer's usage, with what its price depends on.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Reading {
    /// The counts; unknown where the body has none.
    pub usage: Usage,
    /// The provider, by OpenTelemetry's name or the crate's: bodies of providers name none, values of crates ([`Shape::Genai`], [`Shape::Rig`]) do.
    pub provider: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The service tier that the provider says it used.
    pub service_tier: Option<String>,
    /// The speed that the provider says it used (Anthropic's fast mode).
    pub speed: Option<String>,
    /// The cost that the provider tells: OpenRouter's `usage.cost`, with what the provider behind it charges the caller's own key, and
    /// Perplexity's `usage.cost.total_cost`. A cost of another form is unknown.
    pub cost: Option<Money>,
    /// Whether it is of a stream that was cut off: then nobody knows what was generated.
    pub is_cut: bool,
    /// The rules that put the counts right.
    pub repairs: Vec<Repair>,
}

/// Reads the usage of a whole answer.
///
/// A body without usage is no error: its counts are unknown.
///
/// # Errors
///
/// [`UsageError`] for a body that is no JSON object or is over 16 MiB, a count that is negative, no whole number or above 2^53, and a part
/// that is larger than its whole.
pub fn read(shape: Shape, body: &[u8]) -> Result<Reading, UsageError> {
    if body.len() > MAX_BODY {
        return Err(UsageError::BodyTooLarge { bytes: body.len() });
    }
    let value = serde_json::from_slice(body).map_err(|error| UsageError::NoJson { why: error.to_string() })?;
    read_value(shape, &value)
}

/// Reads the usage of a whole answer that is parsed already.
///
/// # Errors
///
/// As [`read`].
pub fn read_value(shape: Shape, body: &Value) -> Result<Reading, UsageError> {
    if !body.is_object() {
        return Err(UsageError::NoJson { why: "an object is needed".into() });
    }
    let reading = match shape {
        Shape::OpenAiChat => shapes::openai_chat(body),
        Shape::OpenAiResponses => shapes::openai_responses(body),
        Shape::Anthropic => shapes::anthropic(body),
        Shape::Gemini => shapes::gemini(body),
        Shape::Ollama => shapes::ollama(body),
        Shape::Bedrock => shapes::bedrock(body),
        Shape::Genai => values::genai(body),
        Shape::Rig => values::rig(body),
    }?;
    reading.usage.check()?;
    Ok(reading)
}

/// The cost that a provider tells in dollars; unknown where it is no number.
pub(super) fn told_cost(body: &Value, path: &[&str]) -> Result<Option<Money>, UsageError> {
    let Some(found) = fields::at(body, path) else { return Ok(None) };
    let field = || Cow::from(path.join("."));
    match found.as_f64() {
        Some(dollars) if dollars < 0.0 => Err(UsageError::Negative { field: field(), value: found.to_string() }),
        Some(dollars) => match Money::from_float(dollars) {
            Some(cost) => Ok(Some(cost)),
            None => Err(UsageError::TooLarge { field: field(), value: found.to_string() }),
        },
        None => Ok(None),
    }
}
