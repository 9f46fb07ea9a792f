//! The account of a program's statements, and its guard.

use crate::callers::{Around, Roots, Subscribers};
use crate::figures;
use crate::layer::{is_hidden, is_slow};
use crate::repeated::AllRepeated;
use crate::settings::Settings;
use crate::store::{Limits, Statement, Store};
use perf_runtime::config::Section;
use perf_runtime::extend::{ExposedText, Tick, TickObserver, WaitSource};
use perf_runtime::metric::names;
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{Dispatch, Metadata};

/// The name of the section of settings.
const SECTION: &str = "sql";
/// Filters are looked at each so many ticks, for the first time when statements may have come, and pools while there was no event.
const TICKS_BETWEEN_LOOKS: u64 = 30;
const TICKS_BETWEEN_POOLS: u64 = 10;

/// The guard of the account of statements: dropping it ends it.
#[must_use = "dropping the guard ends the account of statements"]
pub struct Sql {
    statements: Statements,
    claim: Option<process::Claim>,
    _guards: Option<(TickObserver, ExposedText, WaitSource)>,
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
    /// Those of [its own layers](Statements::layer).
    pub(crate) subscribers: Subscribers,
    pub(crate) repeated: AllRepeated,
    roots: Roots,
    /// Whether it counts: until its guard is dropped.
    is_on: AtomicBool,
    /// Whether it is what `perf_sql::layer()` counts for.
    is_of_process: AtomicBool,
    is_hidden: AtomicBool,
    /// Whether an event of a statement came that is not slow.
    was_heard: AtomicBool,
    was_told: AtomicBool,
    /// Whether a statement was counted without an event of it: by diesel's instrumentation, or by a pool.
    has_others: AtomicBool,
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
            subscribers: Subscribers::new(),
            repeated: AllRepeated::default(),
            roots: Roots::default(),
            is_on: AtomicBool::new(is_on),
            is_of_process: AtomicBool::new(false),
            is_hidden: AtomicBool::new(false),
            was_heard: AtomicBool::new(false),
            was_told: AtomicBool::new(false),
            has_others: AtomicBool::new(false),
        });
        let statements = Statements { inner: Arc::clone(&inner) };
        if !is_on {
            return Ok(Self { statements, claim: None, _guards: None });
        }
        monitor.add_rules(&figures::rules());
        let [of_ticks, of_text, of_waits] = [(); 3].map(|()| Arc::downgrade(&inner));
        let observer = monitor.on_tick(SECTION, move |tick| {
            if let Some(inner) = of_ticks.upgrade() {
                inner.tick(tick);
            }
        });
        let text =
            monitor.expose_text(move || of_text.upgrade().map(|inner| figures::text(&inner)).unwrap_or_default());
        let waits = move || of_waits.upgrade().map(|inner| Statements { inner }.waits()).unwrap_or_default();
        let waits = monitor.add_wait_source(waits);
        Ok(Self { statements, claim: None, _guards: Some((observer, text, waits)) })
    }

    /// Counts what [`layer`](crate::layer) hears, too.
    ///
    /// # Errors
    /// Another account that the process has.
    pub fn for_process(mut self) -> Result<Self, ConfigError> {
        let inner = &self.statements.inner;
        if self.claim.is_none() {
            self.claim = process::claim(inner);
        }
        if self.claim.is_none() && inner.is_on() {
            return Err(ConfigError::new(SECTION, "account of statements", "one in a process: there is one already"));
        }
        inner.is_of_process.store(true, Ordering::Relaxed);
        Ok(self)
    }

    /// A handle by which others look at it.
    pub fn statements(&self) -> &Statements {
        &self.statements
    }
}

impl Inner {
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// The subscribers that have a layer which counts here.
    pub(crate) fn subscribers(&self) -> Vec<Dispatch> {
        let mut all = self.subscribers.all();
        if self.is_of_process.load(Ordering::Relaxed) {
            all.extend(process::SUBSCRIBERS.all());
        }
        all
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.is_hidden.load(Ordering::Relaxed) && !self.was_heard.load(Ordering::Relaxed)
    }

