//! Failures by kind.

use super::{Inner, Monitor};
use crate::config::Settings;
use crate::measure::cells::failures::last_panic;
use crate::measure::cells::failures::wishes::Wish;
use crate::measure::clock;
use crate::observe::history::wanted::Wanted;
use crate::observe::query::error_log::{ErrorLog, ErrorSlice};
use crate::observe::query::errors::{ErrorView, Errors};
use crate::observe::query::log_position::LogPosition;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::trace_url::TraceUrl;
use std::sync::PoisonError;

impl Monitor {
    /// The failures of series over a range of time, by kind of failure: what failed, how often, when first and last. A
    /// [`Window`](crate::Window) is a range too. Memory holds an hour; earlier times come from the [`ErrorLog`], where a part
    /// [provides](Self::provide) one, by the hour. [`Selector::limit`] says of how many series at most; those of metrics are never meant.
    ///
    /// Failures are of one kind where their outcome, type, variant, place and text are the same but for numbers, ids (UUIDs, hexadecimal
    /// digits, words with digits of eight letters and more) and quoted values. Of each series the 20 kinds that failed last are kept
    /// ([`max_error_groups`](crate::MonitorBuilder::max_error_groups)), and the failures of all others are counted together: so the counts
    /// of a series add up to its errors and panics in the range, calls apart that are just passing through.
    ///
    /// Texts are shown of functions with the option `err`, and of all errors where [`error_texts`](crate::MonitorBuilder::error_texts)
    /// says so; all of them go through [`redact_errors`](crate::MonitorBuilder::redact_errors). Ranges do not reach beyond the last
    /// [`reset`](Self::reset). They are made of the same slices as windows: of a tick for a minute, of five seconds for five, of a minute
    /// for the rest; each slice that ends in the range is part of it.
    ///
    /// A call that ends ok pays nothing for it. One that fails takes a lock of its function's and compares its fingerprint with up to 20
    /// others; a text costs what its `Display` takes, and a look at each byte of it.
    ///
    /// ```
    /// use perf_runtime::series::Selector;
    /// use perf_runtime::{Monitor, Window, monitor};
    ///
    /// #[monitor("find_order", err)]
    /// fn find_order(id: u32) -> Result<(), String> {
    ///     Err(format!("there is no order {id}"))
    /// }
    ///
    /// let monitor = Monitor::builder().build()?;
    /// (0..100).for_each(|id| find_order(id).unwrap_err().clear());
    /// let errors = monitor.errors(&Selector::calls(), Window::LastMinute);
    /// let group = &errors.series[0].groups[0];
    /// assert_eq!((group.text.as_deref(), group.count), (Some("there is no order 0"), 100));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn errors(&self, selector: &Selector, range: impl Into<TimeRange>) -> Errors {
        let settings = self.inner.loaded().settings.errors;
        let (view, trace_url) = (self.inner.error_view(), self.inner.trace_url());
        let (range, now) = (range.into(), clock::now());
        self.inner.registry.catch_up(now);
        // Memory knows the last hour to the slice, and a log only whole stretches of time.
        let is_in_memory = self.inner.registry.remembers(&range, now);
        let log = self.ask::<dyn ErrorLog>().filter(|_| settings.enabled && !is_in_memory);
        let reset = self.resets().last().copied();
        let (mut before, mut until) = (Errors::none(&range, settings.enabled), LogPosition::default());
        if let Some(log) = log {
            until = log.for_each(&range, &mut |ErrorSlice { errors: mut series, end, .. }| {
                if selector.selects_series(&series.id) && reset.is_none_or(|reset| end > reset) {
                    series.groups.iter_mut().for_each(|group| view.show_again(group));
                    before.add(series, settings.max_groups);
                }
            });
        }
        // Memory answers for what the log does not have.
        let wanted = Wanted::of_range((range.start(), range.end()), until.0, now);
        let mut errors = Errors::none(&range, settings.enabled);
        errors.series = view.errors(&self.inner.registry, selector, &wanted, now);
        before.series.into_iter().for_each(|series| errors.add(series, settings.max_groups));
        errors.settle(selector.most());
        errors.link(trace_url.as_ref());
        errors
    }
}

impl Inner {
    /// Where traces are shown.
    pub(super) fn trace_url(&self) -> Option<TraceUrl> {
        self.loaded().settings.trace_url.as_deref().and_then(TraceUrl::parse)
    }

    /// The settings by which failures are shown.
    pub(super) fn error_view(&self) -> ErrorView {
        let settings = self.loaded().settings.errors;
        ErrorView {
            enabled: settings.enabled,
            shows_text: settings.text,
            max_groups: settings.max_groups,
            redaction: self.redaction.clone(),
        }
    }

    /// Takes up new settings.
    pub(super) fn renew_wish(&self, settings: &Settings) {
        let fresh = wish(settings);
        // The new one counts before the old one ceases to.
        let old = std::mem::replace(&mut *self.wish.lock().unwrap_or_else(PoisonError::into_inner), fresh);
        drop(old);
    }
}

/// The wish that the settings make, for as long as it is kept.
pub(super) fn wish(settings: &Settings) -> Wish {
    if settings.errors.enabled && settings.errors.panics {
        last_panic::remember();
    }
    Wish::new(settings.errors)
}
