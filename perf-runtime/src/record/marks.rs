//! Moments that have a name, to measure between.

use crate::measure::clock::{self, Moment};
use crate::observe::series::identity::shorten;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most marks that are kept. Beyond, the oldest is forgotten.
const MAX_MARKS: usize = 1_000;

/// Named moments.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    by_name: Mutex<HashMap<Box<str>, Moment>>,
}

/// Why nothing was measured between two marks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeasureError {
    /// No mark has this name: it was never set, was cleared, or is no longer among the last 1,000.
    UnknownMark {
        /// The name that was asked for.
        name: String,
    },
    /// The end was marked before the start.
    EndsBeforeItStarts {
        /// The mark that was to be the start.
        start: String,
        /// The mark that was to be the end.
        end: String,
    },
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMark { name } => write!(f, "mark {name:?} is unknown; set it with `monitor.mark({name:?})`"),
            Self::EndsBeforeItStarts { start, end } => {
                write!(f, "mark {end:?} is older than mark {start:?}; a measure ends after it starts")
            }
        }
    }
}

impl Error for MeasureError {}

impl Marks {
    /// Sets a mark to now, anew where there is one of this name.
    pub(crate) fn set(&self, name: &str) {
        let now = clock::now();
        let mut marks = self.lock();
        if let Some(mark) = marks.get_mut(shorten(name)) {
            *mark = now;
            return;
        }
        if marks.len() >= MAX_MARKS {
            let oldest = marks.iter().min_by_key(|&(_, moment)| *moment).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                marks.remove(&oldest);
            }
        }
        marks.insert(shorten(name).into(), now);
    }

    /// Forgets one mark.
    pub(crate) fn clear(&self, name: &str) {
        self.lock().remove(shorten(name));
    }

    /// Forgets all marks.
    pub(crate) fn clear_all(&self) {
        self.lock().clear();
    }

    /// The time from one mark to another, or to now.
    pub(crate) fn between(&self, start: &str, end: Option<&str>) -> Result<Duration, MeasureError> {
        let now = clock::now();
        let marks = self.lock();
        let find = |name: &str| {
            marks.get(shorten(name)).copied().ok_or_else(|| MeasureError::UnknownMark { name: name.to_owned() })
        };
        let (from, to) = (find(start)?, end.map_or(Ok(now), find)?);
        if to < from {
            let end = end.unwrap_or_default().to_owned();
            return Err(MeasureError::EndsBeforeItStarts { start: start.to_owned(), end });
        }
        Ok(to.since(from))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Moment>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::manual::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_mark_is_a_moment_until_it_is_set_anew_or_cleared() {
        let clock = ManualClock::hold();
        let marks = Marks::default();
        marks.set("start");
        clock.advance(SECOND);
        marks.set("end");
        clock.advance(SECOND);
        assert_eq!(marks.between("start", Some("end")), Ok(SECOND));
        assert_eq!(marks.between("start", None), Ok(2 * SECOND));
        marks.set("start");
        assert_eq!(marks.between("start", None), Ok(Duration::ZERO));
        let error = marks.between("start", Some("end")).unwrap_err();
        assert_eq!(error, MeasureError::EndsBeforeItStarts { start: "start".into(), end: "end".into() });
        marks.clear("start");
        assert_eq!(marks.between("start", None), Err(MeasureError::UnknownMark { name: "start".into() }));
        marks.clear_all();
        assert!(marks.between("end", None).is_err());
    }

    #[test]
    fn marks_are_bounded_and_the_oldest_is_forgotten() {
        let clock = ManualClock::hold();
        let marks = Marks::default();
        for mark in 0..=MAX_MARKS {
            marks.set(&mark.to_string());
            clock.advance(SECOND);
        }
        assert_eq!(marks.lock().len(), MAX_MARKS);
        let error = marks.between("0", None).unwrap_err();
        assert!(error.to_string().contains("mark \"0\" is unknown"), "{error}");
        assert!(marks.between("1", Some("1000")).is_ok());
    }
}
