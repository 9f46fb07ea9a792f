//! Disks: how full their file systems are, and what is read and written.

use crate::background::Background;
use crate::counters::Counters;
use crate::proc_root::{ProcRoot, number};
use crate::rate::Rate;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

mod written;

/// The rules and the health look for this name.
const RATIO: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_DISK_UTILIZATION_RATIO,
    "ratio",
    "A file system in use, of what those without privileges may use: as `df` says it. Absent where it cannot be written to.",
);
const USAGE: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_FILESYSTEM_USAGE_BYTES, "bytes", "A file system's room, by its state.");
const LIMIT: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_FILESYSTEM_LIMIT_BYTES, "bytes", "A file system's room as a whole.");
const WRITTEN: SampledMetric = SampledMetric::gauge(
    names::PROCESS_FILES_OPEN_FOR_WRITING,
    "",
    "Files that the process has open for writing on a file system.",
);
const BYTES: SampledMetric =
    SampledMetric::counter(names::SYSTEM_DISK_IO_BYTES_TOTAL, "bytes", "What a disk read and wrote.");
const OPERATIONS: SampledMetric =
    SampledMetric::counter(names::SYSTEM_DISK_OPERATIONS_TOTAL, "", "How many times a disk read and wrote.");
const TIME: SampledMetric = SampledMetric::counter(
    names::SYSTEM_DISK_IO_TIME_SECONDS_TOTAL,
    "seconds",
    "Time in which a disk had something to do.",
);
const THROUGHPUT: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_DISK_THROUGHPUT_BYTES_PER_SECOND,
    "bytes_per_second",
    "What a disk reads and writes in a second, over the last five.",
);
const BUSY: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_DISK_IO_BUSY_RATIO,
    "ratio",
    "The share of the last five seconds in which a disk had something to do.",
);

const DIRECTIONS: [&str; 2] = ["read", "write"];
/// In the kernel's figures a sector has so many bytes, whatever the disk's own have.
const SECTOR: f64 = 512.0;
const MILLIS: f64 = 1e3;
/// Room changes slowly.
const EVERY: Duration = Duration::from_secs(10);
/// Each is a file system of one image, full by nature.
const IMAGES: [&str; 6] = ["squashfs", "iso9660", "erofs", "udf", "cramfs", "romfs"];

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// By which the kernel knows what it is on: the same for all places where it is mounted.
    number: String,
    device: String,
    place: String,
    kind: String,
    /// The place, or the file system as a whole. Then nobody can fill it, and how full it is harms nobody.
    is_read_only: bool,
}

impl Mount {
    /// A line of `/proc/self/mountinfo`: <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>.
    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let (mut before, mut after) = (before.split(' ').skip(2), after.split(' '));
        let (number, place, kind, device) = (before.next()?, before.nth(1)?, after.next()?, after.next()?);
        let is_read_only = |options: Option<&str>| options.is_some_and(|all| all.split(',').any(|one| one == "ro"));
        Some(Self {
            number: number.to_owned(),
            device: unescaped(device),
            place: unescaped(place),
            kind: kind.to_owned(),
            is_read_only: is_read_only(before.next()) || is_read_only(after.next()),
        })
    }

    /// Whether it is a disk of this machine: no view of the kernel's, nothing in memory, and nothing behind a network,
    /// which may hang. Of a container, its root.
    fn is_local_disk(&self) -> bool {
        let on_device = self.device.starts_with("/dev/") && !IMAGES.contains(&self.kind.as_str());
        on_device || matches!(self.kind.as_str(), "zfs" | "bcachefs") || (self.place == "/" && self.kind == "overlay")
    }
}

/// In the kernel's lists of mounts, white space and backslashes are three octal digits behind a backslash.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some((code, rest)) = code.zip(part.get(3..)) {
            plain.push(char::from(code));
            plain.push_str(rest);
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

/// A file system's room, in bytes.
#[derive(Clone, Debug, PartialEq)]
struct Room {
    mount: Mount,
    whole: f64,
    used: f64,
    /// For those without privileges.
    free: f64,
    /// For those with.
    reserved: f64,
    /// Files that the process has open for writing.
    written: Option<u64>,
}

impl Room {
    fn tell(&self, samples: &mut Samples<'_>) {
        let Mount { device, place, kind, .. } = &self.mount;
        let labels = [("system_device", &**device), ("system_filesystem_mountpoint", &**place)];
        let usable = self.used + self.free;
        samples.put(&WRITTEN, &labels, self.written.map(|written| written as f64));
        let is_judged = usable > 0.0 && !self.mount.is_read_only;
        samples.put(&RATIO, &labels, is_judged.then(|| self.used / usable));
        let labels = [labels[0], labels[1], ("system_filesystem_type", &**kind)];
        samples.put(&LIMIT, &labels, self.whole);
        for (state, bytes) in [("used", self.used), ("free", self.free), ("reserved", self.reserved)] {
            let state = ("system_filesystem_state", state);
            samples.put(&USAGE, &[labels[0], labels[1], labels[2], state], bytes);
        }
    }
}

