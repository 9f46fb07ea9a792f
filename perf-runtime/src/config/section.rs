//! The settings of one part: a table of the file, and the variables of the environment that begin with its name.

use super::read::{Problem, ReadError, TableReader};
use super::value::{Table, Value};
use crate::error::{ConfigError, nearest};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

pub(super) const ENVIRONMENT: &str = "environment";

/// The settings of one part, as they were written: `[history]` of the file and `PERF_HISTORY_..` of the environment, of
/// which the latter wins.
///
/// ```
/// use perf_runtime::Monitor;
/// use perf_runtime::config::Span;
/// use serde::Deserialize;
/// use std::time::Duration;
///
/// #[derive(Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct History {
///     path: String,
///     retention: Span,
/// }
/// impl Default for History {
///     fn default() -> Self {
///         Self { path: "perf.history".to_owned(), retention: Span(Duration::from_secs(48 * 3_600)) }
///     }
/// }
///
/// let monitor = Monitor::builder().section("history").build()?;
/// let history: History = monitor.section("history")?.read()?;
/// assert_eq!(history.path, "perf.history");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Section {
    name: String,
    table: Table,
    /// For each key the source that it is from: the file's path, or the variable.
    sources: BTreeMap<String, Source>,
}

/// Values are not shown: there may be tokens among them.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("name", &self.name).field("keys", &self.sources).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    File(String),
    Variable(String),
}

impl Section {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The settings of a part in the environment alone: for parts that are set up without a file.
    ///
    /// # Errors
    /// A variable of the part that is not Unicode.
    pub fn of_environment(name: &str) -> Result<Self, ConfigError> {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self::of_variables(name, variables)
    }

    /// As [`of_environment`](Self::of_environment), of these variables: for tests.
    ///
    /// # Errors
    /// A variable of the part that is not Unicode.
    pub fn of_variables(
        name: &str,
        variables: impl IntoIterator<Item = (String, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut section = Self::new(name);
        for (variable, value) in variables {
            if let Some(key) = section.key_of(&variable) {
                section.set_variable(&variable, key, unicode(&variable, value)?);
            }
        }
        Ok(section)
    }

    /// The key that a variable sets, where it is one of this section.
    pub(super) fn key_of(&self, variable: &str) -> Option<String> {
        let key = variable.strip_prefix("PERF_")?.strip_prefix(&capitals(&self.name))?.strip_prefix('_')?;
        (!key.is_empty()).then(|| key.to_lowercase())
    }

    pub(super) fn set_variable(&mut self, variable: &str, key: String, value: String) {
        self.sources.insert(key.clone(), Source::Variable(variable.to_owned()));
        self.table.insert(key, Value::Text(value));
    }

    pub(super) fn set_table(&mut self, table: &Table, source: &str) {
        for (key, value) in table {
            self.sources.insert(key.clone(), Source::File(source.to_owned()));
            self.table.insert(key.clone(), value.clone());
        }
    }

    /// The name of the section.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Reads the settings. The type says by `serde` which keys there are, what they default to, and with
    /// `deny_unknown_fields` that there are no others. Spans of time are [`Span`](super::Span), shares
    /// [`Share`](super::Share). Where the type refuses a value with `serde::de::Error::custom`, the message is what is
    /// allowed.
    ///
    /// # Errors
    /// A key that is not known, or a value that is not allowed: with the file or the variable, the value, and what is
    /// allowed or the nearest name.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(TableReader(&self.table)).map_err(|error| self.explained(error))
    }

    /// The error that the value of a key is not allowed (not shown where the key names a token, secret, password or
    /// key), for what only a look at several of them tells.
    pub fn refused(&self, key: &str, allowed: impl Into<String>) -> ConfigError {
        let value = self.table.get(key).map(|value| shown(key, value.shown())).unwrap_or_default();
        self.placed(key, ConfigError::new(self.field(key, &[]), value, allowed))
    }

