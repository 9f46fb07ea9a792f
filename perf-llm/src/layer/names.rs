//! The names of spans and fields of LLM crates, as they were on 2026-11-26: OpenTelemetry's, old and new, and those of crates that have their
//! own.
//!
//! Sources: <https://github.com/open-telemetry/semantic-conventions-genai>, and the sources of genai 0.7.2, rig 0.44.0, adk-rust 2.3.0,
//! langchain-rust 7.0.0 and liter-llm 2.4.4.

use crate::usage::Class;
use tracing::Metadata;

/// A span's part in the work of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A call of a model: the only one whose usage is summed.
    Inference,
    /// A run of an agent, which tells the sum of its calls once more.
    Agent,
    /// A call of a tool.
    Tool,
    /// A step, a workflow, or one that nobody knows.
    Other,
}

/// Whether a span is of a crate that tells something of each answer (an id, the model, the reason of its end, or usage), so that a call of which it
/// tells nothing had none, or none that is known of.
///
/// genai tells failures too: what tells nothing was given up. rig tells none, so that it may have failed as well. rig is known by a field that is its alone:
/// the target is another one where it writes into a span of the program (`completion_parent_span!`).
pub(super) fn tells_answers(metadata: &Metadata<'_>) -> bool {
    metadata.name().starts_with("genai.") || metadata.fields().field("rig.provider_request_id").is_some()
}

/// rig's field of how a tool ended.
const TOOL_OUTCOME: &str = "gen_ai.tool.call.outcome";

/// Whether a span is of a crate that tells how each tool ended, so that one of which it tells nothing was given up.
pub(super) fn tells_tool_outcomes(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field(TOOL_OUTCOME).is_some()
}

/// The role by the operation that a span tells.
pub(super) fn role_of_operation(operation: &str) -> Role {
    match operation {
        "chat" | "generate_content" | "text_completion" | "embeddings" => Role::Inference,
        "invoke_agent" => Role::Agent,
        "execute_tool" => Role::Tool,
        _ => Role::Other,
    }
}

/// The role by the span's name, of crates that tell no operation.
pub(super) fn role_of_name(name: &str) -> Role {
    match name {
        "gen_ai.generate" | "llm.generate" | "genai.chat" | "genai.embeddings" => Role::Inference,
        "agent.execute" | "agent.run" => Role::Agent,
        "tool.call" => Role::Tool,
        _ => Role::Other,
    }
}

/// A field's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Count(Class),
    Total,
    Cost,
    Provider,
    RequestedModel,
    AnsweringModel,
    Operation,
    Agent,
    Tool,
    /// Arguments of a tool, of which a hash alone is kept.
    Arguments,
    Error,
    Status,
    /// How a tool ended, as rig says it: `success`, `error`, `denied`, `skipped`.
    ToolOutcome,
    /// The answer's id or the reason of its end, which tell that there was one.
    Answer,
    /// In seconds.
    FirstToken,
}

const FIELDS: &[(&str, Meaning)] = &[
    ("gen_ai.operation.name", Meaning::Operation),
    ("gen_ai.provider.name", Meaning::Provider),
    ("gen_ai.system", Meaning::Provider),
    ("gen_ai.request.model", Meaning::RequestedModel),
    ("gen_ai.response.finish_reasons", Meaning::Answer),
    ("gen_ai.response.id", Meaning::Answer),
    ("gen_ai.response.model", Meaning::AnsweringModel),
    ("gen_ai.agent.name", Meaning::Agent),
    ("gen_ai.tool.name", Meaning::Tool),
    ("gen_ai.tool.call.arguments", Meaning::Arguments),
    (TOOL_OUTCOME, Meaning::ToolOutcome),
    ("gen_ai.tool.error.type", Meaning::Error),
    ("gen_ai.usage.input_tokens", Meaning::Count(Class::Input)),
    ("gen_ai.usage.prompt_tokens", Meaning::Count(Class::Input)),
    ("gen_ai.usage.output_tokens", Meaning::Count(Class::Output)),
    ("gen_ai.usage.completion_tokens", Meaning::Count(Class::Output)),
    ("gen_ai.usage.total_tokens", Meaning::Total),
    ("gen_ai.usage.cache_read.input_tokens", Meaning::Count(Class::CacheRead)),
    ("gen_ai.usage.cache_read_input_tokens", Meaning::Count(Class::CacheRead)),
    ("gen_ai.usage.cache_read_tokens", Meaning::Count(Class::CacheRead)),
    ("gen_ai.usage.cache_creation.input_tokens", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.cache_creation_input_tokens", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.cache_creation_tokens", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.cache_write.input_tokens", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.cache_write_tokens", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.cache_write", Meaning::Count(Class::CacheWrite)),
    ("gen_ai.usage.reasoning.output_tokens", Meaning::Count(Class::Reasoning)),
    ("gen_ai.usage.reasoning_tokens", Meaning::Count(Class::Reasoning)),
    ("gen_ai.usage.thinking_tokens", Meaning::Count(Class::Reasoning)),
    ("gen_ai.usage.tool_use_prompt_tokens", Meaning::Count(Class::InputTool)),
    ("gen_ai.usage.cost", Meaning::Cost),
    ("gen_ai.response.time_to_first_chunk", Meaning::FirstToken),
    ("error.type", Meaning::Error),
    ("otel.status_code", Meaning::Status),
];

/// Those of spans without OpenTelemetry's names.
const PLAIN_FIELDS: &[(&str, Meaning)] = &[
    ("provider", Meaning::Provider),
    ("model", Meaning::RequestedModel),
    ("prompt_tokens", Meaning::Count(Class::Input)),
    ("completion_tokens", Meaning::Count(Class::Output)),
    ("total_tokens", Meaning::Total),
    ("agent.name", Meaning::Agent),
    ("agent", Meaning::Agent),
    ("tool", Meaning::Tool),
    ("error", Meaning::Error),
];

/// The meaning of a field of a span of ours to read.
pub(super) fn meaning(span: &str, field: &str) -> Option<Meaning> {
    let found =
        |fields: &[(&str, Meaning)]| fields.iter().find(|(name, _)| *name == field).map(|(_, meaning)| *meaning);
    found(FIELDS).or_else(|| found(PLAIN_FIELDS).filter(|_| role_of_name(span) != Role::Other))
}

/// Whether a span is one to be read. Spans of perf's own attributes have the field `outcome`: their calls are counted already.
pub(super) fn is_known(metadata: &Metadata<'_>) -> bool {
    let mut fields = metadata.fields().iter();
    metadata.is_span()
        && (role_of_name(metadata.name()) != Role::Other || fields.any(|field| field.name().starts_with("gen_ai.")))
        && metadata.fields().field("outcome").is_none()
}
