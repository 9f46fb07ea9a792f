//! Every series that a monitor knows.
//!
//! Series of annotated functions are bounded by the program's text. Series made at run time are bounded (see
//! [`overflow`](super::overflow)) and found through a cache of each thread's own (see [`lookup`](super::lookup)).

use super::by_design::ByDesign;
use super::entry::Series;
use super::identity::{Identity, shorten};
use super::lookup::{Lookup, Owner, Owners, hash_of};
use super::overflow::{Bounds, Limits, Overflow, Replaced};
use super::ticks::{Gap, Ticks};
use crate::measure::cells::meter::Meter;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
use crate::measure::site::directory;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation::{self, Isolation};
use crate::observe::metrics::bounds::HistogramBounds;
use crate::observe::metrics::store::MetricStore;
use crate::observe::query::edge_log::EdgeLog;
use crate::observe::query::range::TimeRange;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// The most labels that a kind has.
const MAX_LABELS: usize = 4;
/// So long everything is in memory. A question about an hour may come a moment late.
const MEMORY: Duration = Duration::from_secs(3_601);

static OWNERS: Owners = Owners::new();

thread_local! {
    /// Series that were made at run time, by the labels that were asked for.
    static FOUND: Lookup<Arc<Series>> = Lookup::new();
}

/// All series, and the bounds on them.
#[derive(Debug)]
pub(crate) struct Registry {
    owner: Owner,
    custom: MetricStore,
    hasher: RandomState,
    inner: RwLock<Inner>,
    edges: Mutex<EdgeLog>,
    /// The test whose calls it reads, where that is isolated.
    #[cfg(any(test, feature = "test-util"))]
    isolation: Option<&'static Isolation>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Sorted by identity. Shared with those who read it; a change makes a copy while they do.
    series: Arc<Vec<Arc<Series>>>,
    /// By the hash of kind and labels; what shares a hash is told apart by value.
    by_hash: HashMap<u64, Vec<Arc<Series>>>,
    /// The meters of sites that are in `series`, by address.
    meters: BTreeSet<usize>,
    /// The number of sites when they were last looked at.
    changes: usize,
    ticks: Ticks,
    limits: Limits,
    made: BTreeMap<Kind, Bounds>,
    /// Waits and cancellations that are part of the plan, by the route of requests.
    routes: BTreeMap<String, ByDesign>,
}

