//! The table's decoding, on a thread of its own.

use super::table::{Source, Table};
use genai_prices::Calculator;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The version of the crate's own table, which is the crate's version.
const BUNDLED: &str = "genai-prices 0.2.1";
/// The day of the crate's version, 2026-10-30, in seconds since 1970.
const BUNDLED_AS_OF: u64 = 1_793_318_400;
/// Models that the crate's table does not have yet; `prices/newer.py` writes it.
const NEWER: &[u8] = include_bytes!("../../prices/newer.json");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Running,
    Done,
    Failed,
}

/// The table in use, once it is there.
pub(super) struct Loading {
    stage: Mutex<Stage>,
    ended: Condvar,
    table: RwLock<Option<Arc<Table>>>,
    /// Models whose prices may fall to 0, as `provider/model`.
    free: RwLock<BTreeSet<String>>,
}

impl Loading {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            stage: Mutex::new(Stage::Idle),
            ended: Condvar::new(),
            table: RwLock::default(),
            free: RwLock::default(),
        })
    }

    pub(super) fn allow_free(&self, models: BTreeSet<String>) {
        *self.free.write().unwrap_or_else(PoisonError::into_inner) = models;
    }

    pub(super) fn may_be_free(&self, provider: &str, model: &str) -> bool {
        let free = self.free.read().unwrap_or_else(PoisonError::into_inner);
        !free.is_empty() && free.contains(&format!("{provider}/{model}"))
    }

    pub(super) fn table(&self) -> Option<Arc<Table>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn has_failed(&self) -> bool {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) == Stage::Failed
    }

    /// Puts a table in the place of the one in use, unless `check` finds a reason against it.
    pub(super) fn swap<E>(&self, new: Table, check: impl FnOnce(&Table) -> Result<(), E>, none: E) -> Result<(), E> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = table.as_ref() else { return Err(none) };
        check(current)?;
        *table = Some(Arc::new(new));
        Ok(())
    }

    /// Begins to decode, unless somebody has.
    pub(super) fn begin(self: &Arc<Self>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *stage != Stage::Idle {
            return;
        }
        let loading = Arc::clone(self);
        let spawned = thread::Builder::new().name("perf-llm-prices".into()).spawn(move || loading.decode());
        *stage = if spawned.is_ok() { Stage::Running } else { Stage::Idle };
    }

    /// Waits for the table, at most so long; whether it is there.
    pub(super) fn wait(self: &Arc<Self>, most: Duration) -> bool {
        self.begin();
        let deadline = Instant::now().checked_add(most);
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        while *stage == Stage::Running {
            let left = deadline.map_or(most, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            stage = self.ended.wait_timeout(stage, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *stage == Stage::Done
    }

    fn decode(&self) {
        // The crate panics where its own table is broken.
        let table = catch_unwind(AssertUnwindSafe(|| {
            let newer = Calculator::from_json(NEWER).ok().map(Arc::new);
            let as_of = SystemTime::UNIX_EPOCH + Duration::from_secs(BUNDLED_AS_OF);
            Table::new(Source::Bundled(Calculator::bundled()), newer, BUNDLED.into(), as_of)
        }));
        let stage = match table {
            Ok(decoded) => {
                *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(decoded));
                Stage::Done
            }
            Err(_) => Stage::Failed,
        };
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
        self.ended.notify_all();
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn newer_models_are_read_and_the_crates_table_has_none_of_them() {
        let newer = Calculator::from_json(NEWER).expect("the file is written by a script");
        let known: std::collections::HashSet<(&str, &str)> = Calculator::bundled()
            .providers()
            .flat_map(|provider| provider.models().map(move |model| (provider.id(), model.id())))
            .collect();
        for provider in newer.providers() {
            for model in provider.models() {
                assert!(!known.contains(&(provider.id(), model.id())), "{} {}", provider.id(), model.id());
            }
        }
    }
}
