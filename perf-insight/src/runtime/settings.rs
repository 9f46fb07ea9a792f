//! The section `[insight]` of the settings.

use perf_runtime::ConfigError;
use perf_runtime::config::Section;
use serde::Deserialize;

/// The settings of insight: the section `[insight]`, or `PERF_INSIGHT_ENABLED` and its like.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether incidents and bottlenecks are looked for.
    pub enabled: bool,
    /// Incidents that are kept in memory after their end: 1 to 1,000. A history keeps them on the disk, as long as alert events.
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, keep: 100 }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        let settings: Self = section.read()?;
        if !(1..=1_000).contains(&settings.keep) {
            return Err(section.refused("keep", "1 to 1000"));
        }
        Ok(settings)
    }
}
