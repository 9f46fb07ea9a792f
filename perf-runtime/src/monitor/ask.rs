//! Answers of a monitor: text for a scrape, summaries, health.

use super::overhead::Part;
use super::{Inner, Monitor};
use crate::expose::merge;
use crate::expose::rules::{self, PrometheusRules, RuleProfile};
use crate::expose::text::Format;
use crate::judge::health::report::{Evidence, HealthReport};
use crate::judge::health::resource;
use crate::judge::rule::observation::Gauges;
use crate::measure::clock::{self, Moment};
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use crate::observe::metrics::known as names;
use crate::observe::metrics::recent::MetricTrack;
use crate::observe::query::blocked::{self, BlockedThread};
use crate::observe::query::grid::CellGrid;
use crate::observe::query::in_flight::{self, CallInFlight, CallsInFlight};
use crate::observe::query::panorama::{Panorama, Track};
use crate::observe::query::selector::Selector;
use crate::observe::query::summary::{KindSummary, Summary};
use crate::observe::series::entry::Series;
use crate::observe::series::identity::Identity;
use std::time::Duration;

impl Monitor {
    /// All metrics as Prometheus text, format 0.0.4. Takes about half a microsecond for each series, and another where calls
    /// ended since the last time: call it where blocking is allowed.
    pub fn render_prometheus(&self) -> String {
        let mut text = String::new();
        self.render_prometheus_to(&mut text);
        text
    }

    /// Writes [`render_prometheus`](Self::render_prometheus)'s text behind what `text` holds. Where the text has megabytes,
    /// to find room for it anew takes longer than to write it: so clear it, and give it again for the next scrape.
    pub fn render_prometheus_to(&self, text: &mut String) {
        self.render(Format::Prometheus, text);
    }

    /// All metrics as OpenMetrics text, version 1.0.0, with exemplars where
    /// [`trace_id_of`](super::MonitorBuilder::trace_id_of) says how to get them. Costs as much as
    /// [`render_prometheus`](Self::render_prometheus).
    ///
    /// The bound of a bucket is a decimal number here, `le="1.0"` in place of `le="1"`, as the format asks: to Prometheus
    /// before its version 3 these are two series.
    pub fn render_openmetrics(&self) -> String {
        let mut text = String::new();
        self.render_openmetrics_to(&mut text);
        text
    }

    /// Writes [`render_openmetrics`](Self::render_openmetrics)'s text behind what `text` holds.
    pub fn render_openmetrics_to(&self, text: &mut String) {
        self.render(Format::OpenMetrics, text);
    }

    fn render(&self, format: Format, text: &mut String) {
        let Inner { model, renderer, registry, others, spent, .. } = &*self.inner;
        spent.time(Part::Rendering, || {
            let others = merge::blocks(others, format, registry, model);
            renderer.render(model, registry, format, (&others, self.shown_recorded()), text);
        });
    }

    /// The content type of [`render_prometheus`](Self::render_prometheus)'s text.
    pub const PROMETHEUS_CONTENT_TYPE: &'static str = Format::Prometheus.content_type();

    /// The content type of [`render_openmetrics`](Self::render_openmetrics)'s text.
    pub const OPENMETRICS_CONTENT_TYPE: &'static str = Format::OpenMetrics.content_type();

