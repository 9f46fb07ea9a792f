//! Where the kernel's files are, and how they are read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file systems `/proc` and `/sys`, and what stands in the names of mounted ones.
#[derive(Clone, Debug)]
pub(crate) struct ProcRoot {
    root: PathBuf,
}

impl ProcRoot {
    /// `root` is `/`, or where the host's root is mounted in a container.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// The text of a file; nothing where there is none, or it may not be read.
    pub(crate) fn read(&self, absolute: impl AsRef<Path>) -> Option<String> {
        read(&self.path(absolute))
    }
}

/// The text of one of the kernel's files. Their sizes are not known beforehand, so a buffer that mostly fits saves
/// reading twice.
pub(crate) fn read(path: &Path) -> Option<String> {
    let mut text = String::with_capacity(4_096);
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The number that a file holds. `max`, by which control groups say that there is no limit, is none.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<u64>().ok().map(|number| number as f64)
}

/// The number behind a name, in lines of a name and a number; a colon after the name and a unit after the number are no
/// part of them.
pub(crate) fn field(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        (first.strip_suffix(':').unwrap_or(first) == name).then(|| words.next()).flatten().and_then(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_names() {
        let text = "MemTotal:       1000 kB\nMemFree: x kB\nanon 7\nfile\n";
        assert_eq!(field(text, "MemTotal"), Some(1000.0));
        assert_eq!((field(text, "Mem"), field(text, "MemFree"), field(text, "file")), (None, None, None));
        assert_eq!((field(text, "anon"), number("max\n"), number("-1")), (Some(7.0), None, None));
    }

    #[test]
    fn paths_are_below_the_root() {
        let files = ProcRoot::new(Path::new("/host"));
        assert_eq!(files.path("/proc/stat"), Path::new("/host/proc/stat"));
        assert_eq!(files.read("/proc/stat"), None);
    }
}
