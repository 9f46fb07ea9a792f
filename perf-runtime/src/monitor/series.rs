//! Questions of a dashboard: the series there are, and how one of them did.

use super::Monitor;
use crate::expose::series::SeriesEntry;
use crate::measure::clock;
use crate::observe::history::window::Window;
use crate::observe::query::edges::Edge;
use crate::observe::query::past::Past;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::shares::Shares;
use crate::observe::query::tracks::{self, Tracks};
use crate::observe::series::series_id::SeriesId;

impl Monitor {
    /// Every series with its names and its statistics over a window, sorted by kind and labels. Costs as much as
    /// [`summary`](Self::summary).
    pub fn series(&self, window: Window) -> Vec<SeriesEntry> {
        let prefix = self.inner.model.prefix();
        self.summary(window).series.into_iter().map(|summary| SeriesEntry::new(summary, prefix)).collect()
    }

    /// The edges of the tree of calls: for each two series the calls of the one that were made inside calls of the other, and ended in a
    /// range of the last hour; sorted by parent and child. A [`Window`] is a range too.
    ///
    /// A call is made inside another if it begins on a thread on which the other runs or is polled just then: through awaits, `join!`,
    /// `select!` and boxed futures, and not through `spawn`. The last minute is known by the tick, earlier times by the minute, and a
    /// tick or minute that begins or ends in the range is part of it. At most 2,000 edges are told apart. Costs a look at the cells of
    /// all series.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window, monitor};
    /// #[monitor("edges_inner")]
    /// fn inner() {}
    ///
    /// #[monitor("edges_outer")]
    /// fn outer() {
    ///     inner();
    ///     inner();
    /// }
    ///
    /// let monitor = perf_runtime::monitor();
    /// outer();
    /// let edges = monitor.edges(Window::LastMinute);
    /// let edge = edges.iter().find(|edge| edge.child.labels.get("operation") == Some("edges_inner"));
    /// assert_eq!(edge.map(|edge| (edge.parent.to_string(), edge.calls)), Some(("operation{operation=edges_outer}".to_owned(), 2)));
    /// ```
    pub fn edges(&self, range: impl Into<TimeRange>) -> Vec<Edge> {
        self.inner.registry.edges(&range.into(), clock::now())
    }

    /// Where the time of a series went in a range of the last hour: its own, and that of each series whose calls were made inside its calls,
    /// directly or through others. A request is named by its method and route. `None` where none of its calls ended in the range. The range
    /// and the cost are those of [`edges`](Self::edges).
    ///
    /// ```
    /// # use perf_runtime::{Window, monitor};
    /// #[monitor("shares_inner")]
    /// fn inner() {}
    ///
    /// #[monitor("shares_outer")]
    /// fn outer() {
    ///     inner();
    /// }
    ///
    /// let monitor = perf_runtime::monitor();
    /// outer();
    /// let shares = monitor.shares(&"operation{operation=shares_outer}".parse()?, Window::LastMinute);
    /// let shares = shares.expect("a call ended");
    /// let all = shares.unannotated + shares.parts.iter().map(|part| part.share).sum::<f64>();
    /// assert!((all - 1.0).abs() < 1e-9);
    /// # Ok::<(), perf_runtime::series::NoSeriesId>(())
    /// ```
    pub fn shares(&self, of: &SeriesId, range: impl Into<TimeRange>) -> Option<Shares> {
        let range = range.into();
        let now = clock::now();
        self.inner.registry.shares(of, &range, now).or_else(|| {
            // Of times that memory does not hold nobody knows what was inside.
            if !self.inner.registry.remembers(range.start(), now) {
                return None;
            }
            let tracks = self.tracks(&Selector::from(of), range);
            let seconds = tracks.series.iter().filter_map(|series| series.whole.sum).sum();
            (seconds > 0.0).then(|| Shares::of_one(of, seconds))
        })
    }

    /// Series over any range of time, step by step on a grid that is aligned to the wall clock: calls, the application's own
    /// metrics and sampled ones. A [`Window`] is a range too.
    ///
    /// Memory holds an hour: its last minute by the second, five minutes by 5 s, the rest by the minute. Earlier times
    /// come from the [`Past`], where a part [provides](Self::provide) one, without a seam. Steps in which nobody observed
    /// have null in place of numbers. A reset changes nothing of it.
    ///
    /// Costs a look at the names of all series, some microseconds for each series that is meant and a tenth of one for each
    /// of its points; and what the past takes.
    ///
    /// ```
    /// # use perf_runtime::series::Selector;
    /// # use perf_runtime::{Kind, Monitor, Window};
    /// # use std::time::Duration;
    /// let monitor = Monitor::builder().build()?;
    /// monitor.record_response_time("search", Duration::from_millis(30));
    /// let search = Selector::kind(Kind::Operation).label("operation", "search");
    /// let tracks = monitor.tracks(&search, Window::LastMinute);
    /// assert_eq!((tracks.step, tracks.series.len()), (1.0, 1));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn tracks(&self, selector: &Selector, range: impl Into<TimeRange>) -> Tracks {
        let past = self.ask::<dyn Past>();
        tracks::of(&self.inner.registry, past.as_deref(), selector, &range.into())
    }
}
