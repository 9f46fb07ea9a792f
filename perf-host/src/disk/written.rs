//! On which file systems the process has files open for writing: where a full disk is about to fail it.

use crate::proc_root::ProcRoot;
use std::collections::{BTreeMap, HashMap};

/// A process with more open files is looked at no further: so many take 20 ms.
const MOST_FILES: usize = 4_096;
/// The two bits of a file's flags that say how it was opened.
const ACCESS: u32 = 0o3;

/// The number of files that are open for writing, by the number of the device, such as `254:0`. `None` where it is not
/// known. Reads `/proc/self/fdinfo`: <https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html>.
pub(super) fn files_by_device(files: &ProcRoot, mounts: &str) -> Option<BTreeMap<String, u64>> {
    let devices: HashMap<&str, &str> = mounts.lines().filter_map(mount).collect();
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(files.path("/proc/self/fdinfo")).ok()?.take(MOST_FILES) {
        // One that was closed meanwhile is no more to be read.
        let info = entry.ok().and_then(|entry| std::fs::read_to_string(entry.path()).ok());
        let written = info.as_deref().and_then(mount_written_to).and_then(|mount| devices.get(mount));
        if let Some(device) = written {
            *found.entry((*device).to_owned()).or_default() += 1;
        }
    }
    Some(found)
}

/// The id of a mount, and the number of its device: the first and the third field of a line of `mountinfo`.
fn mount(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split(' ');
    Some((fields.next()?, fields.nth(1)?))
}

/// The id of the mount that an open file is on, where the file may be written to.
fn mount_written_to(info: &str) -> Option<&str> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let flags = u32::from_str_radix(field("flags:")?, 8).ok()?;
    (flags & ACCESS != 0).then(|| field("mnt_id:"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_to_where_its_flags_say_so() {
        assert_eq!(mount_written_to("pos:\t0\nflags:\t0100001\nmnt_id:\t27\nino:\t5\n"), Some("27"));
        assert_eq!(mount_written_to("pos:\t0\nflags:\t02100002\nmnt_id:\t31\n"), Some("31"));
        for read_only in ["pos:\t0\nflags:\t0100000\nmnt_id:\t27\n", "flags:\t9\nmnt_id:\t27\n", "mnt_id:\t27\n", ""] {
            assert_eq!(mount_written_to(read_only), None, "{read_only:?}");
        }
        assert_eq!(mount("29 27 8:1 / /mnt rw - xfs /dev/sda1 rw"), Some(("29", "8:1")));
    }
}
