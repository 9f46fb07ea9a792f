//! The guard of everything that was started.

use perf_runtime::Monitor;
use perf_runtime::extend::{ReloadObserver, ShutdownReport};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

#[cfg(feature = "server")]
use crate::StartError;
#[cfg(feature = "server")]
use crate::serving::Serving;
#[cfg(feature = "server")]
use perf_server::axum::Router;

/// How long parts have to flush what they hold, unless said otherwise.
const TIME_TO_FLUSH: Duration = Duration::from_secs(10);
/// The same where the guard is only dropped.
const TIME_TO_FLUSH_ON_DROP: Duration = Duration::from_secs(1);

/// Everything that [`start`](crate::start) started: keep it for as long as the service runs, and [shut it
/// down](Self::shutdown) at the end.
///
/// Dropped, it flushes for at most a second; on a thread of a tokio runtime it does so elsewhere and does not wait, so that
/// no task is blocked: there, `shutdown().await` is what keeps everything.
#[must_use = "dropping it stops the server and flushes"]
pub struct Perf {
    monitor: Monitor,
    is_over: bool,
    _settled: Vec<ReloadObserver>,
    parts: Parts,
}

/// The guards of all parts: held together, so that none is forgotten as they end.
#[derive(Default)]
struct Parts {
    #[cfg(feature = "server")]
    serving: Option<Serving>,
    #[cfg(feature = "history")]
    history: Option<perf_history::History>,
    #[cfg(feature = "insight")]
    insight: Option<perf_insight::runtime::Insight>,
    #[cfg(feature = "notify")]
    notifier: Option<perf_notify::Notifier>,
    #[cfg(feature = "llm")]
    llm: Option<perf_llm::Llm>,
    #[cfg(feature = "sync")]
    locks: Option<perf_sync::Locks>,
    #[cfg(feature = "sql")]
    sql: Option<perf_sql::Sql>,
    #[cfg(feature = "report")]
    reports: Option<perf_report::Reports>,
    #[cfg(all(feature = "host-profiler", target_os = "linux"))]
    profiler: Option<perf_host::profiler::Profiler>,
}

impl Parts {
    /// Drops the guards.
    fn end(self) {
        let Self { .. } = self;
    }
}

impl Perf {
    pub(crate) fn new(monitor: Monitor, settled: Vec<ReloadObserver>) -> Self {
        Self { monitor, is_over: false, _settled: settled, parts: Parts::default() }
    }

    #[cfg(feature = "server")]
    pub(crate) fn with_server(mut self, mut serving: Serving) -> Self {
        serving.begin(&self.monitor);
        self.parts.serving = Some(serving);
        self
    }

    #[cfg(feature = "history")]
    pub(crate) fn with_history(mut self, history: perf_history::History) -> Self {
        self.parts.history = Some(history);
        self
    }

    #[cfg(feature = "insight")]
    pub(crate) fn with_insight(mut self, insight: perf_insight::runtime::Insight) -> Self {
        self.parts.insight = Some(insight);
        self
    }

    #[cfg(feature = "notify")]
    pub(crate) fn with_notifier(mut self, notifier: perf_notify::Notifier) -> Self {
        self.parts.notifier = Some(notifier);
        self
    }

    #[cfg(feature = "llm")]
    pub(crate) fn with_llm(mut self, llm: perf_llm::Llm) -> Self {
        self.parts.llm = Some(llm);
        self
    }

    #[cfg(feature = "sync")]
    pub(crate) fn with_locks(mut self, locks: perf_sync::Locks) -> Self {
        self.parts.locks = Some(locks);
        self
    }

    /// Locks and channels: who holds locks, who waits, and for how long; messages, and who sends and receives.
    #[cfg(feature = "sync")]
    pub fn locks(&self) -> Option<perf_sync::LocksView> {
        self.parts.locks.as_ref().map(perf_sync::Locks::view)
    }

    /// Use and cost of language models: to reserve calls, to add budgets, and to make a layer that reads spans.
    #[cfg(feature = "llm")]
    pub fn llm(&self) -> Option<&perf_llm::Meter> {
        self.parts.llm.as_ref().map(perf_llm::Llm::meter)
    }

    #[cfg(feature = "sql")]
    pub(crate) fn with_sql(mut self, sql: perf_sql::Sql) -> Self {
        self.parts.sql = Some(sql);
        self
    }

    #[cfg(feature = "report")]
    pub(crate) fn with_reports(mut self, reports: perf_report::Reports) -> Self {
        self.parts.reports = Some(reports);
        self
    }

    /// Kept reports: their list, each of them, and those that are made now.
    #[cfg(feature = "report")]
    pub fn reports(&self) -> Option<perf_report::ReportsView> {
        self.parts.reports.as_ref().map(perf_report::Reports::view)
    }

    /// SQL statements, as [`perf_kit::sql::layer()`](perf_sql::layer) hears of them.
    #[cfg(feature = "sql")]
    pub fn sql(&self) -> Option<&perf_sql::Statements> {
        self.parts.sql.as_ref().map(perf_sql::Sql::statements)
    }

    /// Incidents with their causes, and bottlenecks; changes are noted here.
    #[cfg(feature = "insight")]
    pub fn insight(&self) -> Option<perf_insight::runtime::InsightView> {
        self.parts.insight.as_ref().map(perf_insight::runtime::Insight::view)
    }

    #[cfg(all(feature = "host-profiler", target_os = "linux"))]
    pub(crate) fn with_profiler(mut self, profiler: perf_host::profiler::Profiler) -> Self {
        self.parts.profiler = Some(profiler);
        self
    }

