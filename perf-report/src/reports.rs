//! The reports of a running process: the guard, and what other parts give to it.

use crate::alongside::Alongside;
use crate::file::write_whole;
use crate::gather::range_of;
use crate::kept::{Keeper, Life, ReportsView, Room};
use crate::report::Report;
use crate::settings::Settings;
use perf_runtime::extend::{Deadline, ShutdownHook, TickObserver};
use perf_runtime::series::TimeRange;
use perf_runtime::{ConfigError, Monitor};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the section of settings.
const SECTION: &str = "report";
/// The shortest range of a report.
const SHORTEST: Duration = Duration::from_secs(1);
/// A schedule that could not be looked at is looked at again so much later.
const AGAIN: Duration = Duration::from_secs(600);

type OfRange = dyn Fn(&Monitor, TimeRange) -> Alongside + Send + Sync;
type Lives = dyn Fn() -> Result<Vec<Life>, String> + Send + Sync;

/// Knowledge of other parts that reports are made with. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct Sources {
    alongside: Arc<OfRange>,
    pub(crate) lives: Option<Arc<Lives>>,
    folder: Option<PathBuf>,
    pub(crate) public_url: Option<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { alongside: Arc::new(|_, _| Alongside::default()), lives: None, folder: None, public_url: None }
    }
}

impl Sources {
    /// Has the sections of other parts made by this function, for the range of each report.
    pub fn alongside(mut self, of: impl Fn(&Monitor, TimeRange) -> Alongside + Send + Sync + 'static) -> Self {
        self.alongside = Arc::new(of);
        self
    }

    /// Says that there is a history, and which lives of processes it knows, or why it is off.
    pub fn lives(mut self, lives: impl Fn() -> Result<Vec<Life>, String> + Send + Sync + 'static) -> Self {
        self.lives = Some(Arc::new(lives));
        self
    }

    /// The folder of kept reports where no setting names one.
    pub fn folder(mut self, folder: Option<PathBuf>) -> Self {
        self.folder = folder;
        self
    }

    /// The address where others reach the service's pages: links of notices begin with it.
    pub fn public_url(mut self, url: Option<String>) -> Self {
        self.public_url = url;
        self
    }

