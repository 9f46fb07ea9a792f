//! The folder of a service's history, and the file that this process takes in it.

use crate::store::{Room, Store, StoreError};
use perf_runtime::extend::prepare_folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// So many processes of one service have histories in one folder.
const MOST_PROCESSES: usize = 64;

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

/// The files that are there, those that were written last first, and names for others.
fn files(folder: &Path) -> (Vec<PathBuf>, impl Iterator<Item = PathBuf>) {
    let name = |number| if number == 1 { "history.redb".to_owned() } else { format!("history-{number}.redb") };
    let all = (1..=MOST_PROCESSES).map(|number| folder.join(name(number)));
    let written = |path: &PathBuf| fs::symlink_metadata(path).map(|found| found.modified().ok());
    let (mut there, missing): (Vec<_>, Vec<_>) =
        all.map(|path| (written(&path), path)).partition(|(found, _)| found.is_ok());
    there.sort_by_key(|(found, _)| std::cmp::Reverse(found.as_ref().ok().copied().flatten()));
    (there.into_iter().map(|(_, path)| path).collect(), missing.into_iter().map(|(_, path)| path))
}

/// Gives a file that cannot be used another name, which is told. One that had it already is replaced.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = path.with_extension("damaged");
    fs::rename(path, &aside)?;
    Ok(aside)
}
