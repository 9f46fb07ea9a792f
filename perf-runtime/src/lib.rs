//! Measures annotated functions, observes them over windows, judges their health and exposes them.
//!
//! One attribute on a function gives it a `tracing` span, a duration histogram, counts by outcome, calls in flight, and a
//! share in a health score that the process can be asked for. No server is needed.
//!
//! ```
//! use perf_runtime::{Kind, Monitor, Outcome, Window, monitor_db_operation};
//!
//! #[monitor_db_operation("select", "users")]
//! async fn find_user(id: u64) -> Result<&'static str, String> {
//!     if id > 0 { Ok("ada") } else { Err("no such user".into()) }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), perf_runtime::InstallError> {
//! let monitor = Monitor::builder().namespace("shop").install()?;
//! find_user(7).await.unwrap();
//! find_user(0).await.unwrap_err();
//!
//! let summary = monitor.summary(Window::LastMinute);
//! let users = summary.find(Kind::DbOperation, &["select", "users"]).unwrap();
//! assert_eq!(users.total.of(Outcome::Ok), 1);
//! assert_eq!(users.total.of(Outcome::Error), 1);
//! assert!(users.p99.unwrap() < 1.0, "seconds");
//! assert_eq!(monitor.health().score(), 100.0);
//! # Ok(())
//! # }
//! ```
//!
//! # The law
//!
//! For every series, at quiescence exactly, and at any moment up to calls that are just passing through:
//!
//! ```text
//! started == ok + error + panicked + cancelled + in flight
//! ```
//!
//! A call starts when a sync function is entered, or an async one first polled; a future that is never polled is no call.
//! It ends once, as one of the four [`Outcome`]s. A future that is leaked (`mem::forget`) stays in flight. Nothing is
//! sampled, and nothing is lost under a scrape.
//!
//! # The nine attributes
//!
//! | attribute | labels | counter | histogram | gauge |
//! |---|---|---|---|---|
//! | [`monitor_db_operation`](macro@monitor_db_operation) | operation, table | `db_operations_total` | `db_operation_duration_seconds` | `db_operations_in_flight` |
//! | [`monitor_workflow`](macro@monitor_workflow) | workflow | `workflows_total` | `workflow_duration_seconds` | `active_workflows` |
//! | [`monitor_workflow_step`](macro@monitor_workflow_step) | workflow, step | `workflow_steps_total` | `workflow_step_duration_seconds` | `workflow_steps_in_flight` |
//! | [`monitor_agent`](macro@monitor_agent) | agent | `agent_runs_total` | `agent_run_duration_seconds` | `agent_runs_in_flight` |
//! | [`monitor_tool`](macro@monitor_tool) | tool | `tool_calls_total` | `tool_call_duration_seconds` | `tool_calls_in_flight` |
//! | [`monitor_mcp_call`](macro@monitor_mcp_call) | server, capability | `mcp_calls_total` | `mcp_call_duration_seconds` | `mcp_calls_in_flight` |
//! | [`monitor_llm_call`](macro@monitor_llm_call) | provider, model | `llm_calls_total` | `llm_call_duration_seconds` | `llm_calls_in_flight` |
//! | [`monitor_external_call`](macro@monitor_external_call) | service, operation | `external_calls_total` | `external_call_duration_seconds` | `external_calls_in_flight` |
//! | [`monitor`](macro@monitor) | operation | `operations_total` | `operation_duration_seconds` | `operations_in_flight` |
//!
//! Counter and histogram have the label `outcome` as well. Every annotated function is exported at zero before its first
//! call (on Linux, Android and FreeBSD; elsewhere from its first call on), and two functions with the same labels add to
//! one series.
//!
//! # What calls use
//!
//! With the option `profile` a function's calls also tell their processor time, apart from the time by the clock, and
//! what memory they ask for and give back; with `units`, how much they do in a second
//! ([`ProfileSummary`](series::ProfileSummary)).
//!
//! # What is known at run time
//!
//! Series that only the program knows are recorded on the monitor. They are bounded: 2,000 of a kind, 200 values of a
//! label ([`MonitorBuilder::max_series`], [`max_label_values`](MonitorBuilder::max_label_values)); beyond that a label's value becomes `__overflow__` and `perf_label_overflow_total` counts it.
//!
//! ```
//! # use perf_runtime::{Monitor, Outcome};
//! # use std::time::Duration;
//! let monitor = perf_runtime::monitor();
//! monitor.record_response_time("search", Duration::from_millis(30));
//! monitor.record_mcp_call("context7", "resolve", Duration::from_millis(120), true);
//!
//! let resize = monitor.operation("resize");
//! let halved = resize.run(|| 84 / 2); // or `try_run`, and `watch` and `try_watch` for futures
//! let call = resize.start(); // in flight until it is finished
//! call.finish(Outcome::Ok);
//! {
//!     let _timer = monitor.timer("warm_up"); // to the end of the scope
//! }
//! monitor.mark("batch_start");
//! monitor.measure("batch", "batch_start", None)?; // from a mark to another, or to now
//! # Ok::<(), perf_runtime::operation::MeasureError>(())
//! ```
//!
//! # Your own metrics
//!
//! Everything that the application counts through the `metrics` facade lands in the same registry and on the same page,
//! without a namespace: an installed monitor is its recorder, unless another is installed before it. Then it is the other
//! way round: the monitor's series are pushed there once a second (`metric::MetricsFacade`). An
//! application that runs
//! `metrics-exporter-prometheus` can have both served as one text
//! ([`merge_prometheus`](MonitorBuilder::merge_prometheus)).
//!
//! ```
//! # use perf_runtime::metric::MetricsFacade;
//! # use perf_runtime::Monitor;
//! let monitor = Monitor::builder().namespace("shop").histogram_bounds("cart_value_euros", [10.0, 100.0]).install()?;
//! metrics::counter!("carts_total", "tier" => "pro").increment(1);
//! metrics::histogram!("cart_value_euros").record(35.0);
//! let text = monitor.render_prometheus();
//! assert!(text.contains(r#"carts_total{tier="pro"} 1"#));
//! assert!(text.contains(r#"cart_value_euros_bucket{le="100"} 1"#));
//! # Ok::<(), perf_runtime::InstallError>(())
//! ```
//!
//! # Features
//!
//! `metrics`, on by default: the `metrics` facade in both directions.
//!
//! `toml`: settings from a TOML file (`MonitorBuilder::config_file`). `test-util`: tests that see nothing of each other
//! (`test_util::isolated`), a clock that a test moves by hand (`test_util::ManualClock`) and `Monitor::tick`.
//!
//! # Asking
//!
//! [`Monitor::health`] judges each kind over the last minutes and says which indicator and which series took which
//! points; [`Monitor::render_prometheus`] writes everything for a scrape. A thread of the monitor's own observes and
//! judges once a second, whatever the async runtime does.
//!
//! # Alerts
//!
//! A [`Rule`](rule::Rule) is a condition on a figure of each series: `presets::standard()` is what a monitor has unless
//! told otherwise. [`Monitor::alerts`] says what fires and what happened, takes acknowledgements and silences, and
//! tells subscribers. [`Monitor::objectives`] says how much of the budget of each `objective(..)` is left.
//! [`Rule::dry_run`](rule::Rule::dry_run) says when a rule would have fired, and [`Monitor::prometheus_rules`] writes
//! the same rules for Prometheus.
//!
//! ```
//! use perf_runtime::rule::{Rule, Statistic, presets};
//! use perf_runtime::{Kind, Monitor};
//! use std::time::Duration;
//!
//! let mut rules = presets::standard();
//! rules.insert(
//!     Rule::builder("slow-checkout")
//!         .metric(Kind::Operation)
//!         .only("operation", ["checkout"])
//!         .statistic(Statistic::P95)
//!         .warning(0.25)
//!         .critical(1.0)
//!         .hold_for(Duration::from_secs(30))
//!         .build()?,
//! );
//! let monitor = Monitor::builder().rules(rules).build()?;
//! assert!(monitor.alerts().active().is_empty());
//! # Ok::<(), perf_runtime::ConfigError>(())
//! ```
// The attributes name this crate as `::perf_runtime`, in its own docs and tests too.
extern crate self as perf_runtime;

