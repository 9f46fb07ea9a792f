//! How much this crate says through `tracing`.

use std::sync::atomic::{AtomicU8, Ordering};
use tracing::Level;

/// The least serious of our own events that are sent to `tracing`: `[log] level` in the settings. It holds for the process,
/// and for what this crate says; events of the application are not its affair.
///
/// A subscriber filters them by their targets: `perf_runtime::alert` (what becomes of alerts), `perf_runtime::slow` (calls that took longer
/// than they should) and `perf_runtime` (all else).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Critical alerts, and work that failed.
    Error,
    /// Warnings as well.
    Warn,
    /// Completed work as well.
    Info,
    /// Everything, also events of alerts that nobody is to be told of: the default. Whether they are shown is for the
    /// subscriber to say.
    #[default]
    Debug,
}

impl LogLevel {
    /// All levels, the quietest first.
    pub const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The word for it in settings, such as `warn`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

static LEVEL: AtomicU8 = AtomicU8::new(LogLevel::Debug as u8);

/// Sets the level of the process.
pub(crate) fn set(level: LogLevel) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Whether events of a level are sent.
pub(crate) fn allows(level: Level) -> bool {
    let least = match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    };
    LEVEL.load(Ordering::Relaxed) >= least as u8
}

/// Sends an event to `tracing`, unless its level is switched off. Its target is one of the three that [`LogLevel`] names, and not the
/// path of a private module.
macro_rules! tell {
    (target: $target:expr, $level:ident, $($rest:tt)+) => {
        if crate::log_level::allows(tracing::Level::$level) {
            tracing::event!(target: $target, tracing::Level::$level, $($rest)+);
        }
    };
    ($level:ident, $($rest:tt)+) => {
        $crate::log_level::tell!(target: "perf_runtime", $level, $($rest)+)
    };
}
pub(crate) use tell;
