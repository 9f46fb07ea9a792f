//! The file under the store, which never takes more room than it may.

use super::error::StoreError;
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that takes at most so many bytes of the disk. More is refused as on a full disk.
#[derive(Debug)]
pub(super) struct Capped {
    file: FileBackend,
    /// The same file, to ask how much of the disk it takes.
    same: File,
    max_bytes: Arc<AtomicU64>,
}

impl Capped {
    pub(super) fn open(path: &Path, max_bytes: &Arc<AtomicU64>) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
        }
        let file = options.open(path)?;
        let same = file.try_clone()?;
        Ok(Self { file: FileBackend::new(file)?, same, max_bytes: Arc::clone(max_bytes) })
    }
}

/// The bytes that a file takes on the disk. Holes take none.
pub(crate) fn bytes_on_disk(file: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.blocks().saturating_mul(512)
    }
    #[cfg(not(unix))]
    file.len()
}

impl StorageBackend for Capped {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        // The engine doubles its file when it wants a page: the end of it is a hole until something is written there.
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        if bytes_on_disk(&self.same.metadata()?).saturating_add(data.len() as u64)
            > self.max_bytes.load(Ordering::Relaxed)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, redb::BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), redb::BackendError> {
        self.file.unlock_range(start, end)
    }
}
