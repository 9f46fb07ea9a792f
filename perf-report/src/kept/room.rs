//! The folder of kept reports. What is in it is found by its own names, read strictly; everything else in it is left alone.
//!
//! Of each report there is a file in each format, and last of all `ID.meta`: what has none is not whole, and no report. `ID.gone` stands for
//! one that somebody removed, so that it is not made again; `ID.untold` for one of which people are to be told still.

use super::error::MakeError;
use super::id::{ReportId, ReportKind};
use super::listed::{KeptFile, KeptRange, KeptReport};
use super::parts::{Counted, Parts, is_left, written};
use crate::Format;
use crate::file::{Alone, create_new, lock_folder, open_plain, renew};
use perf_runtime::extend::prepare_folder;
use perf_runtime::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// The most reports of a kind by any setting.
pub(crate) const MOST_KEPT: usize = 1_000;
/// So many entries of the folder are looked at: more than all settings allow together.
const MOST_ENTRIES: usize = 100_000;
/// A file of this many bytes is none of ours.
const LONGEST_META: u64 = 4_096;
/// The longest that it takes a process that runs to tell of a report.
const TELLING: Duration = Duration::from_secs(600);
const SCHEMA: &str = "perf.kept/1";
const META: &str = "meta";
const GONE: &str = "gone";
const UNTOLD: &str = "untold";
const PART: &str = "part";

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
    /// Whether the schedule has no more to do with it: it made it, or somebody removed the one that it made.
    by_schedule: bool,
}

impl Meta {
    pub(crate) fn new([from, to, made]: [SystemTime; 3], in_order: Option<bool>, by_schedule: bool) -> Self {
        Self { schema: SCHEMA.to_owned(), from, to, made, in_order, by_schedule }
    }
}

/// The folder, and how much may be in it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) folder: PathBuf,
    /// The most reports of each kind.
    pub(crate) most: usize,
    pub(crate) max_bytes: u64,
    /// Set when the process ends: what is being written then is given up.
    pub(crate) is_over: Arc<AtomicBool>,
}

/// Says of an id whether its time is over. One whose time is not was made while the clock was ahead.
pub(crate) type Over<'a> = &'a dyn Fn(ReportId) -> bool;

/// The files of one id.
#[derive(Default)]
struct Found {
    files: Vec<KeptFile>,
    meta: Option<Meta>,
    /// Whether there is a file for it, if one of another version.
    has_meta: bool,
    is_gone: bool,
    is_untold: bool,
}

impl Room {
    /// The reports that are there, the last made first.
    pub(crate) fn list(&self) -> io::Result<Vec<KeptReport>> {
        let found = self.found()?;
        let kept = found.into_iter().filter_map(|(id, found)| found.report(id));
        let mut kept: Vec<KeptReport> = kept.collect();
        kept.sort_by_key(|report| std::cmp::Reverse((report.made, report.id)));
        Ok(kept)
    }

    pub(crate) fn get(&self, id: ReportId) -> io::Result<Option<KeptReport>> {
        if !self.is_usable()? {
            return Ok(None);
        }
        let Some(meta) = self.meta(id)? else { return Ok(None) };
        let mut found = Found { meta: Some(meta), ..Found::default() };
        for format in Format::ALL {
            let file = fs::symlink_metadata(self.path(id, format.ending())).ok().filter(fs::Metadata::is_file);
            found.files.extend(file.map(|file| KeptFile { format, bytes: file.len() }));
        }
        Ok(found.report(id))
    }

    /// The newest of a kind, by its time, that the schedule made, whether it is there or was removed.
    pub(crate) fn newest(&self, kind: ReportKind, is_over: Over<'_>) -> io::Result<Option<ReportId>> {
        Ok(newest(&self.found()?, kind, is_over))
    }

    /// Whether somebody removed the one that the schedule made.
    pub(crate) fn is_gone(&self, id: ReportId) -> bool {
        fs::symlink_metadata(self.path(id, GONE)).is_ok_and(|found| found.is_file())
    }

