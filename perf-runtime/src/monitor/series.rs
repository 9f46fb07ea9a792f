//! What a dashboard asks: which series there are, and how one of them did.

use super::Monitor;
use crate::expose::series::SeriesEntry;
use crate::measure::clock;
use crate::observe::history::window::Window;
use crate::observe::query::timeline::{self, Timeline};

impl Monitor {
    /// Every series with its names and its statistics over a window, sorted by kind and labels. Costs as much as
    /// [`summary`](Self::summary).
    pub fn series(&self, window: Window) -> Vec<SeriesEntry> {
        let prefix = self.inner.model.prefix();
        self.summary(window).series.into_iter().map(|summary| SeriesEntry::new(summary, prefix)).collect()
    }

    /// One series over a window, slice by slice, up to now; `None` where there is none of this
    /// [`id`](SeriesEntry::id). Costs a look at the names of all series, and some microseconds for each slice.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window};
    /// # use std::time::Duration;
    /// let monitor = Monitor::builder().build()?;
    /// monitor.record_response_time("search", Duration::from_millis(30));
    /// let timeline = monitor.timeline("operation{operation=search}", Window::LastMinute).expect("recorded just now");
    /// assert_eq!(timeline.slices.iter().map(|slice| slice.count).sum::<u64>(), 1);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn timeline(&self, id: &str, window: Window) -> Option<Timeline> {
        timeline::of(&self.inner.registry, id, window, clock::now())
    }
}
