//! The part of a monitor: a thread of its own, woken at each tick.

mod known;

pub use known::KnownIncidents;

use super::bottleneck::{Bottlenecks, bottlenecks};
use super::changes::Change;
use super::incident::{Cause, Check, Incident, IncidentChange, IncidentEvent, Sureness};
use super::investigator::{Investigator, Saved};
use super::kept::Kept;
use super::settings::Settings;
use super::watch::{Served, Watch, Watching};
use super::watching;
use perf_runtime::extend::{AlertGroup, AlertGroups, Cost, Estimator, KeptState, Provided, ShutdownHook, TickObserver};
use perf_runtime::series::SeriesId;
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use std::cmp::Reverse;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The name of the section of settings, and of the part's cost.
const SECTION: &str = "insight";
/// How often bottlenecks are looked for at most.
const BOTTLENECKS_EVERY: Duration = Duration::from_secs(10);
/// How often what lasts is shown anew.
const SHOWN_EVERY: Duration = Duration::from_secs(2);

/// The incidents of a monitor, for other parts: `monitor.ask::<dyn Incidents>()`.
pub trait Incidents: Send + Sync {
    /// Open incidents and those that ended and are kept, the newest first.
    fn incidents(&self) -> Vec<Incident>;

    /// The events after the one with this number, the oldest first; the newest 200 are kept.
    fn events_since(&self, seq: u64) -> Vec<IncidentEvent>;
}

/// The incidents of a monitor, as [`Insight`] found them. `None` where insight is not enabled.
///
/// ```
/// use perf_insight::runtime::{Insight, incidents};
///
/// let monitor = Insight::set_up(perf_runtime::Monitor::builder()).build()?;
/// assert!(incidents(&monitor).is_none());
/// let insight = Insight::open(&monitor)?;
/// assert_eq!(incidents(&monitor).map(|all| all.len()), Some(0));
/// # drop(insight);
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
pub fn incidents(monitor: &Monitor) -> Option<Vec<Incident>> {
    monitor.ask::<dyn Incidents>().map(|provider| provider.incidents())
}

/// The guard of insight: dropping it ends its thread.
#[must_use = "dropping the guard ends insight"]
pub struct Insight {
    view: InsightView,
    _guards: Option<(TickObserver, ShutdownHook, [Provided; 3], KeptState)>,
}

/// A handle by which others look at insight. Cheap to clone.
#[derive(Clone)]
pub struct InsightView {
    monitor: Monitor,
    shared: Option<Arc<Shared>>,
}

struct Shared {
    monitor: Monitor,
    investigator: Mutex<Investigator>,
    /// Those that ended, beyond memory.
    kept: Kept,
    watch: Mutex<Watch>,
    /// The state of the watch, for those who read meanwhile.
    watching: Arc<Mutex<Watching>>,
    served: Arc<Served>,
    /// The bottlenecks, and the uptime when they were looked for.
    bottlenecks: Mutex<Option<(Duration, Bottlenecks)>>,
    /// The last findings, for those who read while the investigator looks.
    found: Mutex<Found>,
}

struct Found {
    incidents: Vec<Incident>,
    folded: Vec<Incident>,
    events: Vec<IncidentEvent>,
    /// Since when all that ended in this process are among them.
    known_since: SystemTime,
    /// The uptime when it was made.
    at: Duration,
}

impl Found {
    fn of(investigator: &Investigator, at: Duration) -> Self {
        Self {
            incidents: investigator.incidents(),
            folded: investigator.folded(),
            events: investigator.events_since(0),
            known_since: investigator.known_since(),
            at,
        }
    }
}

