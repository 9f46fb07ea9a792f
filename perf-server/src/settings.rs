//! The settings of the routes.

use crate::auth::origin::Origins;
use crate::auth::token::Tokens;
use crate::respond::BodyLimits;
use perf_runtime::Monitor;
use perf_runtime::config::Value;
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
    /// The checks that must pass for the process to be ready.
    pub(crate) readiness: Vec<Readiness>,
    /// Whether pages may tell how they feel without a token.
    pub(crate) ui_without_token: bool,
}

impl Settings {
    /// Adds the settings to those that the monitor shows as the ones in effect: of tokens only that they are set.
    pub(crate) fn show(&self, monitor: &Monitor, connections: impl IntoIterator<Item = (&'static str, Value)>) {
        let mut all: Vec<(&str, Value)> = connections.into_iter().collect();
        all.extend([
            ("allow_origins", self.origins.iter().map(str::to_owned).collect()),
            ("allow_hosts", self.hosts.iter().cloned().collect()),
            ("body_limit", self.body.size.into()),
            ("body_timeout", self.body.time.into()),
            ("ready_when", self.readiness.iter().map(|check| check.name.clone()).collect()),
            ("ui_without_token", self.ui_without_token.into()),
        ]);
        let tokens = [("read_token", &self.tokens.read), ("admin_token", &self.tokens.admin)];
        all.extend(tokens.into_iter().filter(|(_, token)| token.is_some()).map(|(key, _)| (key, "set".into())));
        monitor.show_settings("server", all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    }
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
