//! Errors of settings and of the installation.

use std::error::Error;
use std::fmt;
use std::io;
use strsim::osa_distance;

/// The longest namespace, in bytes.
const MAX_NAMESPACE: usize = 64;

/// Why a monitor could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstallError {
    /// A setting has a value that is not allowed. Nothing was installed.
    Config(ConfigError),
    /// A monitor is installed already: there is one in a process. [`monitor`](crate::monitor()) gives it.
    AlreadyInstalled,
    /// The operating system gave no thread for the ticker. Nothing was installed.
    Ticker(io::Error),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::AlreadyInstalled => {
                f.write_str("a monitor is installed already; `perf_runtime::monitor()` gives the installed one")
            }
            Self::Ticker(error) => write!(f, "no thread for the ticker: {error}"),
        }
    }
}

impl Error for InstallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::AlreadyInstalled => None,
            Self::Ticker(error) => Some(error),
        }
    }
}

/// A setting with a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// Where the setting stands: the path of a file, or `environment`. `None` where it was set in code.
    pub source: Option<String>,
    /// The setting, such as `namespace` or `rules.http-latency.warning`.
    pub field: String,
    /// The value it was given.
    pub value: String,
    /// The values that are allowed.
    pub allowed: String,
}

impl ConfigError {
    /// An error of a setting: its name, the value it was given, and what is allowed. For crates that have settings of
    /// their own beside the monitor's.
    #[expect(clippy::needless_pass_by_value, reason = "numbers, texts and their owners alike")]
    pub fn new(field: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> Self {
        Self { source: None, field: field.into(), value: value.to_string(), allowed: allowed.into() }
    }

    /// A name that is none of the known ones; the nearest is named, or else all of them.
    pub fn unknown<'a>(field: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let allowed = match nearest(name, known.iter().copied()) {
            Some(near) => format!("a known name: did you mean {near:?}?"),
            None if known.is_empty() => "nothing: there are none to name".to_owned(),
            None => format!("one of {}", known.join(", ")),
        };
        Self::new(field, name, allowed)
    }

    /// Says where the setting stands: the path of a file, or `environment`.
    #[must_use]
    pub fn found_in(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}: ")?;
        }
        write!(f, "{}: {:?} is not allowed; it takes {}", self.field, self.value, self.allowed)
    }
}

impl Error for ConfigError {}

impl From<ConfigError> for InstallError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// The prefix of every metric's name: the namespace and an underscore, or nothing.
pub(crate) fn prefix_of(namespace: &str) -> Result<String, ConfigError> {
    if namespace.is_empty() {
        return Ok(String::new());
    }
    let first = namespace.starts_with(|char: char| char.is_ascii_alphabetic());
    let rest = namespace.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if first && rest && !namespace.ends_with('_') && namespace.len() <= MAX_NAMESPACE {
        return Ok(format!("{namespace}_"));
    }
    let allowed = "up to 64 letters, digits and underscores, a letter first and no underscore last";
    Err(ConfigError::new("namespace", namespace, allowed))
}

/// The candidate that a misspelt name is nearest to, if any is near: one edit away, or two in a name of at least five
/// letters. Never the name itself.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let most = if length < 5 { 1 } else { 2 };
    // Each edit changes the length by one at most: most candidates need not be compared.
    let near = candidates.into_iter().filter(|candidate| candidate.chars().count().abs_diff(length) <= most);
    let with_distance = near.map(|candidate| (osa_distance(name, candidate), candidate));
    with_distance.filter(|(edits, _)| (1..=most).contains(edits)).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_becomes_a_prefix() {
        assert_eq!(prefix_of("").unwrap(), "");
        assert_eq!(prefix_of("mcp").unwrap(), "mcp_");
        assert_eq!(prefix_of("my_app2").unwrap(), "my_app2_");
    }

    #[test]
    fn a_bad_namespace_is_refused_with_field_value_and_what_is_allowed() {
        for bad in ["mcp_", "1st", "a b", "ä", "_x", "a-b", &"x".repeat(65)] {
            let error = prefix_of(bad).unwrap_err();
            assert_eq!((error.field.as_str(), error.value.as_str()), ("namespace", bad));
            assert!(error.to_string().contains("letters, digits and underscores"));
        }
    }

    #[test]
    fn a_misspelt_name_is_told_its_nearest() {
        let known = ["warning", "critical", "window", "for"];
        assert_eq!(nearest("waring", known), Some("warning"));
        assert_eq!(nearest("wnidow", known), Some("window"));
        assert_eq!(nearest("fro", known), Some("for"));
        assert_eq!(nearest("warning", known), None, "not itself");
        assert_eq!(nearest("threshold", known), None);
    }
}
