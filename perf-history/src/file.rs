//! A history's file that no process has, opened to be read.

use crate::overview::HistoryView;
use crate::past::Archive;
use crate::settings::Settings;
use crate::store::{Store, Watched};
use crate::{HistoryError, Status};
use perf_runtime::Monitor;
use perf_runtime::config::Span;
use perf_runtime::extend::{
    AlertLog, CallLog, ErrorLog, LogPosition, PartLog, Past, ProvideError, Provided, State, TreeLog,
};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The file of a history that no process has, such as a copy or that of a stopped service: to be read, and left as it is.
///
/// ```no_run
/// use perf_history::HistoryFile;
/// use perf_runtime::Monitor;
/// use perf_runtime::series::{Selector, TimeRange};
/// use std::time::Duration;
///
/// let file = HistoryFile::open("/backup/history.redb")?;
/// for boot in file.view().overview().boots {
///     println!("{:?} to {:?}", boot.started, boot.ended);
/// }
/// let monitor = Monitor::builder().build()?;
/// let _provided = file.provide_to(&monitor)?;
/// let week = TimeRange::last(Duration::from_secs(7 * 24 * 3_600));
/// println!("{:?}", monitor.tracks(&Selector::calls(), week));
/// file.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HistoryFile {
    archive: Arc<Archive>,
    watched: Arc<Watched>,
    status: Arc<Mutex<Status>>,
}

impl HistoryFile {
    /// Opens a file. Nothing is written to it, and no lock is held: a copy that was made while its service ran is repaired in memory,
    /// and a service that starts meanwhile has the file for itself.
    ///
    /// # Errors
    /// [`HistoryError::Busy`] where a process has the file, [`HistoryError::Foreign`] where it is no history of a format that this
    /// version reads, [`HistoryError::Damaged`] where it is not as it was written, [`HistoryError::Denied`] where it is another user's,
    /// and what the disk says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let path = path.as_ref();
        let (store, watched) = Store::read_only(path)?;
        watched.check()?;
        let series = store.names.read().unwrap_or_else(PoisonError::into_inner).len();
        let bytes = std::fs::metadata(path).map_or(0, |found| crate::store::bytes_on_disk(&found));
        let status =
            Status { path: Some(path.to_owned()), bytes, series, damaged: store.damaged(), ..Status::default() };
        // Everything that is in it is there to be read.
        let forever = Span(Duration::MAX);
        let settings = Settings { keep_5s: forever, keep_1m: forever, keep_1h: forever, ..Settings::default() };
        let store = Arc::new(RwLock::new(Some(Arc::new(store))));
        // Nothing of it is in anybody's memory.
        let hours_until = Arc::new(RwLock::new(LogPosition::end()));
        let archive = Arc::new(Archive { store, settings, hours_until });
        Ok(Self { archive, watched, status: Arc::new(Mutex::new(status)) })
    }

    /// A handle by which others look at it.
    pub fn view(&self) -> HistoryView {
        HistoryView { status: Arc::clone(&self.status), archive: Some(Arc::clone(&self.archive)), orders: None }
    }

    /// Makes it the past of a monitor, until the guards are dropped: [`Monitor::tracks`] and its like answer from it.
    ///
    /// # Errors
    /// The monitor has a past already.
    pub fn provide_to(&self, monitor: &Monitor) -> Result<[Provided; 6], ProvideError> {
        let past = monitor.provide::<dyn Past>(Arc::<Archive>::clone(&self.archive))?;
        let log = monitor.provide::<dyn AlertLog>(Arc::<Archive>::clone(&self.archive))?;
        let errors = monitor.provide::<dyn ErrorLog>(Arc::<Archive>::clone(&self.archive))?;
        let tree = monitor.provide::<dyn TreeLog>(Arc::<Archive>::clone(&self.archive))?;
        let calls = monitor.provide::<dyn CallLog>(Arc::<Archive>::clone(&self.archive))?;
        let lines = monitor.provide::<dyn PartLog>(Arc::<Archive>::clone(&self.archive))?;
        Ok([past, log, errors, tree, calls, lines])
    }

    /// The state that the last process left, for [`Monitor::restore`]: `None` where there is none, or it cannot be read.
    pub fn state(&self) -> Option<State> {
        self.archive.ask(Store::state)
    }

    /// Says whether the file was nobody's up to now: to be asked after reading, for answers of a file that is written meanwhile may be
    /// wrong. Of pieces that could not be read, [`Status::damaged`] of the overview counts those found while it was opened.
    ///
    /// # Errors
    /// [`HistoryError::Busy`] where a process has the file, or has written it since it was opened.
    pub fn check(&self) -> Result<(), HistoryError> {
        self.watched.check()
    }
}
