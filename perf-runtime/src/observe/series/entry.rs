//! One series: what it is, what writes it, and what happened to it.

use super::by_design::ByDesign;
use super::identity::Identity;
use super::labels::Labels;
use super::observation::{Look, Observation, Sees, seen_since};
use super::writers::Sites;
use crate::measure::cells::cell_table::{Running, Waiter};
use crate::measure::cells::failures::Group;
use crate::measure::cells::histogram::{Bound, Layout};
use crate::measure::cells::meter::Meter;
use crate::measure::cells::profile::ProfileReading;
use crate::measure::cells::reading::Reading;
use crate::measure::cells::sampled::SampledReading;
use crate::measure::cells::streams::{StreamBuckets, StreamSums};
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::Outcome;
use crate::measure::model::target::Targets;
use crate::observe::history::counts::{CountedSlice, Sums};
use crate::observe::history::failures::{FailedGroups, FailureNotes};
use crate::observe::history::packed::Hits;
use crate::observe::history::profile::{ProfileNotes, ProfileWindow};
use crate::observe::history::sampled::SampledNotes;
use crate::observe::history::slices::History;
use crate::observe::history::streams::StreamNotes;
use crate::observe::history::unseen::{Begins, Room, Seen, Unseen};
use crate::observe::history::wanted::Wanted;
use crate::observe::history::window::Window;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A kind with one set of label values. Several sites may write it, and the program may record into it directly.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) identity: Identity,
    /// The labels as they are shown: of a series that was ever summed up.
    labels: OnceLock<Labels>,
    /// Calls that the program records at run time.
    pub(crate) own: Meter,
    /// Calls of annotated functions.
    sites: Sites,
    /// The program's statements about its own calls.
    pub(crate) by_design: ByDesign,
    /// The buckets that it is read in: those of what wrote it first.
    pub(crate) layout: &'static Layout,
    history: Mutex<History>,
    profile: ProfileNotes,
    streams: StreamNotes,
    sampled: SampledNotes,
    failures: FailureNotes,
}

impl Series {
    /// A series that is observed from now on; what its sites counted before is taken to be recent.
    pub(crate) fn new(identity: Identity, site: Option<&'static Meter>, now: Moment) -> Self {
        let own = Meter::new(identity.kind);
        let layout = site.map_or_else(|| own.layout(), Meter::layout);
        let (profile, streams) = (ProfileNotes::default(), StreamNotes::default());
        site.inspect(|site| profile.begin(site, now));
        if site.is_some_and(|site| site.targets().streams) {
            streams.begin(now);
        }
        Self {
            identity,
            labels: OnceLock::new(),
            own,
            sites: Sites::new(site),
            by_design: ByDesign::default(),
            layout,
            history: Mutex::new(History::new(now, &Reading::default())),
            profile,
            streams,
            sampled: SampledNotes::default(),
            failures: FailureNotes::default(),
        }
    }

    /// Adds a function that writes this series.
    pub(crate) fn adopt(&self, meter: &'static Meter) {
        self.sites.add(meter);
        self.profile.begin(meter, clock::now());
        if meter.targets().streams {
            self.begin_streams();
        }
    }

    /// The names and values of its labels, to be shared: a tick shows those of every series.
    pub(crate) fn labels(&self) -> Labels {
        self.labels.get_or_init(|| self.identity.pairs().collect()).clone()
    }

    /// All that was ever counted.
    pub(crate) fn read(&self) -> Reading {
        let mut reading = Reading::default();
        self.read_into(&mut reading);
        reading
    }

    /// Adds all that was ever counted to `reading`, and says how many functions write the series: never fewer than before.
    pub(crate) fn read_into(&self, reading: &mut Reading) -> usize {
        self.own.read_into(reading, self.layout);
        let mut sites = 0;
        for meter in self.sites.iter() {
            meter.read_into(reading, self.layout);
            sites += 1;
        }
        reading.settle_expected();
        sites
    }

