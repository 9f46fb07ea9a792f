//! The section `[history]` of the settings.

use perf_runtime::ConfigError;
use perf_runtime::config::{Section, Span};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of the history: the section `[history]`, or `PERF_HISTORY_PATH` and its like.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Whether anything is kept.
    pub enabled: bool,
    /// The folder. Without it, `perf/<service>` in the state directory of the user: `$STATE_DIRECTORY` (set by systemd),
    /// `$XDG_STATE_HOME`, or `~/.local/state`.
    pub path: Option<PathBuf>,
    /// The most bytes that one file takes on the disk: 16 MiB at least. The oldest of the finest tier pays for it.
    pub max_bytes: u64,
    /// The time between two commits, and so the most that a crash can lose: 1 s to 5 min.
    pub commit_every: Span,
    /// When a commit is flushed to the disk, and so what a crash of the machine can cost.
    pub fsync: Fsync,
    /// How long steps of 5 s are kept: 2 h at least.
    pub keep_5s: Span,
    /// How long steps of a minute are kept: at least as long as those of 5 s.
    pub keep_1m: Span,
    /// How long steps of an hour are kept: at least as long as those of a minute. Events are kept as long.
    pub keep_1h: Span,
    /// The most bytes of recorded calls in 24 hours, each of them whole: of each minute the slowest and the failed that the recorder keeps. They are kept as long as
    /// steps of a minute. Also over restarts; of processes that run at the same time each has so many. 0 keeps none.
    pub recorded_bytes_a_day: u64,
}

/// When a commit is flushed to the disk: the setting `fsync`. A process that is killed loses no commit in either case.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fsync {
    /// With each commit, the default: where the machine crashes or loses its power, what was not committed yet is lost, which is
    /// [`commit_every`](Settings::commit_every) at most.
    #[default]
    Always,
    /// Never by itself; the operating system writes when it likes. Where the machine crashes, the file may be damaged: then it is
    /// set aside at the next start, with everything that it held. For disks on which a flush takes long, or wears them out.
    Never,
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const LEAST_BYTES: u64 = 16 << 20;

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            max_bytes: 512 << 20,
            commit_every: Span(Duration::from_secs(5)),
            fsync: Fsync::Always,
            keep_5s: Span(Duration::from_secs(48 * HOUR)),
            keep_1m: Span(Duration::from_secs(30 * DAY)),
            keep_1h: Span(Duration::from_secs(730 * DAY)),
            recorded_bytes_a_day: 4 << 20,
        }
    }
}

impl Settings {
    /// Reads the section.
    ///
    /// # Errors
    /// A key that there is not, or a value that is not allowed: a [`ConfigError`] that names it.
    pub fn read(section: &Section) -> Result<Self, ConfigError> {
        let settings: Self = section.read()?;
        settings.check(&|key, _, allowed| section.refused(key, allowed))?;
        Ok(settings)
    }

    /// Checks each value. `refused` makes the error of a key, its value, and what is allowed.
    pub(crate) fn check(&self, refused: &dyn Fn(&str, String, &str) -> ConfigError) -> Result<(), ConfigError> {
        let span = |key: &str, span: &Span, allowed: &str| Err(refused(key, format!("{:?}", span.0), allowed));
        if self.max_bytes < LEAST_BYTES {
            return Err(refused("max_bytes", self.max_bytes.to_string(), &format!("{LEAST_BYTES} or more")));
        }
        if !(1.0..=300.0).contains(&self.commit_every.0.as_secs_f64()) {
            return span("commit_every", &self.commit_every, "1s to 5m");
        }
        if self.keep_5s.0 < Duration::from_secs(2 * HOUR) {
            return span("keep_5s", &self.keep_5s, "2h or more");
        }
        if self.keep_1m.0 < self.keep_5s.0 {
            return span("keep_1m", &self.keep_1m, "as long as keep_5s or longer");
        }
        if self.keep_1h.0 < self.keep_1m.0 {
            return span("keep_1h", &self.keep_1h, "as long as keep_1m or longer");
        }
        Ok(())
    }

    /// How long each tier is kept, in nanoseconds, the finest first.
    pub(crate) fn keep(&self) -> [u64; 3] {
        [self.keep_5s, self.keep_1m, self.keep_1h].map(|span| u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX))
    }
}