impl Registry {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::with_bounds(HistogramBounds::default(), Limits::default())
    }

    /// A registry that knows the sites of the program. Their counts so far are in the totals and in no window. `bounds`
    /// are those of the application's own histograms, and `limits` those of series that are made at run time.
    pub(crate) fn with_bounds(bounds: HistogramBounds, limits: Limits) -> Self {
        let this = Self {
            owner: Owner::new(&OWNERS),
            custom: MetricStore::new(bounds).limited(limits),
            hasher: RandomState::new(),
            inner: RwLock::new(Inner { limits, ..Inner::default() }),
            edges: Mutex::default(),
            #[cfg(any(test, feature = "test-util"))]
            isolation: isolation::current(),
        };
        this.adopt_sites();
        let now = clock::now();
        this.begin_tick(now, false);
        this.ticked(now);
        this.read(|inner| inner.series.iter().for_each(|series| series.begin(now)));
        this.edge_log().begin(now, &this.all());
        this
    }

    /// Whose entries a thread's cache has for it.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Has this thread work for the test whose calls it reads, where that is isolated.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn enter_isolation(&self) -> Option<isolation::Entered> {
        self.isolation.map(Isolation::enter)
    }

    /// The application's own metrics.
    pub(crate) fn custom(&self) -> &MetricStore {
        &self.custom
    }

    /// Makes sites known that announced themselves since. They did so less than a tick ago: what they counted is recent.
    pub(crate) fn refresh(&self) {
        if self.read(|inner| inner.changes) != directory::changes() {
            self.adopt_sites();
        }
    }

    fn adopt_sites(&self) {
        self.write(|inner| {
            // Before the sites are looked at: what comes while they are is found the next time.
            inner.changes = directory::changes();
            for (site, index, meter) in directory::sites().flat_map(meters_of) {
                #[cfg(any(test, feature = "test-util"))]
                let meter = self.isolation.map_or(meter, |isolation| isolation.meter(meter));
                if !inner.meters.insert(std::ptr::from_ref(meter).addr()) {
                    continue;
                }
                meter.errors.announce(site.sorts_at_zero());
                let identity = Identity::of_site(site, index);
                let values: Vec<&str> = identity.labels.iter().map(AsRef::as_ref).collect();
                let hash = self.hasher.hash_one((identity.kind, &*values));
                if let Some(series) = inner.find(hash, |other| *other == identity) {
                    series.adopt(meter);
                } else {
                    inner.insert(hash, Series::new(identity, Some(meter), inner.ticks.last()));
                }
            }
        });
    }

    /// Shows the series of a kind with these label values to `look`, made where there is none yet; and how its labels
    /// overflowed, if they did. It is for `look` to count that.
    ///
    /// Costs a hash and a comparison where this thread met the series before, and then neither a lock nor an allocation;
    /// else a read lock, and a write lock where the series is made.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        kind: Kind,
        labels: &[&str],
        look: impl Fn(&Arc<Series>, Option<&Overflow>) -> R,
    ) -> R {
        let hash = hash_of(kind as u64, labels.iter().copied());
        let kept = FOUND.try_with(|cache| {
            let is_it = |series: &Arc<Series>| series.identity.is(kind, labels);
            cache.with(&self.owner, hash, is_it, |series| look(series, None))
        });
        // No cache, while the thread ends.
        kept.ok().flatten().unwrap_or_else(|| {
            let (series, overflow) = self.meet(kind, labels, hash);
            look(&series, overflow.as_ref())
        })
    }

    /// For the first time on this thread.
    #[cold]
    fn meet(&self, kind: Kind, labels: &[&str], hash: u64) -> (Arc<Series>, Option<Overflow>) {
        let (series, overflow) = self.resolve(kind, labels);
        // Combinations that overflowed are not kept: there are too many.
        if series.identity.is(kind, labels) {
            let _ = FOUND.try_with(|cache| cache.keep(&self.owner, hash, Arc::clone(&series)));
        }
        (series, overflow)
    }

    /// Says what is part of the plan for the requests of a route: of every method and status, those there are and those to
    /// come.
    pub(crate) fn say_of_route(&self, route: &str, say: impl Fn(&ByDesign)) {
        let route = shorten(route);
        self.write(|inner| {
            say(inner.routes.entry(route.to_owned()).or_default());
            let is_of_route = |series: &&Arc<Series>| route_of(&series.identity) == Some(route);
            inner.series.iter().filter(is_of_route).for_each(|series| say(&series.by_design));
        });
    }

    /// Counts a call that is over.
    #[inline]
    pub(crate) fn record(&self, kind: Kind, labels: &[&str], outcome: Outcome, nanos: u64) {
        self.with(kind, labels, |series, overflow| {
            overflow.inspect(|overflow| overflow.count());
            series.own.failures.note_outcome(outcome, None, None);
            series.own.record(outcome, nanos);
        });
    }

    fn resolve(&self, kind: Kind, labels: &[&str]) -> (Arc<Series>, Option<Overflow>) {
        let mut cut = [""; MAX_LABELS];
        cut.iter_mut().zip(labels).for_each(|(cut, label)| *cut = shorten(label));
        let labels = &cut[..labels.len().min(MAX_LABELS)];
        if let Some(found) = self.read(|inner| inner.look_up(&self.hasher, kind, labels)) {
            return found;
        }
        self.refresh();
        self.write(|inner| {
            inner.look_up(&self.hasher, kind, labels).unwrap_or_else(|| inner.make(&self.hasher, kind, labels))
        })
    }

    /// The series of a kind with these label values.
    #[cfg(test)]
    pub(crate) fn series(&self, kind: Kind, labels: &[&str]) -> Arc<Series> {
        self.with(kind, labels, |series, overflow| {
            overflow.inspect(|overflow| overflow.count());
            Arc::clone(series)
        })
    }

    /// The series of a kind with these values of its own labels, whatever further labels they have.
    pub(crate) fn named(&self, kind: Kind, labels: &[&str]) -> Vec<Arc<Series>> {
        let all = self.all();
        all.iter().filter(|series| series.identity.is_named(kind, labels)).map(Arc::clone).collect()
    }

    /// All series, sorted by kind and labels. Costs a read lock and a count.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<Series>>> {
        self.refresh();
        self.read(|inner| Arc::clone(&inner.series))
    }

    /// Notes that a value of a kind's label is one of few, by what made it: see [`Bounds::know`].
    pub(crate) fn know(&self, kind: Kind, label: &str, value: &str) {
        let Some(place) = kind.label_names().iter().position(|name| *name == label) else { return };
        self.write(|inner| inner.bounds_of(kind).know(place, shorten(value)));
    }

    /// How many calls had a label's value replaced: kind, label, count.
    pub(crate) fn overflowed(&self) -> Vec<(Kind, &'static str, u64)> {
        self.read(|inner| {
            let counts = inner.made.iter().flat_map(|(&kind, made)| {
                let name = move |place: usize| kind.label_names().get(place).copied();
                made.overflowed().filter_map(move |(place, count)| Some((kind, name(place)?, count)))
            });
            counts.collect()
        })
    }

    /// The edges of the tree of calls.
    pub(crate) fn edge_log(&self) -> MutexGuard<'_, EdgeLog> {
        self.edges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When all series were last cut.
    pub(crate) fn last_tick(&self) -> Moment {
        self.read(|inner| inner.ticks.last())
    }

    /// Whether all of a range is in memory, that of earlier processes as well.
    pub(crate) fn remembers(&self, range: &TimeRange, now: Moment) -> bool {
        self.remembers_since(range, now.before(MEMORY))
    }

    /// The same of a memory that holds what came from a moment on.
    pub(crate) fn remembers_since(&self, range: &TimeRange, since: Moment) -> bool {
        let is_own = range.start() >= wall::time_of(self.begun());
        is_own && self.first_within(range).is_none_or(|first| first >= since)
    }

    /// Whether memory holds all that this process did in a range.
    pub(crate) fn is_recent(&self, range: &TimeRange, now: Moment) -> bool {
        self.first_within(range).is_none_or(|first| now.since(first) <= MEMORY)
    }

    /// The first moment of a range since the registry was made: a machine that is up for days may have shown it long before. It may have several that are apart, where the clock was set back.
    fn first_within(&self, range: &TimeRange) -> Option<Moment> {
        wall::first_within(self.begun(), wall::to_unix_nanos(range.start()), wall::to_unix_nanos(range.end()))
    }

    /// When the registry was made: nothing is known of earlier times.
    pub(crate) fn begun(&self) -> Moment {
        self.read(|inner| inner.ticks.begun())
    }

    /// Times of the last hour in which no tick came, the oldest first: when each began and ended. Nobody observed the process
    /// meanwhile; what its calls did is told at the end.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.read(|inner| inner.ticks.gaps())
    }

    /// Those gaps in which somebody should have ticked: the process was stopped, or had no core to spare.
    pub(crate) fn pauses(&self) -> Vec<Gap> {
        self.read(|inner| inner.ticks.pauses())
    }

    /// How many times all series were cut.
    pub(crate) fn ticks(&self) -> u64 {
        self.read(|inner| inner.ticks.count())
    }

    /// Begins a tick.
    pub(super) fn begin_tick(&self, now: Moment, is_of_ticker: bool) {
        self.write(|inner| inner.ticks.begin(now, is_of_ticker));
    }

    /// Ends a tick.
    pub(super) fn ticked(&self, now: Moment) {
        self.write(|inner| inner.ticks.end(now));
    }

    fn read<R>(&self, look: impl FnOnce(&Inner) -> R) -> R {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// The series under which a call with these labels counts, where it exists.
    fn look_up(&self, hasher: &RandomState, kind: Kind, labels: &[&str]) -> Option<(Arc<Series>, Option<Overflow>)> {
        let find = |replaced: Replaced| {
            let labels = &fitted(labels, replaced)[..labels.len()];
            self.find(hasher.hash_one((kind, labels)), |identity| identity.is(kind, labels))
        };
        if let Some(found) = find(Replaced::NONE) {
            return Some((found, None));
        }
        let made = self.made.get(&kind)?;
        let places = || labels.iter().copied().enumerate();
        let ways = [Some(made.fit(places())), made.all(places())];
        ways.into_iter()
            .flatten()
            .find_map(|replaced| Some((find(replaced)?, made.overflow(replaced, kind.family().counter))))
    }

    /// Makes the series under which a call with these labels counts.
    fn make(&mut self, hasher: &RandomState, kind: Kind, labels: &[&str]) -> (Arc<Series>, Option<Overflow>) {
        let made = self.bounds_of(kind);
        let places = || labels.iter().copied().enumerate();
        let replaced = made.all(places()).unwrap_or_else(|| made.fit(places()));
        let labels = &fitted(labels, replaced)[..labels.len()];
        made.admit(labels.iter().copied().enumerate());
        let overflow = made.overflow(replaced, kind.family().counter);
        let series = Series::new(Identity::of_values(kind, labels), None, clock::now());
        if let Some(said) = route_of(&series.identity).and_then(|route| self.routes.get(route)) {
            series.by_design.add(said);
        }
        (self.insert(hasher.hash_one((kind, labels)), series), overflow)
    }

    fn bounds_of(&mut self, kind: Kind) -> &mut Bounds {
        self.made.entry(kind).or_insert_with(|| Bounds::new(self.limits))
    }

    fn find(&self, hash: u64, is_it: impl Fn(&Identity) -> bool) -> Option<Arc<Series>> {
        self.by_hash.get(&hash)?.iter().find(|series| is_it(&series.identity)).cloned()
    }

    fn insert(&mut self, hash: u64, series: Series) -> Arc<Series> {
        let series = Arc::new(series);
        self.by_hash.entry(hash).or_default().push(Arc::clone(&series));
        let place = self.series.partition_point(|other| other.identity < series.identity);
        Arc::make_mut(&mut self.series).insert(place, Arc::clone(&series));
        series
    }
}

/// The route of a series of requests.
fn route_of(identity: &Identity) -> Option<&str> {
    identity.pairs().find(|(name, _)| identity.kind == Kind::HttpRequest && *name == "route").map(|(_, route)| route)
}

/// Label values as they count, with some replaced.
fn fitted<'a>(labels: &[&'a str], replaced: Replaced) -> [&'a str; MAX_LABELS] {
    let mut fitted = [""; MAX_LABELS];
    for (place, (fitted, label)) in fitted.iter_mut().zip(labels).enumerate() {
        *fitted = replaced.value(place, label);
    }
    fitted
}

/// The meters of a site, each with the index of its combination of labels.
fn meters_of(site: &'static Site) -> impl Iterator<Item = (&'static Site, usize, &'static Meter)> {
    site.meters().iter().enumerate().map(move |(index, meter)| (site, index, meter))
}

#[cfg(test)]
mod tests;
