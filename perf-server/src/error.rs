//! Why nothing is served.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// A setting has a value that is not allowed.
    #[non_exhaustive]
    Setting {
        /// The setting, such as `read_token` or `PERF_READ_TOKEN`.
        field: String,
        /// The value it was given. Never a token.
        value: String,
        /// The values that are allowed.
        allowed: String,
    },
    /// A file that was to hold a token could not be read.
    #[non_exhaustive]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The address can be reached from other machines, and there is no token: anybody could read everything.
    Unprotected(SocketAddr),
    /// Two parts add the same route, page, topic of the feed, description of a route, or have the same name. A route can
    /// exclude another of a different spelling, such as `/a/{id}` and `/a/{name}`.
    #[non_exhaustive]
    Conflict {
        /// The kind of thing that both add: `route`, `page`, `topic`, `description` or `extension`.
        what: &'static str,
        /// As each of them names it.
        names: [String; 2],
        /// The parts: `perf` for this crate's own.
        parts: [String; 2],
    },
    /// The address could not be bound.
    #[non_exhaustive]
    Bind {
        /// The address, as it was given.
        address: String,
        /// Why.
        cause: io::Error,
    },
}

impl ServeError {
    pub(crate) fn setting(field: &str, value: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Setting { field: field.to_owned(), value: value.into(), allowed: allowed.into() }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { field, value, allowed } => {
                write!(f, "{field}: {value:?} is not allowed; allowed is {allowed}")
            }
            Self::TokenFile { path, cause } => write!(f, "the token file {}: {cause}", path.display()),
            Self::Unprotected(address) => write!(
                f,
                "{address} can be reached from other machines, and no token is set: set PERF_READ_TOKEN or \
                 PERF_ADMIN_TOKEN (or a token in the program), or listen on 127.0.0.1"
            ),
            Self::Conflict { what, names: [name, other_name], parts: [part, other] } => {
                write!(f, "{what} {other_name:?} of {other} conflicts with {name:?} of {part}")
            }
            Self::Bind { address, cause } => write!(f, "cannot listen on {address}: {cause}"),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TokenFile { cause, .. } | Self::Bind { cause, .. } => Some(cause),
            Self::Setting { .. } | Self::Unprotected(_) | Self::Conflict { .. } => None,
        }
    }
}