    /// The application's own metrics, series by series over a window and cell by cell: what they were at the ticks
    /// of the last hour. The first 2,000 series have points. With `after`, a time since the monitor was made, only the points
    /// of that moment's cell and later ones; ask with the last answer's [`ticked`](CellGrid::ticked) for what is new. Costs
    /// about a microsecond for each series, and some nanoseconds for each point.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window};
    /// # let monitor = Monitor::builder().build()?;
    /// monitor.record_custom_metric("queue_depth", 42.0, "jobs");
    /// let (grid, tracks) = monitor.custom_tracks(Window::LastHour, None);
    /// assert_eq!((grid.step, tracks[0].name.as_str()), (60.0, "queue_depth"));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn custom_tracks(&self, window: Window, after: Option<Duration>) -> (CellGrid, Vec<MetricTrack>) {
        let registry = &self.inner.registry;
        let grid = registry.grid(window, self.inner.started);
        let oldest = (grid.newest + 1).saturating_sub(grid.cells).max(after.map_or(0, |after| grid.cell_at(after)));
        (grid, registry.custom().tracks(window, &(oldest..=grid.newest)))
    }

    /// How well the process is, and why: judged now, over the last minutes.
    pub fn health(&self) -> HealthReport {
        self.inner.health().0
    }

    /// The rules and objectives as a rule file of Prometheus, with unit tests for `promtool test rules`.
    pub fn prometheus_rules(&self, profile: RuleProfile) -> PrometheusRules {
        let rules = self.inner.alerts().rules();
        let (rules, objectives) = (rules.iter().map(|status| &status.rule), self.objectives());
        let all = self.inner.registry.all();
        let some = |kind, is: fn(&Series) -> bool| all.iter().any(|series| series.identity.kind == kind && is(series));
        let left_out = |kind| rules::LeftOut {
            waits: some(kind, Series::waits),
            streams: some(kind, |series| series.has_streams() && !series.is_timed()),
        };
        rules::write(rules, &objectives, left_out, self.inner.model.prefix(), profile)
    }

    /// Every series with its statistics over a window, up to now.
    pub fn summary(&self, window: Window) -> Summary {
        self.inner.registry.summary(window, clock::now())
    }

    /// Every series over a window and cell by cell, as a live dashboard draws it; for other ranges see
    /// [`tracks`](Self::tracks). With `after`, a time since
    /// the monitor was made, only the points of cells in which anything happened since; ask with the last answer's
    /// [`ticked`](crate::series::CellGrid::ticked) for what is new. Costs some microseconds for each series and each point.
    pub fn panorama(&self, window: Window, after: Option<Duration>) -> Panorama {
        self.inner.registry.panorama(window, self.inner.started, after)
    }

    /// As [`panorama`](Self::panorama), of the series of one kind whose first labels have these values, taken together and
    /// with histograms. `None` where there is no such series.
    pub fn track(
        &self,
        kind: Kind,
        labels: &[&str],
        window: Window,
        after: Option<Duration>,
    ) -> Option<(CellGrid, Track)> {
        self.inner.registry.track(kind, labels, window, self.inner.started, after)
    }

    /// The calls that wait now, the oldest first, `limit` at most: async calls that returned `Pending` and have not ended.
    /// A call that never waited is not among them while it runs.
    pub fn calls_in_flight(&self, limit: usize) -> Vec<CallInFlight> {
        in_flight::oldest(&self.inner.registry, |_| true, limit, clock::now()).calls
    }

    /// As [`calls_in_flight`](Self::calls_in_flight), of the selected series, and how many there are in all. Each names the call that it was made
    /// inside ([`CallInFlight::parent`]), so that they are a tree. Costs one or two looks at every call that waits.
    ///
    /// ```
    /// use perf_runtime::series::Selector;
    /// use perf_runtime::{Monitor, monitor};
    /// use std::future::pending;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// #[monitor("in_flight_inner")]
    /// async fn inner() {
    ///     pending().await
    /// }
    ///
    /// #[monitor("in_flight_outer")]
    /// async fn outer() {
    ///     inner().await
    /// }
    ///
    /// let monitor = Monitor::builder().build()?;
    /// let mut call = pin!(outer());
    /// assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// let in_flight = monitor.in_flight(&Selector::calls(), 10);
    /// let [outer, inner] = in_flight.calls.as_slice() else { panic!("two wait") };
    /// assert_eq!((in_flight.total, outer.parent, outer.inside, inner.parent), (2, None, 1, Some(outer.id)));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn in_flight(&self, selector: &Selector, limit: usize) -> CallsInFlight {
        let fits = |identity: &Identity| selector.selects_identity(identity);
        in_flight::oldest(&self.inner.registry, fits, limit, clock::now())
    }

    /// As [`calls_in_flight`](Self::calls_in_flight), of the series of one kind whose first labels have these values: none of
    /// them is lost behind older calls of others.
    ///
    /// ```
    /// use perf_runtime::{Kind, Monitor};
    ///
    /// let monitor = Monitor::builder().build()?;
    /// assert!(monitor.calls_in_flight_of(Kind::DbOperation, &["select", "users"], 10).is_empty());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn calls_in_flight_of(&self, kind: Kind, labels: &[&str], limit: usize) -> Vec<CallInFlight> {
        let fits = |identity: &Identity| identity.begins(kind, labels);
        in_flight::oldest(&self.inner.registry, fits, limit, clock::now()).calls
    }

    /// The threads that one poll has kept for at least so long and still does, with the function that keeps each: async calls
    /// that run without returning, and sync ones within them. A sync call outside of any measured poll is not among them,
    /// and neither is what a guard times ([`Operation::start`](crate::Operation::start)): nobody knows where that runs.
    ///
    /// Looks at the cells of every series and thread, some nanoseconds each; where a thread seems to be kept, once more two
    /// milliseconds later. Threads beyond the first 127 that are alive at once are not known one by one, and never told.
    pub fn blocked_threads(&self, at_least: Duration) -> Vec<BlockedThread> {
        blocked::threads(&self.inner.registry, at_least)
    }
}

impl Inner {
    /// The verdict, and what it was made from.
    pub(super) fn health(&self) -> (HealthReport, Vec<KindSummary>, Gauges) {
        let now = clock::now();
        self.judged(now, self.registry.recent(now))
    }

    /// The same for a sampler, which runs at the beginning of a tick.
    pub(super) fn health_within_tick(&self) -> HealthReport {
        let now = clock::now();
        self.judged(now, self.registry.recent_within_tick(now)).0
    }

    fn judged(&self, now: Moment, kinds: Vec<KindSummary>) -> (HealthReport, Vec<KindSummary>, Gauges) {
        let (firing, limits) = {
            let alerts = self.alerts();
            (alerts.firing(), alerts.limits())
        };
        let added = self.loaded().settings.resources.clone();
        // Hits of caches are no indicator, and part of the evidence.
        let names = resource::gauges(&added).chain([names::CACHE_HIT_RATIO]);
        let gauges = self.gauges(self.moment_of(now), names);
        let evidence = Evidence { gauges: &gauges, added: &added, firing: &firing, limits: &limits };
        (HealthReport::judge(&kinds, evidence), kinds, gauges)
    }
}