    /// Whether the schedule has no more to do with a report: it made it, or somebody removed it.
    pub(crate) fn is_done(&self, id: ReportId) -> io::Result<bool> {
        Ok(self.is_gone(id) || self.meta(id)?.is_some_and(|meta| meta.by_schedule))
    }

    /// Takes the folder for this process; `None` where another one of the service makes a report.
    pub(crate) fn lock(&self) -> io::Result<Option<Alone>> {
        prepare_folder(&self.folder)?;
        lock_folder(&self.folder)
    }

    /// The reports of which people are to be told still.
    pub(crate) fn untold(&self) -> io::Result<Vec<ReportId>> {
        let found = self.found()?;
        Ok(found.into_iter().filter(|(_, found)| found.is_untold && found.meta.is_some()).map(|(id, _)| id).collect())
    }

    /// Whether the process that was to tell of a report has had the time for it. A mark that is far ahead was made before the clock was set back.
    pub(crate) fn is_late(&self, id: ReportId) -> bool {
        let apart = |at: SystemTime| at.elapsed().unwrap_or_else(|ahead| ahead.duration());
        written(&self.path(id, UNTOLD)).is_some_and(|at| apart(at) > TELLING)
    }

    /// Marks a report as one of which people are told now. A mark that is there stays: on a full disk there would be none in its place.
    pub(crate) fn mark_untold(&self, id: ReportId) -> io::Result<()> {
        let path = self.path(id, UNTOLD);
        if renew(&path)? {
            return Ok(());
        }
        // A link, or the like.
        self.note_told(id);
        create_new(&path)?.sync_all()
    }

    /// Takes note that people were told of a report, or cannot be.
    pub(crate) fn note_told(&self, id: ReportId) {
        self.remove_file(id, UNTOLD);
    }

    /// A file of a report, and its length. `None` where it is not there.
    pub(crate) fn open(&self, id: ReportId, format: Format) -> io::Result<Option<(File, u64)>> {
        if !self.is_usable()? || self.meta(id)?.is_none() {
            return Ok(None);
        }
        open_plain(&self.path(id, format.ending()))
    }

