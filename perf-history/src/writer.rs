//! The thread that writes: from the monitor's cursor into the file.
//!
//! A commit that fails waits, whole, and nothing is read until it was written: what happens meanwhile is kept by the cursor, which
//! has a bound. Whether a failed commit got into the file nevertheless says the number of the batch that was written last.

mod hours;
mod late;
mod left;
mod open_rows;
mod recorded;
mod room;

use crate::boots::Boot;
use crate::past::Current;
use crate::settings::Settings;
use crate::store::{Batch, FINEST, HOUR, Room, Store, StoreError, bytes_on_disk, late, nanos_of};
use crate::{Status, folder};
use hours::Hours;
use left::Looks;
use open_rows::{Adding, Rows};
use perf_runtime::Monitor;
use perf_runtime::alert::Transition;
use perf_runtime::collect::{Cursor, DeltaSpan};
use perf_runtime::extend::RestoreError;
use perf_runtime::metric::Gauge;
use recorded::RecordedCalls;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::UNIX_EPOCH;

/// A file that could not be used is tried again so many ticks later.
const TRY_AGAIN: u32 = 10;

/// A file in which damage was found so many times in a row, each time opened anew, is set aside.
const MOST_DAMAGE: u32 = 2;

pub(crate) struct Writer {
    pub(crate) monitor: Monitor,
    pub(crate) settings: Settings,
    pub(crate) folder: PathBuf,
    pub(crate) store: Current,
    pub(crate) status: Arc<Mutex<Status>>,
    cursor: Cursor,
    open: Rows,
    /// The commit that is not written yet.
    waiting: Option<Batch>,
    batches: u64,
    boot: (u64, Boot),
    known_event: u64,
    known_delivery: u64,
    known_line: u64,
    hours: Hours,
    recorded: RecordedCalls,
    /// The hour that was current at the last commit.
    hour: u64,
    /// Whether no chunk is over whose longer steps are still to be made.
    is_made: bool,
    /// Up to when everything was committed, in nanoseconds since 1970.
    committed: u64,
    /// The store that was closed last: a reader may hold it open for a while.
    closed: Weak<Store>,
    /// Whether a file could be opened before the first tick, so that the state of the process before was taken up.
    is_taken_up: bool,
    /// How many times damage was found since everything could last be written.
    damages: u32,
    room: Arc<Room>,
    looks: Looks,
    /// Ticks until a file that could not be used is tried again.
    wait: u32,
    gauges: Gauges,
}

