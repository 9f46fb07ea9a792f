//! One series: what it is, what writes it, and what happened to it.

use super::history::{History, Slice};
use super::identity::Identity;
use super::window::Window;
use crate::measure::cells::Reading;
use crate::measure::clock::Moment;
use crate::measure::histogram::{Bound, Layout};
use crate::measure::kind::Kind;
use crate::measure::meter::Meter;
use crate::measure::outcome::Outcome;
use crate::measure::target::Targets;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// A kind with one set of label values. Several sites may write it, and the program may record into it directly.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) identity: Identity,
    /// What the program records at run time.
    pub(crate) own: Meter,
    /// What annotated functions write.
    sites: RwLock<Vec<&'static Meter>>,
    /// The buckets that it is read in: those of what wrote it first.
    pub(crate) layout: &'static Layout,
    history: Mutex<History>,
}

impl Series {
    /// A series that is observed from now on; what its sites counted before is taken to be recent.
    pub(crate) fn new(identity: Identity, sites: Vec<&'static Meter>, now: Moment) -> Self {
        let own = Meter::new(identity.kind);
        let layout = sites.first().map_or_else(|| own.layout(), |site| site.layout());
        Self {
            identity,
            own,
            sites: RwLock::new(sites),
            layout,
            history: Mutex::new(History::new(now, Reading::default())),
        }
    }

    /// Adds a function that writes this series.
    pub(super) fn adopt(&self, meter: &'static Meter) {
        self.sites.write().unwrap_or_else(PoisonError::into_inner).push(meter);
    }

    /// All that was ever counted.
    pub(crate) fn read(&self) -> Reading {
        let mut reading = Reading::default();
        self.for_each_meter(|meter| meter.read_into(&mut reading, self.layout));
        reading
    }

    /// Failed calls by the sort of their error, where that is known. Read it before [`read`](Self::read): so there are
    /// never more of them than errors.
    pub(crate) fn error_types(&self) -> BTreeMap<&'static str, u64> {
        let mut sorts = BTreeMap::new();
        self.for_each_meter(|meter| {
            for (name, count) in meter.errors.read() {
                *sorts.entry(name).or_default() += count;
            }
        });
        sorts
    }

    /// The age of the oldest call that waits; `None` where none does.
    pub(crate) fn oldest_age(&self, now: Moment) -> Option<Duration> {
        let mut oldest: Option<Moment> = None;
        self.for_each_meter(|meter| {
            oldest = [oldest, meter.oldest()].into_iter().flatten().min();
        });
        oldest.map(|started| now.since(started))
    }

    /// When each of the calls that wait started.
    pub(super) fn for_each_waiting(&self, mut look: impl FnMut(Moment)) {
        self.for_each_meter(|meter| meter.for_each_waiting(&mut look));
    }

    /// The bounds at which the counts of all that write it are exact.
    pub(crate) fn bounds(&self) -> Vec<&'static Bound> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        let exact = |bound: &&Bound| sites.iter().all(|site| site.layout().is_exact_at(bound));
        self.layout.bounds().iter().filter(exact).collect()
    }

    /// What the functions that write it promise: the first that promises anything.
    pub(crate) fn targets(&self) -> &'static Targets {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        let promising = |targets: &&Targets| targets.slow.is_some() || targets.objective.is_some();
        sites.iter().map(|site| site.targets()).find(promising).unwrap_or(&Targets::NONE)
    }

    fn for_each_meter(&self, mut look: impl FnMut(&Meter)) {
        look(&self.own);
        for meter in self.sites.read().unwrap_or_else(PoisonError::into_inner).iter() {
            look(meter);
        }
    }

    /// Begins to observe: what was counted before, nobody knows when, is in the totals and in no window.
    pub(crate) fn begin(&self, now: Moment) {
        let mut history = self.history();
        *history = History::new(now, self.read());
    }

    pub(crate) fn tick(&self, now: Moment) {
        // Under the lock, so that two ticks at once do not cut the same calls twice.
        let mut history = self.history();
        history.tick(now, self.read());
    }

    pub(crate) fn reset(&self, now: Moment) {
        let mut history = self.history();
        history.reset(now, self.read());
    }

    /// What the series did in a window.
    pub(super) fn observe(&self, window: Window, now: Moment) -> Observation {
        let history = self.history();
        let error_types = self.error_types();
        let reading = self.read();
        Observation {
            error_types,
            total: history.total(&reading),
            in_flight: reading.in_flight(),
            oldest: self.oldest_age(now),
            layout: self.layout,
            slice: history.slice(window, now, &reading),
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one series, or several together, did in a window.
#[derive(Debug)]
pub(crate) struct Observation {
    /// Calls finished since the baseline, by outcome.
    pub(crate) total: [u64; Outcome::ALL.len()],
    /// Failed calls by the sort of their error, since the process started.
    pub(crate) error_types: BTreeMap<&'static str, u64>,
    pub(crate) in_flight: u64,
    pub(crate) oldest: Option<Duration>,
    /// The buckets of `slice`.
    pub(crate) layout: &'static Layout,
    pub(crate) slice: Slice,
}

impl Observation {
    /// Nothing yet, of a kind.
    pub(super) fn none(kind: Kind) -> Self {
        let layout = Layout::of(kind);
        Self {
            total: [0; 4],
            error_types: BTreeMap::new(),
            in_flight: 0,
            oldest: None,
            layout,
            slice: Slice::default(),
        }
    }

    /// Adds what another series of the same kind did.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, total) in self.total.iter_mut().zip(other.total) {
            *sum += total;
        }
        for (&name, count) in &other.error_types {
            *self.error_types.entry(name).or_default() += count;
        }
        self.in_flight += other.in_flight;
        self.oldest = self.oldest.max(other.oldest);
        if std::ptr::eq(self.layout, other.layout) {
            self.slice.add(&other.slice);
        } else {
            self.slice.add(&other.slice.moved(other.layout, self.layout));
        }
    }
}
