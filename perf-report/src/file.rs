//! Files that are whole or not there at all, for their owner alone, and never behind a link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Writes a file beside its place, and moves it there once it is whole. Where it fails, what was there stays.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    // A process of this number that did not end in order may have left one.
    let _ = fs::remove_file(&beside);
    let mut out = BufWriter::new(create_new(&beside)?);
    let write_all = || {
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&beside, path)?;
        Ok(bytes)
    };
    let written = write_all();
    if written.is_err() {
        // It is of no use; where it cannot be removed, the reason why it was not written is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A new file for its owner alone.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A folder that this process has for itself until this is dropped, or it ends. Of other processes, that is, which ask for it too.
#[derive(Debug)]
pub(crate) struct Alone {
    #[cfg(unix)]
    _locked: File,
}

/// Takes a folder for this process; `None` where another has it. Where a file system or an operating system has no such locks, each has it.
#[cfg(unix)]
pub(crate) fn lock_folder(folder: &Path) -> io::Result<Option<Alone>> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY).open(folder)?;
    // SAFETY: the descriptor is open for as long as `file` lives, and nothing is passed beside it.
    let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    let is_taken = locked != 0 && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock;
    Ok((!is_taken).then_some(Alone { _locked: file }))
}

#[cfg(not(unix))]
pub(crate) fn lock_folder(_: &Path) -> io::Result<Option<Alone>> {
    Ok(Some(Alone {}))
}

/// Opens a file to read, with its length. `None` where there is none: what is a link, a pipe or a folder is none.
pub(crate) fn open_plain(path: &Path) -> io::Result<Option<(File, u64)>> {
    open_to(path, OpenOptions::new().read(true))
}

/// Sets the time of a file to now, which takes no room; says whether there is one: what is a link, a pipe or a folder is none.
pub(crate) fn renew(path: &Path) -> io::Result<bool> {
    let Some((file, _)) = open_to(path, OpenOptions::new().write(true))? else { return Ok(false) };
    file.set_modified(SystemTime::now())?;
    file.sync_all()?;
    Ok(true)
}

fn open_to(path: &Path, options: &mut OpenOptions) -> io::Result<Option<(File, u64)>> {
    let missing = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) => return missing(error),
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // It may have become a link since it was looked at.
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) => return missing(error),
    };
    let found = file.metadata()?;
    Ok(found.is_file().then_some((file, found.len())))
}
