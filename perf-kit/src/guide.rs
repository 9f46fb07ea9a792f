//! The guide, chapter by chapter.

#[doc = include_str!("../docs/quick_start.md")]
pub mod quick_start {}

#[doc = include_str!("../docs/attributes.md")]
pub mod attributes {}

#[doc = include_str!("../docs/own_metrics.md")]
pub mod own_metrics {}

#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/alerts.md")]
pub mod alerts {}

#[cfg(feature = "notify")]
#[doc = include_str!("../docs/notifications.md")]
pub mod notifications {}

#[doc = include_str!("../docs/insight.md")]
pub mod insight {}

#[doc = include_str!("../docs/health.md")]
pub mod health {}

#[cfg(feature = "host")]
#[doc = include_str!("../docs/host.md")]
pub mod host {}

#[cfg(feature = "llm")]
#[doc = include_str!("../docs/llm.md")]
pub mod llm {}

#[cfg(feature = "sync")]
#[doc = include_str!("../docs/sync.md")]
pub mod sync {}

#[cfg(feature = "sync")]
#[doc = include_str!("../docs/channels.md")]
pub mod channels {}

#[cfg(feature = "sql")]
#[doc = include_str!("../docs/sql.md")]
pub mod sql {}

#[cfg(feature = "report")]
#[doc = include_str!("../docs/report.md")]
pub mod report {}

#[cfg(feature = "report")]
#[doc = include_str!("../docs/in_ci.md")]
pub mod in_ci {}

#[cfg(all(feature = "host-profiler", target_os = "linux"))]
#[doc = include_str!("../docs/profiler.md")]
pub mod profiler {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/tree.md")]
pub mod tree {}

#[doc = include_str!("../docs/recorder.md")]
pub mod recorder {}

#[doc = include_str!("../docs/production.md")]
pub mod production {}

#[doc = include_str!("../docs/terminal.md")]
pub mod terminal {}

#[doc = include_str!("../docs/coding_agents.md")]
pub mod coding_agents {}

#[doc = include_str!("../docs/extending.md")]
pub mod extending {}

#[doc = include_str!("../docs/cost.md")]
pub mod cost {}
