//! Providers by the names that libraries give them.

/// The provider where models run on the caller's own machine: they cost nothing.
pub(super) const LOCAL: &str = "local";

/// Servers for models of one's own.
const OWN: &[&str] = &[
    "local",
    "ollama",
    "llamacpp",
    "llama.cpp",
    "llama_cpp",
    "llamafile",
    "lmstudio",
    "lm_studio",
    "mistralrs",
    "vllm",
];

/// Names of `gen_ai.provider.name` (OpenTelemetry's semantic conventions for generative AI) and of Rust's crates, and the ids that
/// `genai-prices` knows these providers by. What ends in a point is the beginning of names.
const ALIASES: &[(&str, &str)] = &[
    ("x_ai", "x-ai"),
    ("xai", "x-ai"),
    ("azure.", "azure"),
    ("azure_", "azure"),
    ("az.ai.", "azure"),
    ("gcp.", "google"),
    ("vertex_ai", "google"),
    ("aws.", "aws"),
    ("copilot", "github-copilot"),
    ("github_copilot", "github-copilot"),
    ("open_router", "openrouter"),
    ("bigmodel", "zhipuai"),
    ("mistral_ai", "mistral"),
    ("moonshot", "moonshotai"),
    ("moonshot_ai", "moonshotai"),
    ("fireworks_ai", "fireworks"),
    ("together_ai", "together"),
    ("z.ai", "zai"),
    ("z_ai", "zai"),
];

/// The id of a provider in the table; [`LOCAL`] for the caller's own machine.
pub(crate) fn provider(name: &str) -> &str {
    let same = |other: &&str| name.eq_ignore_ascii_case(other);
    if OWN.iter().any(same) {
        return LOCAL;
    }
    let begins = |start: &str| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    let matches = |alias: &str| if alias.ends_with(['.', '_']) { begins(alias) } else { same(&alias) };
    ALIASES.iter().find(|(alias, _)| matches(alias)).map_or(name, |(_, id)| id)
}

/// Whether a tier or a speed is the usual one, which has no price of its own. `auto` is a wish and not a tier.
pub(super) fn is_standard(tier: &str) -> bool {
    const STANDARD: &[&str] = &["", "default", "standard", "standard_only", "auto", "on_demand", "on-demand", "normal"];
    STANDARD.iter().any(|standard| tier.eq_ignore_ascii_case(standard))
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn libraries_names_are_the_tables() {
        for (name, id) in [
            ("azure.ai.openai", "azure"),
            ("azure.openai", "azure"),
            ("X_AI", "x-ai"),
            ("gcp.gen_ai", "google"),
            ("gcp.vertex_ai", "google"),
            ("aws.bedrock", "aws"),
            ("copilot", "github-copilot"),
            ("open_router", "openrouter"),
            ("Ollama", LOCAL),
            ("openai", "openai"),
            ("ibm.watsonx.ai", "ibm.watsonx.ai"),
            ("äzure.", "äzure."),
        ] {
            assert_eq!(provider(name), id, "{name}");
        }
    }
}
