//! The file under the store, which never takes more room than it may.

use super::error::StoreError;
use super::pages::Guard;
use crate::settings::{Fsync, Settings};
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

/// The room that a file may take, and whether it is flushed.
#[derive(Debug)]
pub(crate) struct Room {
    max_bytes: u64,
    fsync: Fsync,
    /// So many writes succeed before the disk fails.
    #[cfg(test)]
    pub(crate) writes_left: std::sync::atomic::AtomicU64,
}

impl Room {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            max_bytes: settings.max_bytes,
            fsync: settings.fsync,
            #[cfg(test)]
            writes_left: std::sync::atomic::AtomicU64::new(u64::MAX),
        }
    }

    /// Fails where a test wants the disk to.
    #[cfg_attr(not(test), expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only tests fail here"))]
    fn use_disk(&self) -> io::Result<()> {
        #[cfg(test)]
        {
            use std::sync::atomic::Ordering;
            let spend = |left: u64| left.checked_sub(1);
            if self.writes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }
}

/// A file that takes at most so many bytes of the disk. More is refused as on a full disk; to write over what is there is not.
#[derive(Debug)]
pub(super) struct Capped {
    file: FileBackend,
    /// The same file, to ask how much of the disk it takes.
    same: File,
    room: Arc<Room>,
    guard: Guard,
}

impl Capped {
    /// Opens a file for its owner alone, whoever could read it before.
    pub(super) fn open(path: &Path, room: &Arc<Room>) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
        }
        let file = options.open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        let same = file.try_clone()?;
        Ok(Self { file: FileBackend::new(file)?, same, room: Arc::clone(room), guard: Guard::default() })
    }

    /// Says, whenever it is asked, whether the file is still the one of this path.
    pub(super) fn is_named(&self, path: &Path) -> impl Fn() -> bool + use<> {
        let path = path.to_owned();
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let of = |found: Metadata| (found.dev(), found.ino());
            let ours = self.same.metadata().map(of).ok();
            move || ours.is_some() && std::fs::metadata(&path).map(of).ok() == ours
        }
        #[cfg(not(unix))]
        move || path.exists()
    }

    /// Whether the bytes are on the disk already, so that writing them takes no more of it.
    fn is_there(&self, offset: u64, length: u64) -> io::Result<bool> {
        #[cfg(any(target_os = "linux", target_os = "freebsd"))]
        {
            use nix::unistd::{Whence, lseek};
            let Ok(from) = nix::libc::off_t::try_from(offset) else { return Ok(false) };
            match lseek(&self.same, from, Whence::SeekHole) {
                // The end of the file is a hole.
                Ok(hole) => Ok(u64::try_from(hole).is_ok_and(|hole| hole >= offset.saturating_add(length))),
                Err(nix::errno::Errno::ENXIO) => Ok(false),
                Err(other) => Err(other.into()),
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
        Ok(offset.saturating_add(length) <= self.same.metadata()?.len())
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
        self.file.read(offset, out)?;
        self.guard.look_at(out, &self.file)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.room.use_disk()?;
        // The engine doubles its file when it wants a page: the end of it is a hole until something is written there.
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.room.use_disk()?;
        match self.room.fsync {
            Fsync::Always => self.file.sync_data(),
            Fsync::Never => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.room.use_disk()?;
        let length = data.len() as u64;
        let is_full = bytes_on_disk(&self.same.metadata()?).saturating_add(length) > self.room.max_bytes;
        if is_full && !self.is_there(offset, length)? {
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