impl Insight {
    /// Adds the section `[insight]` and the [rules](super::rules()) of insight to a monitor that is being set up.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        builder.section(SECTION).add_rules(watching::rules())
    }

    /// Begins to look for incidents, as the section `[insight]` says.
    ///
    /// # Errors
    /// A setting that is not allowed, or there is no thread to be had.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        Self::with_settings(monitor, &Settings::read(&monitor.section(SECTION)?)?)
    }

    /// The same with settings made in code.
    ///
    /// # Errors
    /// There is no thread to be had, or another insight looks already.
    pub fn with_settings(monitor: &Monitor, settings: &Settings) -> Result<Self, ConfigError> {
        if !settings.enabled || !monitor.is_enabled() {
            return Ok(Self { view: InsightView { monitor: monitor.clone(), shared: None }, _guards: None });
        }
        let mut investigator = Investigator::new(monitor, settings.keep);
        let kept = Kept::new(monitor.keep_lines(SECTION));
        investigator.remember(kept.newest(settings.keep));
        match monitor.kept_state(SECTION).map(|text| Saved::read(&text)) {
            Some(Ok(saved)) => investigator.take_up(saved),
            Some(Err(error)) => {
                tracing::warn!(target: "perf::insight", %error, "the incidents of the process before cannot be read: they begin anew");
            }
            None => {}
        }
        let found = Mutex::new(Found::of(&investigator, Duration::ZERO));
        let shared = Arc::new(Shared {
            monitor: monitor.clone(),
            investigator: Mutex::new(investigator),
            kept,
            watch: Mutex::default(),
            watching: Arc::default(),
            served: Arc::default(),
            bottlenecks: Mutex::default(),
            found,
        });
        let provided = monitor.provide::<dyn Incidents>(Arc::<Shared>::clone(&shared));
        let refused = |error| ConfigError::new(SECTION, error, "one insight for each monitor");
        let provided = provided.map_err(refused)?;
        let groups = monitor.provide::<dyn AlertGroups>(Arc::<Shared>::clone(&shared)).map_err(refused)?;
        let estimates = monitor.provide::<dyn Estimator>(Arc::<Served>::clone(&shared.served)).map_err(refused)?;
        watching::sample(monitor, &shared.watching);
        // One tick waits: a thread that is late looks once.
        let (wake, woken) = sync_channel(1);
        let (theirs, cost) = (Arc::clone(&shared), monitor.cost(SECTION));
        thread::Builder::new()
            .name("perf-insight".to_owned())
            .spawn(move || run(&theirs, &cost, &woken))
            .map_err(|error| ConfigError::new(SECTION, error, "a thread of its own"))?;
        let ours = Arc::clone(&shared);
        let kept = monitor.keep_state(SECTION, move || {
            let saved = Saved::of(&ours.found().incidents);
            saved.write()
        });
        let end = wake.clone();
        let on_tick = monitor.on_tick("insight-wake", move |_| {
            let _ = wake.try_send(Order::Look);
        });
        let on_shutdown = monitor.on_shutdown(SECTION, move |deadline| end_of(&end, deadline.remaining()));
        let view = InsightView { monitor: monitor.clone(), shared: Some(shared) };
        Ok(Self { view, _guards: Some((on_tick, on_shutdown, [provided, groups, estimates], kept)) })
    }

    /// A handle by which others look at it.
    pub fn view(&self) -> InsightView {
        self.view.clone()
    }

    /// Notes a change that somebody made, such as a flag that was switched: what comes after it may be its doing.
    pub fn note(&self, change: Change) {
        self.view.note(change);
    }
}

enum Order {
    Look,
    End(SyncSender<()>),
}

/// Ends the thread, once it has done what it does.
fn end_of(orders: &SyncSender<Order>, within: Duration) {
    let begun = Instant::now();
    let (done, over) = sync_channel(1);
    let mut order = Order::End(done);
    while let Err(TrySendError::Full(back)) = orders.try_send(order) {
        if begun.elapsed() >= within {
            return;
        }
        order = back;
        thread::sleep(Duration::from_millis(5));
    }
    let _ = over.recv_timeout(within.saturating_sub(begun.elapsed()));
}

/// Looks at each tick, until nobody wakes the thread any more. A panic in one look does not stop those that follow.
fn run(shared: &Shared, cost: &Cost, woken: &Receiver<Order>) {
    let mut has_panicked = false;
    while let Ok(order) = woken.recv() {
        if let Order::End(done) = order {
            let _ = done.send(());
            return;
        }
        let (looked, watched) = cost.time(|| {
            let looked = catch_unwind(AssertUnwindSafe(|| shared.look()));
            (looked, catch_unwind(AssertUnwindSafe(|| shared.watch())))
        });
        if (looked.is_err() || watched.is_err()) && !has_panicked {
            has_panicked = true;
            let _ = catch_unwind(|| tracing::error!(target: "perf::insight", "insight panicked, and goes on"));
        }
        // A listener of the log may panic too.
        let events = looked.unwrap_or_default();
        let _ = catch_unwind(AssertUnwindSafe(|| events.iter().for_each(tell)));
    }
}

fn tell(event: &IncidentEvent) {
    let Incident { id, headline, sureness, severity, alerts, .. } = &event.incident;
    let (sureness, severity, alerts) = (sureness.words(), severity.to_string(), alerts.len());
    match event.change {
        IncidentChange::Began => {
            tracing::warn!(target: "perf::insight", incident = id, sureness, severity, alerts, "incident: {headline}");
        }
        IncidentChange::Changed => {
            tracing::info!(target: "perf::insight", incident = id, sureness, severity, alerts, "incident changed: {headline}");
        }
        IncidentChange::Folded => {
            let into = event.incident.folded_into.as_deref().unwrap_or_default();
            tracing::info!(target: "perf::insight", incident = id, into, "incident is a part of another: {headline}");
        }
        IncidentChange::Ended => {
            tracing::info!(target: "perf::insight", incident = id, sureness, severity, alerts, "incident ended: {headline}");
        }
    }
}

