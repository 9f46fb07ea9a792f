//! The file: rows in a journal by the hour, chunks in three tiers, events, boots and state.
//!
//! Rows of 5 s go into the [journal](journal) of their hour, the newest last, so that a commit writes few pages. When the hour is
//! over it is *sealed*: the rows of each series are added to a chunk of the finest tier, and the journal is dropped. Twice a
//! day the steps of [longer](longer) tiers are made of those of the tier before. So each row is in every tier exactly once, up to when that has
//! everything, whatever became of the clock. A crash meanwhile leaves a note of how far it came, in the same commit as the chunks.
//! Chunks of neighbouring series share a [block](block).

mod backend;
mod block;
mod error;
mod forget;
mod journal;
mod lines;
mod logs;
mod longer;
mod overlay;
mod pages;
mod read;
mod seal;
mod take_in;
mod unpack;

pub(crate) use backend::{Room, bytes_on_disk};
pub use error::StoreError;
pub(crate) use overlay::Watched;
pub(crate) use read::Reading;

use crate::boots::Boot;
use crate::names::{Name, Names};
use crate::rows::{At, CallRow, Packing, PointRow, Row, each};
use backend::Capped;
use block::BLOCKS;
use journal::Journal;
use logs::LOGS;
pub(crate) use logs::{LONGEST_SLICE, bytes_of_recorded};
use overlay::Overlay;
use perf_runtime::alert::{AlertEvent, Delivery};
use perf_runtime::extend::{ErrorSlice, LATE, PartLine, State, TreeSlice};
use perf_runtime::series::RecordedTree;
use redb::{
    Builder, Database, Key, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition,
    TableError, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{SystemTime, UNIX_EPOCH};

/// The format of the file. A later one is left alone.
const FORMAT: u64 = 6;

/// The first format that is read: what is added to such a file is in the format of today. One before it, of a preview, is set aside.
const FIRST_FORMAT: u64 = 5;

/// Memory for pages of the file.
const CACHE_BYTES: usize = 1 << 20;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const NAMES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("names");
const BOOTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("boots");

/// A tier: how long its steps are, and of how many of them a chunk is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tier {
    /// In nanoseconds.
    pub(crate) step: u64,
    pub(crate) steps: u64,
}

const SECOND: u64 = 1_000_000_000;

/// An hour has a journal of its own. In nanoseconds, and in cells of the journal.
pub(crate) const HOUR: u64 = 3_600 * SECOND;
const HOUR_CELLS: u64 = HOUR / FINEST.step;

/// Steps of 5 s in chunks of two hours, of a minute in chunks of half a day, of an hour in chunks of ten days.
pub(crate) const TIERS: [Tier; 3] = [
    Tier { step: 5 * SECOND, steps: 1_440 },
    Tier { step: 60 * SECOND, steps: 720 },
    Tier { step: 3_600 * SECOND, steps: 240 },
];

/// The finest tier: its step is that of the journal.
pub(crate) const FINEST: Tier = TIERS[0];

impl Tier {
    pub(crate) const fn period(self) -> u64 {
        self.step * self.steps
    }

    /// How its chunks are packed: long ranges are read from those of longer steps.
    const fn packing(self) -> Packing {
        if self.step == FINEST.step { Packing::Small } else { Packing::Summed }
    }
}

/// As [`Tier::packing`], by the number of the tier.
fn packing_of(tier: u8) -> Packing {
    TIERS.get(usize::from(tier)).copied().unwrap_or(FINEST).packing()
}

/// One commit.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Its number among those of its boot.
    pub(crate) number: u64,
    pub(crate) boot: (u64, Boot),
    /// The rows of each series, in the order of their cells.
    pub(crate) calls: Vec<(Arc<Name>, Vec<CallRow>)>,
    pub(crate) points: Vec<(Arc<Name>, Vec<PointRow>)>,
    pub(crate) events: Vec<AlertEvent>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) errors: Vec<ErrorSlice>,
    pub(crate) trees: Vec<TreeSlice>,
    /// The number of these two that the process had before.
    pub(crate) slices_before: u64,
    /// Recorded calls, whole.
    pub(crate) recorded: Vec<RecordedTree>,
    /// Lines of parts, in the order in which they were noted.
    pub(crate) lines: Vec<PartLine>,
    /// Whether there were lines before these that nobody has any more.
    pub(crate) has_lost_lines: bool,
    pub(crate) state: Option<State>,
}

#[derive(Debug)]
pub(crate) struct Store {
    /// Written to by one thread. Locked for writing only while it is compacted. There until the store is dropped.
    database: RwLock<Option<Database>>,
    pub(crate) names: RwLock<Names>,
    /// Chunks and rows that could not be read.
    damaged: AtomicU64,
    /// Chunks that were unpacked.
    #[cfg(test)]
    pub(crate) unpacked: AtomicU64,
}

