//! The file of the outbox.
//!
//! A message is in it before it is first sent, and leaves it in the commit after the receiver took it: a crash in between sends it once
//! more. What could not be written waits, and goes with the next commit.

use super::entry::{Attempt, Entry};
use crate::group::Group;
use crate::notice::{MOST_TOLD, ToldKeys, oldest_beyond};
use perf_runtime::extend::prepare_folder;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// The format of the file. A later one is left alone.
const FORMAT: u64 = 1;
/// So many processes of one service have outboxes in one folder.
const MOST_PROCESSES: usize = 64;
/// Attempts that are kept; of more the oldest go.
const MOST_ATTEMPTS: u64 = 10_000;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 1 << 20;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const GROUPS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("groups");
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("messages");
const ATTEMPTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("attempts");
/// Signatures of links that were used, with the second since 1970 at which they expire.
const USED: TableDefinition<'_, &[u8], u64> = TableDefinition::new("used");
/// Hashes of the keys of notices that were told, with the millisecond since 1970.
const TOLD: TableDefinition<'_, [u8; 16], u64> = TableDefinition::new("told");

/// Why the file cannot be used.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// Another process has it.
    Busy,
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process has the file"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Everything that is to be written.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The number of the last event that was heard.
    pub(crate) seq: Option<u64>,
    /// `None` where it is over.
    pub(crate) groups: BTreeMap<String, Option<Group>>,
    /// `None` where it left the outbox.
    pub(crate) entries: BTreeMap<u64, Option<Entry>>,
    pub(crate) attempts: Vec<Attempt>,
    /// Links that were used in another process.
    pub(crate) used: UsedLinks,
    /// Notices that were told.
    pub(crate) told: ToldKeys,
}

/// Signatures of links that were used, each with the second since 1970 at which it expires.
pub(crate) type UsedLinks = Vec<(Vec<u8>, u64)>;

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { seq, groups, entries, attempts, used, told } = self;
        let has_no_lines = groups.is_empty() && entries.is_empty() && attempts.is_empty();
        seq.is_none() && has_no_lines && used.is_empty() && told.is_empty()
    }
}

/// The state that a process before left.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Tells the messages of this file from those of any other.
    pub(crate) instance: u64,
    pub(crate) seq: u64,
    pub(crate) groups: Vec<Group>,
    pub(crate) entries: Vec<Entry>,
    /// Notices that were told.
    pub(crate) told: ToldKeys,
    /// Only of another process, whose file is removed: attempts, the oldest first, and links that were used.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) used: UsedLinks,
}

/// The outboxes of other processes.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Those of processes that have ended without this one having their file.
    pub(crate) left: Vec<Store>,
    /// How many processes have theirs.
    pub(crate) running: usize,
}

#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    path: PathBuf,
}