impl Shared {
    fn investigator(&self) -> MutexGuard<'_, Investigator> {
        self.investigator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is unusual.
    fn watch(&self) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.look(&self.monitor, &self.served) {
            *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = watch.state().clone();
        }
    }

    /// Looks once. The copy that others read is made anew with each event, and every few seconds while an incident lasts.
    fn look(&self) -> Vec<IncidentEvent> {
        let mut investigator = self.investigator();
        let events = investigator.look();
        let uptime = investigator.uptime();
        let is_old = uptime.saturating_sub(self.found().at) >= SHOWN_EVERY;
        if !events.is_empty() || !investigator.is_calm() && is_old {
            let found = Found::of(&investigator, uptime);
            drop(investigator);
            // Before the state has them as open no more: a history has the line or the state of one.
            let is_over = |event: &&IncidentEvent| !event.incident.is_open();
            events.iter().filter(is_over).for_each(|event| self.kept.note(&event.incident));
            *self.found() = found;
        }
        events
    }
}

impl Incidents for Shared {
    fn incidents(&self) -> Vec<Incident> {
        self.found().incidents.clone()
    }

    fn events_since(&self, seq: u64) -> Vec<IncidentEvent> {
        self.found().events.iter().filter(|event| event.seq > seq).cloned().collect()
    }
}

impl AlertGroups for Shared {
    fn open(&self) -> Vec<AlertGroup> {
        let found = self.found();
        found.incidents.iter().filter(|incident| incident.is_open()).map(group_of).collect()
    }
}

/// An incident, as parts that tell people are told of it.
fn group_of(incident: &Incident) -> AlertGroup {
    let alerts = incident.alerts.iter().map(|alert| alert.fingerprint);
    let group = AlertGroup::new(&incident.id, &incident.headline, incident.onset, alerts);
    match (incident.cause(), incident.sureness) {
        (Some(cause), Sureness::Likely) => group.cause(format!("Likely cause: {}", cause.sentence), true),
        (Some(cause), _) => group.cause(format!("Possible cause: {}", cause.sentence), false),
        (None, _) => group,
    }
}

impl InsightView {
    /// Whether incidents are looked for.
    pub fn is_enabled(&self) -> bool {
        self.shared.is_some()
    }

    /// Open incidents and those that ended and are [kept](super::Settings::keep) in memory, the newest first: where there is a history,
    /// those of processes before among them. None while it is not [enabled](Self::is_enabled).
    pub fn incidents(&self) -> Vec<Incident> {
        self.shared.as_ref().map(|shared| shared.incidents()).unwrap_or_default()
    }

    /// Open incidents alone, the worst first, and of those the oldest.
    pub fn open_incidents(&self) -> Vec<Incident> {
        let Some(shared) = &self.shared else { return Vec::new() };
        let mut open: Vec<Incident> = shared.found().incidents.iter().filter(|one| one.is_open()).cloned().collect();
        open.sort_by_key(|one| (Reverse(one.severity), one.began));
        open
    }

    /// The incident with this id. One that has become a part of another is here too, and not among
    /// [`incidents`](Self::incidents). One that memory does not hold is read from the history.
    pub fn incident(&self, id: &str) -> Option<Incident> {
        let shared = self.shared.as_ref()?;
        let found = shared.found();
        let known = found.incidents.iter().chain(&found.folded).find(|incident| incident.id == id).cloned();
        drop(found);
        known.or_else(|| shared.kept.incident(id))
    }

    /// The events after the one with this number, the oldest first.
    pub fn events_since(&self, seq: u64) -> Vec<IncidentEvent> {
        self.shared.as_ref().map(|shared| shared.events_since(seq)).unwrap_or_default()
    }

    /// The causes that made a series slow, or fail, since about then: see [`Investigator::why`].
    pub fn why(&self, series: &SeriesId, since: SystemTime) -> Option<(Vec<Cause>, Vec<Check>)> {
        self.shared.as_ref()?.investigator().why(series, since)
    }

    /// The series that are unusual now, and how many they are. Nothing while it is not [enabled](Self::is_enabled).
    pub fn unusual(&self) -> Watching {
        let known =
            self.shared.as_ref().map(|shared| shared.watching.lock().unwrap_or_else(PoisonError::into_inner).clone());
        known.unwrap_or_default()
    }

    /// The monitor that it looks at.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The things that take the most, or are used up: the one with the greatest impact first. Reads every series, at most once in ten
    /// seconds.
    pub fn bottlenecks(&self) -> Bottlenecks {
        let Some(shared) = &self.shared else { return Bottlenecks::default() };
        let mut known = shared.bottlenecks.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.monitor.uptime();
        match &*known {
            Some((made, all)) if at.saturating_sub(*made) < BOTTLENECKS_EVERY => all.clone(),
            _ => {
                let all = bottlenecks(&self.monitor);
                *known = Some((at, all.clone()));
                all
            }
        }
    }

    /// Notes a change that somebody made.
    pub fn note(&self, change: Change) {
        if let Some(shared) = &self.shared {
            shared.investigator().note(change);
        }
    }
}

impl fmt::Debug for Insight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Insight").finish_non_exhaustive()
    }
}

impl fmt::Debug for InsightView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsightView").field("is_enabled", &self.is_enabled()).finish_non_exhaustive()
    }
}
