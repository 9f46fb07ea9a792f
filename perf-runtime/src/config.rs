//! What a monitor can be told, and what it answers when told wrong.

use std::error::Error;
use std::fmt;
use std::io;

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
    /// The setting.
    pub field: &'static str,
    /// The value it was given.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} is not allowed; it takes {}", self.field, self.value, self.allowed)
    }
}

impl Error for ConfigError {}

impl From<ConfigError> for InstallError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// What stands before every metric's name: the namespace and an underscore, or nothing.
pub(crate) fn prefix_of(namespace: &str) -> Result<String, ConfigError> {
    if namespace.is_empty() {
        return Ok(String::new());
    }
    let first = namespace.starts_with(|char: char| char.is_ascii_alphabetic());
    let rest = namespace.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if first && rest && !namespace.ends_with('_') && namespace.len() <= MAX_NAMESPACE {
        return Ok(format!("{namespace}_"));
    }
    Err(ConfigError {
        field: "namespace",
        value: namespace.to_owned(),
        allowed: "up to 64 letters, digits and underscores, a letter first and no underscore last",
    })
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
            assert_eq!((error.field, error.value.as_str()), ("namespace", bad));
            assert!(error.to_string().contains("letters, digits and underscores"));
        }
    }
}
