//! Measures annotated functions, observes them over windows, judges their health and exposes them.
// The attributes name this crate as `::perf_runtime`, in its own docs and tests too.
extern crate self as perf_runtime;

pub use config::{ConfigError, InstallError};
pub use expose::view::{HealthIndicators, MetricInShort, MetricsSummary, PerformanceHealth, PerformanceMetrics};
pub use judge::alert::{AcknowledgeError, Acknowledgement, Alert, AlertEvent, Severity, Transition};
pub use judge::health::{HealthReport, HealthStatus};
pub use judge::indicator::{Aspect, Indicator, IndicatorStatus};
pub use measure::kind::Kind;
pub use measure::outcome::{Outcome, OutcomeCounts};
pub use monitor::{Alerts, Monitor, MonitorBuilder, monitor};
pub use observe::operation::{Operation, OperationCall};
pub use observe::request::HttpRequest;
pub use observe::summary::{SeriesSummary, Summary};
pub use observe::window::Window;
pub use perf_macros::{
    monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_mcp_call, monitor_tool,
    monitor_workflow, monitor_workflow_step,
};

mod config;
mod expose;
mod judge;
mod measure;
mod monitor;
mod observe;

/// What a test needs: a clock that it moves by hand.
#[cfg(any(test, feature = "test-util"))]
pub mod test_util {
    pub use crate::measure::clock::manual::ManualClock;
}

/// What the attributes' expansion calls. Not for use by hand: it may change with any version.
#[doc(hidden)]
pub mod __private {
    pub use crate::measure::call::{Call, Prepared, body, enter, prepare};
    pub use crate::measure::future::Watched;
    pub use crate::measure::kind::Kind;
    pub use crate::measure::probe::{Returned, error_if, ok_if};
    pub use crate::measure::site::Site;
    pub use tracing::Level;
    pub use tracing::field::{Empty, Value, debug, display};
}