/// How full disks are. Each is asked on a thread of its own: one behind a network may hang.
#[derive(Debug)]
pub(crate) struct Rooms {
    asides: Vec<Background<Vec<Room>>>,
}

impl Rooms {
    /// Of the places named, or of all disks of this machine.
    pub(crate) fn watch(files: &ProcRoot, places: Option<&[String]>) -> Self {
        let watch = |wanted: Option<String>| {
            let files = files.clone();
            Background::spawn("disks", EVERY, move || rooms(&files, wanted.as_deref()))
        };
        let asides = match places {
            Some(places) => places.iter().map(|place| watch(Some(place.clone()))).collect(),
            None => vec![watch(None)],
        };
        Self { asides }
    }

    pub(crate) fn sample(&self, samples: &mut Samples<'_>) {
        for room in self.asides.iter().filter_map(Background::latest).flatten() {
            room.tell(samples);
        }
    }
}

fn rooms(files: &ProcRoot, wanted: Option<&str>) -> Vec<Room> {
    let mounts = files.read("/proc/self/mountinfo").unwrap_or_default();
    let written = written::files_by_device(files, &mounts);
    let rooms = mounts_of(&mounts, wanted).into_iter().filter_map(|mount| room(files, mount));
    let with_written = |room: Room| {
        let written = written.as_ref().map(|all| all.get(&room.mount.number).copied().unwrap_or(0));
        Room { written, ..room }
    };
    rooms.map(with_written).collect()
}

/// The places to look at: the file system that a named place is in, or of each local disk the place that has the
/// shortest name, of those that can be written to if there are any.
fn mounts_of(text: &str, wanted: Option<&str>) -> Vec<Mount> {
    let all = text.lines().filter_map(Mount::parse);
    if let Some(wanted) = wanted {
        // Of several mounted in one place the last is seen.
        let around = all.filter(|mount| Path::new(wanted).starts_with(&mount.place));
        return around.max_by_key(|mount| mount.place.len()).into_iter().collect();
    }
    let mut disks: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in all.filter(Mount::is_local_disk) {
        let known = disks.entry(mount.number.clone()).or_insert_with(|| mount.clone());
        let order = |mount: &Mount| (mount.is_read_only, mount.place.len());
        if order(&mount) < order(known) {
            *known = mount;
        }
    }
    disks.into_values().collect()
}

/// As `df`: <https://www.gnu.org/software/coreutils/manual/html_node/df-invocation.html>.
#[cfg(unix)]
fn room(files: &ProcRoot, mount: Mount) -> Option<Room> {
    let path = files.path(&mount.place);
    // A file that is mounted, as containers have them, is no disk.
    if !path.is_dir() {
        return None;
    }
    let found = nix::sys::statvfs::statvfs(&path).ok()?;
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "the types differ between systems")]
    let [block, all, free, available] = [
        found.fragment_size() as u64,
        found.blocks() as u64,
        found.blocks_free() as u64,
        found.blocks_available() as u64,
    ]
    .map(|number| number as f64);
    let used = (all - free).max(0.0) * block;
    let reserved = (free - available).max(0.0) * block;
    (all > 0.0).then_some(Room { mount, whole: all * block, used, free: available * block, reserved, written: None })
}

#[cfg(not(unix))]
fn room(_: &ProcRoot, _: Mount) -> Option<Room> {
    None
}

/// The traffic of disks.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    disks: BTreeMap<String, Seen>,
}

/// The counters of a disk (operations and bytes by direction, and time), and the rates computed from them.
#[derive(Debug, Default)]
struct Seen {
    counters: Counters<5>,
    rates: [Rate; 3],
}

impl Traffic {
    pub(crate) fn sample(&mut self, files: &ProcRoot, at: Duration, samples: &mut Samples<'_>) {
        let text = files.read("/proc/diskstats").unwrap_or_default();
        let disks: Vec<Disk<'_>> = text.lines().filter_map(Disk::parse).filter(|disk| disk.counts(files)).collect();
        let names: BTreeSet<&str> = disks.iter().map(|disk| disk.name).collect();
        self.disks.retain(|name, _| names.contains(name.as_str()));
        for disk in disks {
            if !self.disks.contains_key(disk.name) {
                self.disks.insert(disk.name.to_owned(), Seen::default());
            }
            if let Some(seen) = self.disks.get_mut(disk.name) {
                disk.tell(at, seen, samples);
            }
        }
    }
}

/// A line of `/proc/diskstats`: <https://docs.kernel.org/admin-guide/iostats.html>.
#[derive(Debug, PartialEq)]
struct Disk<'a> {
    name: &'a str,
    operations: [f64; 2],
    bytes: [f64; 2],
    busy_seconds: f64,
}

