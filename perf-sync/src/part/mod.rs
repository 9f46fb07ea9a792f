//! The part: locks as metrics, judged, and as one view.

mod deadlock;
mod figures;
mod settings;
mod view;

pub use figures::rules;
pub use settings::Settings;
pub use view::{DeadlockView, HolderView, LockView, TimesView, View, WaiterView};

use crate::watch::buckets::bounds_in_seconds;
use figures::Figures;
use perf_runtime::metric::{Sampler, Samples};
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;
use view::Look;

/// The name of the section of settings.
const SECTION: &str = "sync";
/// So many cycles are remembered, so that each is logged once.
const MOST_TOLD: usize = 100;

/// The guard of the part: dropping it ends the metrics of locks. Locks are counted as long as the process lives, by whichever monitor they are shown.
#[must_use = "dropping the guard ends the metrics of locks"]
pub struct Locks {
    view: LocksView,
    _sampler: Option<Sampler>,
}

/// A handle by which others look at locks. Cheap to clone.
#[derive(Clone)]
pub struct LocksView {
    monitor: Monitor,
    with_deadlocks: bool,
}

impl Locks {
    /// Adds what the part needs to a monitor that is being set up: the section `[sync]`, the rules, the indicator, and the bounds of the histograms.
    /// Other bounds that the program sets for them before are better a part of these, so that they stay exact.
    pub fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        Self::judged(builder).section(SECTION)
    }

    /// As [`set_up`](Self::set_up), without the section.
    pub fn judged(builder: MonitorBuilder) -> MonitorBuilder {
        let builder = builder.histogram_bounds(figures::WAIT, bounds_in_seconds());
        let builder = builder.histogram_bounds(figures::HOLD, bounds_in_seconds());
        builder.add_rules(rules()).resource(figures::resource())
    }

    /// Begins to show locks, as the section `[sync]` says.
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn open(monitor: &Monitor) -> Result<Self, ConfigError> {
        Ok(Self::with_settings(monitor, &Settings::read(&monitor.section(SECTION)?)?))
    }

    /// As [`open`](Self::open) with settings made in code.
    pub fn with_settings(monitor: &Monitor, settings: &Settings) -> Self {
        let view = LocksView { monitor: monitor.clone(), with_deadlocks: settings.deadlocks };
        let is_on = settings.enabled && monitor.is_enabled();
        let sampler = is_on.then(|| {
            let mut ticks = Ticks { figures: Figures::new(), told: HashSet::new(), with_deadlocks: settings.deadlocks };
            monitor.sampler(SECTION, Duration::ZERO, move |samples| ticks.tick(samples))
        });
        Self { view, _sampler: sampler }
    }

    /// A handle by which others look at locks.
    pub fn view(&self) -> LocksView {
        self.view.clone()
    }
}

impl LocksView {
    /// Everything that is known of locks now.
    pub fn view(&self) -> View {
        View::take(&self.monitor, self.with_deadlocks)
    }
}

/// What is done at each tick.
struct Ticks {
    figures: Figures,
    told: HashSet<String>,
    with_deadlocks: bool,
}

impl Ticks {
    fn tick(&mut self, samples: &mut Samples<'_>) {
        let look = Look::take(samples.monitor());
        self.figures.show(samples, &look);
        let deadlocks = if self.with_deadlocks { look.deadlocks() } else { Vec::new() };
        for deadlock in &deadlocks {
            figures::deadlock(samples, &deadlock.cycle);
            if self.told.len() < MOST_TOLD && self.told.insert(deadlock.text.clone()) {
                tracing::error!(target: "perf::sync", "{}", deadlock.text);
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
