//! The kinds of calls, and the names by which each is exposed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of calls: it decides the names of the metrics and of their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// A call to a language model: `#[monitor_llm_call]`.
    LlmCall,
    /// Anything else: `#[monitor]`.
    Operation,
    /// A request that this process answers: the layer of `perf-server`.
    HttpRequest,
}

/// Everything that is particular about a kind, as plain data. All labels but `outcome` are listed.
#[derive(Debug)]
pub(crate) struct Family {
    /// The kind's own name, as in spans and JSON.
    pub(crate) name: &'static str,
    /// Two words for people: "database operations".
    pub(crate) plural: &'static str,
    /// The kind in the ids of rules: `db` in `db-latency`.
    pub(crate) word: &'static str,
    pub(crate) counter: &'static str,
    pub(crate) histogram: &'static str,
    pub(crate) in_flight: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) slow_polls: &'static str,
    pub(crate) labels: &'static [&'static str],
    /// The last of `labels`, where their values are known only when a call has ended. Until then a call counts in the series
    /// in which they are empty, and that series alone has calls in flight. They say how a call ended, and not what it was.
    pub(crate) late_labels: &'static [&'static str],
    /// The label that names the other side of the calls, which may fail as a whole.
    pub(crate) peer: Option<&'static str>,
    /// The kind of the parts of these calls, which has the same first label. Where a value of that label has no series of
    /// this kind, its parts in flight are shown in its place.
    pub(crate) parts: Option<Kind>,
    /// Whether functions are annotated with it, and may say by `slow` when a call of theirs is slow.
    pub(crate) is_annotated: bool,
    /// The upper bounds of the exposed buckets, in seconds.
    pub(crate) bounds: &'static [f64],
    /// The duration in milliseconds up to which a call satisfies ([Apdex](https://www.apdex.org)): one of the `bounds`.
    pub(crate) satisfying_millis: Option<u64>,
    pub(crate) limits: KindLimits,
    pub(crate) hints: Hints,
}

/// Where good ends and bad begins: each a pair of limits, warning and critical.
///
/// They are those of the sources that the project grew from: responses and queries 0.5 s and 1 s, errors 1 % and 5 %,
/// agents 5 s and 10 s, MCP calls 5 s and a success rate of 80 %, operations 2 s. Where a source names one limit only, the
/// warning stands at half of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindLimits {
    /// Of the 95th percentile of durations, in seconds. `None` where only the author of the calls knows how long is too
    /// long.
    pub(crate) latency: Option<(f64, f64)>,
    /// Of the share of errors and panics, 0 to 1.
    pub(crate) errors: (f64, f64),
    /// Whether the standard rule on errors looks at each [`peer`](Family::peer) as a whole.
    pub(crate) errors_by_peer: bool,
}

/// Advice on slow and on failing calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    pub(crate) latency: &'static str,
    pub(crate) errors: &'static str,
}

const HINTS: Hints = Hints {
    latency: "Look at what these calls wait for or compute",
    errors: "Look at the errors that these calls return",
};
const PEER_HINT: &str = "Ask the other side's status, and consider a timeout and a fallback";
const PEER_HINTS: Hints = Hints { latency: PEER_HINT, errors: PEER_HINT };

const LIMITS: KindLimits = KindLimits { latency: None, errors: (0.01, 0.05), errors_by_peer: false };

/// The bounds that OpenTelemetry advises for `db.client.operation.duration`.
const DB_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// The bounds that OpenTelemetry advises for `http.server.request.duration` and its client side.
const HTTP_BOUNDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The bounds that OpenTelemetry advises for `mcp.client.operation.duration`.
const MCP_BOUNDS: &[f64] = &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// The bounds that OpenTelemetry advises for `gen_ai.client.operation.duration`, and two above for long answers.
const LLM_BOUNDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
/// Agents and tools: as OpenTelemetry's doubling bounds, with the thresholds of health (2, 5 and 10 s) among them.
const AGENT_BOUNDS: &[f64] = &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0];
const TOOL_BOUNDS: &[f64] = &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0];
/// Workflows run from milliseconds to hours.
const WORKFLOW_BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0];
const OPERATION_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0];

