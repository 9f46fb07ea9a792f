//! The wishes of monitors that calls be recorded.

use super::pool;
use super::settings::RecorderSettings;
use super::store::{self, Store};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Monitors of the process that want calls recorded.
static WANTING: AtomicUsize = AtomicUsize::new(0);
/// Those of them that want the values of fields.
static WANTING_VALUES: AtomicUsize = AtomicUsize::new(0);

/// Whether some monitor of the process wants calls recorded.
#[inline]
pub(super) fn is_any() -> bool {
    WANTING.load(Ordering::Relaxed) > 0
}

/// Whether some monitor of the process wants the values of fields.
#[inline]
pub(super) fn is_any_for_values() -> bool {
    WANTING_VALUES.load(Ordering::Relaxed) > 0
}

/// A monitor's wish that calls be recorded, as long as it lives.
#[derive(Debug)]
pub(crate) struct Wish {
    store: &'static Store,
    settings: RecorderSettings,
}

impl Wish {
    pub(crate) fn new(settings: RecorderSettings) -> Self {
        let store = store::here();
        if settings.enabled {
            store.change_wishes(|wishes| wishes.push(settings));
            WANTING.fetch_add(1, Ordering::Relaxed);
            WANTING_VALUES.fetch_add(usize::from(settings.wants_values()), Ordering::Relaxed);
        }
        Self { store, settings }
    }

    pub(crate) fn settings(&self) -> RecorderSettings {
        self.settings
    }

    pub(crate) fn store(&self) -> &'static Store {
        self.store
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        if self.settings.enabled {
            self.store.change_wishes(|wishes| {
                if let Some(own) = wishes.iter().position(|settings| *settings == self.settings) {
                    wishes.swap_remove(own);
                }
            });
            WANTING_VALUES.fetch_sub(usize::from(self.settings.wants_values()), Ordering::Relaxed);
            if WANTING.fetch_sub(1, Ordering::Relaxed) == 1 {
                pool::give_back_memory(0);
            }
        }
    }
}
