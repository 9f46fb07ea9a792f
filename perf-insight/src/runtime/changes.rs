//! Changes that somebody made: versions, settings, starts of the process.

use perf_runtime::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// The sort of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// Another version of the service.
    Version,
    /// Other settings, a flag.
    Settings,
    /// The process began anew, as far as is known with the same version.
    Start,
}

/// A change that somebody made, which may be the cause of what comes after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Its sort.
    pub kind: ChangeKind,
    /// Its name in few words, such as `version 42` or `flag new-cart on`.
    pub name: String,
    /// When it took effect.
    #[serde(with = "text::moment")]
    pub at: SystemTime,
}

impl Change {
    /// A change, by its name in few words (of which 120 bytes are kept), and when it took effect.
    pub fn new(kind: ChangeKind, name: impl Into<String>, at: SystemTime) -> Self {
        let mut name: String = name.into();
        let end = (0..=name.len().min(120)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
        Self { kind, name, at }
    }
}
