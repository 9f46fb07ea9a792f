//! The part: locks and channels as metrics, judged, and as one view of each.

mod channels;
mod deadlock;
mod figures;
mod histograms;
mod names;
mod settings;
mod times;
mod view;
mod waits;

pub use channels::view::{ChannelView, ChannelsView, ExistingView, SendWaiterView};
pub use settings::Settings;
pub use times::{CallerView, TimesView, WaiterView};
pub use view::{DeadlockView, HolderView, LockView, View};

use crate::channel::instance::Stalls;
use crate::watch::buckets::bounds_in_seconds;
use figures::Figures;
use histograms::Histograms;
use perf_runtime::__locks::Asking;
use perf_runtime::extend::{TickObserver, WaitSource};
use perf_runtime::metric::{Sampler, Samples};
use perf_runtime::rule::RuleSet;
use perf_runtime::{__locks, ConfigError, Monitor, MonitorBuilder};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use view::Look;

/// The name of the section of settings.
const SECTION: &str = "sync";
/// So many cycles are remembered, so that each is logged once.
const MOST_TOLD: usize = 100;

/// The guard of the part: dropping it ends the metrics of locks and channels. They are counted as long as the process lives, by whichever monitor they are
/// shown.
#[must_use = "dropping the guard ends the metrics of locks and channels"]
pub struct Locks {
    view: LocksView,
    _guards: Option<(Sampler, TickObserver, WaitSource)>,
}

/// A handle by which others look at locks and channels. Cheap to clone.
#[derive(Clone)]
pub struct LocksView {
    monitor: Monitor,
    is_on: bool,
    with_deadlocks: bool,
    /// The end of the last gap in which nobody observed the process, by the clock of locks.
    observed_from: Arc<AtomicU64>,
    stalls: Arc<Mutex<Stalls>>,
}

impl Locks {
    /// Adds what the part needs to a monitor that is being set up: the section `[sync]`, the rules, the indicators, and the bounds of the histograms.
    /// Other bounds that the program sets for them before are better a part of these, so that they stay exact.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        Self::judged(builder).section(SECTION)
    }

    /// As [`set_up`](Self::set_up), without the section.
    pub fn judged(builder: MonitorBuilder) -> MonitorBuilder {
        let builder = builder.histogram_bounds(figures::WAIT, bounds_in_seconds());
        let builder = builder.histogram_bounds(figures::HOLD, bounds_in_seconds());
        let builder = builder.histogram_bounds(channels::figures::SEND_WAIT, bounds_in_seconds());
        let builder = builder.histogram_bounds(channels::figures::QUEUE, bounds_in_seconds());
        let builder = builder.add_rules(rules()).resource(figures::resource());
        builder.resource(channels::figures::resource())
    }

    /// Begins to show locks and channels, as the section `[sync]` says.
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        Ok(Self::with_settings(monitor, &Settings::read(&monitor.section(SECTION)?)?))
    }

    /// As [`open`](Self::open) with settings made in code.
    pub fn with_settings(monitor: &Monitor, settings: &Settings) -> Self {
        let is_on = settings.enabled && monitor.is_enabled();
        let (with_deadlocks, observed_from) = (settings.deadlocks, Arc::default());
        let stalls = Arc::default();
        let view = LocksView { monitor: monitor.clone(), is_on, with_deadlocks, observed_from, stalls };
        let guards = is_on.then(|| {
            let (to_log, histograms) = (ToLog::default(), Histograms::of(monitor));
            let mut ticks = Ticks {
                figures: Figures::new(Arc::clone(&histograms)),
                channels: channels::figures::Figures::new(histograms, Arc::clone(&view.stalls)),
                told: HashSet::new(),
                to_log: to_log.clone(),
                with_deadlocks,
                asking: None,
                observed_from: Arc::clone(&view.observed_from),
            };
            let sampler = monitor.sampler(SECTION, Duration::ZERO, move |samples| ticks.tick(samples));
            let of_waits = view.clone();
            let log = monitor.on_tick(SECTION, move |_| to_log.log());
            (sampler, log, monitor.add_wait_source(move || of_waits.waits()))
        });
        Self { view, _guards: guards }
    }

    /// A handle by which others look at locks and channels.
    pub fn view(&self) -> LocksView {
        self.view.clone()
    }
}

impl LocksView {
    /// Everything that is known of locks now. Empty where the settings say that locks are not shown.
    pub fn view(&self) -> View {
        if !self.is_on {
            return View::empty();
        }
        View::take(&self.monitor, self.observed_from.load(Ordering::Relaxed), self.with_deadlocks)
    }

    /// Everything that is known of channels now. Empty where the settings say that locks and channels are not shown.
    pub fn channels(&self) -> ChannelsView {
        if !self.is_on {
            return ChannelsView::empty();
        }
        ChannelsView::take(&self.monitor, self.observed_from.load(Ordering::Relaxed), &self.stalls)
    }
}

/// The rules on locks and channels: `lock-wait`, where something has waited for a lock for more than 5 seconds (critical: 30); `lock-deadlock`, where locks certainly wait for
/// each other in a cycle; `channel-full`, where a sender has waited for room for more than 5 seconds (critical: 30), or a channel was full so long and refused; and `channel-stopped`, where
/// a channel has had messages for more than 30 seconds (critical: 300) and its receiver, which is there, received nothing.
pub fn rules() -> RuleSet {
    let mut all = RuleSet::new();
    figures::rules().chain(channels::figures::rules()).for_each(|rule| all.insert(rule));
    all
}

/// The work of a tick.
struct Ticks {
    figures: Figures,
    channels: channels::figures::Figures,
    told: HashSet<String>,
    to_log: ToLog,
    with_deadlocks: bool,
    /// While those that have waited too long are asked what they wait for.
    asking: Option<Asking>,
    observed_from: Arc<AtomicU64>,
}

/// Cycles that are to be logged when the samples are published: a subscriber may take long, or a lock.
#[derive(Clone, Default)]
struct ToLog(Arc<Mutex<Vec<String>>>);

impl ToLog {
    fn add(&self, text: String) {
        self.texts().push(text);
    }

    fn log(&self) {
        let texts = std::mem::take(&mut *self.texts());
        for text in texts {
            tracing::error!(target: "perf::sync", "{text}");
        }
    }

    fn texts(&self) -> MutexGuard<'_, Vec<String>> {
        let Self(texts) = self;
        texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticks {
    fn tick(&mut self, samples: &mut Samples<'_>) {
        let observed = samples.monitor().uptime().saturating_sub(samples.observed_since());
        let observed = u64::try_from(observed.as_nanos()).unwrap_or(u64::MAX);
        let observed_from = __locks::now().saturating_sub(observed);
        self.observed_from.store(observed_from, Ordering::Relaxed);
        let look = Look::take(samples.monitor(), observed_from);
        let deadlocks = if self.with_deadlocks { look.deadlocks() } else { Vec::new() };
        self.asking = if self.with_deadlocks { look.ask() } else { None };
        self.figures.show(samples, &look, &deadlocks);
        self.channels.show(samples, observed_from);
        for deadlock in deadlocks.iter().filter(|deadlock| deadlock.certain) {
            figures::deadlock(samples, deadlock);
            if self.told.len() < MOST_TOLD && self.told.insert(deadlock.text.clone()) {
                self.to_log.add(deadlock.text.clone());
            }
        }
        self.told.retain(|text| deadlocks.iter().any(|deadlock| deadlock.text == *text));
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks").finish_non_exhaustive()
    }
}

impl fmt::Debug for LocksView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocksView").finish_non_exhaustive()
    }
}