/// The history's own metrics.
struct Gauges {
    up: Gauge,
    bytes: Gauge,
    /// Not there before it is known.
    growth: Option<Gauge>,
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
            began: (crate::past::now(), std::process::id()),
            version: service.and_then(|service| service.version.clone()),
            instance: service.and_then(|service| service.instance.clone()),
            ..Boot::default()
        };
        let cursor = monitor.cursor();
        let room = Arc::new(Room::new(&settings));
        let recorded = RecordedCalls::since(crate::past::now(), settings.recorded_bytes_a_day);
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
            waiting: None,
            batches: 0,
            boot: (0, boot),
            known_event: 0,
            known_delivery: 0,
            known_line: 0,
            hours: Hours::default(),
            recorded,
            hour: 0,
            is_made: false,
            committed: 0,
            closed: Weak::new(),
            is_taken_up: false,
            damages: 0,
            room,
            looks: Looks::default(),
            wait: 0,
            gauges: Gauges { up: up.register(), bytes: bytes.unit("bytes").register(), growth: None },
        }
    }

    /// Opens the file, and takes up the state of the process before.
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        let store = self.open_store()?;
        self.is_taken_up = true;
        let state = store.state();
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store);
        let restored = state.map(|state| state.map(|state| self.monitor.restore(state)));
        match restored {
            // Taken up, or there is none, or the application gave one of its own.
            Ok(Some(Ok(()) | Err(RestoreError::TooLate)) | None) => {}
            Ok(Some(Err(error))) => {
                tracing::warn!(target: "perf::history", %error, "the state of the process before is not taken up");
            }
            Err(error) => {
                tracing::warn!(target: "perf::history", %error, "the state of the process before cannot be read");
            }
        }
        Ok(())
    }

    /// Gives this process's boot the next number of those in a file; or goes on with its own where the file has it.
    fn number_boots(&mut self, store: &Store) -> Result<(), StoreError> {
        let boots = store.boots()?;
        let waiting = self.waiting.as_mut().map(|batch| &mut batch.boot);
        let mut ours: Vec<_> = waiting.into_iter().chain([&mut self.boot]).collect();
        let is_known =
            |(number, boot): &(u64, Boot)| boots.iter().any(|(other, of)| other == number && of.began == boot.began);
        if !ours.iter().any(|boot| is_known(boot)) {
            let mut number = store.last_boot()?;
            let mut last = None;
            for (of, boot) in &mut ours {
                number += u64::from(last != Some(boot.began));
                last = Some(boot.began);
                *of = number;
            }
        }
        Ok(())
    }

    /// Reads what happened since the last time and, where a cell of time is over, commits it. With `all`, commits what is not
    /// over as well.
    pub(crate) fn step(&mut self, all: bool) {
        match self.try_step(all) {
            Ok(true) => self.damages = 0,
            Ok(false) => {}
            Err(error) => self.switch_off(&error),
        }
    }

    /// Says whether everything that is due was written.
    fn try_step(&mut self, all: bool) -> Result<bool, StoreError> {
        let Some(store) = self.current()? else { return Ok(false) };
        self.write_waiting(&store)?;
        let span = self.read();
        let end = nanos_of(span.end);
        let is_set_back = !span.set_back.is_zero();
        let commit_every = u64::try_from(self.settings.commit_every.0.as_nanos()).unwrap_or(u64::MAX);
        self.gather_recorded(&store, end, is_set_back)?;
        if !all && !is_set_back && end.saturating_sub(self.committed) < commit_every {
            return Ok(false);
        }
        let shown = end.saturating_sub(nanos_of(UNIX_EPOCH + span.set_back));
        self.gather(end, shown, all || is_set_back);
        if is_set_back {
            // Boots of files that were joined come after ours.
            let last = store.last_boot();
            self.begin_boot(*last.as_ref().unwrap_or(&0), shown);
            last?;
        }
        self.write_waiting(&store)?;
        let hour = end.saturating_sub(late()) / HOUR;
        if hour != self.hour {
            self.end_hour(&store, end)?;
            self.hour = hour;
            self.is_made = false;
        }
        self.make_longer(&store, end)?;
        let store = self.join_left(store, end)?;
        self.tell(&store);
        Ok(true)
    }

    /// Reads the cursor into the open rows.
    fn read(&mut self) -> DeltaSpan {
        let mut adding = Adding::new(&mut self.open);
        // Ticks wake this thread: one of its own would be late, and take in calls of the next.
        let span = self.cursor.read_ticked(&mut adding);
        let readings = adding.readings;
        // Counts after a tick are of the next one, and told with it.
        if span.ticks > 0 {
            let readings = self.open.since_last(readings);
            let [start, end] = [span.start, span.end].map(nanos_of);
            if span.ticks > 1 && !Rows::is_one_step(start, end) {
                self.place_late(&readings, &span);
            } else {
                self.open.place(&readings, end);
            }
            self.boot.1.observe(start, end, span.observed);
        }
        span
    }

    /// Makes a commit of the rows whose cells are over, or of all: up to the last tick, when the clock that may have been set showed `shown`.
    fn gather(&mut self, end: u64, shown: u64, all: bool) {
        let over = end / FINEST.step;
        let mut batch = Batch::default();
        let saw = self.boot.1.began.0 / FINEST.step..over;
        self.open.take_before(if all { u64::MAX } else { over }, saw, &mut batch);
        let events = self.monitor.alerts().events_since(self.known_event);
        let deliveries = self.monitor.alerts().deliveries_since(self.known_delivery);
        self.committed = over * FINEST.step;
        self.gather_hours(shown, &mut batch);
        batch.recorded = self.recorded.take();
        // Before the lines: what a part's state still has as open, or its line, is never in neither.
        let state = self.monitor.state();
        let lines = self.monitor.part_lines_since(self.known_line);
        let is_quiet = events.events.is_empty()
            && deliveries.deliveries.is_empty()
            && batch.errors.is_empty()
            && batch.trees.is_empty()
            && batch.recorded.is_empty()
            && lines.lines.is_empty();
        if !all && batch.calls.is_empty() && batch.points.is_empty() && is_quiet {
            return;
        }
        (self.known_event, self.known_delivery) = (events.last_seq, deliveries.last_seq);
        self.batches += 1;
        batch.number = self.batches;
        (batch.events, batch.deliveries) = (events.events, deliveries.deliveries);
        self.known_line = lines.last_seq;
        (batch.lines, batch.has_lost_lines) = (lines.lines, lines.missed > 0);
        self.boot.1.keep_lines_of(lines.parts);
        let fired = batch.events.iter().filter(|event| event.transition == Transition::Fired).count();
        self.boot.1.fired += fired as u64;
        batch.boot = self.boot.clone();
        batch.state = Some(state);
        self.waiting = Some(batch);
    }

    /// Writes the commit that waits, unless it got into the file when it seemed to fail.
    fn write_waiting(&mut self, store: &Store) -> Result<(), StoreError> {
        let Some(batch) = &self.waiting else { return Ok(()) };
        let is_written = store.is_last(batch)?;
        if !is_written {
            self.make_room(store, batch.boot.1.ended().unwrap_or_default())?;
        }
        // A question meanwhile waits for the hours that are in it.
        let until = self.hours.writing(batch);
        if !is_written {
            store.append(batch)?;
        }
        self.hours.are_written(until);
        self.waiting = None;
        Ok(())
    }

    /// Goes on as another boot after the clock was set back: its rows are of times that have rows already.
    fn begin_boot(&mut self, last: u64, now: u64) {
        let (number, boot) = &mut self.boot;
        boot.clean = true;
        if let Some(batch) = &mut self.waiting {
            batch.boot.1.clean = true;
        }
        *number = last.max(*number) + 1;
        boot.began.0 = now;
        boot.observed = Vec::new();
        boot.fired = 0;
        boot.clean = false;
        self.committed = now;
        self.begin_recorded(now);
    }

    /// Notes that the process ends in order, writes everything, and closes the file.
    pub(crate) fn end(&mut self) {
        self.boot.1.clean = true;
        self.wait = 0;
        self.step(true);
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Writes everything, and makes the file as small as it can be.
    pub(crate) fn compact(&mut self) {
        self.step(true);
        let Some(store) = self.store.read().unwrap_or_else(PoisonError::into_inner).clone() else { return };
        match store.compact() {
            Ok(_) => self.tell(&store),
            Err(error) => self.switch_off(&error),
        }
    }

    /// Forgets everything before a time, in nanoseconds since 1970, and makes the file as small as it can be.
    pub(crate) fn forget_before(&mut self, time: u64) -> Result<(), StoreError> {
        self.step(true);
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StoreError::Closed)?;
        self.forget_what_is_seen_before(time);
        let forgotten = store.forget_all_before(time).and_then(|()| store.compact());
        let aside = folder::remove_aside(&self.folder, crate::past::time(time));
        match &forgotten {
            Ok(_) => self.tell(&store),
            // Half-done work is finished when the file is opened anew.
            Err(error) => self.switch_off(error),
        }
        forgotten.and(aside)
    }

    /// Writes nothing of before a time any more.
    fn forget_what_is_seen_before(&mut self, time: u64) {
        // Of a time to come nothing is forgotten yet.
        let seen = time.min(crate::past::now());
        // Its boot is written with the next commit.
        self.boot.1.forget_before(seen);
        self.recorded.forget_before(seen);
        self.hours.forget_before(seen);
    }

    /// The store; opened again where that was not possible a while ago.
    fn current(&mut self) -> Result<Option<Arc<Store>>, StoreError> {
        if let Some(store) = self.store.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(Some(store));
        }
        self.wait = self.wait.saturating_sub(1);
        // While a reader has the file, it cannot be opened anew.
        if self.wait > 0 || self.closed.strong_count() > 0 {
            return Ok(None);
        }
        if self.damages >= MOST_DAMAGE {
            self.damages = 0;
            let path = self.status.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
            if let Some(path) = path {
                let aside = folder::set_aside(&path)?;
                self.tell_set_aside(&format!("{}: set aside as {}", path.display(), aside.display()));
            }
        }
        let store = self.open_store()?;
        tracing::info!(target: "perf::history", folder = %self.folder.display(), "the history is kept again");
        if !self.is_taken_up {
            self.is_taken_up = true;
            tracing::warn!(
                target: "perf::history",
                "the file could be used too late: alerts, silences and budgets of the process before are not taken up"
            );
        }
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&store));
        Ok(Some(store))
    }

    /// Opens the file of this process. Says once where one had to be set aside.
    fn open_store(&mut self) -> Result<Arc<Store>, StoreError> {
        let (store, path, damage) = folder::open(&self.folder, &self.room)?;
        if let Some(damage) = damage {
            self.tell_set_aside(&damage);
        }
        self.status.lock().unwrap_or_else(PoisonError::into_inner).path = Some(path);
        self.number_boots(&store)?;
        Ok(Arc::new(store))
    }

    fn tell_set_aside(&self, damage: &str) {
        tracing::warn!(target: "perf::history", "{damage}; a new history is begun");
        self.status.lock().unwrap_or_else(PoisonError::into_inner).set_aside += 1;
    }

    pub(crate) fn switch_off(&mut self, error: &StoreError) {
        self.wait = TRY_AGAIN;
        self.damages = if matches!(error, StoreError::Damaged(_)) { self.damages + 1 } else { 0 };
        self.gauges.up.set(0.0);
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        self.closed = store.as_ref().map_or_else(Weak::new, Arc::downgrade);
        drop(store);
        let text = error.to_string();
        let before = self.status.lock().unwrap_or_else(PoisonError::into_inner).off.replace(text.clone());
        if before != Some(text) {
            let folder = self.folder.display();
            tracing::warn!(target: "perf::history", %folder, %error, "the history is off: it is tried again every 10 s");
        }
    }

    fn tell(&self, store: &Store) {
        let (bytes, series) = (self.bytes(), store.names.read().unwrap_or_else(PoisonError::into_inner).len());
        self.gauges.up.set(1.0);
        self.gauges.bytes.set(bytes as f64);
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        (status.off, status.damaged, status.series, status.bytes) = (None, store.damaged(), series, bytes);
        status.recorded_left_out = self.recorded.left_out;
    }

    /// The bytes that the file takes on the disk.
    fn bytes(&self) -> u64 {
        let path = self.status.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        path.as_deref().map_or(0, bytes_of)
    }
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| bytes_on_disk(&found))
}

#[cfg(test)]
mod tests;
