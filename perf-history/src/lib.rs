//! The past of a service on its own disk: every series, metric and alert of months, and the state that a restart needs.
//!
//! ```no_run
//! use perf_history::History;
//! use perf_runtime::Monitor;
//! use perf_runtime::series::{Selector, TimeRange};
//! use std::time::Duration;
//!
//! let builder = Monitor::builder().service(perf_runtime::extend::Service::new("shop"));
//! let monitor = History::set_up(builder).build()?;
//! // Before the first tick: it takes up the state of the process before.
//! let history = History::open(&monitor)?;
//! let monitor = monitor.install()?;
//! let month = TimeRange::last(Duration::from_secs(30 * 24 * 3_600));
//! println!("{:?}", monitor.tracks(&Selector::calls(), month).series.len());
//! # drop(history);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept
//!
//! | what | how long |
//! |---|---|
//! | calls of every series in steps of 5 s: a histogram by outcome, exact in counts and sums, durations to 6.25 % | 48 h |
//! | the same by the minute | 30 days |
//! | the same by the hour | 2 years |
//! | own and sampled metrics, in the same steps: sums and counts | as above |
//! | the health, where [`Monitor::keep_health`] was asked to: its score, its verdicts and the points that indicators took, as such metrics | as above |
//! | every boot, with its version and whether it ended in order | 2 years, the last 4,096 |
//! | every event of alerts, and every attempt to tell people of them | 2 years, and at most 15 % of a file that is full |
//! | lines of parts, such as incidents that ended, each once | as events, with which they share that room |
//! | failures by kind, hour by hour, their texts redacted; calls inside calls, with their times | as events, with which they share that room |
//! | the state of alerts, silences, acknowledgements and error budgets | of the last process |
//!
//! Labels and their values stand in the file as they are, and so do the texts of alerts and, where they are shown, of errors: the folder is its owner's alone (0700, the
//! file 0600).
//!
//! # How
//!
//! One thread of its own reads what happened from a [`Cursor`](perf_runtime::collect::Cursor) each second, and commits every 5 s:
//! that is what a crash can lose. The application never waits for it and sees none of its errors: where the disk is full or
//! read-only, or the file is another's, the history is off, says so once in the log (target `perf::history`), in the metric
//! `history_up` and in [`History::status`], and is tried again every 10 s. A file that cannot be read is set aside, and a new one
//! begun; so is one in which damage is found later, again and again. A second process of the service takes a second file in the
//! folder; within a minute of the end of one of them the other joins both files to one. Where the clock is set back, another boot begins in it; the time that is skipped when it is set forward, or when the machine
//! sleeps, counts as not observed.
//!
//! Steps of a minute and of an hour are made of the shorter ones twice a day, and stand so that many rows are summed at once. An answer is
//! read on the thread that asks; of a long range another one (`perf-past`) unpacks about half, and ends with the answer.
//!
//! # Known limits
//!
//! This is a preview.
//!
//! - Where nothing can be written, gauges are not read, and counters and calls come later in longer steps. Alerts and
//!   deliveries beyond `alert_history` are lost meanwhile.
//! - Programs of a version before lines of parts were kept read a file that has some, and neither write nor forget them.
//! - A file that is set aside (`history.damaged`, `history-2.damaged` and so on; the next one of that name takes its place) has everything that it
//!   had, and counts neither for `max_bytes` nor for how long things are kept: it stays until somebody removes it, or has everything forgotten up to
//!   a time after it was last written.
//! - `max_bytes` is of each file, and processes that run at the same time have a file each, which is not read by the others until
//!   they have ended. Where a restart overlaps, the new process takes up no state (of alerts, silences, error budgets) of the one before, and
//!   shows what that counted meanwhile once it is no longer in its own memory.
//! - Failures by kind and calls inside calls are written when their hour is over, when the clock is set by more than a second, and when the
//!   process ends in order: a crash loses those of its hour, and a reset the failures. A range that begins within an hour has all of that hour's.
//! - Of a boot that is no longer among the last 4,096, nobody knows when it was observed: its time is shown as a gap. A process that is started
//!   anew every ten seconds has so many in half a day.
//! - A file that is joined holds back the thread that writes for as long as it takes: some seconds for a large one.
//! - A reader that takes minutes keeps pages from being used anew: a file that is full is off until it has finished.
//! - Where a panic aborts the process (`panic = "abort"`), the whole file is checked when it is opened; a page that is damaged
//!   later may end the process.
//! - A process whose clock is behind the last one's writes beside what is there: times that both saw show the sum of both.

