//! The settings of `[sync]`.

use perf_runtime::ConfigError;
use perf_runtime::config::Section;
use serde::Deserialize;

/// How locks and channels are shown and judged. The section `[sync]` of the settings, and `PERF_SYNC_*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether locks and channels are shown as metrics, judged and listed. They are counted in any case.
    pub enabled: bool,
    /// Whether cycles of locks are looked for where something waits for more than five seconds.
    pub deadlocks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, deadlocks: true }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        section.read()
    }
}
