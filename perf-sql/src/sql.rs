//! The account of a program's statements, and its guard.

use crate::callers::Spans;
use crate::figures;
use crate::layer::is_hidden;
use crate::repeated::AllRepeated;
use crate::settings::Settings;
use crate::store::{Limits, Statement, Store};
use perf_runtime::config::Section;
use perf_runtime::extend::{CallSeries, ExposedText, Tick, TickObserver};
use perf_runtime::metric::names;
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the section of settings.
const SECTION: &str = "sql";
/// A filter is looked at each so many ticks, and pools while there was no event.
const TICKS_BETWEEN_LOOKS: u64 = 30;
const TICKS_BETWEEN_POOLS: u64 = 10;

/// The guard of the account of statements: dropping it ends it.
#[must_use = "dropping the guard ends the account of statements"]
pub struct Sql {
    statements: Statements,
    claim: Option<process::Claim>,
    _guards: Option<(TickObserver, ExposedText)>,
}

/// A handle on the statements of a program. Cheap to clone.
#[derive(Clone)]
pub struct Statements {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) monitor: Monitor,
    pub(crate) limits: Limits,
    pub(crate) store: Store,
    pub(crate) spans: Spans,
    pub(crate) repeated: AllRepeated,
    pub(crate) is_on: bool,
    /// Whether it is what `perf_sql::layer()` counts for.
    is_of_process: AtomicBool,
    pub(crate) is_hidden: AtomicBool,
    was_told: AtomicBool,
}

impl Sql {
    /// Adds the section `[sql]` to a monitor that is being set up.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        builder.section(SECTION)
    }

    /// Begins to count, as the section `[sql]` says, what [`layer`](crate::layer) hears.
    ///
    /// # Errors
    /// A setting that is not allowed, or another account that the process has.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        let section: Section = monitor.section(SECTION)?;
        Self::with_settings(monitor, &Settings::read(&section)?)?.for_process()
    }

    /// Begins to count what layers of [its own](Statements::layer) hear, with settings made in code.
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn with_settings(monitor: &Monitor, settings: &Settings) -> Result<Self, ConfigError> {
        let limits = Limits {
            quotes: settings.check()?,
            statements: settings.max_statements,
            new_per_second: settings.max_new_per_second,
            repeated_at: settings.repeated_at,
        };
        let of_operations = monitor.clone();
        let store = Store::new(limits, move |operation| figures::durations(&of_operations, operation));
        let is_on = settings.enabled && monitor.is_enabled();
        let inner = Arc::new(Inner {
            monitor: monitor.clone(),
            limits,
            store,
            spans: Spans::new(),
            repeated: AllRepeated::default(),
            is_on,
            is_of_process: AtomicBool::new(false),
            is_hidden: AtomicBool::new(false),
            was_told: AtomicBool::new(false),
        });
        let statements = Statements { inner: Arc::clone(&inner) };
        if !is_on {
            return Ok(Self { statements, claim: None, _guards: None });
        }
        monitor.add_rules(&figures::rules());
        let (of_ticks, of_text) = (Arc::downgrade(&inner), Arc::downgrade(&inner));
        let observer = monitor.on_tick(SECTION, move |tick| {
            if let Some(inner) = of_ticks.upgrade() {
                inner.tick(tick);
            }
        });
        let text =
            monitor.expose_text(move || of_text.upgrade().map(|inner| figures::text(&inner)).unwrap_or_default());
        Ok(Self { statements, claim: None, _guards: Some((observer, text)) })
    }

    /// Counts what [`layer`](crate::layer) hears, too.
    ///
    /// # Errors
    /// Another account that the process has.
    pub fn for_process(mut self) -> Result<Self, ConfigError> {
        let inner = &self.statements.inner;
        if inner.is_on && self.claim.is_none() {
            let taken = || ConfigError::new(SECTION, "account of statements", "one in a process: there is one already");
            self.claim = Some(process::claim(inner).ok_or_else(taken)?);
            inner.is_of_process.store(true, Ordering::Relaxed);
        }
        Ok(self)
    }

    /// A handle by which others look at it.
    pub fn statements(&self) -> &Statements {
        &self.statements
    }
}

