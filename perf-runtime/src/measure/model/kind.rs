//! What sort of thing a site measures, and by what names it is exposed.

use serde::Serialize;
use std::fmt;

/// What sort of thing a series measures: it decides the names of the metrics and of their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// An operation on a database table: `#[monitor_db_operation]`.
    DbOperation,
    /// A workflow from end to end: `#[monitor_workflow]`.
    Workflow,
    /// A step of a workflow: `#[monitor_workflow_step]`.
    WorkflowStep,
    /// A run of an agent: `#[monitor_agent]`.
    Agent,
    /// A call of a tool: `#[monitor_tool]`.
    Tool,
    /// A call to an MCP server: `#[monitor_mcp_call]`.
    McpCall,
    /// A call to another service: `#[monitor_external_call]`.
    ExternalCall,
    /// Anything else: `#[monitor]`.
    Operation,
    /// A request that this process answers: the layer of `perf-server`.
    HttpRequest,
}

/// The names under which a kind is exposed. All labels but `outcome` are listed.
pub(crate) struct Family {
    /// The kind's own name, as in spans and JSON.
    pub(crate) name: &'static str,
    /// Two words for people: "database operations".
    pub(crate) plural: &'static str,
    pub(crate) counter: &'static str,
    pub(crate) histogram: &'static str,
    pub(crate) in_flight: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) slow_polls: &'static str,
    pub(crate) labels: &'static [&'static str],
    /// The upper bounds of the exposed buckets, in seconds.
    pub(crate) bounds: &'static [f64],
}

/// The bounds that OpenTelemetry advises for `db.client.operation.duration`.
const DB_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// The bounds that OpenTelemetry advises for `http.server.request.duration` and its client side.
const HTTP_BOUNDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The bounds that OpenTelemetry advises for `mcp.client.operation.duration`.
const MCP_BOUNDS: &[f64] = &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Agents and tools: as OpenTelemetry's doubling bounds, with the thresholds of health (2, 5 and 10 s) among them.
const AGENT_BOUNDS: &[f64] = &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0];
const TOOL_BOUNDS: &[f64] = &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0];
/// Workflows run from milliseconds to hours.
const WORKFLOW_BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0];
const OPERATION_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0];

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::HttpRequest,
        Self::DbOperation,
        Self::Workflow,
        Self::WorkflowStep,
        Self::Agent,
        Self::Tool,
        Self::McpCall,
        Self::ExternalCall,
        Self::Operation,
    ];

    /// The kind's name in spans and JSON, such as `db_operation`.
    pub const fn as_str(self) -> &'static str {
        self.family().name
    }

    /// The names of the labels that tell series of this kind apart, such as `operation` and `table`.
    pub const fn label_names(self) -> &'static [&'static str] {
        self.family().labels
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    pub(crate) const fn family(self) -> &'static Family {
        match self {
            Self::DbOperation => &Family {
                name: "db_operation",
                plural: "database operations",
                counter: "db_operations_total",
                histogram: "db_operation_duration_seconds",
                in_flight: "db_operations_in_flight",
                busy: "db_operation_busy_seconds_total",
                slow_polls: "db_operation_slow_polls_total",
                labels: &["operation", "table"],
                bounds: DB_BOUNDS,
            },
            Self::Workflow => &Family {
                name: "workflow",
                plural: "workflows",
                counter: "workflows_total",
                histogram: "workflow_duration_seconds",
                in_flight: "active_workflows",
                busy: "workflow_busy_seconds_total",
                slow_polls: "workflow_slow_polls_total",
                labels: &["workflow"],
                bounds: WORKFLOW_BOUNDS,
            },
            Self::WorkflowStep => &Family {
                name: "workflow_step",
                plural: "workflow steps",
                counter: "workflow_steps_total",
                histogram: "workflow_step_duration_seconds",
                in_flight: "workflow_steps_in_flight",
                busy: "workflow_step_busy_seconds_total",
                slow_polls: "workflow_step_slow_polls_total",
                labels: &["workflow", "step"],
                bounds: WORKFLOW_BOUNDS,
            },
            Self::Agent => &Family {
                name: "agent",
                plural: "agent runs",
                counter: "agent_runs_total",
                histogram: "agent_run_duration_seconds",
                in_flight: "agent_runs_in_flight",
                busy: "agent_run_busy_seconds_total",
                slow_polls: "agent_run_slow_polls_total",
                labels: &["agent"],
                bounds: AGENT_BOUNDS,
            },
            Self::Tool => &Family {
                name: "tool",
                plural: "tool calls",
                counter: "tool_calls_total",
                histogram: "tool_call_duration_seconds",
                in_flight: "tool_calls_in_flight",
                busy: "tool_call_busy_seconds_total",
                slow_polls: "tool_call_slow_polls_total",
                labels: &["tool"],
                bounds: TOOL_BOUNDS,
            },
            Self::McpCall => &Family {
                name: "mcp_call",
                plural: "MCP calls",
                counter: "mcp_calls_total",
                histogram: "mcp_call_duration_seconds",
                in_flight: "mcp_calls_in_flight",
                busy: "mcp_call_busy_seconds_total",
                slow_polls: "mcp_call_slow_polls_total",
                labels: &["server", "capability"],
                bounds: MCP_BOUNDS,
            },
            Self::ExternalCall => &Family {
                name: "external_call",
                plural: "external calls",
                counter: "external_calls_total",
                histogram: "external_call_duration_seconds",
                in_flight: "external_calls_in_flight",
                busy: "external_call_busy_seconds_total",
                slow_polls: "external_call_slow_polls_total",
                labels: &["service", "operation"],
                bounds: HTTP_BOUNDS,
            },
            Self::Operation => &Family {
                name: "operation",
                plural: "operations",
                counter: "operations_total",
                histogram: "operation_duration_seconds",
                in_flight: "operations_in_flight",
                busy: "operation_busy_seconds_total",
                slow_polls: "operation_slow_polls_total",
                labels: &["operation"],
                bounds: OPERATION_BOUNDS,
            },
            Self::HttpRequest => &Family {
                name: "http_request",
                plural: "HTTP requests",
                counter: "http_requests_total",
                histogram: "http_request_duration_seconds",
                in_flight: "http_requests_in_flight",
                busy: "http_request_busy_seconds_total",
                slow_polls: "http_request_slow_polls_total",
                labels: &["method", "route", "status"],
                bounds: HTTP_BOUNDS,
            },
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
