//! The folder in which parts keep what outlives the process.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a service's state: `set`, where a setting names one, else `perf/<service>` in the state directory of the user:
/// `$STATE_DIRECTORY` (set by systemd), `$XDG_STATE_HOME`, or `~/.local/state`. `None` where there is none of them.
pub fn state_folder(set: Option<&Path>, service: &str) -> Option<PathBuf> {
    if let Some(set) = set {
        return Some(set.to_owned());
    }
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd may name several, with colons between them.
    let systemd = of("STATE_DIRECTORY").and_then(|all| env::split_paths(&all).next());
    let state = || of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")));
    Some(systemd.or_else(state)?.join("perf").join(file_name(service)))
}

/// A service's name as that of a folder.
fn file_name(service: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = service.chars().take(64).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if name.is_empty() { "service".to_owned() } else { name }
}

/// Makes a folder where it is not there, for its owner alone.
///
/// # Errors
/// One that cannot be made, is a link, belongs to another user, or that everybody may write into: another user could put a
/// file in the place of ours.
pub fn prepare_folder(folder: &Path) -> io::Result<()> {
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
        return Err(io::Error::other(format!("{}: not a folder, or a link to one", folder.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // SAFETY: it takes nothing, and always succeeds.
        let (owner, ours) = (found.uid(), unsafe { libc::geteuid() });
        if owner != ours {
            let text = format!("{}: it belongs to user {owner}, and this process runs as {ours}", folder.display());
            return Err(io::Error::other(text));
        }
        // 1000: only its owner may remove a file.
        let mode = found.mode();
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            let text = format!("{}: everybody may write into it (mode {:o})", folder.display(), mode & 0o7777);
            return Err(io::Error::other(text));
        }
    }
    Ok(())
}
