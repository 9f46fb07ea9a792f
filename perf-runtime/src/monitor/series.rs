//! Questions of a dashboard: the series there are, and how one of them did.

use super::Monitor;
use crate::expose::series::{FamilyNames, SeriesEntry};
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use crate::observe::query::past::Past;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::tracks::{self, Tracks};
use crate::observe::series::series_id::SeriesId;

impl Monitor {
    /// Every series with its names and its statistics over a window, sorted by kind and labels. Costs as much as
    /// [`summary`](Self::summary).
    pub fn series(&self, window: Window) -> Vec<SeriesEntry> {
        let prefix = self.inner.model.prefix();
        let mut places = self.inner.registry.places();
        let entry = |summary| SeriesEntry::new(summary, prefix, &mut places);
        self.summary(window).series.into_iter().map(entry).collect()
    }

    /// The names under which the series of a kind are exposed, with the namespace: of a kind that has no series now, too.
    ///
    /// ```
    /// # use perf_runtime::{Kind, Monitor};
    /// let monitor = Monitor::builder().namespace("shop").build()?;
    /// assert_eq!(monitor.family_names(Kind::Tool).counter, "shop_tool_calls_total");
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn family_names(&self, kind: Kind) -> FamilyNames {
        FamilyNames::new(kind, self.inner.model.prefix())
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

    /// The names of the series of calls that [`tracks`](Self::tracks) may find in a range, sorted. Some may have no call in it: a
    /// [`Past`] that knows the names of what it keeps is not read for them.
    ///
    /// ```
    /// # use perf_runtime::series::Selector;
    /// # use perf_runtime::{Monitor, Window};
    /// # use std::time::Duration;
    /// let monitor = Monitor::builder().build()?;
    /// monitor.record_response_time("search", Duration::from_millis(30));
    /// let names = monitor.series_in(&Selector::calls(), Window::LastMinute);
    /// assert!(names.iter().any(|name| name.labels.get("operation") == Some("search")));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn series_in(&self, selector: &Selector, range: impl Into<TimeRange>) -> Vec<SeriesId> {
        let past = self.ask::<dyn Past>();
        tracks::names(&self.inner.registry, past.as_deref(), selector, &range.into())
    }
}
