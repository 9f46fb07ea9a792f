//! The folder of a service's history, and the file that this process takes in it.

use crate::settings::Settings;
use crate::store::{Room, Store, StoreError};
use std::env;
use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// So many processes of one service have histories in one folder.
const MOST_PROCESSES: usize = 64;

/// A file that seems to be another's is tried again so much later.
const LOOK: Duration = Duration::from_millis(10);

/// The folder of a service: the one in the settings, or its own in the user's state directory.
pub(crate) fn of_service(settings: &Settings, service: &str) -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd may name several, with colons between them.
    let systemd = set("STATE_DIRECTORY").and_then(|all| env::split_paths(&all).next());
    let state = || set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let default = || Some(systemd.or_else(state)?.join("perf").join(file_name(service)));
    settings.path.clone().or_else(default)
}

/// A service's name as that of a folder.
fn file_name(service: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = service.chars().take(64).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name.is_empty() { "service".to_owned() } else { name }
}

/// Makes the folder where it is not there, for its owner alone, and refuses one that is a link or another user's.
pub(crate) fn prepare(folder: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(StoreError::Other(format!("{}: not a folder, or a link to one", folder.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (owner, ours) = (found.uid(), nix::unistd::geteuid().as_raw());
        if owner != ours {
            let text = format!("{}: it belongs to user {owner}, and this process runs as {ours}", folder.display());
            return Err(StoreError::Other(text));
        }
        // Another user who may write into it could put a file in the place of ours. 1000: only its owner may remove a file.
        let mode = found.mode();
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            let text = format!("{}: everybody may write into it (mode {:o})", folder.display(), mode & 0o7777);
            return Err(StoreError::Other(text));
        }
    }
    Ok(())
}

/// Opens a file of the folder that no other process has: of those that are there the one that was written last, so that the past and
/// the state of the process before are found, or a new one. One that cannot be read is set aside; one of a later version is left
/// alone, and so is the whole folder.
pub(crate) fn open(folder: &Path, room: &Arc<Room>) -> Result<(Store, PathBuf, Option<String>), StoreError> {
    prepare(folder)?;
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