mod boots;
mod file;
mod folder;
mod names;
mod overview;
mod past;
mod rows;
mod sessions;
mod settings;
mod store;
mod writer;

pub use file::HistoryFile;
pub use overview::{BootRecord, HistoryView, Overview, Tier};
pub use sessions::{Session, SessionCalls};
pub use settings::{Fsync, Settings};
pub use store::StoreError as HistoryError;

use past::{Archive, Current};
use perf_runtime::extend::{
    AlertLog, CallLog, ErrorLog, LogPosition, PartLog, Past, Provided, ShutdownHook, TickObserver, TreeLog,
    state_folder,
};
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;
use writer::Writer;

/// The name of the section of settings.
const SECTION: &str = "history";

/// How the history is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The file; `None` where none could be opened yet.
    pub path: Option<PathBuf>,
    /// Why nothing is kept; `None` while it is.
    pub off: Option<String>,
    /// Bytes that the file takes on the disk.
    pub bytes: u64,
    /// Bytes an hour by which the used part of the file grew between the last two full hours: what was added less what was
    /// forgotten. `None` until two of them were measured, one after the other.
    pub growth_bytes_per_hour: Option<f64>,
    /// Series of calls and metrics that the file knows.
    pub series: usize,
    /// Pieces of the file that could not be read since it was opened.
    pub damaged: u64,
    /// Files that could not be read at all, and were set aside.
    pub set_aside: u64,
    /// Recorded calls that were not kept, because a day may take [no more](Settings::recorded_bytes_a_day), since the process began.
    pub recorded_left_out: u64,
}

/// The guard of a history: dropping it writes everything and ends the thread.
#[must_use = "dropping the guard ends the history"]
pub struct History {
    sender: Sender<Order>,
    view: HistoryView,
    _guards: Option<(TickObserver, ShutdownHook, [Provided; 6])>,
}

#[derive(Debug)]
enum Order {
    /// A tick has passed.
    Tick,
    /// Write everything up to now, and say when it is done.
    Flush { then: Then, done: SyncSender<()> },
    /// Forget everything before a time, in nanoseconds since 1970.
    Forget { before: u64, done: SyncSender<Result<(), HistoryError>> },
}

/// The work after a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Nothing more: the ticks before it were handled.
    Nothing,
    GoOn,
    Compact,
    End,
}