    /// Whether the profiler runs: not where `[profiler] enabled = false` says so, or another part of the process has taken its signal over.
    #[cfg(all(feature = "host-profiler", target_os = "linux"))]
    pub fn is_profiled(&self) -> bool {
        self.parts.profiler.as_ref().is_some_and(perf_host::profiler::Profiler::is_running)
    }

    /// Notifications: channels, attempts, where an alert would go.
    #[cfg(feature = "notify")]
    pub fn notifications(&self) -> Option<perf_notify::NotifierView> {
        self.parts.notifier.as_ref().map(perf_notify::Notifier::view)
    }

    /// How the history is: where it lies, how large it is, and why it is off where it is.
    #[cfg(feature = "history")]
    pub fn history(&self) -> perf_history::Status {
        self.parts.history.as_ref().map(perf_history::History::status).unwrap_or_default()
    }

    /// The monitor: what [`perf_runtime::monitor()`] gives from now on.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The address that the server listens on; `None` where it has no port of its own.
    #[cfg(feature = "server")]
    pub fn server_address(&self) -> Option<std::net::SocketAddr> {
        self.parts.serving.as_ref().and_then(Serving::address)
    }

    /// An application whose requests are measured, with metrics, health, alerts and the dashboard below `/perf` (or `mount_at`
    /// of `[server]`), as [`perf_server::mount`] does, with the tokens and names of `[server]`.
    ///
    /// # Errors
    /// A setting that is not allowed, a token file that cannot be read, or routes of the application's below that path.
    #[cfg(feature = "server")]
    pub fn mount<S: Clone + Send + Sync + 'static>(&self, app: Router<S>) -> Result<Router<S>, StartError> {
        match &self.parts.serving {
            Some(serving) => serving.mount(&self.monitor, app),
            None => Ok(app),
        }
    }

    /// The routes alone, with the tokens and names of `[server]`, to be merged into an application's router.
    ///
    /// # Errors
    /// A setting that is not allowed, or a token file that cannot be read.
    #[cfg(feature = "server")]
    pub fn router(&self) -> Result<Router, StartError> {
        self.parts.serving.as_ref().map_or_else(|| Ok(Router::new()), |serving| serving.router(&self.monitor))
    }

    /// Ends everything: a last tick, so that all that was counted is in the windows; then each part flushes and ends, the
    /// server first. Within ten seconds, whatever hangs. Says how it went.
    ///
    /// The work is done on a thread of its own, so any async runtime can wait for it.
    pub fn shutdown(self) -> Shutdown {
        self.shutdown_within(TIME_TO_FLUSH)
    }

    /// As [`shutdown`](Self::shutdown), within another time.
    pub fn shutdown_within(mut self, within: Duration) -> Shutdown {
        Shutdown::begin(self.end(within))
    }

    /// As [`shutdown`](Self::shutdown), for programs that are not async: blocks until it is done.
    pub fn shutdown_blocking(mut self, within: Duration) -> ShutdownReport {
        self.is_over = true;
        self.monitor.shutdown(within)
    }
}

impl Perf {
    /// The work of ending everything. It holds what was started, so that nothing is dropped before it was told to end.
    fn end(&mut self, within: Duration) -> impl FnOnce() -> ShutdownReport + Send + 'static {
        self.is_over = true;
        let monitor = self.monitor.clone();
        let parts = std::mem::take(&mut self.parts);
        move || {
            let report = monitor.shutdown(within);
            parts.end();
            report
        }
    }
}

impl Drop for Perf {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let flush = self.end(TIME_TO_FLUSH_ON_DROP);
        let thread = thread::Builder::new().name("perf-shutdown".to_owned()).spawn(flush);
        if let Some(thread) = thread.ok().filter(|_| !is_on_a_runtime()) {
            let _ = thread.join();
        }
    }
}

/// Whether this thread runs tasks of tokio.
fn is_on_a_runtime() -> bool {
    #[cfg(feature = "server")]
    return tokio::runtime::Handle::try_current().is_ok();
    // Nothing here knows of a runtime; so nothing waits.
    #[cfg(not(feature = "server"))]
    return true;
}

impl fmt::Debug for Perf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Perf").field("service", &self.monitor.service()).finish_non_exhaustive()
    }
}

/// The end of everything: a future that is ready when it is over. It goes on whether somebody waits or not.
#[derive(Debug)]
#[must_use = "await it, so that the process does not end before everything is flushed"]
pub struct Shutdown(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    report: Option<ShutdownReport>,
    waker: Option<Waker>,
}

impl Shutdown {
    fn begin(end: impl FnOnce() -> ShutdownReport + Send + 'static) -> Self {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let theirs = Arc::clone(&progress);
        let work = move || finish(&theirs, end());
        if thread::Builder::new().name("perf-shutdown".to_owned()).spawn(work).is_err() {
            let mut report = ShutdownReport::default();
            report.late.push("everything: there is no thread to end it on".to_owned());
            finish(&progress, report);
        }
        Self(progress)
    }
}

fn finish(progress: &Mutex<Progress>, report: ShutdownReport) {
    let waker = {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.report = Some(report);
        progress.waker.take()
    };
    waker.into_iter().for_each(Waker::wake);
}

impl Future for Shutdown {
    type Output = ShutdownReport;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ShutdownReport> {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = &progress.report {
            return Poll::Ready(report.clone());
        }
        progress.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