impl Store {
    /// Opens a file, or makes one that takes at most so much room. Finishes what a crash left unfinished.
    pub(crate) fn open(path: &Path, room: &Arc<Room>) -> Result<Self, StoreError> {
        let backend = Capped::open(path, room)?;
        let is_named = backend.is_named(path);
        // Where a panic ends the process, pages that are not what was written must be found before they are used.
        let store = Self::on(backend, path, cfg!(panic = "abort"))?;
        // The process that had it may have removed it before it was free: then it has no name any more.
        if is_named() { Ok(store) } else { Err(StoreError::Busy) }
    }

    /// Opens a file that no process has, and leaves it as it is.
    pub(crate) fn read_only(path: &Path) -> Result<(Self, Arc<Watched>), StoreError> {
        let backend = Overlay::open(path)?;
        if backend.len()? == 0 {
            return Err(StoreError::Foreign("it is empty".to_owned()));
        }
        let watched = backend.watched();
        // It may come from anywhere.
        Ok((Self::on(backend, path, true)?, watched))
    }

    /// With `checks`, every page is held against its checksum first.
    fn on(backend: impl StorageBackend, path: &Path, checks: bool) -> Result<Self, StoreError> {
        let database = guarded(|| {
            let mut database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
            if checks && !database.check_integrity()? {
                tracing::warn!(target: "perf::history", path = %path.display(), "the file was repaired");
            }
            Ok(database)
        })?;
        let store = Self {
            database: RwLock::new(Some(database)),
            names: RwLock::default(),
            damaged: AtomicU64::new(0),
            #[cfg(test)]
            unpacked: AtomicU64::new(0),
        };
        guarded(|| store.begin())?;
        store.finish_sealing()?;
        Ok(store)
    }

