//! Everything that the monitor knows, as data.

use super::{Inner, Monitor};
use crate::collect::others::{ExposedText, Source};
use crate::collect::{Collector, Cursor};
use crate::observe::history::unseen::Begins;

impl Monitor {
    /// Shows all metrics as data: those of calls, the application's own and those of merged texts, as they stand now. Of
    /// what is in the text of a scrape nothing is left out but exemplars. See [`Collector`].
    ///
    /// Costs what a scrape does without the writing: for each series about 50 ns to see whether it changed, a microsecond
    /// where it did, and what the collector takes. A scrape that comes meanwhile waits, so that a collector must not ask
    /// for one.
    pub fn collect(&self, collector: &mut dyn Collector) {
        let Inner { model, registry, others, .. } = &*self.inner;
        model.collect(registry, others, collector);
    }

    /// Serves families that a part counts itself together with the monitor's, until the guard is dropped: `render` gives them as Prometheus
    /// text (0.0.4) at each scrape. As [`merge_prometheus`](crate::MonitorBuilder::merge_prometheus), but a text of a part is no sign that
    /// another recorder's metrics are served here.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let guard = monitor.expose_text(|| "part_jobs_total 3\n".to_owned());
    /// assert!(monitor.render_prometheus().contains("part_jobs_total 3"));
    /// drop(guard);
    /// assert!(!monitor.render_prometheus().contains("part_jobs_total"));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn expose_text(&self, render: impl Fn() -> String + Send + Sync + 'static) -> ExposedText {
        self.inner.others.add_of_part(Source::new(render))
    }

    /// A reader of what happens from the last tick on: each slice of each series once. See [`Cursor`].
    pub fn cursor(&self) -> Cursor {
        Cursor::new(&self.inner.registry, Begins::Now)
    }

    /// As [`cursor`](Self::cursor), from the oldest slice that memory holds on: up to an hour ago, and not before the last
    /// [`reset`](Self::reset).
    pub fn cursor_from_memory(&self) -> Cursor {
        Cursor::new(&self.inner.registry, Begins::BeforeMemory)
    }
}
