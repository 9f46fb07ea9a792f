//! The access to the values of the fields of recorded calls.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The access to the values that the option `fields(..)` of an attribute names, of calls that the recorder keeps: the setting `[recorder] fields`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FieldAccess {
    /// Nobody: they are not kept, and not looked at where no subscriber of `tracing` wants them.
    Off,
    /// The program itself, and over HTTP whoever has the admin token.
    #[default]
    Admin,
    /// Also whoever may read.
    Read,
}

impl FieldAccess {
    /// All, in the order in which they show more.
    pub const ALL: [Self; 3] = [Self::Off, Self::Admin, Self::Read];

    /// The word for it, as settings have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Admin => "admin",
            Self::Read => "read",
        }
    }
}

impl fmt::Display for FieldAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
