//! Files that are being written, and those that a process left half written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// A file that is written for longer was left by a process that ended.
const LEFT: Duration = Duration::from_secs(3_600);

/// Whether nobody can be at work on a file any more.
pub(super) fn is_left(path: &Path) -> bool {
    written(path).and_then(|at| at.elapsed().ok()).is_some_and(|age| age > LEFT)
}

/// When a file was written; `None` where there is none.
pub(super) fn written(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok()
}

/// Files that are written beside their places: removed where they were not moved there.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) all: Vec<(PathBuf, PathBuf)>,
    pub(super) bytes: u64,
}

impl Drop for Parts {
    fn drop(&mut self) {
        let remove = |(part, _): &(PathBuf, PathBuf)| fs::remove_file::<&Path>(part).is_ok();
        self.all.iter().map(remove).for_each(drop);
    }
}

/// Counts what is written, and writes no more than there may be, and nothing once the process ends.
pub(super) struct Counted<'a, W> {
    pub(super) out: W,
    pub(super) bytes: u64,
    pub(super) most: u64,
    pub(super) is_over: &'a AtomicBool,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.most {
            return Err(io::Error::other("it is larger than all that may be kept"));
        }
        if self.is_over.load(Ordering::Acquire) {
            return Err(io::Error::other("the process ends"));
        }
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
