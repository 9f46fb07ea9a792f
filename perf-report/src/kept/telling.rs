//! Has people told of reports that were made by themselves: of each once, also where a process ends in between.
//!
//! A report is kept with a mark that people are to be told of it. The mark goes when this process looks again, or ends in order, and what takes
//! notices has it on the disk or sent it by then: one that is in memory alone keeps its mark. A mark that stays was left by a process that ended; the
//! notice has the same key, and whoever was told is told no more.

use super::error::MakeError;
use super::id::{ReportId, ReportKind};
use super::keeper::{Keeper, Looked};
use crate::export::Export;
use crate::{Format, Report};
use perf_runtime::extend::{Deliver, DeliverError, Notice};
use std::io::{self, Read};
use std::sync::Arc;

/// A report of more bytes is not read again to tell of it.
const MOST_READ: u64 = 32 << 20;

impl Keeper {
    /// Takes note on the disk of the reports of which people were told: those whose notices outlive this process, or were sent.
    pub(crate) fn note_told(&self) {
        let way = self.way();
        let is_settled = |id: ReportId| way.as_ref().is_none_or(|way| way.is_settled(&key_of(id)));
        // Others are asked nothing while the lock is held.
        let told = self.known().told.clone();
        for id in told.into_iter().filter(|id| is_settled(*id)) {
            self.room.note_told(id);
            self.known().told.remove(&id);
        }
    }

    /// Has people told of reports whose process ended before it told of them, or found no room for a notice.
    pub(super) fn tell_left(&self, looked: &mut Looked) {
        let told = self.known().told.clone();
        let untold = self.room.untold().unwrap_or_default().into_iter().filter(|id| !told.contains(id));
        for id in untold {
            if !self.room.is_late(id) {
                looked.is_soon = true;
                continue;
            }
            match self.tell_late(id) {
                Ok(()) => {}
                Err(MakeError::Busy) => looked.is_soon = true,
                Err(error) => {
                    looked.error.get_or_insert(error);
                }
            }
        }
    }

    fn tell_late(&self, id: ReportId) -> Result<(), MakeError> {
        let _alone = self.room.lock()?.ok_or(MakeError::Busy)?;
        // Another process may have told of it since this one looked, or somebody removed it.
        let Some(report) = self.room.get(id)?.filter(|_| self.room.is_late(id)) else { return Ok(()) };
        if self.is_ending() {
            return Ok(());
        }
        self.room.mark_untold(id)?;
        let text = match self.kept_summary(id)? {
            Some(text) => text,
            None => summary_of(&self.export(id, [report.from, report.to])?)?,
        };
        self.send(id, &text, report.in_order);
        Ok(())
    }

    /// The summary of a report of before, as it was when that was made. `None` where it is kept in no format that tells it.
    fn kept_summary(&self, id: ReportId) -> Result<Option<String>, MakeError> {
        let read = |format, most: u64| {
            let mut text = Vec::new();
            if let Some((file, bytes)) = self.room.open(id, format)?.filter(|(_, bytes)| *bytes <= most) {
                file.take(bytes).read_to_end(&mut text)?;
            }
            Ok::<_, MakeError>(text)
        };
        let mut text = read(Format::Summary, Notice::MAX_TEXT as u64)?;
        if text.is_empty() {
            let Ok(report) = Report::from_json(&read(Format::Json, MOST_READ)?) else { return Ok(None) };
            Format::Summary.write(&report, &mut text)?;
        }
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// The way to people, where they are to be told of reports.
    pub(super) fn way(&self) -> Option<Arc<dyn Deliver>> {
        self.monitor.ask::<dyn Deliver>().filter(|_| self.deliver)
    }

    /// Has people told of a report that was made by itself.
    pub(super) fn send(&self, id: ReportId, summary: &str, in_order: Option<bool>) {
        let delivered = match (self.notice(id, summary, in_order), self.way()) {
            (Some(notice), Some(way)) => way.deliver(&notice),
            _ => Err(DeliverError::NoChannel),
        };
        match delivered {
            Ok(()) => {
                self.known().told.insert(id);
            }
            // It is told later, by the next process at the latest.
            Err(DeliverError::Full { .. } | DeliverError::Ended) => {}
            Err(error) => {
                if self.deliver {
                    tracing::warn!(target: "perf::report", %id, %error, "nobody is told of a report");
                }
                self.room.note_told(id);
            }
        }
    }

    /// The notice of a report: its summary, which begins with the service and the range, and a link.
    fn notice(&self, id: ReportId, summary: &str, in_order: Option<bool>) -> Option<Notice> {
        let mut lines = summary.lines();
        let (service, range) = (lines.next()?, lines.next()?);
        let (what, end) = match (id.kind(), in_order) {
            (ReportKind::Session, Some(false)) => ("report of a session", ", which did not end in order"),
            (ReportKind::Session, _) => ("report of a session", ""),
            (ReportKind::Week, _) => ("report of the week", ""),
            _ => ("report of the day", ""),
        };
        let title = format!("{service}: {what}, {range}{end}");
        let mut notice = Notice::new(key_of(id), title, summary).ok()?;
        if let Some(url) = &self.sources.public_url {
            let format = if self.formats.contains(&Format::Html) {
                "html"
            } else {
                self.formats.first().map_or("json", |format| format.as_str())
            };
            let link = format!("{}/api/v1/reports/{id}?format={format}", url.trim_end_matches('/'));
            notice = notice.clone().with_link(link).unwrap_or(notice);
        }
        Some(notice)
    }
}

/// The key of the notice of a report.
fn key_of(id: ReportId) -> String {
    format!("report.{id}")
}

/// The report on one screen of text.
pub(super) fn summary_of(export: &Export) -> io::Result<String> {
    let mut text = Vec::new();
    export.write(Format::Summary, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