    /// Whether its calls wait by design: then nobody judges how long they take.
    pub(crate) fn waits(&self) -> bool {
        self.by_design.waits() || self.sites.iter().any(|site| site.targets().waits)
    }

    /// Whether it is judged how long its calls take: not of those that wait by design, and of streams, which last for as long as their
    /// consumer likes, only where a function says how long they may.
    pub(crate) fn is_timed(&self) -> bool {
        !self.waits() && (!self.has_streams() || self.has_others() || self.targets().limits_latency())
    }

    /// Whether functions that return no stream write it.
    pub(crate) fn has_others(&self) -> bool {
        self.sites.iter().any(|site| !site.targets().streams)
    }

    /// Whether calls of it are streams.
    pub(crate) fn has_streams(&self) -> bool {
        self.streams.are_kept()
    }

    /// Whether a function says that its calls are cancelled by design.
    pub(crate) fn expects_cancelled(&self) -> bool {
        self.by_design.cancel() || self.sites.iter().any(|site| site.targets().cancel_expected)
    }

    /// Says of a call that the program records, just before it ends, that it ends as it was meant to, where it does.
    pub(crate) fn note_end(&self, outcome: Outcome) {
        if outcome == Outcome::Cancelled && self.by_design.cancel() {
            self.own.expected.add_cancelled();
        }
    }

