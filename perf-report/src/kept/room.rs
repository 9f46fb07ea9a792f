//! The folder of kept reports. What is in it is found by its own names, read strictly; everything else in it is left alone.
//!
//! Of each report there is a file in each format, and last of all `ID.meta`: what has none is not whole, and no report. `ID.gone` stands for
//! one that somebody removed, so that it is not made again.

use super::error::MakeError;
use super::id::{ReportId, ReportKind};
use crate::Format;
use crate::file::{create_new, open_plain};
use perf_runtime::extend::prepare_folder;
use perf_runtime::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The most reports of a kind by any setting.
pub(crate) const MOST_KEPT: usize = 1_000;
/// So many entries of the folder are looked at: more than all settings allow together.
const MOST_ENTRIES: usize = 100_000;
/// A file of this many bytes is none of ours.
const LONGEST_META: u64 = 4_096;
/// What is written for longer was left by a process that ended.
const LEFT: Duration = Duration::from_secs(3_600);
const SCHEMA: &str = "perf.kept/1";
const META: &str = "meta";
const GONE: &str = "gone";
const PART: &str = "part";

/// A report that is kept. As JSON, times are of RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeptReport {
    /// Its id.
    pub id: ReportId,
    /// The occasion.
    pub kind: ReportKind,
    /// The start of the range that it is about.
    #[serde(serialize_with = "text::moment::serialize")]
    pub from: SystemTime,
    /// The end.
    #[serde(serialize_with = "text::moment::serialize")]
    pub to: SystemTime,
    /// When it was made.
    #[serde(serialize_with = "text::moment::serialize")]
    pub made: SystemTime,
    /// Whether the process ended in order; `None` where it is not about a session.
    pub in_order: Option<bool>,
    /// Its files.
    pub files: Vec<KeptFile>,
}

/// A report in one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeptFile {
    /// The format.
    pub format: Format,
    /// Its length in bytes.
    pub bytes: u64,
}

impl KeptReport {
    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The file that makes a report whole.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meta {
    schema: String,
    #[serde(with = "text::moment")]
    from: SystemTime,
    #[serde(with = "text::moment")]
    to: SystemTime,
    #[serde(with = "text::moment")]
    made: SystemTime,
    in_order: Option<bool>,
}

impl Meta {
    pub(crate) fn new([from, to, made]: [SystemTime; 3], in_order: Option<bool>) -> Self {
        Self { schema: SCHEMA.to_owned(), from, to, made, in_order }
    }
}

/// The folder, and how much may be in it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) folder: PathBuf,
    /// The most reports of each kind.
    pub(crate) most: usize,
    pub(crate) max_bytes: u64,
}

/// The files of one id.
#[derive(Default)]
struct Found {
    files: Vec<KeptFile>,
    meta: Option<Meta>,
    /// Whether there is a file for it, if one of another version.
    has_meta: bool,
    is_gone: bool,
}

impl Room {
    /// The reports that are there, the last made first.
    pub(crate) fn list(&self) -> io::Result<Vec<KeptReport>> {
        let found = self.found()?;
        let kept = found.into_iter().filter_map(|(id, Found { files, meta, .. })| {
            let Meta { from, to, made, in_order, .. } = meta?;
            Some(KeptReport { id, kind: id.kind(), from, to, made, in_order, files })
        });
        let mut kept: Vec<KeptReport> = kept.collect();
        kept.sort_by_key(|report| std::cmp::Reverse((report.made, report.id)));
        Ok(kept)
    }

    pub(crate) fn get(&self, id: ReportId) -> io::Result<Option<KeptReport>> {
        Ok(self.list()?.into_iter().find(|report| report.id == id))
    }

    /// The newest of a kind by its time, whether it is there or was removed.
    pub(crate) fn newest(&self, kind: ReportKind) -> io::Result<Option<ReportId>> {
        let found = self.found()?;
        let mut known =
            found.into_iter().filter(|(id, found)| id.kind() == kind && (found.is_gone || found.meta.is_some()));
        // They are sorted by kind, and then by time.
        Ok(known.next_back().map(|(id, _)| id))
    }

