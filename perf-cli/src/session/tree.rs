//! The version before: a worktree of the repository here, in a folder beside it, so that both are on one file system.

use crate::failure::Failure;
use crate::show;
use std::ffi::{OsStr, OsString};
use std::io;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
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
    /// The repository's own root.
    repository: PathBuf,
    /// Holds the worktree, and what is built of it elsewhere; `None` once it is removed.
    beside: Option<TempDir>,
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
        let repository = said(&here, &["rev-parse", "--show-toplevel"].map(OsStr::new))
            .map_err(|words| Failure::Usage(format!("--base needs a working tree here: {words}")))?;
        let repository = PathBuf::from(repository);
        // Beside it and not in it: cargo would take the worktree for a member of the workspace around.
        let parent = repository.parent().unwrap_or(&repository);
        let beside = TempDir::with_prefix_in(".perf-cli-", parent).map_err(|error| {
            Failure::Unreachable(format!(
                "--base needs a folder beside the repository, in {}: {error}",
                parent.display()
            ))
        })?;
        let root = beside.path().join("base");
        let folder = root.join(prefix.trim_end_matches('/'));
        // Made first: what is left of a worktree that was not made whole is removed as well.
        let tree = Self { folder, root, here, repository, beside: Some(beside) };
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

    /// The place in this version of a path of the one here, by the folder in which that builds. `None` where it is outside of both.
    pub(crate) fn place_of(&self, path: &Path, target: Option<&Path>) -> Option<PathBuf> {
        let path = flat(&self.here.join(path));
        [path.clone(), resolved(&path)].iter().find_map(|path| {
            if let Some(target) = target {
                let own = flat(&self.here.join(target));
                let rest = path.strip_prefix(&own).or_else(|_| path.strip_prefix(resolved(&own)));
                if let Ok(rest) = rest {
                    return Some(self.target(target).join(rest));
                }
            }
            path.strip_prefix(&self.repository).ok().map(|rest| self.root.join(rest))
        })
    }

    /// The folder in which this version builds where the one here builds in `target`: never the same.
    pub(crate) fn target(&self, target: &Path) -> PathBuf {
        let own = flat(&self.here.join(target));
        match own.strip_prefix(&self.repository) {
            Ok(rest) => self.root.join(rest),
            Err(_) => self.root.with_file_name("target"),
        }
    }
}

/// The path without `.` and `..`.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                flat.pop();
            }
            part => flat.push(part),
        }
    }
    flat
}

/// The path without links, as far as it is there: what is built later is not yet.
fn resolved(path: &Path) -> PathBuf {
    for above in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (above.canonicalize(), path.strip_prefix(above)) {
            return real.join(rest);
        }
    }
    path.to_owned()
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Nobody is left to be told. By force twice: a worktree that was not made whole is locked.
        let remove = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
        let remove = [&remove[..], &[self.root.as_os_str()]].concat();
        let is_removed = said(&self.here, &remove).is_ok();
        drop(self.beside.take());
        if !is_removed {
            // Of a folder that is gone git only has to forget.
            let _ = said(&self.here, &remove);
        }
    }
}

/// The answer of git, without the line's end; in the error its last words.
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
    let mut command = Command::new("git");
    command.args(no_hooks).args(words).current_dir(folder).stdin(Stdio::null());
    // The terminal's Ctrl-C comes here alone: what git has begun, it ends.
    #[cfg(unix)]
    command.process_group(0);
    command.output()
}
