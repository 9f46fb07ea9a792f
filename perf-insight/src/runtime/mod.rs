//! Incidents with their causes, and bottlenecks, of a running process: a part of [`perf_runtime`].
//!
//! Nothing here is on the way of a call. A thread of its own wakes up at each tick; while no alert is pending or firing, it
//! goes back to sleep at once.
//!
//! ```
//! use perf_insight::runtime::Insight;
//!
//! let monitor = Insight::set_up(perf_runtime::Monitor::builder()).build()?;
//! let insight = Insight::open(&monitor)?;
//! assert!(insight.view().incidents().is_empty(), "nothing fires");
//! # Ok::<(), perf_runtime::ConfigError>(())
//! ```

mod bottleneck;
mod case;
mod changes;
mod explain;
mod findings;
mod group;
mod incident;
mod investigator;
mod kept;
mod level;
pub(crate) mod moment;
mod part;
mod rules;
mod scene;
mod settings;
mod watch;
mod watching;
mod words;

pub use bottleneck::{Bottleneck, BottleneckKind, Bottlenecks, bottlenecks};
pub use changes::{Change, ChangeKind};
pub use findings::{
    Ahead, Coming, Comparisons, Figure, Finding, Findings, KindCompared, Question, SeriesCompared, Span, anomalies,
    comparisons, expectations, forecasts, trends,
};
pub use incident::{Cause, CauseKind, Check, Incident, IncidentAlert, IncidentChange, IncidentEvent, Sureness};
pub use investigator::Investigator;
pub use part::{Incidents, Insight, InsightView, KnownIncidents, incidents};
pub use settings::Settings;
pub use watch::{Unusual, Watching};
pub use watching::rules;
