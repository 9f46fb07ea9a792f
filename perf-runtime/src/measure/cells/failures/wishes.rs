//! The wishes of the process's monitors for what is kept of failures. Calls are measured once, for all monitors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Groups of one meter, unless another number is set.
pub(crate) const MAX_GROUPS: usize = 20;

/// Monitors that want failures, that do not, and that want all texts.
static WANTING: AtomicUsize = AtomicUsize::new(0);
static DECLINING: AtomicUsize = AtomicUsize::new(0);
static WANTING_TEXT: AtomicUsize = AtomicUsize::new(0);
/// The groups that each of the monitors wants, and the most of them.
static GROUPS: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static MOST: AtomicUsize = AtomicUsize::new(MAX_GROUPS);

/// The settings `[errors]` of one monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorSettings {
    /// Whether failures are told apart at all.
    pub(crate) enabled: bool,
    /// Whether the texts of all errors are kept, and not only those of functions with the option `err`.
    pub(crate) text: bool,
    /// Groups of one series.
    pub(crate) max_groups: usize,
    /// Whether the process remembers where a thread panicked.
    pub(crate) panics: bool,
}

impl Default for ErrorSettings {
    fn default() -> Self {
        Self { enabled: true, text: false, max_groups: MAX_GROUPS, panics: false }
    }
}

/// A monitor's wish, as long as it lives.
#[derive(Debug)]
pub(crate) struct Wish(ErrorSettings);

impl Wish {
    pub(crate) fn new(settings: ErrorSettings) -> Self {
        counts_of(settings).for_each(|count| _ = count.fetch_add(1, Ordering::Relaxed));
        with_groups(|groups| groups.push(settings.max_groups));
        Self(settings)
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        counts_of(self.0).for_each(|count| _ = count.fetch_sub(1, Ordering::Relaxed));
        with_groups(|groups| {
            if let Some(own) = groups.iter().position(|groups| *groups == self.0.max_groups) {
                groups.swap_remove(own);
            }
        });
    }
}

fn with_groups(change: impl FnOnce(&mut Vec<usize>)) {
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    change(&mut groups);
    MOST.store(groups.iter().copied().max().unwrap_or(MAX_GROUPS), Ordering::Relaxed);
}

fn counts_of(settings: ErrorSettings) -> impl Iterator<Item = &'static AtomicUsize> {
    let own = if settings.enabled { &WANTING } else { &DECLINING };
    [Some(own), Some(&WANTING_TEXT).filter(|_| settings.enabled && settings.text)].into_iter().flatten()
}

/// Whether failures are kept: unless there are monitors, and all of them decline.
pub(super) fn are_wanted() -> bool {
    WANTING.load(Ordering::Relaxed) > 0 || DECLINING.load(Ordering::Relaxed) == 0
}

/// Whether some monitor wants the texts of all errors.
pub(super) fn want_text() -> bool {
    WANTING_TEXT.load(Ordering::Relaxed) > 0
}

/// The most groups of a meter.
pub(super) fn max_groups() -> usize {
    MOST.load(Ordering::Relaxed).max(1)
}
