//! A stretch of time by the wall clock.

use crate::error::ConfigError;
use crate::measure::clock::{self, wall};
use crate::observe::history::window::Window;
use crate::text;
use std::time::{Duration, SystemTime};

/// From when to when one looks, and in how long steps: for [`Monitor::tracks`](crate::Monitor::tracks). The start belongs to
/// it, the end does not. A [`Window`] is a range that ends now.
///
/// ```
/// use perf_runtime::Window;
/// use perf_runtime::series::TimeRange;
/// use std::time::Duration;
///
/// let hour = TimeRange::last(Duration::from_secs(3_600)).with_step(Duration::from_secs(60));
/// assert_eq!(hour.duration(), Duration::from_secs(3_600));
/// assert_eq!(TimeRange::from(Window::LastMinute).duration(), Duration::from_secs(60));
/// let error = TimeRange::between(hour.end(), hour.start()).unwrap_err();
/// assert_eq!(error.field, "from");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    start: SystemTime,
    end: SystemTime,
    step: Option<Duration>,
    is_exact: bool,
}

impl TimeRange {
    /// The range between two times.
    ///
    /// # Errors
    /// Where `start` is not before `end`: a [`ConfigError`] of the field `from`.
    pub fn between(start: SystemTime, end: SystemTime) -> Result<Self, ConfigError> {
        if start < end {
            return Ok(Self { start, end, step: None, is_exact: false });
        }
        let allowed = format!("a time before the end, {}", text::rfc3339(end));
        Err(ConfigError::new("from", text::rfc3339(start), allowed))
    }

    /// The time of this length that ends now; of a nanosecond at least.
    pub fn last(length: Duration) -> Self {
        let end = wall::time_of(clock::now());
        let length = length.max(Duration::from_nanos(1));
        Self { start: end.checked_sub(length).unwrap_or(SystemTime::UNIX_EPOCH), end, step: None, is_exact: false }
    }

    /// The same range in steps of at least this length. They are longer where only longer ones are kept, or where there were
    /// more than 11,000 of them. Without it, steps are as short as what is kept, and at most 1,000.
    #[must_use]
    pub fn with_step(self, step: Duration) -> Self {
        Self { step: Some(step), ..self }
    }

    /// The same range as that of the life of a process, from its begin to its end: its first and its last step have nothing of the
    /// processes before and after it. Other ranges are answered in whole steps; this is not for one that begins or ends within a life, of
    /// which a step that lies across its end is told as the past keeps it.
    #[must_use]
    pub fn exactly(self) -> Self {
        Self { is_exact: true, ..self }
    }

    /// Whether it is that of a life, and [exact](Self::exactly).
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Its first moment.
    pub fn start(&self) -> SystemTime {
        self.start
    }

    /// The first moment after it.
    pub fn end(&self) -> SystemTime {
        self.end
    }

    /// The step that was asked for.
    pub fn step(&self) -> Option<Duration> {
        self.step
    }

    /// The time between start and end.
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

impl From<Window> for TimeRange {
    fn from(window: Window) -> Self {
        Self::last(window.duration())
    }
}
