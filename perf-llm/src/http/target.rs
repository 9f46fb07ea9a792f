//! The model API that a request asks, by its address.

use crate::conventions::{CHAT, EMBEDDINGS, GENERATE_CONTENT, TEXT_COMPLETION};
use crate::usage::Shape;

/// An endpoint whose answers tell usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The provider as OpenTelemetry names it, or the host where nobody knows whose it is.
    pub(super) provider: String,
    pub(super) shape: Shape,
    /// The model, where the path names it.
    pub(super) model: Option<String>,
    /// Whether the provider is known, by the host or by the program.
    pub(super) is_known: bool,
    /// Whether the answers are vectors: then nothing is generated.
    pub(super) is_embedding: bool,
    /// The operation, by OpenTelemetry's name.
    pub(super) operation: &'static str,
}

const BEDROCK: &str = "aws.bedrock";

/// Hosts and what OpenTelemetry calls the provider; what begins with a point is the end of hosts.
///
/// <https://github.com/open-telemetry/semantic-conventions-genai> (`gen_ai.provider.name`), and each provider's API reference.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    (".api.openai.com", "openai"),
    (".openai.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("-aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".amazonaws.com", BEDROCK),
    ("api.x.ai", "x_ai"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.perplexity.ai", "perplexity"),
    ("api.together.xyz", "together_ai"),
    ("api.fireworks.ai", "fireworks_ai"),
    ("openrouter.ai", "openrouter"),
];

/// The target of a `POST`; `None` for what is no call of a model.
pub(super) fn target(host: &str, path: &str, provider: Option<&str>) -> Option<Target> {
    let path = path.trim_end_matches('/');
    let ends = |end: &str| path.ends_with(end);
    let of_path = |before: &str, after: &str| {
        let (_, rest) = path.rsplit_once(before)?;
        let model = rest.strip_suffix(after)?;
        (!model.is_empty()).then(|| decoded(model))
    };
    let gemini = || [":generateContent", ":streamGenerateContent"].iter().find_map(|end| of_path("/models/", end));
    let bedrock = || ["/converse", "/converse-stream"].iter().find_map(|end| of_path("/model/", end));
    let is_embedding = ends("/embeddings");
    let operation = if is_embedding {
        EMBEDDINGS
    } else if gemini().is_some() {
        GENERATE_CONTENT
    } else if (ends("/completions") && !ends("/chat/completions")) || ends("/api/generate") {
        TEXT_COMPLETION
    } else {
        CHAT
    };
    let (shape, model) = if is_embedding || ends("/chat/completions") || ends("/completions") {
        (Shape::OpenAiChat, None)
    } else if ends("/responses") {
        (Shape::OpenAiResponses, None)
    } else if ends("/v1/messages") {
        (Shape::Anthropic, None)
    } else if ends("/api/chat") || ends("/api/generate") {
        (Shape::Ollama, None)
    } else if let Some(model) = gemini() {
        (Shape::Gemini, Some(model))
    } else if let Some(model) = bedrock() {
        (Shape::Bedrock, Some(model))
    } else {
        return None;
    };
    let known = provider.or_else(|| known_provider(host));
    let is_known = known.is_some();
    let unknown = || if shape == Shape::Ollama { "ollama".to_owned() } else { host.to_ascii_lowercase() };
    let provider = known.map_or_else(unknown, str::to_owned);
    Some(Target { provider, shape, model, is_known, is_embedding, operation })
}

fn known_provider(host: &str) -> Option<&'static str> {
    let host = host.to_ascii_lowercase();
    let is_one = |known: &str| host == known || (known.starts_with(['.', '-']) && host.ends_with(known));
    let (_, provider) = HOSTS.iter().find(|(known, _)| is_one(known))?;
    // Much else is at Amazon's.
    (*provider != BEDROCK || host.starts_with("bedrock-runtime")).then_some(provider)
}

/// A part of a path without its percent encoding (RFC 3986, 2.1).
fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_provider_shape_and_model() {
        for (host, path, provider, shape, model) in [
            ("api.openai.com", "/v1/chat/completions", "openai", Shape::OpenAiChat, None),
            ("eu.api.openai.com", "/v1/responses", "openai", Shape::OpenAiResponses, None),
            (
                "x.openai.azure.com",
                "/openai/deployments/a/chat/completions",
                "azure.ai.openai",
                Shape::OpenAiChat,
                None,
            ),
            ("API.Anthropic.com", "/v1/messages", "anthropic", Shape::Anthropic, None),
            (
                "generativelanguage.googleapis.com",
                "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
                "gcp.gemini",
                Shape::Gemini,
                Some("gemini-2.5-flash"),
            ),
            (
                "bedrock-runtime.eu-west-1.amazonaws.com",
                "/model/anthropic.claude-v2%3A1/converse",
                "aws.bedrock",
                Shape::Bedrock,
                Some("anthropic.claude-v2:1"),
            ),
            ("127.0.0.1", "/api/chat", "ollama", Shape::Ollama, None),
            ("x.elb.amazonaws.com", "/v1/completions", "x.elb.amazonaws.com", Shape::OpenAiChat, None),
            ("evilapi.openai.com", "/v1/completions", "evilapi.openai.com", Shape::OpenAiChat, None),
            ("gpu.example", "/v1/chat/completions/", "gpu.example", Shape::OpenAiChat, None),
        ] {
            let found = target(host, path, None).unwrap();
            assert_eq!(
                (&*found.provider, found.shape, found.model.as_deref()),
                (provider, shape, model),
                "{host}{path}"
            );
        }
        assert_eq!(target("127.0.0.1", "/v1/messages", Some("mine")).unwrap().provider, "mine");
    }

    #[test]
    fn other_addresses_are_no_calls_of_models() {
        for path in [
            "/",
            "/v1/models",
            "/v1/messages/count_tokens",
            "/v1/messages/batches",
            "/v1/models/:generateContent",
            "/v1beta/models/gemini-2.5-flash:countTokens",
        ] {
            assert_eq!(target("api.openai.com", path, None), None, "{path}");
        }
    }

    #[test]
    fn no_path_breaks_the_decoding() {
        for (path, model) in
            [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%ff", "\u{fffd}"), ("a%20b", "a b"), ("ä%", "ä%")]
        {
            assert_eq!(decoded(path), model);
        }
    }
}
