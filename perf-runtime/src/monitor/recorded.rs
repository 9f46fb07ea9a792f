//! Whole calls that the recorder kept.

use super::{Inner, Monitor, MonitorBuilder};
use crate::config::Settings;
use crate::extend::{CallLog, RecordedCursor};
use crate::measure::cells::recorder::settings::RecorderSettings;
use crate::measure::cells::recorder::store::{Shown, Store};
use crate::measure::cells::recorder::wish::Wish;
use crate::measure::clock;
use crate::measure::model::field_access::FieldAccess;
use crate::observe::query::range::TimeRange;
use crate::observe::query::recorded::{RecordedTree, RecorderState, RecorderView};
use crate::observe::query::recorded_call::RecordedCall;
use crate::observe::query::recorded_head::RecordedHead;
use crate::observe::query::selector::Selector;
use crate::observe::series::series_id::SeriesId;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU64;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

impl MonitorBuilder {
    /// Whether whole calls are recorded, for [`Monitor::recorded_calls`]: `false` by default, and `true` in what `perf_kit::start`
    /// starts. Calls are recorded for the process, as long as one of its monitors wants it.
    ///
    /// Off, it costs a call one test of a word. On, a call inside another writes 48 bytes. The kept calls take 8 MiB at most, and those
    /// that run 12 MiB at most, and 16 KiB for each outermost one whose calls have [values of fields](Self::recorded_fields).
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

    /// The access to the values that the option `fields(..)` of attributes names, of calls that are recorded: [`FieldAccess::Admin`] by default. This program sees
    /// them unless it is [`Off`](FieldAccess::Off); over HTTP the admin token is needed, or [`Read`](FieldAccess::Read) said. A history keeps them with
    /// their calls.
    ///
    /// They are taken down as each call begins, for nobody knows yet which calls are kept: a number is copied, and a text written once more by its `Display` or
    /// `Debug`. Of a call the first 16 values and 1,024 bytes, of a text 256 bytes, of all calls of a tree 16 KiB. The kept ones count to the 8 MiB.
    /// Functions without the option pay nothing; off, those with it neither.
    pub fn recorded_fields(mut self, access: FieldAccess) -> Self {
        self.settings.recorder.fields = access;
        self
    }
}