impl Inner {
    /// The subscriber that the layer is a part of; `None` where there is no layer.
    pub(crate) fn spans(&self) -> &Spans {
        if self.is_of_process.load(Ordering::Relaxed) { &process::SPANS } else { &self.spans }
    }

    fn tick(&self, tick: &Tick) {
        self.store.set_second(tick.uptime.as_secs());
        self.repeated.tick(self.store.minute());
        if tick.number % TICKS_BETWEEN_LOOKS == 1 {
            self.look_at_filter();
        }
        if tick.number.is_multiple_of(TICKS_BETWEEN_POOLS) && self.store.totals().events == 0 {
            self.look_at_pools();
        }
    }

    /// Whether a filter hides sqlx's events, by the subscriber that the layer is a part of. It is told once.
    pub(crate) fn look_at_filter(&self) {
        let Some(dispatch) = self.spans().dispatch() else { return };
        let is_hidden = is_hidden(&dispatch);
        self.is_hidden.store(is_hidden, Ordering::Relaxed);
        if is_hidden {
            self.tell("a filter in front of the subscriber hides them: let `sqlx::query=debug` through, and keep it out of the log by a filter of that layer alone");
        }
    }

    /// Whether connections are in use, though there was no event.
    fn look_at_pools(&self) {
        if self.was_told.load(Ordering::Relaxed) || self.spans().dispatch().is_none() {
            return;
        }
        let metrics = self.monitor.metrics().read();
        let pools = metrics.iter().filter(|metric| metric.name == names::DB_CLIENT_CONNECTIONS);
        let is_used = |series: &perf_runtime::metric::MetricSeries| {
            let is_state = series.labels.get("state") == Some("used");
            is_state && matches!(series.value, perf_runtime::metric::MetricValue::Gauge(used) if used > 0.0)
        };
        if pools.flat_map(|metric| &metric.series).any(is_used) {
            self.tell("connections of a pool are in use, and no statement was seen: are they switched off by `log_statements(LevelFilter::Off)`, or is the layer another subscriber's?");
        }
    }

    fn tell(&self, why: &str) {
        if !self.was_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "perf::sql", why, "sqlx's events do not reach perf, so its statements are not counted: {why}");
        }
    }

    pub(crate) fn note_repeated(&self, statement: &Statement, root: Option<CallSeries>) {
        let id = figures::id(statement);
        self.repeated.count(&self.monitor, (id, statement), root, self.store.minute());
    }
}

/// The account that `perf_sql::layer()` counts for.
pub(crate) mod process {
    use super::Inner;
    use crate::callers::Spans;
    use std::sync::atomic::AtomicU64;
    use std::sync::{Arc, PoisonError, RwLock};

    static ACCOUNT: RwLock<Option<Arc<Inner>>> = RwLock::new(None);
    /// The subscriber of the layer.
    pub(crate) static SPANS: Spans = Spans::new();
    /// Events that came while there was no account.
    pub(crate) static EARLY: AtomicU64 = AtomicU64::new(0);

    /// Gives the account back when it is dropped.
    pub(super) struct Claim(());

    /// Makes it the account of the process, where there is none.
    pub(super) fn claim(inner: &Arc<Inner>) -> Option<Claim> {
        let mut account = ACCOUNT.write().unwrap_or_else(PoisonError::into_inner);
        if account.is_some() {
            return None;
        }
        *account = Some(Arc::clone(inner));
        Some(Claim(()))
    }

    pub(crate) fn with(look: impl FnOnce(Option<&Arc<Inner>>)) {
        look(ACCOUNT.read().unwrap_or_else(PoisonError::into_inner).as_ref());
    }

    impl Drop for Claim {
        fn drop(&mut self) {
            *ACCOUNT.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("store", &self.store).finish_non_exhaustive()
    }
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statements").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("statements", &self.statements).finish_non_exhaustive()
    }
}