    /// Checks the format, makes the tables, and loads the names.
    fn begin(&self) -> Result<(), StoreError> {
        let transaction = self.write()?;
        {
            let mut meta = match transaction.open_table(META) {
                // Another program's may be there under that name.
                Err(TableError::Storage(error)) => return Err(error.into()),
                Err(other) => return Err(StoreError::Foreign(other.to_string())),
                Ok(meta) => meta,
            };
            let is_new = meta.len()? == 0;
            match get::<&str, u64>(&meta, "format")? {
                Some(FORMAT) => {}
                None if is_new => put(&mut meta, "format", &FORMAT)?,
                None => return Err(StoreError::Foreign("it says no format".to_owned())),
                Some(FIRST_FORMAT..FORMAT) => put(&mut meta, "format", &FORMAT)?,
                Some(earlier) if earlier < FIRST_FORMAT => {
                    return Err(StoreError::Damaged(format!("it is of a preview, in format {earlier}")));
                }
                Some(other) => return Err(StoreError::Foreign(format!("format {other}"))),
            }
            let stored = transaction.open_table(NAMES)?;
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            for entry in stored.range::<u32>(..)? {
                let (number, name) = entry?;
                let Ok(name) = parse(name.value()) else {
                    // Rows with its number are nobody's from now on.
                    names.reserve(number.value());
                    self.count_damage();
                    continue;
                };
                names.load(number.value(), name);
            }
            transaction.open_table(BLOCKS)?;
            for log in LOGS {
                transaction.open_table(log)?;
            }
            transaction.open_table(BOOTS)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Writes a batch: all of it or nothing. After an error nobody knows which: [`is_last`](Self::is_last) of the file that
    /// is opened anew says it.
    pub(crate) fn append(&self, batch: &Batch) -> Result<(), StoreError> {
        self.finish_sealing()?;
        guarded(|| {
            let transaction = self.write()?;
            self.put_rows(&transaction, batch, &batch.calls)?;
            self.put_rows(&transaction, batch, &batch.points)?;
            Self::put_logs(&transaction, batch)?;
            {
                let (number, boot) = &batch.boot;
                put(&mut transaction.open_table(BOOTS)?, *number, boot)?;
                let mut meta = transaction.open_table(META)?;
                if let Some(state) = &batch.state {
                    put(&mut meta, "state", state)?;
                }
                put(&mut meta, "batch", &(boot.began, batch.number))?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Whether a batch is the one that was written last.
    pub(crate) fn is_last(&self, batch: &Batch) -> Result<bool, StoreError> {
        let last: Option<((u64, u32), u64)> = guarded(|| get(&self.read()?.open_table(META)?, "batch"))?;
        Ok(last == Some((batch.boot.1.began, batch.number)))
    }

    fn put_rows<R: Row>(
        &self,
        transaction: &WriteTransaction,
        batch: &Batch,
        rows: &[(Arc<Name>, Vec<R>)],
    ) -> Result<(), StoreError> {
        let mut numbered = self.numbered(transaction, rows)?;
        numbered.sort_unstable_by_key(|(series, _)| *series);
        let hours: BTreeSet<u64> = numbered.iter().flat_map(|(_, rows)| rows.iter().map(journal::hour_of)).collect();
        for hour in hours {
            let of_hour = numbered.iter().map(|(series, rows)| {
                let [begin, end] =
                    [hour, hour + 1].map(|hour| rows.partition_point(|row| journal::hour_of(row) < hour));
                (*series, rows.get(begin..end).unwrap_or_default())
            });
            let of_hour: Vec<_> = of_hour.filter(|(_, rows)| !rows.is_empty()).collect();
            let name = journal::name(hour);
            let mut journal = transaction.open_table(Journal::new(&name))?;
            journal::write(&mut journal, (batch.boot.0, batch.number), &of_hour)?;
        }
        Ok(())
    }

    /// The rows of each series with its number in this file. Writes the names of those that are new.
    fn numbered<'a, R>(
        &self,
        transaction: &WriteTransaction,
        rows: &'a [(Arc<Name>, Vec<R>)],
    ) -> Result<Vec<(u32, &'a [R])>, StoreError> {
        let mut stored = transaction.open_table(NAMES)?;
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let number = |(name, rows): &'a (Arc<Name>, Vec<R>)| {
            let (number, is_new) = names.number_of(name);
            if is_new {
                put(&mut stored, number, &**name)?;
            }
            Ok((number, rows.as_slice()))
        };
        rows.iter().map(number).collect()
    }

    /// The boots that are known, the first first.
    pub(crate) fn boots(&self) -> Result<Vec<(u64, Boot)>, StoreError> {
        guarded(|| {
            let table = self.read()?.open_table(BOOTS)?;
            let mut boots = Vec::new();
            for entry in table.range::<u64>(..)? {
                let (number, boot) = entry?;
                match parse(boot.value()) {
                    Ok(boot) => boots.push((number.value(), boot)),
                    Err(_) => self.count_damage(),
                }
            }
            Ok(boots)
        })
    }

    /// The number of the boot that began last; 0 where there is none.
    pub(crate) fn last_boot(&self) -> Result<u64, StoreError> {
        guarded(|| Ok(self.read()?.open_table(BOOTS)?.last()?.map_or(0, |(number, _)| number.value())))
    }

    /// The state of the process before.
    pub(crate) fn state(&self) -> Result<Option<State>, StoreError> {
        guarded(|| get(&self.read()?.open_table(META)?, "state"))
    }

    /// How many pieces of the file could not be read since it was opened.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    fn read(&self) -> Result<redb::ReadTransaction, StoreError> {
        Ok(self.database().as_ref().ok_or(StoreError::Closed)?.begin_read()?)
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database().as_ref().ok_or(StoreError::Closed)?.begin_write()?;
        // Without it, an open after a crash walks through the whole file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Reads the rows of a chunk; none, and damage, where they are not what was written.
    fn decode<R: Row>(&self, bytes: &[u8]) -> Vec<R> {
        self.decode_wide(bytes, each())
    }

    /// As [`decode`](Self::decode), with neighbours joined to which this gives the same number: [`Row::decode`].
    fn decode_wide<R: Row>(&self, bytes: &[u8], step_of: impl FnMut(&At) -> Option<u64>) -> Vec<R> {
        #[cfg(test)]
        self.unpacked.fetch_add(1, Ordering::Relaxed);
        let rows = without_sum(bytes).and_then(|bytes| R::decode(bytes, step_of).ok());
        rows.unwrap_or_else(|| {
            self.count_damage();
            Vec::new()
        })
    }

    /// Notes that a piece of the file could not be read.
    pub(crate) fn count_damage(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The engine writes once more when it is closed.
        let database = self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

/// Runs an access to the file. The engine panics where pages are not what it wrote: that is damage as well.
fn guarded<T>(access: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let caught = catch_unwind(AssertUnwindSafe(access));
    caught.unwrap_or_else(|_| Err(StoreError::Damaged("its pages are not what was written".to_owned())))
}

/// Adds a checksum.
fn with_sum(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The bytes before a checksum, where it is theirs.
fn without_sum(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, sum) = bytes.split_last_chunk()?;
    (crc32fast::hash(bytes) == u32::from_le_bytes(*sum)).then_some(bytes)
}

fn put<'k, K: Key + 'static>(
    table: &mut redb::Table<'_, K, &'static [u8]>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
    value: &impl Serialize,
) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|error| StoreError::Other(error.to_string()))?;
    table.insert(key, with_sum(bytes).as_slice())?;
    Ok(())
}

fn get<'k, K: Key + 'static, T: DeserializeOwned>(
    table: &impl ReadableTable<K, &'static [u8]>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
) -> Result<Option<T>, StoreError> {
    table.get(key)?.map(|bytes| parse(bytes.value())).transpose()
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = || StoreError::Damaged("a checksum is not that of its text".to_owned());
    let bytes = without_sum(bytes).ok_or_else(damaged)?;
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// The time by which a row may have ended after its step, in nanoseconds.
pub(crate) fn late() -> u64 {
    nanos_of(UNIX_EPOCH + LATE)
}

pub(crate) fn nanos_of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
