//! A store of budgets in a file.

use super::{BudgetStore, LeaseRecord, StoreError};
use perf_runtime::extend::prepare_folder;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

const LEASES: TableDefinition<'_, &str, (i64, i64)> = TableDefinition::new("leases");
/// Processes of one service that may run side by side.
const MOST_PROCESSES: usize = 64;
/// The memory for pages of the file: the records of 10,000 accounts take about a megabyte.
const CACHE_BYTES: usize = 1 << 20;

/// A [`BudgetStore`] in a file of its own: each write is flushed to the disk before it counts.
///
/// Two processes of one service have a file each, `budgets.redb`, `budgets-2.redb` and so on, and each its own budgets: a limit holds for each of
/// them, and not for both together. One that starts takes the first file that nobody has, so that a process that was killed finds its own.
pub struct FileStore {
    database: Database,
    path: PathBuf,
}

impl FileStore {
    /// Opens the first file in a folder that no other process has; the folder is made where it is not there.
    ///
    /// # Errors
    /// [`StoreError`] where the folder or the file cannot be used, or the file cannot be read. A damaged one is not set aside: nobody
    /// would know what was spent.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        prepare_folder(folder).map_err(StoreError::new)?;
        for number in 1..=MOST_PROCESSES {
            let name = if number == 1 { "budgets.redb".to_owned() } else { format!("budgets-{number}.redb") };
            let path = folder.join(name);
            match FileBackend::new(private(&path).map_err(StoreError::new)?) {
                Err(DatabaseError::DatabaseAlreadyOpen) => {}
                Err(error) => return Err(StoreError::new(error)),
                Ok(backend) => {
                    let mut builder = Builder::new();
                    builder.set_cache_size(CACHE_BYTES);
                    let database = builder.create_with_backend(backend).map_err(StoreError::new)?;
                    return Ok(Self { database, path });
                }
            }
        }
        Err(StoreError::new(format!("{}: {MOST_PROCESSES} processes have their budgets there", folder.display())))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn change(
        &self,
        change: impl FnOnce(&mut redb::Table<'_, &str, (i64, i64)>) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        change(&mut transaction.open_table(LEASES)?)?;
        Ok(transaction.commit()?)
    }

    fn read(&self) -> Result<Vec<LeaseRecord>, redb::Error> {
        // Makes the table where the file is new.
        self.change(|_| Ok(()))?;
        let transaction = self.database.begin_read()?;
        let mut records = Vec::new();
        for entry in transaction.open_table(LEASES)?.iter()? {
            let (key, value) = entry?;
            let (window, counted) = value.value();
            records.push(LeaseRecord { key: key.value().to_owned(), window, counted });
        }
        Ok(records)
    }
}

impl BudgetStore for FileStore {
    fn load(&self) -> Result<Vec<LeaseRecord>, StoreError> {
        self.read().map_err(StoreError::new)
    }

    fn write(&self, records: &[LeaseRecord]) -> Result<(), StoreError> {
        let insert = |table: &mut redb::Table<'_, &str, (i64, i64)>| {
            for LeaseRecord { key, window, counted } in records {
                table.insert(key.as_str(), (*window, *counted))?;
            }
            Ok(())
        };
        self.change(insert).map_err(StoreError::new)
    }

    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        let remove = |table: &mut redb::Table<'_, &str, (i64, i64)>| {
            for key in keys {
                table.remove(key.as_str())?;
            }
            Ok(())
        };
        self.change(remove).map_err(StoreError::new)
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file for its owner alone.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