    /// A file of a report, and its length. `None` where it is not there.
    pub(crate) fn open(&self, id: ReportId, format: Format) -> io::Result<Option<(File, u64)>> {
        if !self.is_usable()? || self.meta(id)?.is_none() {
            return Ok(None);
        }
        open_plain(&self.path(id, format.ending()))
    }

    /// Keeps a report: written whole or not at all. Older ones make room.
    pub(crate) fn keep(
        &self,
        id: ReportId,
        meta: &Meta,
        formats: &[Format],
        write: impl Fn(Format, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), MakeError> {
        prepare_folder(&self.folder)?;
        self.clear_left();
        let mut parts = Parts::default();
        for format in formats {
            let part = self.new_part(id, format.ending());
            let mut out = Counted { out: BufWriter::new(create_new(&part)?), bytes: parts.bytes, most: self.max_bytes };
            parts.all.push((part, self.path(id, format.ending())));
            let written = write(*format, &mut out);
            parts.bytes = out.bytes;
            if parts.bytes > self.max_bytes {
                return Err(MakeError::NoRoom { bytes: parts.bytes, max_bytes: self.max_bytes });
            }
            written?;
            out.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        }
        let meta_part = self.new_part(id, META);
        let mut file = create_new(&meta_part)?;
        parts.all.push((meta_part, self.path(id, META)));
        serde_json::to_writer(&mut file, meta).map_err(io::Error::from)?;
        file.sync_all()?;
        self.make_room(id, parts.bytes)?;
        // The last one makes it whole.
        for (part, place) in parts.all.drain(..) {
            fs::rename(&part, &place)?;
        }
        self.remove_file(id, GONE);
        self.forget();
        Ok(())
    }

    /// Removes a report; says whether it was there. One that would be made by itself again is not.
    pub(crate) fn remove(&self, id: ReportId) -> io::Result<bool> {
        if !self.is_usable()? || self.meta(id)?.is_none() {
            return Ok(false);
        }
        if id.kind() != ReportKind::Range {
            match create_new(&self.path(id, GONE)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        fs::remove_file(self.path(id, META))?;
        self.remove_files(id);
        self.forget();
        Ok(true)
    }

    /// Removes the oldest, so that a report of so many bytes finds room. The newest of each kind but ranges stays: it says up to when they were made.
    fn make_room(&self, id: ReportId, bytes: u64) -> Result<(), MakeError> {
        let mut kept = self.list()?;
        kept.retain(|report| report.id != id);
        let mut all = kept.iter().map(KeptReport::bytes).sum::<u64>().saturating_add(bytes);
        while all > self.max_bytes {
            let newest = |report: &KeptReport| {
                let is_older = |other: &KeptReport| other.kind == report.kind && other.id > report.id;
                report.kind != ReportKind::Range
                    && (report.kind != id.kind() || report.id > id)
                    && !kept.iter().any(is_older)
            };
            // The last made is first.
            let Some(place) = kept.iter().rposition(|report| !newest(report)) else {
                return Err(MakeError::NoRoom { bytes, max_bytes: self.max_bytes });
            };
            let oldest = kept.remove(place);
            self.remove_files(oldest.id);
            all = all.saturating_sub(oldest.bytes());
        }
        Ok(())
    }

    /// Removes what is beyond the number of each kind, and marks of removed ones that are no longer needed.
    fn forget(&self) {
        let Ok(found) = self.found() else { return };
        for kind in ReportKind::ALL {
            let of_kind = || found.iter().filter(|(id, _)| id.kind() == kind);
            let whole: Vec<ReportId> = of_kind().filter(|(_, found)| found.meta.is_some()).map(|(id, _)| *id).collect();
            let too_many = whole.len().saturating_sub(self.most);
            whole.iter().take(too_many).for_each(|id| self.remove_files(*id));
            // Only the newest of all is asked for.
            let marks = of_kind().filter(|(_, found)| found.is_gone);
            let newest =
                of_kind().filter(|(_, found)| found.is_gone || found.meta.is_some()).map(|(id, _)| *id).next_back();
            marks.filter(|(id, _)| Some(**id) != newest).for_each(|(id, _)| self.remove_file(*id, GONE));
        }
    }

    fn remove_files(&self, id: ReportId) {
        self.remove_file(id, META);
        for format in Format::ALL {
            self.remove_file(id, format.ending());
        }
    }

    /// Where it cannot be removed, it is tried with the next report.
    fn remove_file(&self, id: ReportId, ending: &str) {
        let _ = fs::remove_file(self.path(id, ending));
    }

    /// Removes what processes that ended left half written, or half removed.
    fn clear_left(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.take(MOST_ENTRIES).filter_map(Result::ok) {
            let name = entry.file_name();
            let Some((rest, PART)) = name.to_str().and_then(|name| name.rsplit_once('.')) else { continue };
            let is_ours = rest.split_once('.').is_some_and(|(id, _)| id.parse::<ReportId>().is_ok());
            if is_ours && is_left(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let Ok(found) = self.found() else { return };
        for (id, Found { files, .. }) in found.into_iter().filter(|(_, found)| !found.has_meta) {
            for file in files.into_iter().filter(|file| is_left(&self.path(id, file.format.ending()))) {
                self.remove_file(id, file.format.ending());
            }
        }
    }

    /// Whether there is a folder, and it is one.
    fn is_usable(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.folder) {
            Ok(found) if found.is_dir() => Ok(true),
            Ok(_) => Err(io::Error::other(format!("{}: not a folder, or a link to one", self.folder.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Everything that is ours, by its ids.
    fn found(&self) -> io::Result<BTreeMap<ReportId, Found>> {
        let mut all: BTreeMap<ReportId, Found> = BTreeMap::new();
        if !self.is_usable()? {
            return Ok(all);
        }
        for entry in fs::read_dir(&self.folder)?.take(MOST_ENTRIES) {
            let entry = entry?;
            let name = entry.file_name();
            let Some((id, ending)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            let Ok(id) = id.parse::<ReportId>() else { continue };
            // Of the entry itself: a link is none of ours.
            let Some(found) = fs::symlink_metadata(entry.path()).ok().filter(fs::Metadata::is_file) else { continue };
            if ending == META {
                let meta = self.meta(id)?;
                let found = all.entry(id).or_default();
                (found.meta, found.has_meta) = (meta, true);
            } else if ending == GONE {
                all.entry(id).or_default().is_gone = true;
            } else if let Some(format) = Format::ALL.into_iter().find(|format| format.ending() == ending) {
                all.entry(id).or_default().files.push(KeptFile { format, bytes: found.len() });
            }
        }
        for found in all.values_mut() {
            found.files.sort_by_key(|file| Format::ALL.iter().position(|format| *format == file.format));
        }
        Ok(all)
    }

    /// `None` where there is none, or it is not as we write it.
    fn meta(&self, id: ReportId) -> io::Result<Option<Meta>> {
        let Some((file, bytes)) = open_plain(&self.path(id, META))? else { return Ok(None) };
        if bytes > LONGEST_META {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(LONGEST_META).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).ok().filter(|meta: &Meta| meta.schema == SCHEMA && meta.from < meta.to))
    }

    /// The place of a file: made of the id, which has letters, digits and dashes alone.
    fn path(&self, id: ReportId, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }

    /// The place of a file that is not whole yet, where there is nothing: a process of this number that did not end in order may have left one.
    fn new_part(&self, id: ReportId, ending: &str) -> PathBuf {
        let part = self.folder.join(format!("{id}.{ending}.{}.{PART}", std::process::id()));
        let _ = fs::remove_file(&part);
        part
    }
}

/// Whether nobody can be at work on a file any more.
fn is_left(path: &Path) -> bool {
    let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    let age = found.and_then(|found| found.modified().ok()?.elapsed().ok());
    age.is_some_and(|age| age > LEFT)
}

/// Files that are written beside their places: removed where they were not moved there.
#[derive(Default)]
struct Parts {
    all: Vec<(PathBuf, PathBuf)>,
    bytes: u64,
}

impl Drop for Parts {
    fn drop(&mut self) {
        let remove = |(part, _): &(PathBuf, PathBuf)| fs::remove_file::<&Path>(part).is_ok();
        self.all.iter().map(remove).for_each(drop);
    }
}

/// Counts what is written, and writes no more than there may be.
struct Counted<W> {
    out: W,
    bytes: u64,
    most: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.most {
            return Err(io::Error::other("it is larger than all that may be kept"));
        }
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
