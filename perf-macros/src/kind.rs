//! The nine attributes and what each of them labels.

/// The kind of calls that an attribute measures. The names are those of `perf_runtime::Kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    DbOperation,
    Workflow,
    WorkflowStep,
    Agent,
    Tool,
    McpCall,
    ExternalCall,
    LlmCall,
    Operation,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::DbOperation,
        Self::Workflow,
        Self::WorkflowStep,
        Self::Agent,
        Self::Tool,
        Self::McpCall,
        Self::ExternalCall,
        Self::LlmCall,
        Self::Operation,
    ];

    /// The attribute's name.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::DbOperation => "monitor_db_operation",
            Self::Workflow => "monitor_workflow",
            Self::WorkflowStep => "monitor_workflow_step",
            Self::Agent => "monitor_agent",
            Self::Tool => "monitor_tool",
            Self::McpCall => "monitor_mcp_call",
            Self::ExternalCall => "monitor_external_call",
            Self::LlmCall => "monitor_llm_call",
            Self::Operation => "monitor",
        }
    }

    /// The variant of `perf_runtime::Kind`.
    pub(crate) fn variant(self) -> String {
        format!("{self:?}")
    }

    /// The names of its positional labels.
    pub(crate) fn labels(self) -> &'static [&'static str] {
        match self {
            Self::DbOperation => &["operation", "table"],
            Self::Workflow => &["workflow"],
            Self::WorkflowStep => &["workflow", "step"],
            Self::Agent => &["agent"],
            Self::Tool => &["tool"],
            Self::McpCall => &["server", "capability"],
            Self::ExternalCall => &["service", "operation"],
            Self::LlmCall => &["provider", "model"],
            Self::Operation => &["operation"],
        }
    }

    /// How it is written, for errors.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::DbOperation => r#"#[monitor_db_operation("select", "users")]"#,
            Self::Workflow => r#"#[monitor_workflow("data_processing")]"#,
            Self::WorkflowStep => r#"#[monitor_workflow_step("data_processing", "validation")]"#,
            Self::Agent => r#"#[monitor_agent("researcher")]"#,
            Self::Tool => r#"#[monitor_tool("web_search")]"#,
            Self::McpCall => r#"#[monitor_mcp_call("context7", "resolve")]"#,
            Self::ExternalCall => r#"#[monitor_external_call("stripe", "charge")]"#,
            Self::LlmCall => r#"#[monitor_llm_call("openai", "gpt-5")]"#,
            Self::Operation => r#"#[monitor("checkout")]"#,
        }
    }
}