impl Kind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::HttpRequest,
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

    /// The kind's name in spans and JSON, such as `db_operation`.
    pub const fn as_str(self) -> &'static str {
        self.family().name
    }

    /// The names of the labels that tell series of this kind apart, such as `operation` and `table`.
    pub const fn label_names(self) -> &'static [&'static str] {
        self.family().labels
    }

    /// The labels whose values are known when a call starts.
    pub(crate) fn early_labels(self) -> &'static [&'static str] {
        let Family { labels, late_labels, .. } = self.family();
        labels.get(..labels.len().saturating_sub(late_labels.len())).unwrap_or(labels)
    }

    /// Whether the value of a label is known only when a call has ended.
    pub(crate) fn is_late(self, label: &str) -> bool {
        self.family().late_labels.contains(&label)
    }

    /// The beginning of the names of its families: `db_operation`.
    pub(crate) fn stem(self) -> &'static str {
        let histogram = self.family().histogram;
        histogram.strip_suffix("_duration_seconds").unwrap_or(histogram)
    }

    /// Whether some label's value is known only when a call has ended.
    pub(crate) fn has_late_labels(self) -> bool {
        !self.family().late_labels.is_empty()
    }

    /// The row of the table: adding a kind is adding one.
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    pub(crate) const fn family(self) -> &'static Family {
        match self {
            Self::DbOperation => &Family {
                name: "db_operation",
                plural: "database operations",
                word: "db",
                counter: "db_operations_total",
                histogram: "db_operation_duration_seconds",
                in_flight: "db_operations_in_flight",
                busy: "db_operation_busy_seconds_total",
                slow_polls: "db_operation_slow_polls_total",
                labels: &["operation", "table"],
                late_labels: &[],
                peer: None,
                parts: None,
                is_annotated: true,
                bounds: DB_BOUNDS,
                satisfying_millis: Some(500),
                limits: KindLimits { latency: Some((0.5, 1.0)), ..LIMITS },
                hints: Hints {
                    latency: "Look for a lock, a missing index or an exhausted pool",
                    errors: "Read the errors of the database: is it reachable, is the schema as expected",
                },
            },
            Self::Workflow => &Family {
                name: "workflow",
                plural: "workflows",
                word: "workflow",
                counter: "workflows_total",
                histogram: "workflow_duration_seconds",
                in_flight: "active_workflows",
                busy: "workflow_busy_seconds_total",
                slow_polls: "workflow_slow_polls_total",
                labels: &["workflow"],
                late_labels: &[],
                peer: None,
                parts: Some(Self::WorkflowStep),
                is_annotated: true,
                bounds: WORKFLOW_BOUNDS,
                satisfying_millis: None,
                limits: LIMITS,
                hints: HINTS,
            },
            Self::WorkflowStep => &Family {
                name: "workflow_step",
                plural: "workflow steps",
                word: "step",
                counter: "workflow_steps_total",
                histogram: "workflow_step_duration_seconds",
                in_flight: "workflow_steps_in_flight",
                busy: "workflow_step_busy_seconds_total",
                slow_polls: "workflow_step_slow_polls_total",
                labels: &["workflow", "step"],
                late_labels: &[],
                peer: None,
                parts: None,
                is_annotated: true,
                bounds: WORKFLOW_BOUNDS,
                satisfying_millis: None,
                limits: LIMITS,
                hints: HINTS,
            },
            Self::Agent => &Family {
                name: "agent",
                plural: "agent runs",
                word: "agent",
                counter: "agent_runs_total",
                histogram: "agent_run_duration_seconds",
                in_flight: "agent_runs_in_flight",
                busy: "agent_run_busy_seconds_total",
                slow_polls: "agent_run_slow_polls_total",
                labels: &["agent"],
                late_labels: &[],
                peer: None,
                parts: None,
                is_annotated: true,
                bounds: AGENT_BOUNDS,
                satisfying_millis: Some(5_000),
                limits: KindLimits { latency: Some((5.0, 10.0)), ..LIMITS },
                hints: HINTS,
            },
            Self::Tool => &Family {
                name: "tool",
                plural: "tool calls",
                word: "tool",
                counter: "tool_calls_total",
                histogram: "tool_call_duration_seconds",
                in_flight: "tool_calls_in_flight",
                busy: "tool_call_busy_seconds_total",
                slow_polls: "tool_call_slow_polls_total",
                labels: &["tool"],
                late_labels: &[],
                peer: None,
                parts: None,
                is_annotated: true,
                bounds: TOOL_BOUNDS,
                satisfying_millis: Some(2_000),
                limits: KindLimits { latency: Some((2.5, 5.0)), ..LIMITS },
                hints: HINTS,
            },
            Self::McpCall => &Family {
                name: "mcp_call",
                plural: "MCP calls",
                word: "mcp",
                counter: "mcp_calls_total",
                histogram: "mcp_call_duration_seconds",
                in_flight: "mcp_calls_in_flight",
                busy: "mcp_call_busy_seconds_total",
                slow_polls: "mcp_call_slow_polls_total",
                labels: &["server", "capability"],
                late_labels: &[],
                peer: Some("server"),
                parts: None,
                is_annotated: true,
                bounds: MCP_BOUNDS,
                satisfying_millis: Some(2_000),
                limits: KindLimits { latency: Some((2.5, 5.0)), errors: (0.1, 0.2), errors_by_peer: true },
                hints: PEER_HINTS,
            },
            Self::ExternalCall => &Family {
                name: "external_call",
                plural: "external calls",
                word: "external",
                counter: "external_calls_total",
                histogram: "external_call_duration_seconds",
                in_flight: "external_calls_in_flight",
                busy: "external_call_busy_seconds_total",
                slow_polls: "external_call_slow_polls_total",
                labels: &["service", "operation"],
                late_labels: &[],
                peer: Some("service"),
                parts: None,
                is_annotated: true,
                bounds: HTTP_BOUNDS,
                satisfying_millis: Some(2_500),
                limits: KindLimits { latency: Some((2.5, 5.0)), ..LIMITS },
                hints: PEER_HINTS,
            },
            Self::LlmCall => &Family {
                name: "llm_call",
                plural: "LLM calls",
                word: "llm",
                counter: "llm_calls_total",
                histogram: "llm_call_duration_seconds",
                in_flight: "llm_calls_in_flight",
                busy: "llm_call_busy_seconds_total",
                slow_polls: "llm_call_slow_polls_total",
                labels: &["provider", "model"],
                late_labels: &[],
                peer: Some("provider"),
                parts: None,
                is_annotated: true,
                bounds: LLM_BOUNDS,
                satisfying_millis: Some(5_120),
                limits: KindLimits { latency: None, errors: (0.05, 0.1), errors_by_peer: true },
                hints: PEER_HINTS,
            },
            Self::Operation => &Family {
                name: "operation",
                plural: "operations",
                word: "operation",
                counter: "operations_total",
                histogram: "operation_duration_seconds",
                in_flight: "operations_in_flight",
                busy: "operation_busy_seconds_total",
                slow_polls: "operation_slow_polls_total",
                labels: &["operation"],
                late_labels: &[],
                peer: None,
                parts: None,
                is_annotated: true,
                bounds: OPERATION_BOUNDS,
                satisfying_millis: Some(1_000),
                limits: KindLimits { latency: Some((1.0, 2.0)), ..LIMITS },
                hints: HINTS,
            },
            Self::HttpRequest => &Family {
                name: "http_request",
                plural: "HTTP requests",
                word: "http",
                counter: "http_requests_total",
                histogram: "http_request_duration_seconds",
                in_flight: "http_requests_in_flight",
                busy: "http_request_busy_seconds_total",
                slow_polls: "http_request_slow_polls_total",
                labels: &["method", "route", "status"],
                late_labels: &["status"],
                peer: None,
                parts: None,
                is_annotated: false,
                bounds: HTTP_BOUNDS,
                satisfying_millis: Some(500),
                limits: KindLimits { latency: Some((0.5, 1.0)), ..LIMITS },
                hints: Hints {
                    latency: "Look at what these routes wait for: queries, external calls, agents",
                    errors: "Look at what these routes call: something below them fails",
                },
            },
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn is_name(name: &str) -> bool {
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        first && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }

    fn are_different<T: Ord>(all: impl Iterator<Item = T> + Clone) -> bool {
        all.clone().collect::<BTreeSet<_>>().len() == all.count()
    }

    #[test]
    fn no_two_kinds_have_a_name_in_common() {
        let families = Kind::ALL.map(Kind::family);
        assert!(are_different(Kind::ALL.iter()));
        assert!(are_different(families.iter().map(|one| one.name)));
        assert!(are_different(families.iter().map(|one| one.plural)));
        assert!(are_different(families.iter().map(|one| one.word)));
        let names = |one: &'static Family| [one.counter, one.histogram, one.in_flight, one.busy, one.slow_polls];
        assert!(are_different(families.iter().flat_map(|one| names(one))));
    }

    #[test]
    fn names_and_labels_are_those_that_prometheus_takes() {
        for family in Kind::ALL.map(Kind::family) {
            let &Family { name, counter, histogram, in_flight, busy, slow_polls, labels, .. } = family;
            let names = [name, counter, histogram, in_flight, busy, slow_polls].into_iter();
            assert!(names.chain(labels.iter().copied()).all(is_name), "{name}");
            assert!([counter, busy, slow_polls].iter().all(|name| name.ends_with("_total")), "{name}");
            assert!(histogram.ends_with("_duration_seconds") && !in_flight.ends_with("_total"), "{name}");
            let reserved = ["le", "quantile", "outcome", "error_type", "kind"];
            assert!(are_different(labels.iter()) && !labels.iter().any(|label| reserved.contains(label)), "{name}");
        }
    }

    #[test]
    fn each_row_agrees_with_itself() {
        for kind in Kind::ALL {
            let Family { name, labels, late_labels, peer, parts, bounds, satisfying_millis, limits, .. } =
                kind.family();
            assert!(labels.ends_with(late_labels) && late_labels.len() < labels.len(), "{name}");
            assert!(labels.iter().all(|label| kind.is_late(label) != kind.early_labels().contains(label)), "{name}");
            assert!(peer.is_none_or(|peer| labels.contains(&peer)), "{name}");
            assert!(peer.is_some() || !limits.errors_by_peer, "{name}");
            assert!(parts.is_none_or(|parts| parts.family().labels.first() == labels.first()), "{name}");
            assert!(parts.is_none() || labels.len() == 1, "{name}: its gauge has the first label only");
            assert!(bounds.is_sorted_by(|one, other| one < other) && bounds.iter().all(|bound| *bound > 0.0), "{name}");
            let satisfying = satisfying_millis.map(|millis| millis as f64 / 1e3);
            assert!(satisfying.is_none_or(|seconds| bounds.contains(&seconds)), "{name}");
            for (warning, critical) in limits.latency.into_iter().chain([limits.errors]) {
                assert!(0.0 < warning && warning < critical, "{name}");
            }
        }
    }
}
