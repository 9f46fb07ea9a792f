//! The reports of a running process: the guard, and what other parts give to it.

use crate::Format;
use crate::alongside::Alongside;
use crate::comparison::Comparison;
use crate::export::Export;
use crate::file::write_whole;
use crate::gather::range_of;
use crate::kept::{Keeper, LONGEST, Life, ReportsView, Room};
use crate::settings::Settings;
use perf_runtime::extend::{Deadline, ShutdownHook, TickObserver, give_way};
use perf_runtime::series::TimeRange;
use perf_runtime::{ConfigError, Monitor};
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the section of settings.
const SECTION: &str = "report";
/// The shortest range of a report.
const SHORTEST: Duration = Duration::from_secs(1);
/// The share of the time of a shutdown that is waited for a report that is given up: a quarter.
const SHARE: u32 = 4;
/// A schedule that could not be looked at is looked at again so much later.
const AGAIN: Duration = Duration::from_secs(600);

type OfRange = dyn Fn(&Monitor, TimeRange) -> Alongside + Send + Sync;
type Lives = dyn Fn() -> Result<Vec<Life>, String> + Send + Sync;
type Comparing = dyn Fn(&Monitor, [TimeRange; 2]) -> Comparison + Send + Sync;

/// Knowledge of other parts that reports are made with. Cheap to clone.
#[derive(Clone)]
#[must_use]
pub struct Sources {
    alongside: Arc<OfRange>,
    pub(crate) lives: Option<Arc<Lives>>,
    pub(crate) comparing: Option<Arc<Comparing>>,
    folder: Option<PathBuf>,
    pub(crate) public_url: Option<String>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            alongside: Arc::new(|_, _| Alongside::default()),
            lives: None,
            comparing: None,
            folder: None,
            public_url: None,
        }
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

    /// Has two ranges compared by this function, the one before and the one after: [`Wanted::Comparison`](crate::Wanted::Comparison).
    pub fn comparing(mut self, of: impl Fn(&Monitor, [TimeRange; 2]) -> Comparison + Send + Sync + 'static) -> Self {
        self.comparing = Some(Arc::new(of));
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

    /// The report of a range with the sections of other parts: [`Export::of`].
    pub fn export(&self, monitor: &Monitor, range: TimeRange) -> Export {
        Export::of(monitor, range, (self.alongside)(monitor, range))
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
    /// Set when the process ends.
    is_over: Arc<AtomicBool>,
    _on_tick: TickObserver,
}

#[derive(Debug)]
enum Order {
    /// Make what is due at this time, when the monitor is so old.
    Look(SystemTime, Duration),
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
        let began = monitor.time_of_day().checked_sub(monitor.uptime()).unwrap_or(UNIX_EPOCH);
        let life = |path: &Path| LastReport {
            monitor: monitor.clone(),
            sources: sources.clone(),
            path: absolute(path),
            began,
        };
        let last = settings.at_shutdown.as_deref().map(life);
        let folder = settings.path.as_deref().map(absolute).or_else(|| sources.folder.clone());
        let (view, maker) = match (settings.enabled, folder) {
            (true, Some(folder)) => {
                let room =
                    Room { folder, most: settings.retention, max_bytes: settings.max_bytes, is_over: Arc::default() };
                let keeper = Arc::new(Keeper {
                    monitor: monitor.clone(),
                    sources,
                    room,
                    schedule,
                    formats: settings.formats,
                    deliver: settings.deliver,
                    began,
                    making: Mutex::default(),
                    known: Mutex::default(),
                });
                (Ok(Arc::clone(&keeper)), Some(keeper).filter(|keeper| keeper.schedule.is_any()).and_then(Maker::begin))
            }
            (true, None) => (Err("there is no folder for them: set [report] path, XDG_STATE_HOME or HOME"), None),
            (false, _) => (Err("switched off by [report] enabled"), None),
        };
        let orders = maker.as_ref().map(|maker| (maker.orders.clone(), Arc::clone(&maker.is_over)));
        let has_work = orders.is_some() || last.is_some();
        let end = move |deadline: Deadline| {
            let all = deadline.remaining();
            let (done, ended) = sync_channel(1);
            let is_told = orders.is_some_and(|(orders, is_over)| {
                // What is being made is given up: the next process makes it.
                is_over.store(true, Ordering::Release);
                orders.send(Order::End(done)).is_ok()
            });
            if let Some(last) = last {
                // Others end after it.
                last.tell(Until { deadline, least: all / 2 });
            }
            if is_told {
                // It may be gathering a report, which cannot be given up in the middle: nothing waits for what is of no use.
                let _ = ended.recv_timeout(deadline.remaining().min(all / SHARE));
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
        let next: Arc<Next> = Arc::default();
        let is_over = Arc::clone(&keeper.room.is_over);
        let (ticks, due, monitor) = (sender.clone(), Arc::clone(&next), keeper.monitor.clone());
        let work = move || run(&keeper, &orders, &next);
        if let Err(error) = thread::Builder::new().name("perf-report".to_owned()).spawn(work) {
            tracing::error!(target: "perf::report", %error, "no report is made by itself: there is no thread for it");
            return None;
        }
        let on_tick = monitor.on_tick(SECTION, move |tick| {
            if due.take(tick.at, tick.uptime) {
                let _ = ticks.send(Order::Look(tick.at, tick.uptime));
            }
        });
        Some(Self { orders: sender, is_over, _on_tick: on_tick })
    }
}

/// When to look at the schedule again: at a time of day, or after so long, whichever is earlier. The clock may be set back.
#[derive(Debug, Default)]
struct Next {
    /// In seconds since 1970. Nobody is told while the thread is at work.
    at: AtomicU64,
    /// In milliseconds since the monitor was made.
    uptime: AtomicU64,
}

impl Next {
    /// Whether it is time, and says so once.
    fn take(&self, at: SystemTime, uptime: Duration) -> bool {
        let is_due = unix_seconds(at) >= self.at.load(Ordering::Acquire)
            || millis(uptime) >= self.uptime.load(Ordering::Acquire);
        if is_due {
            self.at.store(u64::MAX, Ordering::Release);
            self.uptime.store(u64::MAX, Ordering::Release);
        }
        is_due
    }

    fn set(&self, at: SystemTime, uptime: Duration, wait: Duration) {
        self.uptime.store(millis(uptime.saturating_add(wait)), Ordering::Release);
        self.at.store(at.checked_add(wait).map_or(u64::MAX, unix_seconds), Ordering::Release);
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn run(keeper: &Keeper, orders: &Receiver<Order>, next: &Next) {
    give_way();
    while let Ok(order) = orders.recv() {
        match order {
            Order::Look(now, uptime) => {
                // One that panics is to end no other.
                let looked = catch_unwind(AssertUnwindSafe(|| keeper.look(now)));
                let wait = looked.unwrap_or_else(|_| {
                    keeper.tell("the making of a report panicked".to_owned(), now);
                    AGAIN
                });
                next.set(now, uptime, wait);
            }
            Order::Answer(done) => {
                let _ = done.send(());
            }
            Order::End(done) => {
                // The part that takes notices ends after this, and in order: it sends what it has, or keeps it.
                keeper.note_told();
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

/// The report of the process's life, which is written at its end.
struct LastReport {
    monitor: Monitor,
    sources: Sources,
    path: PathBuf,
    /// When the monitor was made, by the clock of the start.
    began: SystemTime,
}

/// The end of the time that there is to write.
#[derive(Clone, Copy)]
struct Until {
    deadline: Deadline,
    /// So much of it is left to others.
    least: Duration,
}

impl LastReport {
    /// Writes it.
    fn tell(&self, until: Until) {
        if let Err(error) = self.write(until) {
            let path = self.path.display();
            tracing::error!(target: "perf::report", %path, %error, "the report of the process's life is not written");
        }
    }

    /// Writes the report of the time since the monitor was made.
    fn write(&self, until: Until) -> io::Result<u64> {
        let now = self.monitor.time_of_day();
        let uptime = self.monitor.uptime().max(SHORTEST);
        // The uptime stands still while the machine sleeps; and a clock may have been far from right at the start.
        let is_right = |since: Duration| since > uptime && since <= LONGEST.max(uptime);
        let length = now.duration_since(self.began).ok().filter(|since| is_right(*since)).unwrap_or(uptime);
        let range =
            range_of(now.checked_sub(length).unwrap_or(UNIX_EPOCH), now, None).map_err(io::Error::other)?.exactly();
        until.check()?;
        let export = self.sources.export(&self.monitor, range);
        write_whole(&self.path, |out| export.write(Format::Json, &mut InTime { out, until }))
    }
}

impl Until {
    fn check(self) -> io::Result<()> {
        if self.deadline.remaining() > self.least {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "it took more than half of the time that there is to shut down"))
    }
}

/// Writes as long as there is time.
struct InTime<'a> {
    out: &'a mut dyn Write,
    until: Until,
}

impl Write for InTime<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.until.check()?;
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
