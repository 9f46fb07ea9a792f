//! The folder of a service's history, and the file that this process takes in it.

use crate::store::{Room, Store, StoreError};
use perf_runtime::extend::prepare_folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// So many processes of one service have histories in one folder.
const MOST_PROCESSES: usize = 64;

/// The end of the names of files that were set aside.
const ASIDE: &str = "damaged";

/// A file that seems to be another's is tried again so much later.
const LOOK: Duration = Duration::from_millis(10);

/// Opens a file of the folder that no other process has: of those that are there the one that was written last, so that the past and
/// the state of the process before are found, or a new one. One that cannot be read is set aside; one of a later version is left
/// alone, and so is the whole folder.
pub(crate) fn open(folder: &Path, room: &Arc<Room>) -> Result<(Store, PathBuf, Option<String>), StoreError> {
    prepare_folder(folder)?;
    let (there, mut missing) = files(folder);
    for path in there.into_iter().chain(missing.next()) {
        let mut opened = Store::open(&path, room);
        if matches!(opened, Err(StoreError::Busy)) {
            // A reader looks for an owner in less than that.
            std::thread::sleep(LOOK);
            opened = Store::open(&path, room);
        }
        match opened {
            Ok(store) => return Ok((store, path, None)),
            Err(StoreError::Busy) => {}
            Err(StoreError::Damaged(what)) => {
                let aside = set_aside(&path)?;
                let what = format!("{}: {what}; set aside as {}", folder.display(), aside.display());
                return Ok((Store::open(&path, room)?, path, Some(what)));
            }
            Err(other) => return Err(other),
        }
    }
    Err(StoreError::Busy)
}

/// The files of other processes in the folder, those that were written last first.
pub(crate) fn others(folder: &Path, own: &Path) -> Vec<PathBuf> {
    let (mut there, _) = files(folder);
    there.retain(|path| path != own);
    there
}

/// Removes the files that were set aside and hold nothing of a time or after it: those that were last written before it.
pub(crate) fn remove_aside(folder: &Path, before: SystemTime) -> Result<(), StoreError> {
    for path in names(folder).map(|path| path.with_extension(ASIDE)) {
        let written = fs::symlink_metadata(&path).and_then(|found| found.modified());
        if written.is_ok_and(|written| written < before) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The names that files of a folder may have.
fn names(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let name = |number| if number == 1 { "history.redb".to_owned() } else { format!("history-{number}.redb") };
    (1..=MOST_PROCESSES).map(move |number| folder.join(name(number)))
}

/// The files that are there, those that were written last first, and names for others.
fn files(folder: &Path) -> (Vec<PathBuf>, impl Iterator<Item = PathBuf>) {
    let written = |path: &PathBuf| fs::symlink_metadata(path).map(|found| found.modified().ok());
    let (mut there, missing): (Vec<_>, Vec<_>) =
        names(folder).map(|path| (written(&path), path)).partition(|(found, _)| found.is_ok());
    there.sort_by_key(|(found, _)| std::cmp::Reverse(found.as_ref().ok().copied().flatten()));
    (there.into_iter().map(|(_, path)| path).collect(), missing.into_iter().map(|(_, path)| path))
}

/// Gives a file that cannot be used another name, which is told. One that had it already is replaced.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = path.with_extension(ASIDE);
    fs::rename(path, &aside)?;
    Ok(aside)
}
