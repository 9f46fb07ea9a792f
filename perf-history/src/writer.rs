//! The thread that writes: from the monitor's cursor into the file.

mod open_rows;

use crate::boots::Boot;
use crate::names::Names;
use crate::past::Current;
use crate::settings::Settings;
use crate::store::{Batch, FINEST, Store, StoreError, TIERS, bytes_on_disk, nanos_of};
use crate::{Status, folder};
use open_rows::{Adding, Rows, late};
use perf_runtime::Monitor;
use perf_runtime::collect::Cursor;
use perf_runtime::metric::Gauge;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// A file that could not be used is tried again so many ticks later.
const TRY_AGAIN: u32 = 10;

/// Of the room that it may take, the file is made smaller when it takes so much: the rest is for a commit, and for what it
/// moves when it is made smaller.
const FULL_PERCENT: u64 = 75;
/// A file is made smaller, too, when less than this much of it is in use.
const SPARSE_PERCENT: u64 = 60;
/// Of a file that was full, so much of the room is left in use.
const LEFT_PERCENT: u64 = 50;

pub(crate) struct Writer {
    pub(crate) monitor: Monitor,
    pub(crate) settings: Settings,
    pub(crate) folder: PathBuf,
    pub(crate) store: Current,
    pub(crate) status: Arc<Mutex<Status>>,
    cursor: Cursor,
    open: Rows,
    boot: (u64, Boot),
    known_event: u64,
    /// The hour that was current at the last commit.
    hour: u64,
    /// Up to when everything was committed, in nanoseconds since 1970.
    committed: u64,
    /// The names of the store that was closed last, while rows with their numbers wait.
    names: Option<Names>,
    /// The bytes that the file may take.
    room: Arc<AtomicU64>,
    /// Ticks until a file that could not be used is tried again.
    wait: u32,
    gauges: Gauges,
}

/// The history's own metrics.
struct Gauges {
    up: Gauge,
    bytes: Gauge,
}

impl Writer {
    pub(crate) fn new(
        monitor: Monitor,
        settings: Settings,
        folder: PathBuf,
        store: Current,
        status: Arc<Mutex<Status>>,
    ) -> Self {
        let service = monitor.service();
        let boot = Boot {
            version: service.and_then(|service| service.version.clone()),
            instance: service.and_then(|service| service.instance.clone()),
            ..Boot::default()
        };
        let cursor = monitor.cursor();
        let room = Arc::new(AtomicU64::new(settings.max_bytes));
        let metrics = monitor.metrics();
        let up = metrics.gauge("history_up").help("1 while the past is kept on disk, 0 while it cannot be.");
        let bytes = metrics.gauge("history_size_bytes").help("Bytes that the history takes on the disk.");
        Self {
            monitor,
            settings,
            folder,
            store,
            status,
            cursor,
            open: Rows::default(),
            boot: (0, boot),
            known_event: 0,
            hour: 0,
            committed: 0,
            names: None,
            room,
            wait: 0,
            gauges: Gauges { up: up.register(), bytes: bytes.unit("bytes").register() },
        }
    }

    /// Begins a boot in a file that was opened, with the next number of those in it; or goes on with that of this process.
    pub(crate) fn begin(&mut self, store: &Store) -> Result<(), StoreError> {
        let boots = store.boots()?;
        let (number, boot) = &self.boot;
        let is_ours = |(known, other): &(u64, Boot)| known == number && other.started() == boot.started();
        if boots.iter().any(is_ours) {
            return Ok(());
        }
        let next = boots.last().map_or(1, |(number, _)| number + 1);
        self.boot.0 = next;
        self.open.boot = next;
        Ok(())
    }

    /// Reads what happened since the last time and, where a cell of time is over, commits it. With `all`, commits what is not
    /// over as well.
    pub(crate) fn step(&mut self, all: bool) {
        let result = self.try_step(all);
        if let Err(error) = result {
            self.switch_off(&error);
        }
    }

