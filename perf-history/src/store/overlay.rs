//! A file that is only read: the engine's own writes, as when it repairs a copy of a file in use, stay in memory.

use super::error::StoreError;
use super::pages::Guard;
use redb::StorageBackend;
use redb::backends::FileBackend;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Written bytes are kept in stretches of this length.
const STRETCH: usize = 4_096;

const WHOLE: (Bound<u64>, Bound<u64>) = (Bound::Unbounded, Bound::Unbounded);

/// A file that others may write at any time, and that is left alone.
#[derive(Debug)]
pub(crate) struct Watched {
    file: FileBackend,
    /// The same file, to see whether it was written.
    same: File,
    first_seen: (u64, Option<SystemTime>),
}

impl Watched {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => StoreError::Denied,
            _ => error.into(),
        })?;
        let same = file.try_clone()?;
        let first_seen = seen(&same)?;
        let this = Self { file: FileBackend::new(file)?, same, first_seen };
        this.check()?;
        Ok(this)
    }

    /// Refuses a file that a process has, or has written since it was opened: what was read may be of two moments then. Holds no
    /// lock itself, so that an owner may begin at any time.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let other = |error: redb::BackendError| StoreError::Other(error.to_string());
        let is_free = self.file.try_lock_shared_range(WHOLE.0, WHOLE.1).map_err(other)?;
        if is_free {
            self.file.unlock_range(WHOLE.0, WHOLE.1).map_err(other)?;
        }
        if is_free && seen(&self.same)? == self.first_seen { Ok(()) } else { Err(StoreError::Busy) }
    }
}

fn seen(file: &File) -> io::Result<(u64, Option<SystemTime>)> {
    let found = file.metadata()?;
    Ok((found.len(), found.modified().ok()))
}

/// The file as the engine sees it.
#[derive(Debug)]
pub(super) struct Overlay {
    watched: Arc<Watched>,
    written: Mutex<Written>,
    guard: Guard,
}

#[derive(Debug)]
struct Written {
    length: u64,
    stretches: HashMap<u64, Box<[u8; STRETCH]>>,
}

impl Overlay {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let watched = Watched::open(path)?;
        let (length, _) = watched.first_seen;
        Ok(Self {
            watched: Arc::new(watched),
            written: Mutex::new(Written { length, stretches: HashMap::new() }),
            guard: Guard::default(),
        })
    }

    pub(super) fn watched(&self) -> Arc<Watched> {
        Arc::clone(&self.watched)
    }

    /// A stretch of the file, with zeros beyond its end.
    fn of_file(&self, number: u64) -> io::Result<Box<[u8; STRETCH]>> {
        let mut bytes = Box::new([0; STRETCH]);
        let begin = number.saturating_mul(STRETCH as u64);
        let there = self.watched.first_seen.0.saturating_sub(begin).min(STRETCH as u64);
        if let Some(part) = usize::try_from(there).ok().and_then(|there| bytes.get_mut(..there)) {
            self.watched.file.read(begin, part)?;
        }
        Ok(bytes)
    }

    /// Copies bytes of the file, or what was written over them.
    fn copy(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if offset.saturating_add(out.len() as u64) > written.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = out;
        for (number, begin, length) in stretches(offset, rest.len()) {
            let (part, after) = rest.split_at_mut(length);
            let of_file;
            let bytes = if let Some(bytes) = written.stretches.get(&number) {
                bytes
            } else {
                of_file = self.of_file(number)?;
                &of_file
            };
            part.copy_from_slice(bytes.get(begin..begin + length).unwrap_or_default());
            rest = after;
        }
        Ok(())
    }
}

/// The stretches that bytes lie in: the number of each, where they begin in it, and how many they are.
fn stretches(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut at = offset;
    let end = offset.saturating_add(length as u64);
    std::iter::from_fn(move || {
        let number = at / STRETCH as u64;
        let begin = usize::try_from(at % STRETCH as u64).ok()?;
        let length = usize::try_from((end - at).min((STRETCH - begin) as u64)).ok().filter(|length| *length > 0)?;
        at += length as u64;
        Some((number, begin, length))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written.lock().unwrap_or_else(PoisonError::into_inner).length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.copy(offset, out)?;
        self.guard.look_at(out, self)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that is cut and grows again has zeros where it was cut.
        if len < written.length {
            written.stretches.retain(|number, _| number.saturating_mul(STRETCH as u64) < len);
        }
        written.length = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = data;
        for (number, begin, length) in stretches(offset, data.len()) {
            let (part, after) = rest.split_at(length);
            let stretch = match written.stretches.entry(number) {
                Entry::Occupied(stretch) => stretch.into_mut(),
                Entry::Vacant(place) => place.insert(self.of_file(number)?),
            };
            if let Some(bytes) = stretch.get_mut(begin..begin + length) {
                bytes.copy_from_slice(part);
            }
            rest = after;
        }
        written.length = written.length.max(offset.saturating_add(data.len() as u64));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_read_back_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let whole: Vec<u8> = (0..10_000_u32).map(|place| (place % 251) as u8).collect();
        std::fs::write(&path, &whole).unwrap();
        let overlay = Overlay::open(&path).unwrap();
        let read = |offset: u64, length: usize| {
            let mut bytes = vec![0; length];
            overlay.read(offset, &mut bytes).map(|()| bytes)
        };
        assert_eq!(read(4_000, 300).unwrap(), whole[4_000..4_300]);
        overlay.write(4_090, &[7; 20]).unwrap();
        let mut expected = whole.clone();
        expected[4_090..4_110].fill(7);
        assert_eq!(read(0, 10_000).unwrap(), expected);
        assert!(read(9_999, 2).is_err());
        overlay.set_len(20_000).unwrap();
        assert_eq!(read(9_999, 2).unwrap(), [whole[9_999], 0]);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        overlay.watched().check().unwrap();
        std::fs::write(&path, "others wrote it").unwrap();
        assert!(matches!(overlay.watched().check(), Err(StoreError::Busy)));
    }
}