    /// Failed calls by the sort of their error, where that is known. A call counts its sort just before itself.
    pub(crate) fn error_types(&self) -> BTreeMap<&'static str, u64> {
        let mut sorts = BTreeMap::new();
        self.for_each_meter(|meter| {
            for sort in meter.errors.read() {
                *sorts.entry(sort.name).or_default() += sort.count;
            }
        });
        sorts
    }

    /// Resources that its calls used; `None` where no function that writes it profiles.
    pub(crate) fn profile(&self) -> Option<ProfileReading> {
        self.profile.are_kept().then(|| self.read_profile())
    }

    /// Whether a function says how much its calls do.
    pub(crate) fn has_units(&self) -> bool {
        self.sites.iter().any(|site| site.targets().units)
    }

    fn read_profile(&self) -> ProfileReading {
        let mut reading = ProfileReading::default();
        self.for_each_meter(|meter| meter.profile.read_into(&mut reading));
        reading
    }

    /// Says that calls of it are streams.
    pub(crate) fn begin_streams(&self) {
        if !self.has_streams() {
            self.streams.begin(clock::now());
        }
    }

    /// The sums of its streams; `None` where no call is one.
    pub(crate) fn streams(&self) -> Option<StreamSums> {
        self.has_streams().then(|| self.read_streams())
    }

    fn read_streams(&self) -> StreamSums {
        let mut sums = StreamSums::default();
        self.for_each_meter(|meter| meter.read_streams_into(&mut sums));
        sums
    }

    /// The times of its streams by bucket, in the buckets that it is read in.
    pub(crate) fn stream_buckets(&self) -> StreamBuckets {
        let mut buckets = StreamBuckets::default();
        self.for_each_meter(|meter| meter.read_stream_buckets_into(&mut buckets, self.layout));
        buckets
    }

    /// Processor time of its calls by samples.
    pub(crate) fn read_sampled(&self) -> SampledReading {
        let mut reading = SampledReading::default();
        self.for_each_meter(|meter| reading.add(meter.sampled()));
        reading
    }

    /// Shows the groups of failures of all that write it.
    fn for_each_failed(&self, look: &mut dyn FnMut(usize, &[Group], u64)) {
        self.for_each_meter(|meter| {
            let name = std::ptr::from_ref(meter).addr();
            meter.failures.read(|groups, others| look(name, groups, others));
        });
    }

    /// Its failures in a range of time, in groups; `None` where there never were any. What came since the last tick is in the live part.
    pub(crate) fn failed(&self, wanted: &Wanted, now: Moment) -> Option<FailedGroups> {
        let history = self.history();
        self.failures.read(wanted, (history.ticked(), now), |look| self.for_each_failed(look))
    }

    /// Since when the call has been waiting that has for longest; `None` where none waits.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        let mut oldest: Option<Moment> = None;
        self.for_each_meter(|meter| {
            oldest = [oldest, meter.oldest()].into_iter().flatten().min();
        });
        oldest
    }

    /// Shows each of the calls that are listed.
    pub(crate) fn for_each_waiting(&self, mut look: impl FnMut(Waiter)) {
        self.for_each_meter(|meter| meter.for_each_waiting(&mut look));
    }

    /// Calls that run now, by the number of their thread's slot.
    pub(crate) fn for_each_running(&self, mut look: impl FnMut(usize, Running)) {
        self.for_each_meter(|meter| meter.for_each_running(&mut look));
    }

    /// How many functions write it: never fewer than before.
    pub(crate) fn sites(&self) -> usize {
        self.sites.iter().count()
    }

    /// The bounds at which the counts of all that write it are exact.
    pub(crate) fn bounds(&self) -> Vec<&'static Bound> {
        let exact = |bound: &&Bound| self.sites.iter().all(|site| site.layout().is_exact_at(bound));
        self.layout.bounds().iter().filter(exact).collect()
    }

    /// The objective of its functions: the first that states one.
    pub(crate) fn targets(&self) -> &'static Targets {
        let promising = |targets: &&Targets| targets.slow.is_some() || targets.objective.is_some();
        self.sites.iter().map(Meter::targets).find(promising).unwrap_or(&Targets::NONE)
    }

    pub(crate) fn for_each_meter(&self, mut look: impl FnMut(&Meter)) {
        look(&self.own);
        self.sites.iter().for_each(look);
    }

    /// Whether one of the meters that write it is the one meant.
    pub(crate) fn has_meter(&self, is_it: impl Fn(&Meter) -> bool) -> bool {
        is_it(&self.own) || self.sites.iter().any(is_it)
    }

    /// How many calls ever ended. Costs a look at a cell for each thread that called.
    pub(crate) fn ended(&self) -> u64 {
        let mut ended: u64 = 0;
        self.for_each_meter(|meter| ended = ended.wrapping_add(meter.ended()));
        ended
    }

    /// Bytes in memory without its windows, estimated from the sizes of its fields.
    pub(crate) fn bytes(&self) -> usize {
        let mut bytes = size_of::<Self>() - size_of::<History>();
        self.for_each_meter(|meter| bytes += meter.bytes_of_cells());
        let shown = self.labels.get().into_iter().flat_map(|labels| labels.iter());
        bytes += shown.map(|label| size_of_val(label) + label.0.len() + label.1.len()).sum::<usize>();
        bytes + self.identity.labels.iter().map(|label| size_of_val(label) + label.len()).sum::<usize>()
    }

    /// Bytes that its windows take in memory.
    pub(crate) fn window_bytes(&self) -> usize {
        self.history().bytes()
            + self.profile.bytes()
            + self.streams.bytes()
            + self.sampled.bytes()
            + self.failures.bytes()
    }

    /// Begins to observe: what was counted before, nobody knows when, is in the totals and in no window.
    pub(crate) fn begin(&self, now: Moment) {
        let mut history = self.history();
        *history = History::new(now, &self.read());
        self.profile.reset(now, || self.read_profile());
        self.streams.reset(now, || self.read_streams());
        self.sampled.reset(now, || self.read_sampled());
        self.failures.reset(|look| self.for_each_failed(look));
    }

    /// Cuts off what happened since the last tick.
    pub(crate) fn tick(&self, look: &mut Look) {
        // Under the lock, so that two ticks at once do not cut the same calls twice.
        self.cut(&mut self.history(), look);
    }

    /// An idle series is not read.
    fn cut(&self, history: &mut History, look: &mut Look) {
        self.profile.tick(look.now, || self.read_profile());
        self.streams.tick(look.now, || self.read_streams());
        self.sampled.tick(history.ticked(), look.now, || self.read_sampled());
        let changes = self.changes();
        let is_behind = history.is_behind(changes);
        self.failures.tick((history.ticked(), look.now), is_behind, |look| self.for_each_failed(look));
        if is_behind {
            self.read_again(&mut look.reading);
            history.tick(look.now, changes, &look.reading, &mut look.bytes);
        } else {
            history.tick_idle(look.now, &mut look.bytes);
        }
    }

    pub(crate) fn reset(&self, now: Moment) {
        let mut history = self.history();
        let changes = self.changes();
        history.reset(now, changes, &self.read(), &mut Vec::new());
        self.profile.reset(now, || self.read_profile());
        self.streams.reset(now, || self.read_streams());
        self.sampled.reset(now, || self.read_sampled());
        self.failures.reset(|look| self.for_each_failed(look));
    }

    /// Counts of the series in a window.
    pub(crate) fn observe(&self, window: Window, look: &mut Look) -> Observation {
        let mut history = self.history();
        let error_types = self.error_types();
        if look.sees == Sees::ItsTick {
            self.cut(&mut history, look);
        }
        let behind = look.sees == Sees::Now && history.is_behind(self.changes());
        let live = behind.then(|| self.read_again(&mut look.reading));
        let in_flight = history.in_flight(live);
        // A call that waits is in flight, so there is none to look for where nothing is.
        let oldest = if in_flight > 0 { self.oldest() } else { None };
        Observation {
            error_types,
            total: history.total(live),
            in_flight,
            oldest: oldest.map(|started| seen_since(started, look.now, &look.pauses)),
            layout: self.layout,
            counts: history.window(window, look.now, live, &mut look.bytes),
            profile: self.profile_window(window, look.now),
            streams: self
                .streams
                .window(window, look.now, || self.read_streams())
                .map(|streams| streams.mixed(self.has_others())),
            sampled: self.sampled.window(window, look.now, || self.read_sampled()),
            waits: self.waits(),
        }
    }

    fn profile_window(&self, window: Window, now: Moment) -> Option<ProfileWindow> {
        let units = self.profile.are_kept() && self.has_units();
        self.profile.window(window, now, units, || self.read_profile())
    }

    /// Counts of the series in a window, slice by slice, the oldest first.
    pub(crate) fn slices(&self, window: Window, look: &mut Look) -> Vec<CountedSlice> {
        let mut history = self.history();
        let live = history.is_behind(self.changes()).then(|| self.read_again(&mut look.reading));
        history.slices(window, look.now, live, &mut look.bytes)
    }

    /// Shows what happened after a moment up to the last tick, slice by slice, the oldest first.
    pub(crate) fn for_each_slice(&self, after: Moment, look: impl FnMut(Moment, Sums, Hits<'_>)) {
        self.history().for_each_slice(after, look);
    }

    /// Counts that a reader has seen who begins at the last tick, or before everything in memory.
    pub(crate) fn seen(&self, begins: Begins) -> Seen {
        match begins {
            Begins::Now => self.history().seen(),
            Begins::BeforeMemory => self.history().seen_before_all(),
        }
    }

    /// Shows a reader what it has not seen, up to the last tick.
    pub(crate) fn unseen(&self, by: &mut Seen, room: &mut Room, show: impl FnMut(&Unseen<'_>)) {
        self.history().unseen(by, room);
        room.tell(show);
    }

    /// A number that is another one whenever a call started or ended, as far as chance allows.
    pub(crate) fn changes(&self) -> u64 {
        let mut changes: u64 = 0;
        self.for_each_meter(|meter| changes = changes.wrapping_add(meter.changes()));
        changes
    }

    /// Reads into what an earlier reading left.
    fn read_again<'a>(&self, reading: &'a mut Reading) -> &'a Reading {
        reading.clear();
        self.read_into(reading);
        reading
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