    fn try_step(&mut self, all: bool) -> Result<(), StoreError> {
        let Some(store) = self.current()? else { return Ok(()) };
        let end = self.read(&store);
        let over = end / FINEST.step;
        let commit_every = u64::try_from(self.settings.commit_every.0.as_nanos()).unwrap_or(u64::MAX);
        if !all && end.saturating_sub(self.committed) < commit_every {
            return Ok(());
        }
        let mut batch = Batch::default();
        self.open.take_before(if all { u64::MAX } else { over }, over, &mut batch);
        let events = self.monitor.alerts().events_since(self.known_event);
        if batch.calls.is_empty() && batch.points.is_empty() && events.events.is_empty() && !all {
            return Ok(());
        }
        batch.events = events.events;
        batch.boot = Some(self.boot.clone());
        batch.state = Some(self.monitor.state());
        let written = self.make_room(&store, end).and_then(|()| store.append(&batch));
        if let Err(error) = written {
            self.open.put_back(batch);
            return Err(error);
        }
        self.known_event = events.last_seq;
        self.committed = over * FINEST.step;
        let hour = end.saturating_sub(late()) / FINEST.period();
        if hour != self.hour {
            store.seal_until(end.saturating_sub(late()))?;
            self.forget(&store, end)?;
            self.hour = hour;
            let (used, taken) = (store.used_bytes()?, self.bytes());
            if used < taken / 100 * SPARSE_PERCENT {
                store.compact()?;
            }
        }
        self.tell(&store);
        Ok(())
    }

    /// Reads the cursor into the open rows. Says when the read ended, in nanoseconds since 1970.
    fn read(&mut self, store: &Store) -> u64 {
        let mut names = store.names.write().unwrap_or_else(PoisonError::into_inner);
        let mut adding = Adding { rows: &mut self.open, names: &mut names, readings: Vec::new() };
        let span = self.cursor.read(&mut adding);
        let readings = adding.readings;
        drop(names);
        let [start, end] = [span.start, span.end].map(nanos_of);
        if span.ticks > 0 {
            self.open.place(&readings, end);
            self.boot.1.observe(start, end, span.observed);
        }
        end
    }

    /// Notes that the process ends in order, writes everything, and closes the file.
    pub(crate) fn end(&mut self) {
        self.boot.1.clean = true;
        self.step(true);
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Writes everything, and makes the file as small as it can be.
    pub(crate) fn compact(&mut self) {
        self.step(true);
        let Ok(Some(store)) = self.current() else { return };
        match store.compact() {
            Ok(()) => self.tell(&store),
            Err(error) => self.switch_off(&error),
        }
    }

    /// Forgets what is older than the settings say.
    fn forget(&self, store: &Store, now: u64) -> Result<(), StoreError> {
        let mut keep = self.settings.keep().into_iter().enumerate();
        keep.try_for_each(|(tier, keep)| store.forget_before(tier, now.saturating_sub(keep)))
    }

    /// Makes a file smaller that takes nearly all it may: free pages first, then the oldest of the finest tier.
    fn make_room(&self, store: &Store, now: u64) -> Result<(), StoreError> {
        let percent = |percent: u64| self.settings.max_bytes / 100 * percent;
        if self.bytes() <= percent(FULL_PERCENT) {
            return Ok(());
        }
        for (tier, of) in TIERS.into_iter().enumerate() {
            let mut oldest = oldest(store, tier)?;
            // The last two chunks of a tier stay: they are what is looked at.
            while store.used_bytes()? > percent(LEFT_PERCENT) && oldest + 2 * of.period() < now {
                oldest += of.period();
                store.forget_before(tier, oldest)?;
            }
        }
        store.compact()
    }

    /// The bytes that the file takes on the disk.
    fn bytes(&self) -> u64 {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).path.as_deref().map_or(0, bytes_of)
    }

