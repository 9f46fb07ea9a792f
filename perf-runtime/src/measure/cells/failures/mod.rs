//! The failures of one meter, in groups of the same kind: what failed, how often, when first and last.
//!
//! A call that ends ok does nothing here. One that fails takes the lock of its meter's groups for as long as it takes to compare its
//! fingerprint with those of the groups; the error's text is written before that, into memory of the stack, and only where texts are kept
//! ([`wishes`]). A failure of a known group allocates nothing.
//!
//! # Memory
//!
//! A meter that never failed has one word. The first failure takes 64 bytes, and each group 144, with up to 512 for its text, 120 for the id
//! of its trace and the length of its names: 20 groups (`[errors] max_groups`) take 3 KiB, and 17 KiB with the longest texts there are.

mod group;
pub(crate) mod last_panic;
pub(crate) mod text;
pub(crate) mod wishes;

use super::exemplar;
use super::lazy::LazyBox;
use super::recorder::last_failure;
use crate::measure::clock::{self, Moment};
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use group::{Counted, Groups};
pub(crate) use group::{Group, Sort};
use std::sync::{Mutex, MutexGuard, PoisonError};
use text::Text;
pub(crate) use text::{MAX_TEXT, cut};
use tracing::Span;

/// The groups of a meter's failures, from its first one on.
#[derive(Debug)]
pub(crate) struct Failures(LazyBox<Mutex<Groups>>);

/// A failure whose type is named at run time, such as that of a problem document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    /// A word or a URI.
    pub(crate) name: Option<&'a str>,
    /// A text of it, which is kept only where all texts are.
    pub(crate) text: Option<&'a str>,
}

impl Failures {
    pub(crate) const fn new() -> Self {
        Self(LazyBox::new())
    }

    /// Notes an error, just before its call is counted. `by_option` says that the function asks for its errors' texts.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_error(&self, failed: &Failed<'_>, by_option: bool, span: Option<&Span>) {
        if !wishes::are_wanted() {
            return;
        }
        let mut text = Text::new();
        // A destructor that runs while its thread unwinds is no place for code that may panic.
        if (by_option || wishes::want_text()) && !std::thread::panicking() {
            failed.shown.inspect(|shown| text.write(*shown));
        }
        let sort = failed.sorts.name(failed.index);
        let is_expected = failed.sorts.is_expected(failed.index);
        let type_name = (failed.type_name)();
        // No type at all is the unit type.
        let type_name = Some(type_name).filter(|name| *name != "()");
        let sort =
            Sort { outcome: Outcome::Error, type_name, name: sort.unwrap_or_default(), is_expected, place: None };
        self.note(&sort, &text, by_option, span);
    }

    /// The text of an error that is noted later, where texts are wanted. `by_option` says that the function asks for its errors' texts.
    pub(crate) fn text_of(failed: &Failed<'_>, by_option: bool) -> Option<String> {
        if !wishes::are_wanted() || !(by_option || wishes::want_text()) || std::thread::panicking() {
            return None;
        }
        let mut text = Text::new();
        text.write(failed.shown?);
        text.as_str().map(str::to_owned)
    }

    /// Notes a failure that is named at run time, or has no name.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_named(&self, named: Named<'_>, span: Option<&Span>) {
        if !wishes::are_wanted() {
            return;
        }
        let mut text = Text::new();
        if wishes::want_text() {
            named.text.inspect(|shown| text.write(shown));
        }
        let name = named.name.unwrap_or_default();
        let sort = Sort { outcome: Outcome::Error, type_name: None, name, is_expected: false, place: None };
        self.note(&sort, &text, false, span);
    }

    /// Notes that a call which began then ended by its unwinding.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_panic(&self, started: Moment, by_option: bool, span: Option<&Span>) {
        if !wishes::are_wanted() {
            return;
        }
        last_panic::with_since(started, |panic| {
            let mut text = Text::new();
            let is_open = by_option || panic.is_some_and(|panic| panic.is_literal);
            if is_open || wishes::want_text() {
                panic.and_then(|panic| panic.message.as_deref()).inspect(|message| text.write(message));
            }
            let place = panic.and_then(|panic| panic.place.as_deref());
            let sort = Sort { outcome: Outcome::Panicked, type_name: None, name: "", is_expected: false, place };
            self.note(&sort, &text, is_open, span);
        });
    }

    /// Notes how a call of the program's own ended, where that is a failure: one that tells nothing of its error.
    #[inline]
    pub(crate) fn note_outcome(&self, outcome: Outcome, started: Option<Moment>, span: Option<&Span>) {
        match outcome {
            Outcome::Ok | Outcome::Cancelled => {}
            Outcome::Error => self.note_named(Named::default(), span),
            Outcome::Panicked => self.note_panic(started.unwrap_or_else(clock::now), false, span),
        }
    }

    fn note(&self, sort: &Sort<'_>, text: &Text, is_open: bool, span: Option<&Span>) {
        let now = clock::now();
        let fingerprints = sort.fingerprints(text.as_str());
        let counted = {
            let mut groups = self.groups_or_new();
            groups.count(sort, text.as_str(), is_open, fingerprints, now)
        };
        let Some(Counted { serial, asks }) = counted else { return };
        // The asked code is the user's own code, and may fail itself: nothing is locked meanwhile.
        if let (true, Some(span), true) = (asks, span, exemplar::wanted())
            && let Some(trace_id) = exemplar::trace_id(span)
        {
            self.groups_or_new().set_trace(serial, trace_id);
        }
        last_failure::note(self.address(), serial, sort.is_expected);
    }

    /// The address of these groups, by which a thread tells them from others.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Shows the groups, and how many failures are in none of them: of groups that gave way to others.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&[Group], u64) -> R) -> Option<R> {
        let groups = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(look(groups.all(), groups.others()))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let of_groups = |groups: &[Group], _| groups.iter().map(Group::bytes).sum::<usize>();
        self.read(of_groups).map_or(0, |bytes| size_of::<Mutex<Groups>>() + bytes)
    }

    fn groups_or_new(&self) -> MutexGuard<'_, Groups> {
        self.0.get_or_init(Box::default).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