impl Store {
    /// Opens the first file of a folder that no other process has. One that cannot be read is set aside.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        prepare_folder(folder).map_err(|error| StoreError::Other(error.to_string()))?;
        for path in files(folder) {
            match Self::open_file(&path) {
                Err(StoreError::Busy) => {}
                other => return other,
            }
        }
        Err(StoreError::Busy)
    }

    /// The outboxes of other processes of the service. One that cannot be read is left alone.
    pub(crate) fn others(folder: &Path, own: &Path) -> Others {
        let mut others = Others::default();
        for path in files(folder).filter(|path| path != own && path.exists()) {
            match Self::open_file(&path) {
                Ok(store) => others.left.push(store),
                Err(StoreError::Busy) => others.running += 1,
                Err(StoreError::Other(_)) => {}
            }
        }
        others
    }

    /// Deletes the file.
    pub(crate) fn remove(self) -> std::io::Result<()> {
        let path = self.path.clone();
        drop(self);
        std::fs::remove_file(path)
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        let file = private_file(path)?;
        let opened = FileBackend::new(file).map_err(StoreError::from);
        let backend = opened?;
        let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        let store = Self { database, path: path.to_owned() };
        let transaction = store.write()?;
        {
            let mut meta = transaction.open_table(META)?;
            let format = meta.get("format")?.map(|value| value.value());
            match format {
                Some(format) if format > FORMAT => {
                    let text = format!("{}: of a later version (format {format})", path.display());
                    return Err(StoreError::Other(text));
                }
                Some(_) => {}
                None => {
                    meta.insert("format", FORMAT)?;
                    meta.insert("instance", crate::random())?;
                }
            }
            transaction.open_table(GROUPS)?;
            transaction.open_table(ENTRIES)?;
            transaction.open_table(ATTEMPTS)?;
            transaction.open_table(USED)?;
            transaction.open_table(TOLD)?;
        }
        transaction.commit()?;
        Ok(store)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number that tells this file from any other, whatever path it has.
    pub(crate) fn instance(&self) -> Result<u64, StoreError> {
        let meta = self.database.begin_read()?.open_table(META)?;
        Ok(meta.get("instance")?.map_or(0, |value| value.value()))
    }

    fn write(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Reads what a process before left. Lines that cannot be read are left out, and told.
    pub(crate) fn load(&self) -> Result<Left, StoreError> {
        let transaction = self.database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let number = |name| meta.get(name).map(|value| value.map_or(0, |value| value.value()));
        let mut left = Left { instance: number("instance")?, seq: number("seq")?, ..Left::default() };
        for line in transaction.open_table(GROUPS)?.iter()? {
            left.groups.extend(read(line?.1.value()));
        }
        for line in transaction.open_table(ENTRIES)?.iter()? {
            left.entries.extend(read(line?.1.value()));
        }
        for line in transaction.open_table(TOLD)?.iter()? {
            let (key, at) = line?;
            left.told.insert(key.value(), at.value());
        }
        Ok(left)
    }

    /// As [`load`](Self::load), with everything that would be gone with the file.
    pub(crate) fn load_all(&self) -> Result<Left, StoreError> {
        let mut left = self.load()?;
        let transaction = self.database.begin_read()?;
        for line in transaction.open_table(ATTEMPTS)?.iter()? {
            left.attempts.extend(read(line?.1.value()));
        }
        for line in transaction.open_table(USED)?.iter()? {
            let (signature, expires) = line?;
            left.used.push((signature.value().to_vec(), expires.value()));
        }
        Ok(left)
    }

    /// Writes changes, all or none, and waits until they are on the disk.
    pub(crate) fn commit(&self, changes: &Changes) -> Result<(), StoreError> {
        let transaction = self.write()?;
        if let Some(seq) = changes.seq {
            transaction.open_table(META)?.insert("seq", seq)?;
        }
        let mut groups = transaction.open_table(GROUPS)?;
        for (key, group) in &changes.groups {
            match group {
                Some(group) => groups.insert(key.as_str(), written(group)?.as_slice())?,
                None => groups.remove(key.as_str())?,
            };
        }
        drop(groups);
        let mut entries = transaction.open_table(ENTRIES)?;
        for (id, entry) in &changes.entries {
            match entry {
                Some(entry) => entries.insert(id, written(entry)?.as_slice())?,
                None => entries.remove(id)?,
            };
        }
        drop(entries);
        let mut attempts = transaction.open_table(ATTEMPTS)?;
        let last = attempts.last()?.map_or(0, |(number, _)| number.value());
        for (attempt, number) in changes.attempts.iter().zip(last + 1..) {
            attempts.insert(number, written(attempt)?.as_slice())?;
        }
        while attempts.len()? > MOST_ATTEMPTS {
            attempts.pop_first()?;
        }
        drop(attempts);
        let mut used = transaction.open_table(USED)?;
        for (signature, expires) in &changes.used {
            used.insert(signature.as_slice(), expires)?;
        }
        drop(used);
        let mut told = transaction.open_table(TOLD)?;
        for (key, at) in &changes.told {
            told.insert(key, at)?;
        }
        if told.len()? > MOST_TOLD as u64 {
            let all = told.iter()?.map(|line| line.map(|(key, at)| (at.value(), key.value())));
            let all = all.collect::<Result<Vec<_>, _>>()?;
            for key in oldest_beyond(all) {
                told.remove(key)?;
            }
        }
        drop(told);
        transaction.commit()?;
        Ok(())
    }

    /// The last attempts, the newest first, each with its number; of those before a number, where one is given.
    pub(crate) fn attempts(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, Attempt)>, StoreError> {
        let transaction = self.database.begin_read()?;
        let mut all = Vec::new();
        for line in transaction.open_table(ATTEMPTS)?.range(..before.unwrap_or(u64::MAX))?.rev().take(limit) {
            let (number, bytes) = line?;
            all.extend(read(bytes.value()).map(|attempt| (number.value(), attempt)));
        }
        Ok(all)
    }

    /// Marks a link as used, and says whether it was not before. Those that expired are forgotten.
    pub(crate) fn use_link(&self, signature: &[u8], expires: u64, now: u64) -> Result<bool, StoreError> {
        let transaction = self.write()?;
        let is_new = {
            let mut used = transaction.open_table(USED)?;
            used.retain(|_, expires| expires > now)?;
            used.insert(signature, expires)?.is_none()
        };
        transaction.commit()?;
        Ok(is_new)
    }
}

/// The files that the processes of a service take.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let name = |number| if number == 1 { "outbox.redb".to_owned() } else { format!("outbox-{number}.redb") };
    (1..=MOST_PROCESSES).map(move |number| folder.join(name(number)))
}

/// A file for its owner alone, and no link.
fn private_file(path: &Path) -> Result<File, StoreError> {
    let other = |error: std::io::Error| StoreError::Other(format!("{}: {error}", path.display()));
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(StoreError::Other(format!("{}: not a file, or a link to one", path.display())));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path).map_err(other)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(other)?;
    }
    Ok(file)
}

fn written(value: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Other(error.to_string()))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes)
        .inspect_err(|error| tracing::warn!(target: "perf::notify", %error, "a line of the outbox cannot be read"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_another_one_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.redb");
        let open = || Store::open_file(&path).unwrap().instance().unwrap();
        let first = open();
        assert_eq!((open(), first > 0), (first, true), "it is the same after a restart");
        std::fs::remove_file(&path).unwrap();
        assert_ne!(open(), first);
    }

    #[test]
    fn a_link_that_was_used_is_used_for_whoever_takes_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
        assert!(old.use_link(b"signature", 200, 100).unwrap());
        let path = new.path().to_owned();
        assert_eq!(Store::others(folder.path(), &path).running, 1, "it has its own");
        drop(old);
        let [other] = <[Store; 1]>::try_from(Store::others(folder.path(), &path).left).unwrap();
        let left = other.load_all().unwrap();
        new.commit(&Changes { used: left.used, ..Changes::default() }).unwrap();
        other.remove().unwrap();
        assert!(!new.use_link(b"signature", 200, 150).unwrap());
        assert!(new.use_link(b"another one", 200, 150).unwrap());
    }
}
