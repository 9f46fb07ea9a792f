//! What can be set about the routes.

use crate::auth::origin::Origins;
use crate::auth::token::Tokens;
use crate::respond::BodyLimits;
use std::fmt;
use std::sync::Arc;

/// Settings that are checked.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) tokens: Tokens,
    /// Whose pages may change things, beside our own.
    pub(crate) origins: Origins,
    /// The names under which we may be asked without a token, beside those of this machine.
    pub(crate) hosts: Vec<String>,
    pub(crate) body: BodyLimits,
    /// What must be well for the process to be ready.
    pub(crate) readiness: Vec<Readiness>,
    /// Whether pages may tell how they feel without a token.
    pub(crate) ui_without_token: bool,
}

/// Something that must be well for the process to be ready.
#[derive(Clone)]
pub(crate) struct Readiness {
    pub(crate) name: String,
    pub(crate) is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.name).finish()
    }
}
