//! Whole calls that the recorder kept.

use super::{Inner, Monitor, MonitorBuilder};
use crate::config::Settings;
use crate::measure::cells::recorder::store::Wish;
use crate::measure::clock;
use crate::observe::query::range::TimeRange;
use crate::observe::query::recorded::{RecordedCall, RecordedTree, RecorderState, RecorderView};
use crate::observe::query::recorded_head::RecordedHead;
use crate::observe::query::selector::Selector;
use std::sync::PoisonError;
use std::time::Duration;

impl MonitorBuilder {
    /// Whether whole calls are recorded, for [`Monitor::recorded_calls`]: `false` by default, and `true` in what `perf_kit::start`
    /// starts. Calls are recorded for the process, as long as one of its monitors wants it.
    ///
    /// Off, it costs a call one test of a word. On, a call inside another writes 48 bytes. The kept calls take 8 MiB at most, and those
    /// that run 12 MiB at most.
    pub fn recorder(mut self, enabled: bool) -> Self {
        self.settings.recorder.enabled = enabled;
        self
    }

    /// How many calls are kept of each series and minute: so many of the slowest, and so many of the first that failed; 0 to 100 each, 3 and
    /// 3 by default. The process keeps as many as the monitor that wants the most.
    pub fn recorded_calls_per_minute(mut self, slowest: usize, failed: usize) -> Self {
        (self.settings.recorder.slowest, self.settings.recorder.failed) = (slowest, failed);
        self
    }

    /// For how many minutes recorded calls are kept, 1 to 1,440: 60 by default. The oldest give way earlier where all together are more than
    /// 150,000 calls, each of them with those inside it.
    pub fn recorded_minutes(mut self, minutes: usize) -> Self {
        self.settings.recorder.minutes = minutes;
        self
    }

    /// How many calls inside one are recorded, 1 to 1,024: 1,000 by default. More are counted as [missing](RecordedCall::missing).
    pub fn recorded_calls_inside(mut self, calls: usize) -> Self {
        self.settings.recorder.calls = calls;
        self
    }
}

impl Monitor {
    /// Calls that are kept whole: of each series and minute the slowest, and the first that failed, of those that were made inside no other
    /// call. Those of the selected series that ended in a range of time, the last first; a [`Window`](crate::Window) is a range too.
    ///
    /// They are kept for an hour, and by this process alone. Empty where the [recorder](MonitorBuilder::recorder) is off.
    ///
    /// ```
    /// use perf_runtime::series::Selector;
    /// use perf_runtime::{Monitor, Window, monitor};
    ///
    /// #[monitor("recorded_inner")]
    /// fn inner() {}
    ///
    /// #[monitor("recorded_outer")]
    /// fn outer() {
    ///     inner();
    ///     inner();
    /// }
    ///
    /// let monitor = Monitor::builder().recorder(true).build()?;
    /// outer();
    /// let calls = monitor.recorded_calls(&Selector::calls().label("operation", "recorded_outer"), Window::LastMinute);
    /// let tree = monitor.recorded_call(&calls[0].id).expect("it is kept");
    /// assert_eq!(tree.inside.len(), 2);
    /// assert!(tree.call.self_seconds.is_some_and(|own| own <= tree.call.seconds));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn recorded_calls(&self, selector: &Selector, range: impl Into<TimeRange>) -> Vec<RecordedCall> {
        let show = |view: &RecorderView<'_>| {
            let heads = view.heads(&self.inner.registry, selector, &range.into());
            heads.iter().map(|head| view.shown(head)).collect()
        };
        self.with_recorded(show).unwrap_or_default()
    }

    /// As [`recorded_calls`](Self::recorded_calls), before anything is worked out of them: for lists of which a part is shown, by
    /// [`recorded_from`](Self::recorded_from).
    pub fn recorded_heads(&self, selector: &Selector, range: impl Into<TimeRange>) -> Vec<RecordedHead> {
        let heads = |view: &RecorderView<'_>| view.heads(&self.inner.registry, selector, &range.into());
        self.with_recorded(heads).unwrap_or_default()
    }

    /// The recorded call of a head of [`recorded_heads`](Self::recorded_heads), without those inside it. `None` where the
    /// [recorder](MonitorBuilder::recorder) was switched off since.
    pub fn recorded_from(&self, head: &RecordedHead) -> Option<RecordedCall> {
        self.with_recorded(|view| view.shown(head))
    }

    /// A call that is kept, by its [id](RecordedCall::id), with all calls inside it. `None` where it is not, or no longer.
    pub fn recorded_call(&self, id: &str) -> Option<RecordedTree> {
        self.with_recorded(|view| view.tree(&self.inner.registry, id)).flatten()
    }

    /// Whether calls are recorded, and how many were not for want of room.
    pub fn recorder_state(&self) -> RecorderState {
        let wish = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let store = wish.store();
        RecorderState {
            enabled: wish.settings().enabled,
            without_buffer: store.without_buffer(),
            gave_way: store.gave_way(),
        }
    }

    fn with_recorded<R>(&self, look: impl FnOnce(&RecorderView<'_>) -> R) -> Option<R> {
        let (settings, store) = {
            let wish = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
            (wish.settings(), wish.store())
        };
        let minutes = u64::try_from(settings.minutes).unwrap_or(u64::MAX);
        let kept_for = Duration::from_secs(minutes.saturating_mul(60));
        let (errors, trace_url) = (self.inner.error_view(), self.inner.trace_url());
        let view = RecorderView { store, kept_for, errors: &errors, trace_url, now: clock::now() };
        settings.enabled.then(|| look(&view))
    }
}

impl Inner {
    /// Takes up new settings of the recorder.
    pub(super) fn renew_recorder(&self, settings: &Settings) {
        let fresh = Wish::new(settings.recorder);
        // The new one counts before the old one ceases to.
        let old = std::mem::replace(&mut *self.recorder.lock().unwrap_or_else(PoisonError::into_inner), fresh);
        drop(old);
    }
}