    /// The store; opened again where that was not possible a while ago.
    fn current(&mut self) -> Result<Option<Arc<Store>>, StoreError> {
        if let Some(store) = self.store.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(Some(store));
        }
        self.wait = self.wait.saturating_sub(1);
        if self.wait > 0 {
            return Ok(None);
        }
        let store = self.open_store()?;
        self.begin(&store)?;
        if let Some(names) = self.names.take()
            && !store.names.write().unwrap_or_else(PoisonError::into_inner).adopt(names)
        {
            // Another file: the numbers of rows that wait mean others in it.
            self.open = Rows::default();
            self.open.boot = self.boot.0;
        }
        self.make_room(&store, self.boot.1.ended().unwrap_or_default())?;
        tracing::info!(target: "perf::history", folder = %self.folder.display(), "the history is kept again");
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&store));
        Ok(Some(store))
    }

    /// Opens the file of this process. Says once where one had to be set aside.
    pub(crate) fn open_store(&self) -> Result<Arc<Store>, StoreError> {
        let (store, path, damage) = folder::open(&self.folder, &self.room)?;
        if let Some(damage) = damage {
            tracing::warn!(target: "perf::history", "{damage}; a new history is begun");
            self.status.lock().unwrap_or_else(PoisonError::into_inner).set_aside += 1;
        }
        self.status.lock().unwrap_or_else(PoisonError::into_inner).path = Some(path);
        Ok(Arc::new(store))
    }

    pub(crate) fn switch_off(&mut self, error: &StoreError) {
        self.wait = TRY_AGAIN;
        self.gauges.up.set(0.0);
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        let names =
            |store: Arc<Store>| std::mem::take(&mut *store.names.write().unwrap_or_else(PoisonError::into_inner));
        self.names = store.map(names).or(self.names.take());
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let text = error.to_string();
        if status.off.as_ref() != Some(&text) {
            let folder = self.folder.display();
            tracing::warn!(target: "perf::history", %folder, %error, "the history is off: it is tried again every 10 s");
        }
        status.off = Some(text);
    }

    fn tell(&self, store: &Store) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.off = None;
        status.damaged = store.damaged();
        status.series = store.names.read().unwrap_or_else(PoisonError::into_inner).len();
        status.bytes = status.path.as_deref().map_or(0, bytes_of);
        self.gauges.up.set(1.0);
        self.gauges.bytes.set(status.bytes as f64);
    }
}

/// Since when a tier may have chunks, in nanoseconds since 1970.
fn oldest(store: &Store, tier: usize) -> Result<u64, StoreError> {
    let first = store.boots()?.iter().filter_map(|(_, boot)| boot.started()).min().unwrap_or_default();
    Ok(store.reading()?.forgotten(tier)?.max(first))
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| bytes_on_disk(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::CallRow;
    use crate::store::Reading;
    use perf_runtime::Outcome;
    use perf_runtime::test_util::ManualClock;
    use std::sync::RwLock;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    fn kept(writer: &Writer) -> u64 {
        let store = writer.store.read().unwrap().clone().unwrap();
        let numbers = store.names.read().unwrap().numbers();
        let reading: Reading<'_> = store.reading().unwrap();
        let mut calls = 0;
        for number in numbers {
            let add = |row: &CallRow, _| calls += row.hits.iter().map(|hit| hit.count).sum::<u64>();
            reading.rows(number, 0, &(0..u64::MAX / 2), add).unwrap();
        }
        calls
    }

    #[test]
    fn rows_that_could_not_be_written_are_written_later() {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let monitor = Monitor::builder().build().unwrap();
        let status = Arc::default();
        let store: Current = Arc::new(RwLock::new(None));
        let settings = Settings::default();
        let mut writer = Writer::new(monitor.clone(), settings, folder.path().to_owned(), store, status);
        let live = |writer: &mut Writer, name: &str, seconds: u64| {
            for _ in 0..seconds {
                monitor.operation(name).record(Duration::from_millis(3), Outcome::Ok);
                clock.advance(Duration::from_secs(1));
                monitor.tick();
                writer.step(false);
            }
        };
        live(&mut writer, "before", 20);
        let room = writer.room.swap(0, Ordering::Relaxed);
        live(&mut writer, "meanwhile", 20);
        assert!(writer.store.read().unwrap().is_none(), "it is off");
        writer.room.store(room, Ordering::Relaxed);
        live(&mut writer, "after", 20);
        writer.step(true);
        assert_eq!(kept(&writer), 60);
        let boots = writer.store.read().unwrap().clone().unwrap().boots().unwrap();
        assert_eq!(boots.len(), 1, "it is the same boot");
    }
}