pub use error::{ConfigError, InstallError};
pub use measure::model::error_type::ErrorType;
pub use measure::model::kind::Kind;
pub use measure::model::label::Label;
pub use measure::model::outcome::Outcome;
pub use monitor::{Monitor, MonitorBuilder, monitor};
pub use observe::history::window::Window;
pub use perf_macros::{
    ErrorType, Label, monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_llm_call,
    monitor_mcp_call, monitor_tool, monitor_workflow, monitor_workflow_step,
};
pub use record::in_current_call::InCurrentCall;
pub use record::operation::Operation;

pub mod collect;
pub mod config;
mod error;
mod expose;
pub mod extend;
mod guarded;
mod judge;
mod log_level;
mod measure;
mod monitor;
mod observe;
mod record;
pub mod text;

/// Alerts: what is wrong now and what was, acknowledgements, silences and events.
pub mod alert {
    pub use crate::judge::alerts::alert::{
        AcknowledgeError, Acknowledgement, Alert, AlertEvent, AlertEvents, Muted, Silence, Transition,
    };
    pub use crate::judge::alerts::delivery::{Deliveries, Delivery, DeliveryOutcome};
    pub use crate::judge::alerts::engine::AlertStatistics;
    pub use crate::judge::alerts::fingerprint::{Fingerprint, NoFingerprint};
    pub use crate::judge::alerts::record::RuleRecord;
    pub use crate::judge::alerts::state::AlertState;
    pub use crate::judge::alerts::subscription::AlertSubscription;
    pub use crate::judge::rule::severity::Severity;
    pub use crate::monitor::Alerts;
}