impl Monitor {
    /// Calls that are kept whole: of each series and minute the slowest, and the first that failed, of those that were made inside no other
    /// call. Those of the selected series that ended in a range of time, the last first; a [`Window`](crate::Window) is a range too.
    ///
    /// They are kept in memory for an hour. Those of before, and of processes before this one, come from the [`CallLog`], where a part provides
    /// one. Without it, none where the [recorder](MonitorBuilder::recorder) is off.
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
        self.recorded_heads(selector, range).iter().filter_map(|head| self.recorded_from(head)).collect()
    }

    /// As [`recorded_calls`](Self::recorded_calls), before anything is worked out of them: for lists of which a part is shown, by
    /// [`recorded_from`](Self::recorded_from).
    pub fn recorded_heads(&self, selector: &Selector, range: impl Into<TimeRange>) -> Vec<RecordedHead> {
        let range = range.into();
        let mut heads =
            self.with_recorded(
                |view, is_on| {
                    if is_on { view.heads(&self.inner.registry, selector, &range) } else { Vec::new() }
                },
            );
        let Some(log) = self.call_log(&range) else { return heads };
        let in_memory: HashSet<String> = heads.iter().map(RecordedHead::id).collect();
        let mut names: BTreeSet<Arc<SeriesId>> = BTreeSet::new();
        log.for_each(&range, &mut |call| {
            if selector.selects_series(&call.series) && !in_memory.contains(&call.id) {
                let series = names.get(&call.series).map_or_else(|| Arc::new(call.series.clone()), Arc::clone);
                names.insert(Arc::clone(&series));
                heads.push(RecordedHead::of_log(call, series));
            }
        });
        heads.sort_by_key(|head| Reverse(head.ended()));
        heads
    }

    /// The log of recorded calls, where the range has times of which memory does not hold all that were kept.
    fn call_log(&self, range: &TimeRange) -> Option<Arc<dyn CallLog>> {
        let (settings, store) = self.recorder();
        let since = clock::now().before(kept_for(settings)).max(store.is_whole_since());
        let is_in_memory = settings.enabled && self.inner.registry.remembers_since(range, since);
        if is_in_memory { None } else { self.ask::<dyn CallLog>() }
    }

    /// Shows the calls that ended in a range of time and are in memory, with all calls inside them, the last first: for a
    /// [`CallLog`] that keeps them. Of a minute that is not over, one may be told that gives way to a slower one later.
    pub fn recorded_trees(&self, range: impl Into<TimeRange>, show: impl FnMut(RecordedTree)) {
        let range = range.into();
        self.with_recorded(|view, is_on| {
            if is_on {
                view.trees(&self.inner.registry, &range, show);
            }
        });
    }

    /// The recorded call of a head of [`recorded_heads`](Self::recorded_heads), without those inside it. `None` where it came from the
    /// [`CallLog`] and is not kept there any longer.
    pub fn recorded_from(&self, head: &RecordedHead) -> Option<RecordedCall> {
        self.with_recorded(|view, _| view.shown(head)).or_else(|| {
            let tree = self.ask::<dyn CallLog>()?.call(&head.id())?;
            Some(self.with_recorded(|view, _| view.shown_again(tree.call)))
        })
    }

    /// The recorded calls in memory that this monitor shows, if any.
    pub(super) fn shown_recorded(&self) -> Option<Shown> {
        let (settings, store) = self.recorder();
        settings.enabled.then(|| Shown { store, since: clock::now().before(kept_for(settings)) })
    }

    /// A call that is kept, by its [id](RecordedCall::id), with all calls inside it. `None` where it is not, or no longer.
    pub fn recorded_call(&self, id: &str) -> Option<RecordedTree> {
        let in_memory =
            self.with_recorded(|view, is_on| if is_on { view.tree(&self.inner.registry, id) } else { None });
        in_memory.or_else(|| {
            let tree = self.ask::<dyn CallLog>()?.call(id)?;
            Some(self.with_recorded(|view, _| view.tree_again(tree)))
        })
    }

    /// The calls that were kept since this was asked last, each by the number that [`running_call`](crate::extend::running_call) has for it
    /// ([`root_call`](crate::extend::RunningCall::root_call)) and its [id](RecordedCall::id): for parts that note where something was done, and
    /// lead there once it is over. `seen` begins with its default, for all that memory holds. A call that is kept may give way to a slower one later. None
    /// where the recorder is off, and of calls whose calls inside were not recorded.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    /// use perf_runtime::extend::{RecordedCursor, running_call};
    ///
    /// let (monitor, mut seen) = (Monitor::builder().recorder(true).build()?, RecordedCursor::default());
    /// let root = monitor.operation("answer").run(|| running_call().and_then(|call| call.root_call));
    /// let kept = monitor.recorded_since(&mut seen);
    /// let (_, id) = kept.iter().find(|(number, _)| Some(*number) == root).expect("it is kept");
    /// assert!(monitor.recorded_call(id).is_some() && monitor.recorded_since(&mut seen).is_empty());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn recorded_since(&self, seen: &mut RecordedCursor) -> Vec<(NonZeroU64, String)> {
        let (settings, store) = self.recorder();
        if !settings.enabled {
            return Vec::new();
        }
        let (kept, last) = store.named_after(seen.0);
        seen.0 = last;
        kept.into_iter().filter_map(|(name, kept_as)| Some((NonZeroU64::new(name.bits())?, kept_as.name()))).collect()
    }

    /// Whether calls are recorded, and how many were not for want of room.
    pub fn recorder_state(&self) -> RecorderState {
        let wish = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let store = wish.store();
        RecorderState {
            enabled: wish.settings().enabled,
            without_buffer: store.without_buffer(),
            gave_way: store.gave_way(),
            fields: wish.settings().fields,
        }
    }

    fn recorder(&self) -> (RecorderSettings, &'static Store) {
        let wish = self.inner.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        (wish.settings(), wish.store())
    }

    /// Shows what is recorded, and says whether this monitor wants calls recorded: else nothing in memory is its own.
    fn with_recorded<R>(&self, look: impl FnOnce(&RecorderView<'_>, bool) -> R) -> R {
        let (settings, store) = self.recorder();
        let (errors, trace_url) = (self.inner.error_view(), self.inner.trace_url());
        let (kept_for, fields) = (kept_for(settings), settings.fields);
        let view = RecorderView { store, kept_for, errors: &errors, trace_url, fields, now: clock::now() };
        look(&view, settings.enabled)
    }
}

fn kept_for(settings: RecorderSettings) -> Duration {
    let minutes = u64::try_from(settings.minutes).unwrap_or(u64::MAX);
    Duration::from_secs(minutes.saturating_mul(60))
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