    fn explained(&self, error: ReadError) -> ConfigError {
        let ReadError { path, value, problem } = error;
        let value = value.unwrap_or_default();
        match problem {
            Problem::Allowed(allowed) => {
                let key = path.first().map_or("", String::as_str);
                let below = path.get(1..).unwrap_or_default();
                let value = path.iter().fold(value, |value, key| shown(key, value));
                self.placed(key, ConfigError::new(self.field(key, below), value, allowed))
            }
            Problem::Missing(key) => ConfigError::new(self.field(key, &[]), "", "a value: it must be set"),
            // A key of the section itself may be a variable, and is then told by the names of variables.
            Problem::Unknown { name, known, is_key: true } if path.is_empty() => match self.sources.get(&name) {
                Some(Source::Variable(variable)) => {
                    let known: Vec<String> = known.iter().map(|key| variable_of(&self.name, key)).collect();
                    let error = ConfigError::unknown(variable, variable, known.iter().map(String::as_str));
                    error.found_in(ENVIRONMENT)
                }
                _ => self.placed(&name, ConfigError::unknown(&self.name, &name, known.iter().copied())),
            },
            Problem::Unknown { name, known, .. } => {
                let key = path.first().map_or("", String::as_str);
                let field = self.field(key, path.get(1..).unwrap_or_default());
                self.placed(key, ConfigError::unknown(&field, &name, known.iter().copied()))
            }
        }
    }

    /// The setting as it was written: `history.retention`, or `PERF_HISTORY_RETENTION`.
    fn field(&self, key: &str, below: &[String]) -> String {
        match self.sources.get(key) {
            Some(Source::Variable(variable)) => variable.clone(),
            _ => [self.name.as_str(), key]
                .into_iter()
                .chain(below.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("."),
        }
    }

    fn placed(&self, key: &str, error: ConfigError) -> ConfigError {
        match self.sources.get(key) {
            Some(Source::File(path)) => error.found_in(path),
            Some(Source::Variable(_)) => error.found_in(ENVIRONMENT),
            None => error,
        }
    }
}

/// The sections that parts registered, with all that is set in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sections(BTreeMap<String, Section>);

impl Sections {
    pub(super) fn named(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| (name.clone(), Section::new(&name))).collect())
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Section> {
        self.0.get_mut(name)
    }

    /// The settings of each section as they were written, secrets too.
    pub(super) fn written(&self) -> BTreeMap<String, Table> {
        self.0.values().map(|section| (section.name.clone(), section.table.clone())).collect()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Section> {
        self.0.values_mut()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The section of a part.
    pub(crate) fn get(&self, name: &str) -> Result<&Section, ConfigError> {
        let missing = || {
            let known: Vec<&str> = self.names().collect();
            let allowed = match nearest(name, known.iter().copied()) {
                Some(near) => format!("a section that the builder was told of: did you mean {near:?}?"),
                None => format!("a section that the builder was told of, by `MonitorBuilder::section`: {known:?}"),
            };
            ConfigError::new("section", name, allowed)
        };
        self.0.get(name).ok_or_else(missing)
    }
}

/// The text in the place of a secret.
pub(super) const NOT_SHOWN: &str = "(not shown)";

/// A value as an error may show it: not where its key says that it is a secret.
pub(super) fn shown(key: &str, value: String) -> String {
    if is_secret(key) { NOT_SHOWN.to_owned() } else { value }
}

/// Whether a key's name says that its value is a secret, or may hold one as a URL does.
pub(super) fn is_secret(key: &str) -> bool {
    /// Words that a part of the key may be, in the singular or the plural.
    const WORDS: [&str; 7] = ["key", "dsn", "url", "uri", "pass", "auth", "webhook"];
    /// Words that may stand anywhere in the key.
    const ANYWHERE: [&str; 6] = ["token", "secret", "passw", "credential", "apikey", "authorization"];
    let key = key.to_ascii_lowercase();
    let names = |part: &str, word: &str| part == word || part.strip_suffix('s') == Some(word);
    let has_a_word = key.split(['_', '-']).any(|part| WORDS.iter().any(|word| names(part, word)));
    has_a_word || ANYWHERE.iter().any(|word| key.contains(word))
}

/// The text of a variable.
pub(super) fn unicode(variable: &str, value: OsString) -> Result<String, ConfigError> {
    let refused = |_| ConfigError::new(variable, "(not Unicode)", "a Unicode text").found_in(ENVIRONMENT);
    value.into_string().map_err(refused)
}

fn variable_of(section: &str, key: &str) -> String {
    format!("PERF_{}_{}", capitals(section), capitals(key))
}

/// A name as it is written in variables.
pub(super) fn capitals(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}