/// Health: a score that explains itself, its indicators, and resources to add to it.
pub mod health {
    pub use crate::judge::health::history::{HealthHistory, HealthPoint, IndicatorPenalty, StatusShares};
    pub use crate::judge::health::indicator::{Aspect, Indicator, IndicatorStatus, PenaltyShare};
    pub use crate::judge::health::part_resource::Resource;
    pub use crate::judge::health::report::HealthReport;
    pub use crate::judge::health::verdict::{HealthStatus, Verdict};
    pub use crate::monitor::{HealthEvidence, ResourceUse};
}

/// Metrics beside those of calls: handles, readings, samplers, the `metrics` facade, and the names that are well known.
pub mod metric {
    #[cfg(feature = "metrics")]
    pub use crate::expose::facade::{MetricsFacade, recorder::MetricsRecorder};
    pub use crate::monitor::{MetricBuilder, Metrics, Sampler, Samples};
    pub use crate::observe::metrics::handle::{Counter, Gauge, Histogram};
    pub use crate::observe::metrics::kind::MetricKind;
    pub use crate::observe::metrics::known as names;
    pub use crate::observe::metrics::reading::{
        HistogramBucket, HistogramReading, MetricReading, MetricSeries, MetricValue,
    };
    pub use crate::observe::metrics::recent::{MetricPoint, MetricTrack};
    pub use crate::observe::metrics::sampled::SampledMetric;
}

/// Objectives: promises of series, with error budgets.
pub mod objective {
    pub use crate::judge::objective::history::{ObjectiveHistory, ObjectivePoint, ObjectiveTrack};
    pub use crate::judge::objective::spec::Objective;
    pub use crate::judge::objective::tracker::{ObjectiveReport, Promise};
}

/// Series that the program makes at run time, and the calls of them.
pub mod operation {
    pub use crate::record::in_current_call::InCall;
    pub use crate::record::marks::MeasureError;
    pub use crate::record::operation::once::WatchedOnce;
    pub use crate::record::operation::stream::WatchedStream;
    pub use crate::record::operation::watched::WatchedOperation;
    pub use crate::record::operation::{Operation, OperationCall, Timer};
    pub use crate::record::request::HttpRequest;
    pub use crate::record::request::open_stream::OpenStream;
}