    /// Notes that statements come. Slow ones pass filters that hide others.
    pub(crate) fn note_heard(&self, metadata: &Metadata<'_>) {
        if !self.was_heard.load(Ordering::Relaxed) && !is_slow(metadata) {
            self.was_heard.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that a statement is counted without an event of it.
    #[cfg(any(feature = "diesel", feature = "sqlx"))]
    pub(crate) fn note_other(&self) {
        if !self.has_others.load(Ordering::Relaxed) {
            self.has_others.store(true, Ordering::Relaxed);
        }
    }

    fn tick(&self, tick: &Tick) {
        self.store.set_second(tick.uptime.as_secs());
        self.repeated.tick(self.store.minute());
        if tick.number.is_multiple_of(TICKS_BETWEEN_LOOKS) {
            self.look_at_filter();
        }
        if tick.number.is_multiple_of(TICKS_BETWEEN_POOLS) && self.store.totals().events == 0 {
            self.look_at_pools();
        }
    }

    /// Whether filters hide sqlx's events, by the subscribers that have the layer. It is told once. Filters are not asked once events come: a
    /// program may have set another level, or filters that let them through within spans. Where statements are counted without events, it may be that none
    /// is missed: then it is no warning.
    fn look_at_filter(&self) {
        let subscribers = self.subscribers();
        if subscribers.is_empty() {
            return;
        }
        let is_hidden = !self.was_heard.load(Ordering::Relaxed) && subscribers.iter().all(is_hidden);
        self.is_hidden.store(is_hidden, Ordering::Relaxed);
        if is_hidden && self.has_others.load(Ordering::Relaxed) {
            if !self.was_told.swap(true, Ordering::Relaxed) {
                tracing::info!(target: "perf::sql", "a filter in front of the subscriber hides sqlx's events: statements that go neither over diesel's instrumentation nor over a pool of perf's are not counted; `sqlx::query=debug` lets them through");
            }
        } else if is_hidden {
            self.tell("a filter in front of the subscriber hides them: let `sqlx::query=debug` through, and keep it out of the log by a filter of that layer alone");
        }
    }

    /// Whether connections are in use, though there was no event.
    fn look_at_pools(&self) {
        if self.was_told.load(Ordering::Relaxed) || self.subscribers().is_empty() {
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
            tracing::warn!(target: "perf::sql", why, "sqlx's events do not reach perf, so statements that they alone tell of are not counted: {why}");
        }
    }

    /// Finds the call around a root that is known by its span, before the execution by which the root repeats a statement: it goes on then, so it is one of those in flight. At that
    /// execution it may be over, and calls of others in flight.
    pub(crate) fn note_near(&self, around: &Around) {
        if let Some(call) = around.root_call.filter(|_| around.is_by_span) {
            self.roots.put(call, around.root.and_then(|root| self.monitor.root_in_flight(root)));
        }
    }

    pub(crate) fn note_repeated(&self, statement: &Statement, around: &Around) {
        let id = figures::id(statement);
        let by_tree = around.root_call.filter(|_| around.is_by_span).and_then(|call| self.roots.of(call));
        let root = by_tree.or(around.root);
        self.repeated.count(&self.monitor, (id, statement), root, self.store.minute());
    }
}

/// The account that `perf_sql::layer()` counts for.
pub(crate) mod process {
    use super::Inner;
    use crate::callers::Subscribers;
    use std::sync::atomic::AtomicU64;
    use std::sync::{Arc, PoisonError, RwLock};

    static ACCOUNT: RwLock<Option<Arc<Inner>>> = RwLock::new(None);
    /// The subscribers of the process's layers.
    pub(crate) static SUBSCRIBERS: Subscribers = Subscribers::new();
    /// Events that came while there was no account.
    pub(crate) static EARLY: AtomicU64 = AtomicU64::new(0);

    /// Gives the account back when it is dropped.
    pub(super) struct Claim(Arc<Inner>);

    /// Makes it the account of the process, where there is none, or one that is switched off.
    pub(super) fn claim(inner: &Arc<Inner>) -> Option<Claim> {
        let mut account = ACCOUNT.write().unwrap_or_else(PoisonError::into_inner);
        if account.as_ref().is_some_and(|account| account.is_on()) {
            return None;
        }
        *account = Some(Arc::clone(inner));
        Some(Claim(Arc::clone(inner)))
    }

    /// The account of the process. The lock is free when it counts: what is told meanwhile may come back here, by a log that is kept in a database.
    pub(crate) fn account() -> Option<Arc<Inner>> {
        ACCOUNT.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    impl Drop for Claim {
        fn drop(&mut self) {
            let mut account = ACCOUNT.write().unwrap_or_else(PoisonError::into_inner);
            account.take_if(|account| Arc::ptr_eq(account, &self.0));
        }
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        // Layers and handles may outlive it.
        self.statements.inner.is_on.store(false, Ordering::Relaxed);
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
