//! The section `[sql]` of the settings.

use crate::text::DoubleQuotes;
use perf_runtime::ConfigError;
use perf_runtime::config::Section;
use serde::Deserialize;

/// The most statements that are kept apart by any setting.
pub(crate) const MOST_STATEMENTS: usize = 2_000;
/// The most new texts that are read in a second by any setting.
const MOST_NEW: u32 = 1_000_000;
/// The most repeats that a setting asks for.
const MOST_REPEATS: u32 = 10_000;

/// The settings of the account of statements: the section `[sql]`, or `PERF_SQL_ENABLED` and its like.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether statements are counted. On by default.
    pub enabled: bool,
    /// How many statements are kept apart: 1 to 2,000, and 500 unless set. Beyond it the one that ran least recently is counted in
    /// `__overflow__` from then on, with all that it had: rates of `__overflow__` jump by that.
    pub max_statements: usize,
    /// How many texts that were not seen lately are read in a second: 1 to 1,000,000, and 200 unless set. Executions of others are counted in
    /// `__overflow__`.
    pub max_new_per_second: u32,
    /// So many executions of a statement within a minute of one call that was made inside no other are told as repeated: 2 to 10,000, and 10
    /// unless set.
    pub repeated_at: u32,
    /// The treatment of `"..."`: `auto` (a name where no dialect takes it for a string) or `names` (always a name: PostgreSQL, SQL Server, and MySQL
    /// with `ANSI_QUOTES`).
    pub double_quotes: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            max_statements: 500,
            max_new_per_second: 200,
            repeated_at: 10,
            double_quotes: "auto".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        let settings: Self = section.read()?;
        settings.check()?;
        Ok(settings)
    }

    /// Checks each value, and says how double quotes are read.
    pub(crate) fn check(&self) -> Result<DoubleQuotes, ConfigError> {
        let refused =
            |key: &str, value: String, allowed: &str| Err(ConfigError::new(format!("sql.{key}"), value, allowed));
        if !(1..=MOST_STATEMENTS).contains(&self.max_statements) {
            return refused("max_statements", self.max_statements.to_string(), "1 to 2000");
        }
        if !(1..=MOST_NEW).contains(&self.max_new_per_second) {
            return refused("max_new_per_second", self.max_new_per_second.to_string(), "1 to 1000000");
        }
        if !(2..=MOST_REPEATS).contains(&self.repeated_at) {
            return refused("repeated_at", self.repeated_at.to_string(), "2 to 10000");
        }
        match self.double_quotes.as_str() {
            "auto" => Ok(DoubleQuotes::Auto),
            "names" => Ok(DoubleQuotes::Names),
            other => refused("double_quotes", other.to_owned(), "`auto` or `names`"),
        }
    }
}