/// Rules: what is looked at, when it is too bad, and for how long it must be; dry runs, and rule files for Prometheus.
pub mod rule {
    pub use crate::expose::rules::{PrometheusRules, RuleProfile};
    pub use crate::judge::alerts::backtest::Firing;
    pub use crate::judge::alerts::rule_state::RuleStatus;
    pub use crate::judge::rule::build::RuleBuilder;
    pub use crate::judge::rule::condition::{Condition, Threshold};
    pub use crate::judge::rule::definition::{NoData, Rule};
    pub use crate::judge::rule::metric::Metric;
    pub use crate::judge::rule::preset::presets;
    pub use crate::judge::rule::set::RuleSet;
    pub use crate::judge::rule::statistic::{Statistic, Unit};
    pub use crate::monitor::PastFigures;
}

/// Series of calls: their statistics over windows, their course over time, and the calls that run now.
pub mod series {
    pub use crate::expose::series::{FamilyNames, SeriesEntry};
    pub use crate::extend::waits::{Wait, WaitedOn};
    pub use crate::measure::model::field_access::FieldAccess;
    pub use crate::measure::model::outcome::OutcomeCounts;
    pub use crate::observe::history::profile::ProfileSummary;
    pub use crate::observe::history::sampled::SampledCpu;
    pub use crate::observe::history::streams::StreamSummary;
    pub use crate::observe::query::blocked::BlockedThread;
    pub use crate::observe::query::edges::Edge;
    pub use crate::observe::query::errors::{ErrorGroup, Errors, SeriesErrors};
    pub use crate::observe::query::grid::CellGrid;
    pub use crate::observe::query::in_flight::{CallInFlight, CallsInFlight};
    pub use crate::observe::query::panorama::{Panorama, Track, TrackBucket, TrackPoint};
    pub use crate::observe::query::range::TimeRange;
    pub use crate::observe::query::recorded::{CallInside, RecordedTree, RecorderState};
    pub use crate::observe::query::recorded_call::RecordedCall;
    pub use crate::observe::query::recorded_error::RecordedError;
    pub use crate::observe::query::recorded_field::RecordedField;
    pub use crate::observe::query::recorded_head::RecordedHead;
    pub use crate::observe::query::selector::{NoSelector, Selector};
    pub use crate::observe::query::shares::{Share, Shares};
    pub use crate::observe::query::summary::{KindSummary, ObjectiveState, SeriesSummary, SlowCalls, Summary};
    pub use crate::observe::query::tracks::{MetricSeriesPoint, MetricSeriesTrack, SeriesPoint, SeriesTrack, Tracks};
    pub use crate::observe::series::labels::Labels;
    pub use crate::observe::series::series_id::{NoSeriesId, SeriesId};
}

/// Tools for tests: a test of its own among others, and a clock that a test moves by hand.
#[cfg(any(test, feature = "test-util"))]
pub mod test_util {
    #[cfg(all(feature = "test-util", feature = "toml"))]
    pub use crate::config::read_rules;
    pub use crate::measure::clock::manual::ManualClock;
    pub use crate::monitor::isolated::{InIsolation, Isolated, IsolationHandle, Joined, isolated};
}