impl History {
    /// Adds the section `[history]` to a monitor that is being set up.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        builder.section(SECTION)
    }

    /// Opens the history of the monitor's service, as the section `[history]` says, takes up the state of the process before,
    /// and begins to write. To be called before the monitor ticks.
    ///
    /// # Errors
    /// A setting that is not allowed, or another provider of the past. A disk that cannot be used is no error: the history is
    /// off then, and tried again.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        let settings = Settings::read(&monitor.section(SECTION)?)?;
        Self::with_settings(monitor, settings)
    }

    /// As [`open`](Self::open) with settings made in code.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_settings(monitor: &Monitor, settings: Settings) -> Result<Self, ConfigError> {
        settings.check(&|key, value, allowed| ConfigError::new(format!("{SECTION}.{key}"), value, allowed))?;
        let status = Arc::new(Mutex::new(Status::default()));
        let (sender, orders) = channel();
        if !settings.enabled || !monitor.is_enabled() {
            status.lock().unwrap_or_else(PoisonError::into_inner).off = Some("switched off".to_owned());
            return Ok(Self { sender, view: HistoryView { status, archive: None, orders: None }, _guards: None });
        }
        let service = monitor.service().map_or("service", |service| &service.name);
        let Some(folder) = state_folder(settings.path.as_deref(), service) else {
            let text = "there is no folder for it: set [history] path, XDG_STATE_HOME or HOME";
            tracing::warn!(target: "perf::history", "the history is off: {text}");
            status.lock().unwrap_or_else(PoisonError::into_inner).off = Some(text.to_owned());
            return Ok(Self { sender, view: HistoryView { status, archive: None, orders: None }, _guards: None });
        };
        let store: Current = Arc::new(RwLock::new(None));
        // The failures of this process are in memory, up to the end of its first hour.
        let hours_until = past::HoursUntil::new(RwLock::new(LogPosition::at(past::time(past::now()))));
        let archive =
            Archive { store: Arc::clone(&store), settings: settings.clone(), hours_until: Arc::clone(&hours_until) };
        let archive = Arc::new(archive);
        let provided = |error: perf_runtime::extend::ProvideError| ConfigError::new(SECTION, error.of, "one provider");
        let past = monitor.provide::<dyn Past>(Arc::<Archive>::clone(&archive)).map_err(provided)?;
        let log = monitor.provide::<dyn AlertLog>(Arc::<Archive>::clone(&archive)).map_err(provided)?;
        let errors = monitor.provide::<dyn ErrorLog>(Arc::<Archive>::clone(&archive)).map_err(provided)?;
        let tree = monitor.provide::<dyn TreeLog>(Arc::<Archive>::clone(&archive)).map_err(provided)?;
        let calls = monitor.provide::<dyn CallLog>(Arc::<Archive>::clone(&archive)).map_err(provided)?;
        let lines = monitor.provide::<dyn PartLog>(Arc::<Archive>::clone(&archive)).map_err(provided)?;

        let mut writer =
            Writer::new(monitor.clone(), settings, folder, store, Arc::clone(&status)).with_hours(hours_until);
        if let Err(error) = writer.begin() {
            writer.switch_off(&error);
        }
        let (ticks, is_waiting) = (sender.clone(), Arc::new(AtomicBool::new(false)));
        let waits = Arc::clone(&is_waiting);
        let on_tick = monitor.on_tick(SECTION, move |_| {
            // A thread that is held up by the disk is told once.
            if !waits.swap(true, Ordering::Relaxed) {
                let _ = ticks.send(Order::Tick);
            }
        });
        let last = sender.clone();
        let on_shutdown = monitor.on_shutdown(SECTION, move |deadline| flush(&last, Then::End, deadline.remaining()));
        let spawned =
            thread::Builder::new().name("perf-history".to_owned()).spawn(move || run(writer, &orders, &is_waiting));
        if let Err(error) = spawned {
            let text = error.to_string();
            tracing::warn!(target: "perf::history", error = text, "the history is off: it has no thread");
            status.lock().unwrap_or_else(PoisonError::into_inner).off = Some(text);
        }
        let view = HistoryView { status, archive: Some(archive), orders: Some(sender.clone()) };
        Ok(Self { sender, view, _guards: Some((on_tick, on_shutdown, [past, log, errors, tree, calls, lines])) })
    }

    /// Writes everything up to the last tick, and waits for it, at most so long.
    pub fn flush(&self, at_most: Duration) {
        flush(&self.sender, Then::GoOn, at_most);
    }

    /// Waits until the thread has read up to the last tick, at most so long: for programs whose clock goes faster than it.
    pub fn catch_up(&self, at_most: Duration) {
        flush(&self.sender, Then::Nothing, at_most);
    }

    /// As [`flush`](Self::flush), and then makes the file as small as it can be. Nobody reads the past meanwhile. It happens by
    /// itself when much of the file is free.
    pub fn compact(&self, at_most: Duration) {
        flush(&self.sender, Then::Compact, at_most);
    }

    /// A handle by which others look at it.
    pub fn view(&self) -> HistoryView {
        self.view.clone()
    }

    /// How it is now.
    pub fn status(&self) -> Status {
        self.view.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        flush(&self.sender, Then::End, Duration::from_secs(1));
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("status", &self.status()).finish_non_exhaustive()
    }
}

fn run(mut writer: Writer, orders: &Receiver<Order>, is_waiting: &AtomicBool) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Tick => {
                is_waiting.store(false, Ordering::Relaxed);
                writer.step(false);
            }
            Order::Forget { before, done } => {
                let _ = done.send(writer.forget_before(before));
            }
            Order::Flush { then, done } => {
                match then {
                    Then::Nothing => {}
                    Then::GoOn => writer.step(true),
                    Then::Compact => writer.compact(),
                    Then::End => writer.end(),
                }
                let _ = done.send(());
                if then == Then::End {
                    return;
                }
            }
        }
    }
}

fn flush(sender: &Sender<Order>, then: Then, at_most: Duration) {
    let (done, finished) = sync_channel(1);
    if sender.send(Order::Flush { then, done }).is_ok() {
        let _ = finished.recv_timeout(at_most);
    }
}
