//! OpenTelemetry's names of metrics for language models, as of 2026-11-26, in the form that Prometheus has them: `.` is `_`, the unit is the end.
//!
//! *Old* is what dashboards read today (semantic conventions 1.36 to 1.42, `gen_ai.client.token.usage`), *new* the development version of
//! <https://github.com/open-telemetry/semantic-conventions-genai> (`gen-ai/1.42.0-dev`, `gen_ai.client.inference.*`). The fields of spans that are
//! read stand in the layer's table, of the same day.

use serde::Deserialize;

/// Which of OpenTelemetry's names the metrics have as well, beside those of `llm_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GenAiNames {
    /// None of them.
    #[default]
    None,
    /// The names that dashboards read today: `gen_ai_client_token_usage`, `gen_ai_client_operation_duration_seconds`.
    Old,
    /// The names to come: `gen_ai_client_inference_*`, `gen_ai_invoke_agent_*`.
    New,
    /// Both.
    Both,
}

impl GenAiNames {
    pub(crate) fn is_old(self) -> bool {
        matches!(self, Self::Old | Self::Both)
    }

    pub(crate) fn is_new(self) -> bool {
        matches!(self, Self::New | Self::Both)
    }
}

pub(crate) const OPERATION_NAME: &str = "gen_ai_operation_name";
pub(crate) const PROVIDER_NAME: &str = "gen_ai_provider_name";
pub(crate) const REQUEST_MODEL: &str = "gen_ai_request_model";
pub(crate) const RESPONSE_MODEL: &str = "gen_ai_response_model";
pub(crate) const AGENT_NAME: &str = "gen_ai_agent_name";

/// The operation of a call of which nobody says another.
#[cfg(any(feature = "http", feature = "tracing-layer"))]
pub(crate) const CHAT: &str = "chat";
pub(crate) const INVOKE_AGENT: &str = "invoke_agent";
#[cfg(feature = "http")]
pub(crate) const GENERATE_CONTENT: &str = "generate_content";
#[cfg(feature = "http")]
pub(crate) const TEXT_COMPLETION: &str = "text_completion";
#[cfg(feature = "http")]
pub(crate) const EMBEDDINGS: &str = "embeddings";

/// The old names.
pub(crate) mod old {
    pub(crate) const TOKEN_USAGE: &str = "gen_ai_client_token_usage";
    pub(crate) const OPERATION_DURATION: &str = "gen_ai_client_operation_duration_seconds";
    pub(crate) const TOKEN_TYPE: &str = "gen_ai_token_type";
}

/// The names to come.
pub(crate) mod new {
    use crate::usage::Class;

    pub(crate) const INFERENCE_DURATION: &str = "gen_ai_client_inference_duration_seconds";
    pub(crate) const FIRST_CHUNK: &str = "gen_ai_client_inference_time_to_first_chunk_seconds";
    pub(crate) const MODALITY: &str = "gen_ai_token_modality";
    /// Nobody says which part of the tokens is text.
    pub(crate) const MODALITY_UNKNOWN: &str = "unknown";
    /// Counters of tokens by class; the first two are the totals.
    pub(crate) const USAGE: [(Class, &str); 5] = [
        (Class::Input, "gen_ai_client_inference_usage_input_tokens_total"),
        (Class::Output, "gen_ai_client_inference_usage_output_tokens_total"),
        (Class::CacheRead, "gen_ai_client_inference_usage_cache_read_input_tokens_total"),
        (Class::CacheWrite, "gen_ai_client_inference_usage_cache_write_input_tokens_total"),
        (Class::Reasoning, "gen_ai_client_inference_usage_reasoning_output_tokens_total"),
    ];
    /// Histograms of the tokens of one call.
    pub(crate) const OF_OPERATION: [(Class, &str); 2] = [
        (Class::Input, "gen_ai_client_inference_operation_input_tokens"),
        (Class::Output, "gen_ai_client_inference_operation_output_tokens"),
    ];
    pub(crate) const AGENT_DURATION: &str = "gen_ai_invoke_agent_duration_seconds";
    pub(crate) const AGENT_INFERENCE_CALLS: &str = "gen_ai_invoke_agent_inference_calls";
    pub(crate) const AGENT_TOOL_CALLS: &str = "gen_ai_invoke_agent_tool_calls";
}

/// The bounds that OpenTelemetry advises for tokens.
static TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// And for durations.
static DURATION_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// For runs of agents.
static RUN_BOUNDS: [f64; 13] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];
/// For calls in a run.
static CALL_BOUNDS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The histograms with their bounds.
pub(crate) fn bounds() -> impl Iterator<Item = (&'static str, &'static [f64])> {
    let tokens = [old::TOKEN_USAGE].into_iter().chain(new::OF_OPERATION.map(|(_, name)| name));
    let durations = [old::OPERATION_DURATION, new::INFERENCE_DURATION, new::FIRST_CHUNK];
    let calls = [new::AGENT_INFERENCE_CALLS, new::AGENT_TOOL_CALLS];
    let tokens = tokens.map(|name| (name, &TOKEN_BOUNDS[..]));
    let runs = [(new::AGENT_DURATION, &RUN_BOUNDS[..])];
    tokens
        .chain(runs)
        .chain(durations.map(|name| (name, &DURATION_BOUNDS[..])))
        .chain(calls.map(|name| (name, &CALL_BOUNDS[..])))
}
