//! The version before: a worktree of the repository here, in a temporary folder.

use crate::failure::Failure;
use crate::show;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A worktree that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The folder inside of it that the folder here is in the repository.
    folder: PathBuf,
    root: PathBuf,
    /// The folder here.
    here: PathBuf,
    /// Keeps the temporary folder until the worktree has been removed.
    _temporary: TempDir,
}

/// The folder of this process.
pub(crate) fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| Failure::Unreachable(format!("the folder here: {error}")))
}

impl Tree {
    /// A worktree of a commit, by the name of a branch, a tag or the commit itself. Hooks of the repository are not run.
    pub(crate) fn of(reference: &str) -> Result<Self, Failure> {
        let here = here()?;
        let commit =
            [OsStr::new("rev-parse"), OsStr::new("--verify"), OsStr::new("--quiet"), OsStr::new("--end-of-options")];
        let wanted = OsString::from(format!("{reference}^{{commit}}"));
        let prefix = said(&here, &["rev-parse", "--show-prefix"].map(OsStr::new)).map_err(|words| {
            Failure::Usage(format!("--base needs a git repository here, {}: {words}", here.display()))
        })?;
        let commit = said(&here, &[&commit[..], &[&wanted]].concat()).map_err(|_| {
            Failure::Usage(format!("--base {reference:?} is no branch, tag or commit of the repository here"))
        })?;
        let temporary = TempDir::with_prefix("perf-cli-")
            .map_err(|error| Failure::Unreachable(format!("a temporary folder: {error}")))?;
        let root = temporary.path().join("base");
        let folder = root.join(prefix.trim_end_matches('/'));
        // Made first: what is left of a worktree that was not made whole is removed as well.
        let tree = Self { folder, root, here, _temporary: temporary };
        let add = ["worktree", "add", "--quiet", "--detach"].map(OsStr::new);
        said(&tree.here, &[&add[..], &[tree.root.as_os_str(), OsStr::new(&commit)]].concat())
            .map_err(|words| Failure::Unreachable(format!("git made no worktree of {reference:?}: {words}")))?;
        if !tree.folder.is_dir() {
            return Err(Failure::Usage(format!("--base {reference:?} has not the folder {prefix:?}")));
        }
        Ok(tree)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Nobody is left to be told. What git does not know any more, the temporary folder takes with it.
        let remove = ["worktree", "remove", "--force"].map(OsStr::new);
        let _ = said(&self.here, &[&remove[..], &[self.root.as_os_str()]].concat());
    }
}

/// What git says, without the line's end; in the error its last words.
fn said(folder: &Path, words: &[&OsStr]) -> Result<String, String> {
    let Output { status, stdout, stderr } = git(folder, words).map_err(|error| format!("git: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned());
    }
    let words = String::from_utf8_lossy(&stderr);
    Err(show::clean(words.lines().last().unwrap_or("git says nothing")))
}

fn git(folder: &Path, words: &[&OsStr]) -> io::Result<Output> {
    let no_hooks = ["-c", "core.hooksPath=/dev/null"];
    Command::new("git").args(no_hooks).args(words).current_dir(folder).stdin(Stdio::null()).output()
}
