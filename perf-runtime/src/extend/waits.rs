//! Waits of calls for what is no call: a lock, room in a channel, a statement. Parts count them, and the monitor names them together.

use crate::guarded::run_guarded;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The sort of thing that a call waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitedOn {
    /// A lock or a semaphore, by its name.
    Lock,
    /// Room in a channel, by its name.
    Channel,
    /// An SQL statement, by its text without literals: at most 200 bytes, and the statement's id behind one that is cut.
    Statement,
}

impl WaitedOn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lock, Self::Channel, Self::Statement];

    /// The name, as JSON has it: `lock`, `channel` or `statement`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Channel => "channel",
            Self::Statement => "statement",
        }
    }
}

/// The waits of the calls of one series for one thing, since the process began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wait {
    /// The series whose calls waited. Of a request it is known by method and route.
    pub series: SeriesId,
    /// The sort of thing.
    pub on: WaitedOn,
    /// The name of the thing.
    pub name: String,
    /// Waits that are over; of a statement, its executions, whether they failed or not.
    pub waits: u64,
    /// How long they were in all, in seconds; of a statement, of those executions whose duration is known, and with the time of whoever reads a stream of
    /// rows.
    pub waited_seconds: f64,
}

impl Wait {
    /// Waits of the calls of a series.
    pub fn new(series: SeriesId, on: WaitedOn, name: impl Into<String>, waits: u64, waited_seconds: f64) -> Self {
        Self { series, on, name: name.into(), waits, waited_seconds }
    }
}

type Read = dyn Fn() -> Vec<Wait> + Send + Sync;

/// The parts that count waits.
#[derive(Default)]
pub(crate) struct WaitSources(Mutex<Vec<Weak<Read>>>);

/// The guard of a part that counts waits: what [`Monitor::add_wait_source`](crate::Monitor::add_wait_source) gives.
#[must_use = "dropping the guard takes the waits away"]
pub struct WaitSource(#[expect(dead_code, reason = "it is there while this is")] Arc<Read>);

impl WaitSources {
    pub(crate) fn add(&self, read: impl Fn() -> Vec<Wait> + Send + Sync + 'static) -> WaitSource {
        let read: Arc<Read> = Arc::new(read);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&read));
        WaitSource(read)
    }

    /// All waits, those of one series for one thing together, the longest first.
    pub(crate) fn read(&self) -> Vec<Wait> {
        let mut sources = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|source| {
            sources.extend(source.upgrade());
            source.strong_count() > 0
        });
        let mut all = BTreeMap::<(SeriesId, WaitedOn, String), (u64, f64)>::new();
        for wait in sources.into_iter().filter_map(|read| run_guarded(|| read())).flatten() {
            let (waits, seconds) = all.entry((wait.series, wait.on, wait.name)).or_default();
            *waits = waits.saturating_add(wait.waits);
            *seconds += wait.waited_seconds;
        }
        let wait = |((series, on, name), (waits, seconds))| Wait::new(series, on, name, waits, seconds);
        let mut all: Vec<Wait> = all.into_iter().map(wait).collect();
        all.sort_by(|one, other| other.waited_seconds.total_cmp(&one.waited_seconds));
        all
    }
}

impl fmt::Debug for WaitSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSources").finish_non_exhaustive()
    }
}

impl fmt::Debug for WaitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSource").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Monitor;

    fn wait(series: &str, on: WaitedOn, name: &str, waits: u64, seconds: f64) -> Wait {
        Wait::new(series.parse().unwrap(), on, name, waits, seconds)
    }

    #[test]
    fn waits_of_one_series_for_one_thing_are_one_and_the_longest_comes_first() {
        let monitor = Monitor::builder().build().unwrap();
        assert_eq!(monitor.waits(), []);
        let (checkout, search) = ("operation{operation=checkout}", "operation{operation=search}");
        let locks = monitor.add_wait_source(move || {
            vec![wait(checkout, WaitedOn::Lock, "stock", 2, 0.5), wait(checkout, WaitedOn::Lock, "stock", 1, 0.25)]
        });
        let statements = monitor.add_wait_source(move || {
            vec![
                wait(search, WaitedOn::Statement, "stock", 7, 3.0),
                wait(checkout, WaitedOn::Statement, "stock", 1, 0.125),
            ]
        });
        let of_search = wait(search, WaitedOn::Statement, "stock", 7, 3.0);
        let of_lock = wait(checkout, WaitedOn::Lock, "stock", 3, 0.75);
        let of_statement = wait(checkout, WaitedOn::Statement, "stock", 1, 0.125);
        assert_eq!(monitor.waits(), [of_search.clone(), of_lock, of_statement.clone()]);
        drop(locks);
        let panics = monitor.add_wait_source(|| panic!("as the test says"));
        assert_eq!(monitor.waits(), [of_search, of_statement], "one that is gone or panics tells nothing");
        drop((statements, panics));
        assert_eq!(monitor.waits(), []);
    }

    #[test]
    fn a_wait_is_written_as_it_is_read() {
        for on in WaitedOn::ALL {
            let wait = wait("operation{operation=checkout}", on, "stock", 2, 0.5);
            let text = serde_json::to_value(&wait).unwrap();
            assert_eq!(text["on"], on.as_str());
            assert_eq!(serde_json::from_value::<Wait>(text).unwrap(), wait);
        }
    }
}
