//! Calls that fail: the texts of errors, and what is noted of them.

use super::Call;
use crate::measure::call::failed;
use crate::measure::cells::failures::Named;
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
use crate::measure::site::error_event::ErrorEvent;
use crate::measure::site::span;
use std::fmt::Display;
use std::ptr;

impl Call {
    /// Writes the text of an error on the call's span.
    #[inline]
    pub fn record_error(&self, error: Option<&dyn Display>) {
        if let Some(error) = error {
            self.show_error(error);
        }
    }

    #[cold]
    #[inline(never)]
    fn show_error(&self, error: &dyn Display) {
        self.site().inspect(|site| site.shows_errors());
        self.span().inspect(|span| span::record_error(span, error));
    }

    /// As [`record_error`](Self::record_error), and sends an event with the text.
    #[inline]
    pub fn report_error(&self, error: Option<&dyn Display>, event: &'static ErrorEvent) {
        if let Some(error) = error {
            self.record_error(Some(error));
            if let Some(site) = self.site() {
                event.send(&site.spec.span, self.span(), error);
            }
        }
    }

    /// Ends the call with an error that the body returned.
    #[cold]
    #[inline(never)]
    pub fn finish_failed(&mut self, failed: &Failed<'_>) {
        if !self.is_running() {
            return;
        }
        let (meter, Failed { sorts, index, .. }) = (self.meter, *failed);
        if let (Some(span), Some(name)) = (self.span(), sorts.name(index)) {
            span::record_error_type(span, name);
        }
        // Before the call itself: a scrape takes the rest of the errors for those of no known sort, which is then never too many.
        meter.errors.add(sorts, index);
        if sorts.is_expected(index) {
            meter.expected.add_error();
        }
        meter.failures.note_error(failed, self.errors_are_shown(), self.span());
        self.end(Outcome::Error);
        failed::note(ptr::from_ref(self).addr(), Outcome::Error);
    }

    /// Ends the call with a failure that tells nothing of itself, or with a panic.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(&mut self, outcome: Outcome) {
        let (failures, span) = (&self.meter.failures, self.span());
        if outcome == Outcome::Panicked {
            failures.note_panic(self.started, self.errors_are_shown(), span);
        } else {
            failures.note_named(Named::default(), span);
        }
        self.end(outcome);
        failed::note(ptr::from_ref(self).addr(), outcome);
    }

    /// Whether the function asks for the texts of its errors.
    pub(in crate::measure::call) fn errors_are_shown(&self) -> bool {
        self.site().is_some_and(Site::are_errors_shown)
    }
}
