//! The items of a stream that is measured: how many it gave, how long it was waited for them, and whether it failed.

use super::execution::Call;
use super::profiled::Ends;
use crate::measure::cells::cell_table::Progress;
use crate::measure::cells::failures::Failures;
use crate::measure::cells::meter::Meter;
use crate::measure::clock::Moment;
use crate::measure::model::error_type::Sorts;
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// After so many items at the latest the series knows of them, though none was waited for.
const MOST_UNTOLD: u64 = 256;

/// Which items of a stream that are errors make its call one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemErrors {
    /// The last item before its end or its drop: a stream that goes on after an error got over it.
    #[default]
    Last,
    /// Any.
    Any,
    /// None.
    Ignored,
}

/// The items of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    items: u64,
    /// So many of them its series knows of.
    told: u64,
    /// When its consumer asked for an item that was not there; meaningless unless it `waits`.
    asked: Moment,
    longest_gap: u64,
    /// Its place in the list of calls in flight.
    progress: Option<Arc<Progress>>,
    /// The error of the last item that was one, where it tells something.
    error: Option<Box<ItemError>>,
    waits: bool,
    has_failed: bool,
    policy: ItemErrors,
}

/// An error that was given away with its item.
struct ItemError {
    sorts: &'static Sorts,
    index: usize,
    type_name: fn() -> &'static str,
    text: Option<String>,
}

/// The error is not shown: it may hold what is private.
impl fmt::Debug for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemError").field("type_name", &(self.type_name)()).finish_non_exhaustive()
    }
}

impl Tally {
    pub(crate) fn new(policy: ItemErrors) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Whether it is in the list of calls in flight.
    pub(crate) fn is_listed(&self) -> bool {
        self.progress.is_some()
    }

    /// It is in the list of calls in flight from now on.
    pub(crate) fn list(&mut self, progress: Option<Arc<Progress>>) {
        self.progress = progress;
        self.show(None);
    }

    fn show(&self, waits_since: Option<Moment>) {
        if let Some(progress) = &self.progress {
            progress.set_items(self.items);
            progress.set_waiting(waits_since);
        }
    }

    /// It gave an item that was there when it was asked for.
    #[inline]
    pub(crate) fn add_ready(&mut self, meter: &Meter) {
        self.items += 1;
        if let Some(progress) = &self.progress {
            progress.set_items(self.items);
        }
        if self.items - self.told >= MOST_UNTOLD {
            self.tell(meter);
        }
    }

    /// It gave its first item, or one that it was waited for.
    pub(crate) fn add(&mut self, meter: &Meter, started: Moment, now: Moment) {
        if self.items == 0 {
            meter.add_first_item(now.nanos_since(started));
        } else {
            self.end_gap(now);
        }
        self.waits = false;
        self.items += 1;
        self.tell(meter);
        self.show(None);
    }

    /// Its consumer waits for an item since this moment, if it does not already.
    pub(crate) fn wait(&mut self, meter: &Meter, now: Moment) {
        if !self.waits {
            (self.asked, self.waits) = (now, true);
        }
        self.tell(meter);
        self.show(Some(self.asked));
    }

    fn end_gap(&mut self, now: Moment) {
        if self.waits {
            self.longest_gap = self.longest_gap.max(now.nanos_since(self.asked));
        }
    }

    /// Tells the series of the items that it does not know of.
    fn tell(&mut self, meter: &Meter) {
        if self.items > self.told {
            meter.add_items(self.items - self.told);
            self.told = self.items;
        }
    }

    /// Tells the series all, just before the call ends. `now` is asked for where it was waited for an item.
    pub(crate) fn close(&mut self, meter: &Meter, now: impl FnOnce() -> Moment) {
        self.tell(meter);
        if self.items > 0 {
            if self.waits {
                self.end_gap(now());
            }
            meter.add_longest_gap(self.longest_gap);
        }
        self.progress = None;
    }

    /// Whether items that were errors make the call one.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Shows the error by which the call failed.
    pub(crate) fn with_error<R>(&self, look: impl FnOnce(Option<&Failed<'_>>) -> R) -> R {
        let Some(error) = self.error.as_deref() else { return look(None) };
        let mut failed = Failed { sorts: error.sorts, index: error.index, type_name: error.type_name, shown: None };
        if let Some(text) = &error.text {
            failed.shown = Some(text);
        }
        look(Some(&failed))
    }

    /// The item that it gives is no error.
    #[inline]
    fn item_is_well(&mut self) {
        if self.policy == ItemErrors::Last {
            self.has_failed = false;
        }
    }

    /// The item that it gives is an error.
    fn item_failed(&mut self, failed: Option<&Failed<'_>>, by_option: bool) {
        if self.policy == ItemErrors::Ignored {
            return;
        }
        self.has_failed = true;
        let error = failed.map(|failed| {
            let text = Failures::text_of(failed, by_option);
            let Failed { sorts, index, type_name, .. } = *failed;
            ItemError { sorts, index, type_name, text }
        });
        match (&mut self.error, error) {
            // The memory of the one before.
            (Some(known), Some(error)) => **known = error,
            (known, error) => *known = error.map(Box::new),
        }
    }
}

/// A panic leaves it as it is: none of its steps is half done.
impl UnwindSafe for Tally {}
impl RefUnwindSafe for Tally {}

/// An item that a stream gives, to be judged.
pub(crate) struct Judged<'a> {
    pub(crate) tally: &'a mut Tally,
    /// The call of an annotated function, which may ask for the texts of its errors.
    pub(crate) call: Option<&'a Call>,
}

impl Judged<'_> {
    #[cold]
    fn fail(&mut self, failed: Option<&Failed<'_>>) {
        let by_option = self.call.is_some_and(Call::errors_are_shown);
        self.tally.item_failed(failed, by_option);
    }
}

impl Ends for Judged<'_> {
    #[inline]
    fn finish(&mut self, outcome: Outcome) {
        if outcome.is_failure() {
            self.fail(None);
        } else {
            self.tally.item_is_well();
        }
    }

    fn finish_failed(&mut self, failed: &Failed<'_>) {
        self.fail(Some(failed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_holds_little_more_than_its_call() {
        assert!(size_of::<Tally>() <= 64, "{}", size_of::<Tally>());
    }
}
