//! Why the profiler did not start.

use perf_runtime::ConfigError;
use std::error::Error;
use std::{fmt, io};

/// Why the profiler did not start. Nothing is changed then: no handler, no timer.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfilerError {
    /// A setting has a value that is not allowed.
    Config(ConfigError),
    /// Another part of the process handles `SIGPROF`: another profiler, such as those of gperftools or `pprof`.
    SignalTaken,
    /// A profiler runs in this process already.
    AlreadyRunning,
    /// `perf-runtime` is not a part of the main program, but of a shared library. There a thread-local may be allocated at its first use,
    /// which a signal handler must not do.
    SharedLibrary,
    /// The operating system refused.
    #[non_exhaustive]
    System {
        /// The function that failed.
        function: &'static str,
        /// Why.
        cause: io::Error,
    },
}

impl ProfilerError {
    /// The last error of the operating system, of this function.
    pub(super) fn last(function: &'static str) -> Self {
        Self::System { function, cause: io::Error::last_os_error() }
    }
}

impl fmt::Display for ProfilerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::SignalTaken => f.write_str(
                "the profiler cannot have SIGPROF: another part of the process handles it, and only the default action is allowed; \
                 leave the other profiler out, or set `[profiler] enabled = false`",
            ),
            Self::AlreadyRunning => f.write_str("a profiler runs in this process already, and only one is allowed"),
            Self::SharedLibrary => f.write_str(
                "the profiler cannot run: perf-runtime is in a shared library, and only the main program is allowed, whose thread-locals \
                 a signal handler may read",
            ),
            Self::System { function, cause } => write!(f, "the profiler cannot run: {function} failed: {cause}"),
        }
    }
}

impl Error for ProfilerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::System { cause, .. } => Some(cause),
            Self::SignalTaken | Self::AlreadyRunning | Self::SharedLibrary => None,
        }
    }
}

impl From<ConfigError> for ProfilerError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