impl<'a> Disk<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let at = |place: usize| number(words.get(place)?);
        Some(Self {
            name: words.get(2)?,
            operations: [at(3)?, at(7)?],
            bytes: [at(5)? * SECTOR, at(9)? * SECTOR],
            busy_seconds: at(12)? / MILLIS,
        })
    }

    /// Whether it is a disk that is used: no partition of one, and none that is a file or memory.
    fn counts(&self, files: &ProcRoot) -> bool {
        let is_device = |folder: &str| !files.path("/sys/block").is_dir() || files.path(folder).is_dir();
        let is_made_up = ["loop", "ram", "zram"].iter().any(|kind| self.name.starts_with(kind));
        // A slash in a name is an exclamation mark there.
        let folder = format!("/sys/block/{}", self.name.replace('/', "!"));
        !is_made_up && self.operations.iter().any(|count| *count > 0.0) && is_device(&folder)
    }

    fn tell(&self, at: Duration, seen: &mut Seen, samples: &mut Samples<'_>) {
        let device = ("system_device", self.name);
        let Self { operations, bytes, busy_seconds, .. } = *self;
        let read = [operations[0], operations[1], bytes[0], bytes[1], busy_seconds].map(Some);
        let [reads, writes, read, written, busy] = seen.counters.steady(read);
        let [.., busy_rate] = &mut seen.rates;
        samples.put(&TIME, &[device], busy);
        samples.put(&BUSY, &[device], busy_rate.per_second(at, Some(busy_seconds)).map(|ratio| ratio.min(1.0)));
        let shown = [(reads, read), (writes, written)];
        for (place, (operations, of_bytes)) in shown.into_iter().enumerate() {
            let labels = [("disk_io_direction", DIRECTIONS[place]), device];
            samples.put(&OPERATIONS, &labels, operations);
            samples.put(&BYTES, &labels, of_bytes);
            samples.put(&THROUGHPUT, &labels, seen.rates[place].per_second(at, Some(bytes[place])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 254:0 /data /a/very/long/bind rw - ext4 /dev/vda rw
29 27 8:1 / /mnt/two\\040words rw - xfs /dev/sda1 rw
30 27 7:1 / /snap/core ro - squashfs /dev/loop1 ro
31 27 0:50 / /net rw - nfs4 server:/export rw
32 27 0:51 / /tmp rw - tmpfs tmpfs rw
broken line
";

    #[test]
    fn a_disk_is_looked_at_where_it_can_be_written_to() {
        let mounts = "\
27 1 254:0 / / ro - ext4 /dev/vda rw
28 27 254:0 /data /data/of/all rw - ext4 /dev/vda rw
29 27 8:1 / /mnt/image rw - ext4 /dev/sda1 ro,errors=continue
";
        let found: Vec<_> =
            mounts_of(mounts, None).into_iter().map(|mount| (mount.place, mount.is_read_only)).collect();
        assert_eq!(found, [("/data/of/all".to_owned(), false), ("/mnt/image".to_owned(), true)]);
    }

    fn places(wanted: Option<&str>) -> Vec<String> {
        mounts_of(MOUNTS, wanted).into_iter().map(|mount| mount.place).collect()
    }

    #[test]
    fn by_default_each_disk_of_the_machine_is_looked_at_once() {
        assert_eq!(places(None), ["/", "/mnt/two words"]);
    }

    #[test]
    fn a_named_place_is_looked_at_whatever_it_is() {
        assert_eq!(places(Some("/net")), ["/net"]);
        assert_eq!(places(Some("/tmp/spool/7")), ["/tmp"]);
        assert_eq!(places(Some("/network")), ["/"], "a name is no prefix of another");
    }

    #[test]
    fn a_container_has_its_root() {
        let overlay = "1 0 0:55 / / rw - overlay overlay rw\n2 1 8:1 /hosts /etc/hosts rw - ext4 /dev/sda1 rw\n";
        let found: Vec<_> = mounts_of(overlay, None).into_iter().map(|mount| mount.place).collect();
        assert_eq!(found, ["/", "/etc/hosts"].map(str::to_owned).into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_disks_line_is_read_by_its_columns() {
        let line = " 254 0 vda 41 17 208 76 30 50 25 13 0 349 910 39 4 21 62 15 16";
        let disk = Disk::parse(line).unwrap();
        let expected =
            Disk { name: "vda", operations: [41.0, 30.0], bytes: [208.0 * 512.0, 25.0 * 512.0], busy_seconds: 0.349 };
        assert_eq!(disk, expected);
        assert_eq!(Disk::parse(" 254 0 vda 41 17 208"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\\n\\\\é]{0,200}") {
            mounts_of(&text, None);
            mounts_of(&text, Some("/"));
            unescaped(&text);
            prop_assert!(text.lines().filter_map(Disk::parse).all(|disk| !disk.name.is_empty()));
        }

        #[test]
        fn names_come_through_their_escapes(name in "[a-z \\\\\\t]{0,20}") {
            let escaped: String = name
                .chars()
                .map(|char| if " \\\t".contains(char) { format!("\\{:03o}", char as u32) } else { char.to_string() })
                .collect();
            prop_assert_eq!(unescaped(&escaped), name);
        }
    }
}