    /// Keeps a report: written whole or not at all. Older ones make room. Where people are to be told of it, that is marked with it.
    pub(crate) fn keep(
        &self,
        id: ReportId,
        meta: &Meta,
        (formats, is_to_be_told): (&[Format], bool),
        is_over: Over<'_>,
        write: impl Fn(Format, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), MakeError> {
        prepare_folder(&self.folder)?;
        self.clear_left();
        let mut parts = Parts::default();
        for format in formats {
            let part = self.new_part(id, format.ending());
            let out = BufWriter::new(create_new(&part)?);
            let mut out = Counted { out, bytes: parts.bytes, most: self.max_bytes, is_over: &self.is_over };
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
        self.make_room(id, parts.bytes, is_over)?;
        // Before anything goes: where this fails, one that was there stays.
        if is_to_be_told {
            self.mark_untold(id)?;
        }
        // One that was there is not whole while its files are replaced.
        self.remove_file(id, META);
        // The last one makes it whole. What is not moved is removed with `parts`.
        while let Some((part, place)) = parts.all.first() {
            fs::rename(part, place)?;
            parts.all.remove(0);
        }
        self.remove_file(id, GONE);
        self.forget(Some(id), is_over);
        Ok(())
    }

    /// Removes a report; says whether it was there. One that the schedule made is not made again by itself.
    pub(crate) fn remove(&self, id: ReportId, is_over: Over<'_>) -> io::Result<bool> {
        if !self.is_usable()? {
            return Ok(false);
        }
        let Some(meta) = self.meta(id)? else { return Ok(false) };
        if meta.by_schedule {
            match create_new(&self.path(id, GONE)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        fs::remove_file(self.path(id, META))?;
        self.remove_files(id);
        self.forget(None, is_over);
        Ok(true)
    }

    /// Removes the oldest, so that a report of so many bytes finds room; none where it finds no room even so. The newest of each kind that the
    /// schedule made stays: it says up to when they were made.
    fn make_room(&self, id: ReportId, bytes: u64, is_over: Over<'_>) -> Result<(), MakeError> {
        let all = self.found()?;
        let stays: Vec<ReportId> = ReportKind::ALL.into_iter().filter_map(|kind| newest(&all, kind, is_over)).collect();
        let kept = all.into_iter().filter_map(|(id, found)| found.report(id));
        let mut kept: Vec<KeptReport> = kept.filter(|report| report.id != id).collect();
        let mut total = kept.iter().map(KeptReport::bytes).sum::<u64>().saturating_add(bytes);
        kept.retain(|report| !stays.contains(&report.id));
        // Those that were made while the clock was ahead go first, and then those that were made first.
        kept.sort_by_key(|report| (is_over(report.id), report.made, report.id));
        let mut go = Vec::new();
        for report in kept {
            if total <= self.max_bytes {
                break;
            }
            total = total.saturating_sub(report.bytes());
            go.push(report.id);
        }
        if total > self.max_bytes {
            return Err(MakeError::NoRoom { bytes, max_bytes: self.max_bytes });
        }
        for id in go {
            self.remove_files(id);
        }
        Ok(())
    }

    /// Removes what is beyond the number of each kind, but not the one that was just kept, and marks of removed ones that are no longer needed.
    fn forget(&self, kept: Option<ReportId>, is_over: Over<'_>) {
        let Ok(found) = self.found() else { return };
        for kind in ReportKind::ALL {
            let of_kind = || found.iter().filter(|(id, _)| id.kind() == kind);
            let mut whole: Vec<(bool, Option<SystemTime>, ReportId)> = of_kind()
                .filter_map(|(id, found)| {
                    // Ranges and comparisons are of any time: of those the first made go. Others go by their time.
                    let made = found.meta.as_ref()?.made;
                    let is_of_any_time = matches!(kind, ReportKind::Range | ReportKind::Comparison);
                    Some((is_over(*id), is_of_any_time.then_some(made), *id))
                })
                .collect();
            whole.sort_unstable();
            let too_many = whole.len().saturating_sub(self.most);
            let go = whole.iter().map(|(_, _, id)| *id).filter(|id| Some(*id) != kept).take(too_many);
            go.for_each(|id| self.remove_files(id));
            // Only the newest of all is asked for.
            let newest = newest(&found, kind, is_over);
            let marks = of_kind().filter(|(id, found)| found.is_gone && Some(**id) != newest);
            marks.for_each(|(id, _)| self.remove_file(*id, GONE));
        }
    }

    fn remove_files(&self, id: ReportId) {
        for ending in [META, UNTOLD].into_iter().chain(Format::ALL.map(Format::ending)) {
            self.remove_file(id, ending);
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
            if is_left(&self.path(id, UNTOLD)) {
                self.note_told(id);
            }
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
                // One that cannot be read makes no report whole, and stays.
                let meta = self.meta(id).unwrap_or_default();
                let found = all.entry(id).or_default();
                (found.meta, found.has_meta) = (meta, true);
            } else if ending == GONE {
                all.entry(id).or_default().is_gone = true;
            } else if ending == UNTOLD {
                all.entry(id).or_default().is_untold = true;
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

impl Found {
    /// The report of this id. `None` where it is not whole.
    fn report(self, id: ReportId) -> Option<KeptReport> {
        let Meta { from, to, made, in_order, .. } = self.meta?;
        let before = id.range_before().map(|[from, to]| KeptRange { from, to });
        Some(KeptReport { id, kind: id.kind(), from, to, before, made, in_order, files: self.files })
    }
}

/// The newest of a kind, by its time, that the schedule made, whether it is there or was removed. One whose time is not over is none: as it was
/// made the clock was ahead.
fn newest(found: &BTreeMap<ReportId, Found>, kind: ReportKind, is_over: Over<'_>) -> Option<ReportId> {
    let is_done = |found: &Found| found.is_gone || found.meta.as_ref().is_some_and(|meta| meta.by_schedule);
    // They are sorted by kind, and then by time.
    let mut known = found.iter().filter(|(id, found)| id.kind() == kind && is_done(found) && is_over(**id));
    known.next_back().map(|(id, _)| *id)
}