/// Functions that the attributes' expansion calls. Not for use by hand: they may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::measure::call::at_once::{
        AtOnce, BoxedFuture, EndsAtOnce, NoFuture, NoStream, StreamEndsAtOnce, UnlessFuture, returned_at_once,
        returned_unless_future,
    };
    pub use crate::measure::call::execution::{Call, body, future_body, prepare, prepare_labelled};
    pub use crate::measure::call::future::{Never, Returning, Watched, endless, unreached, watch, watch_late};
    pub use crate::measure::call::metered::stream::MeteredStream;
    pub use crate::measure::call::metered::{
        AnyUsage, Metered, MeteredScope, UsageIn, no_usage, usage_in, watch_late_metered, watch_metered,
        watch_profiled_metered,
    };
    pub use crate::measure::call::probe::{
        Fallible, MaybeResult, NoResult, NoSorts, Returned, Shown, Sorted, SortsIn, error_if, error_of, ok_if, returned,
    };
    pub use crate::measure::call::profiled::{
        Ends, Profiled, ProfiledScope, Units, UnitsOf, Whole, WithUnits, units, units_of, watch_profiled, with_units,
    };
    pub use crate::measure::call::scope::{EnteredCall, Scope};
    pub use crate::measure::call::stream::{
        GivenItem, WatchedStream, no_stream, stream_body, try_stream_body, watch_stream,
    };
    pub use crate::measure::call::tally::ItemErrors;
    pub use crate::measure::cells::tree::frame::Frame;
    pub use crate::measure::model::budget::{Brought, DEFAULT_BUDGET, Unknown, brought, types_within_budget};
    pub use crate::measure::model::error_type::{ErrorType, Sorts, concat, concat_flags};
    pub use crate::measure::model::failure::Failed;
    pub use crate::measure::model::kind::Kind;
    pub use crate::measure::model::label::{ConcreteLabel, ConcreteLabels, Constant, Label, LabelSpec, Labels};
    pub use crate::measure::model::run_budget::RunBudget;
    pub use crate::measure::model::target::{Objective, Targets};
    pub use crate::measure::site::annotated::{Site, Spec, State, within_budget};
    pub use crate::measure::site::callsite::SpanSpec;
    pub use crate::measure::site::error_event::ErrorEvent;
    pub use tracing::Level;
    pub use tracing::field::{Empty, Value, debug, display};
}

/// Functions that a counting allocator calls, so that the profiler knows the memory that each thread asks for. Not for
/// use by hand.
#[doc(hidden)]
pub mod __allocator {
    pub use crate::measure::cells::usage::{allocated, released};
}

/// Functions that a sampling profiler calls, so that it is known which calls take the processor's time. Not for use by hand.
#[doc(hidden)]
pub mod __profiler {
    pub use crate::measure::cells::profiler::{begin, count, outside};
    pub use crate::measure::cells::sampled::SampledReading;
}

/// Functions for those who measure locks. Not for use by hand.
#[doc(hidden)]
pub mod __locks {
    pub use crate::measure::call::leaves::{Alone, Asking, AsyncCall, is_asked, waits};
    pub use crate::measure::call::locks::{address, current, now};
    pub use crate::monitor::locks::{OVERFLOW, series_by_number};
}

/// The examples of the README and of the attributes run as tests.
#[cfg(doctest)]
mod examples {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../perf-macros/docs/attributes.md")]
    struct Attributes;
    #[doc = include_str!("../../perf-macros/docs/error_type.md")]
    struct ErrorType;
    #[doc = include_str!("../../perf-macros/docs/label.md")]
    struct Label;
    #[doc = include_str!("../../perf-macros/docs/monitor.md")]
    struct Monitor;
    #[doc = include_str!("../../perf-macros/docs/monitor_agent.md")]
    struct MonitorAgent;
    #[doc = include_str!("../../perf-macros/docs/monitor_db_operation.md")]
    struct MonitorDbOperation;
    #[doc = include_str!("../../perf-macros/docs/monitor_external_call.md")]
    struct MonitorExternalCall;
    #[doc = include_str!("../../perf-macros/docs/monitor_llm_call.md")]
    struct MonitorLlmCall;
    #[doc = include_str!("../../perf-macros/docs/monitor_mcp_call.md")]
    struct MonitorMcpCall;
    #[doc = include_str!("../../perf-macros/docs/monitor_tool.md")]
    struct MonitorTool;
    #[doc = include_str!("../../perf-macros/docs/monitor_workflow.md")]
    struct MonitorWorkflow;
    #[doc = include_str!("../../perf-macros/docs/monitor_workflow_step.md")]
    struct MonitorWorkflowStep;
}
