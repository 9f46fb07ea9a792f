//! Slices for logs that keep more than memory does: failures, and calls inside calls.

use super::Monitor;
use crate::measure::clock::{self, wall};
use crate::observe::history::wanted::Wanted;
use crate::observe::query::error_log::ErrorSlice;
use crate::observe::query::log_position::LogPosition;
use crate::observe::query::log_slice::LogSlice;
use crate::observe::query::selector::Selector;
use crate::observe::query::tree_log::TreeSlice;
use std::time::{Duration, SystemTime};

/// Memory holds them so long: for an hour, and as long as a log may take to ask for it.
const KEPT: Duration = Duration::from_secs(3_600 + 360);

impl Monitor {
    /// The failures and the calls inside calls that came since this was asked last, to be kept by an [`ErrorLog`](crate::extend::ErrorLog) and
    /// a [`TreeLog`](crate::extend::TreeLog) beyond the hour of memory. `position` begins with its default, for all that memory holds, and says
    /// afterwards up to when everything was told: each call once.
    ///
    /// `until` is a full minute of the clock and [`LATE`](crate::extend::LATE), for that is how memory holds them; `None` where the process
    /// ends, for all up to now and nothing after it. It is one slice, but where somebody set the clock in between (by more than a second): then there is one up to each
    /// time at which that was noticed, and the last one begins there. Of a time that is yet to come, as after the clock was set back, the last one is
    /// not told yet. Costs as much as [`errors`](Self::errors) and [`edges`](Self::edges) where there is one.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    /// use perf_runtime::extend::LogPosition;
    ///
    /// let monitor = Monitor::builder().build()?;
    /// monitor.operation("pay").try_run(|| Err::<(), _>("no card")).unwrap_err();
    /// let mut position = LogPosition::default();
    /// let slices = monitor.log_slices(&mut position, None);
    /// assert_eq!(slices[0].errors[0].errors.failed, 1);
    /// let slices = monitor.log_slices(&mut position, None);
    /// assert!(slices.iter().all(|slice| slice.errors.is_empty()));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn log_slices(&self, position: &mut LogPosition, until: Option<SystemTime>) -> Vec<LogSlice> {
        let registry = &self.inner.registry;
        let now = clock::now().max(registry.last_tick());
        let time = wall::unix_nanos(now);
        let is_end = until.is_none();
        let until = match until.map(wall::to_unix_nanos) {
            // The slice since the last tick ends now.
            None => time.saturating_add(1),
            Some(until) if until > time => 0,
            Some(until) => until,
        };
        // Nothing is known of before, though the clock of a machine that is up for days may have shown the time then.
        let due = wall::stretches(position.0.max(registry.begun()), until);
        if due.is_empty() {
            return Vec::new();
        }
        registry.catch_up(now);
        let (begun, view) = (registry.begun(), self.inner.error_view());
        let told = due.into_iter().map(|(from, to)| {
            position.0 = to;
            let moment = Duration::from_nanos(1);
            // As the clock showed it then: from `to` on it may show another time.
            let end = wall::time_of(to.before(moment)) + moment;
            let first = wall::time_of(from.max(begun));
            let start = first.max(end.checked_sub(KEPT).unwrap_or(first)).min(end);
            let wanted = Wanted::between(from, to);
            let errors = view.errors(registry, &Selector::calls(), &wanted, now);
            LogSlice {
                start,
                end,
                errors: errors.into_iter().map(|errors| ErrorSlice::new(start, end, errors)).collect(),
                tree: TreeSlice::new((start, end), &registry.tree(&wanted, now)),
            }
        });
        let told = told.collect();
        // No tick cuts off what was told up to now.
        if is_end {
            *position = LogPosition::end();
        }
        told
    }
}