    /// The report of a range with the sections of other parts: [`Report::of`].
    pub fn report(&self, monitor: &Monitor, range: TimeRange) -> Report {
        Report::of(monitor, range, (self.alongside)(monitor, range))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The guard of the reports of a running process: dropping it ends them.
#[derive(Debug)]
#[must_use = "dropping the guard ends the reports"]
pub struct Reports {
    view: ReportsView,
    /// Where there is a schedule.
    maker: Option<Maker>,
    _at_shutdown: Option<ShutdownHook>,
}

/// The thread that makes what is due.
#[derive(Debug)]
struct Maker {
    orders: Sender<Order>,
    _on_tick: TickObserver,
}

#[derive(Debug)]
enum Order {
    /// Make what is due at this time.
    Look(SystemTime),
    /// Say that everything before this is done.
    Answer(SyncSender<()>),
    /// End, and say so.
    End(SyncSender<()>),
}

impl Reports {
    /// Begins as the section `[report]` says. To be called before those parts are opened that are to end after the last report was
    /// written, and after those that it is made with: the last part that was opened ends first.
    ///
    /// # Errors
    /// A setting that is not allowed, such as a schedule without a [history](Sources::lives).
    pub fn open(monitor: &Monitor, sources: Sources) -> Result<Self, ConfigError> {
        let section = monitor.section(SECTION)?;
        let settings = Settings::read(&section)?;
        Self::begin(monitor, settings, sources, &|key, _, allowed| section.refused(key, allowed))
    }

    /// As [`open`](Self::open) with settings made in code.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_settings(monitor: &Monitor, settings: Settings, sources: Sources) -> Result<Self, ConfigError> {
        let refused =
            |key: &str, value: &str, allowed: &str| ConfigError::new(format!("{SECTION}.{key}"), value, allowed);
        Self::begin(monitor, settings, sources, &refused)
    }

    fn begin(
        monitor: &Monitor,
        settings: Settings,
        sources: Sources,
        refused: &dyn Fn(&str, &str, &str) -> ConfigError,
    ) -> Result<Self, ConfigError> {
        let mut schedule = settings.check(refused)?;
        if !monitor.is_enabled() {
            return Ok(Self { view: ReportsView(Err("the monitor is switched off")), maker: None, _at_shutdown: None });
        }
        if !settings.enabled {
            (schedule.daily, schedule.weekly, schedule.session) = (None, None, false);
        }
        if schedule.is_any() && sources.lives.is_none() {
            let session = schedule.session.then(|| "true".to_owned());
            let set = [("daily", settings.daily), ("weekly", settings.weekly), ("session", session)];
            let (key, value) = set.into_iter().find_map(|(key, value)| Some((key, value?))).unwrap_or_default();
            let allowed = "nothing without a history, for memory knows the last hour alone: it takes the feature `history`, \
                           and [history] enabled";
            return Err(refused(key, &value, allowed));
        }
        let last = settings.at_shutdown.as_deref().map(|path| (monitor.clone(), sources.clone(), absolute(path)));
        let folder = settings.path.as_deref().map(absolute).or_else(|| sources.folder.clone());
        let (view, maker) = match (settings.enabled, folder) {
            (true, Some(folder)) => {
                let room = Room { folder, most: settings.retention, max_bytes: settings.max_bytes };
                let keeper = Arc::new(Keeper {
                    monitor: monitor.clone(),
                    sources,
                    room,
                    schedule,
                    formats: settings.formats,
                    deliver: settings.deliver,
                    began: monitor.time_of_day().checked_sub(monitor.uptime()).unwrap_or(UNIX_EPOCH),
                    making: Mutex::default(),
                    known: Mutex::default(),
                });
                (Ok(Arc::clone(&keeper)), Some(keeper).filter(|keeper| keeper.schedule.is_any()).and_then(Maker::begin))
            }
            (true, None) => (Err("there is no folder for them: set [report] path, XDG_STATE_HOME or HOME"), None),
            (false, _) => (Err("switched off by [report] enabled"), None),
        };
        let orders = maker.as_ref().map(|maker| maker.orders.clone());
        let has_work = orders.is_some() || last.is_some();
        let end = move |deadline: Deadline| {
            let (done, ended) = sync_channel(1);
            let is_told = orders.is_some_and(|orders| orders.send(Order::End(done)).is_ok());
            if let Some((monitor, sources, path)) = last {
                tell_of_life(&monitor, &sources, &path);
            }
            if is_told {
                let _ = ended.recv_timeout(deadline.remaining());
            }
        };
        let at_shutdown = has_work.then(|| monitor.on_shutdown(SECTION, end));
        Ok(Self { view: ReportsView(view), maker, _at_shutdown: at_shutdown })
    }

    /// A handle by which others list kept reports, read them, and have them made.
    pub fn view(&self) -> ReportsView {
        self.view.clone()
    }

    /// Waits until the thread has made what was due at the last tick, at most so long: for programs whose clock goes faster than it.
    pub fn catch_up(&self, at_most: Duration) {
        let Some(maker) = &self.maker else { return };
        let (done, answered) = sync_channel(1);
        if maker.orders.send(Order::Answer(done)).is_ok() {
            let _ = answered.recv_timeout(at_most);
        }
    }
}

impl Maker {
    fn begin(keeper: Arc<Keeper>) -> Option<Self> {
        let (sender, orders) = channel();
        // In seconds since 1970. Nobody is told while the thread is at work.
        let next = Arc::new(AtomicU64::new(0));
        let (ticks, due, monitor) = (sender.clone(), Arc::clone(&next), keeper.monitor.clone());
        let work = move || run(&keeper, &orders, &next);
        if let Err(error) = thread::Builder::new().name("perf-report".to_owned()).spawn(work) {
            tracing::error!(target: "perf::report", %error, "no report is made by itself: there is no thread for it");
            return None;
        }
        let on_tick = monitor.on_tick(SECTION, move |tick| {
            if unix_seconds(tick.at) >= due.load(Ordering::Acquire) {
                due.store(u64::MAX, Ordering::Release);
                let _ = ticks.send(Order::Look(tick.at));
            }
        });
        Some(Self { orders: sender, _on_tick: on_tick })
    }
}

fn run(keeper: &Keeper, orders: &Receiver<Order>, next: &AtomicU64) {
    while let Ok(order) = orders.recv() {
        match order {
            Order::Look(now) => {
                // One that panics is to end no other.
                let looked = catch_unwind(AssertUnwindSafe(|| keeper.look(now)));
                let again = looked.unwrap_or_else(|_| now.checked_add(AGAIN).unwrap_or(now));
                next.store(unix_seconds(again), Ordering::Release);
            }
            Order::Answer(done) => {
                let _ = done.send(());
            }
            Order::End(done) => {
                let _ = done.send(());
                return;
            }
        }
    }
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The folder of the process may be another one at its end.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Writes the report of the process's life.
fn tell_of_life(monitor: &Monitor, sources: &Sources, path: &Path) {
    if let Err(error) = write_life(monitor, sources, path) {
        let path = path.display();
        tracing::error!(target: "perf::report", %path, %error, "the report of the process's life is not written");
    }
}

/// Writes the report of the time since the monitor was made.
fn write_life(monitor: &Monitor, sources: &Sources, path: &Path) -> io::Result<u64> {
    let now = monitor.time_of_day();
    let from = now.checked_sub(monitor.uptime().max(SHORTEST)).unwrap_or(UNIX_EPOCH);
    let range = range_of(from, now, None).map_err(io::Error::other)?;
    let report = sources.report(monitor, range);
    write_whole(path, |out| report.write_json(out))
}
