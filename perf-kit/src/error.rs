//! Why nothing was started.

use perf_runtime::extend::RestoreError;
use perf_runtime::{ConfigError, InstallError};
use std::error::Error;
use std::fmt;
use std::io;

/// Why nothing was started. Nothing is half started then: no monitor is installed, no port is taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A setting has a value that is not allowed.
    Config(ConfigError),
    /// The monitor could not be installed: one is installed already, or there is no thread to be had.
    Install(InstallError),
    /// The state of the process before is none that can be taken up.
    Restore(RestoreError),
    /// The port of the server is taken, or may not be used.
    #[non_exhaustive]
    Port {
        /// The address, such as `127.0.0.1:9464`.
        address: String,
        /// Why.
        cause: io::Error,
    },
    /// The server could not be set up: a token file, an address outside of loopback without a token.
    #[cfg(feature = "server")]
    Server(perf_server::ServeError),
    /// The profiler could not be started: another part of the process handles its signal.
    #[cfg(all(feature = "host-profiler", target_os = "linux"))]
    Profiler(perf_host::profiler::ProfilerError),
    /// The operating system gave no thread for the server.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Install(error) => error.fmt(f),
            Self::Restore(error) => error.fmt(f),
            Self::Port { address, cause } => write!(
                f,
                "cannot listen on {address}: {cause}; set another port with `[server] port` in perf.toml or with PERF_PORT \
                 (0 takes any that is free)"
            ),
            #[cfg(feature = "server")]
            Self::Server(error) => error.fmt(f),
            #[cfg(all(feature = "host-profiler", target_os = "linux"))]
            Self::Profiler(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread for the server: {error}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Install(error) => Some(error),
            Self::Restore(error) => Some(error),
            Self::Port { cause, .. } | Self::Thread(cause) => Some(cause),
            #[cfg(feature = "server")]
            Self::Server(error) => Some(error),
            #[cfg(all(feature = "host-profiler", target_os = "linux"))]
            Self::Profiler(error) => Some(error),
        }
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<InstallError> for StartError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Config(error) => Self::Config(error),
            other => Self::Install(other),
        }
    }
}

impl From<RestoreError> for StartError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error)
    }
}

#[cfg(all(feature = "host-profiler", target_os = "linux"))]
impl From<perf_host::profiler::ProfilerError> for StartError {
    fn from(error: perf_host::profiler::ProfilerError) -> Self {
        match error {
            perf_host::profiler::ProfilerError::Config(error) => Self::Config(error),
            other => Self::Profiler(other),
        }
    }
}
