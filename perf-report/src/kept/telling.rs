//! Has people told of reports that were made by themselves: of each once, also where a process ends in between.
//!
//! A report is kept with a mark that people are to be told of it. The mark goes when this process looks again, or ends in order: what takes
//! notices has them on the disk then. A mark that stays was left by a process that ended; the notice has the same key, and whoever was told is told
//! no more.

use super::error::MakeError;
use super::id::{ReportId, ReportKind};
use super::keeper::{Keeper, Looked};
use crate::Format;
use crate::export::Export;
use perf_runtime::extend::{Deliver, DeliverError, Notice};
use perf_runtime::text::rfc3339;
use std::sync::Arc;

impl Keeper {
    /// Takes note on the disk of the reports of which people were told.
    pub(crate) fn note_told(&self) {
        let told = std::mem::take(&mut self.known().told);
        for id in told {
            self.room.note_told(id);
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
            let left = self.room.lock().map_err(MakeError::from).and_then(|lock| {
                let (Some(_alone), Some(report)) = (lock, self.room.get(id)?) else { return Err(MakeError::Busy) };
                // Another process may have told of it since this one looked.
                if self.room.is_late(id) && !self.is_ending() {
                    self.room.mark_untold(id)?;
                    let export = self.export(id, [report.from, report.to])?;
                    self.send(id, &export, report.in_order);
                }
                Ok(())
            });
            if let Err(error) = left {
                tracing::warn!(target: "perf::report", %id, %error, "a report was made, and people are told of it later");
                looked.is_soon = true;
            }
        }
    }

    /// The way to people, where they are to be told of reports.
    pub(super) fn way(&self) -> Option<Arc<dyn Deliver>> {
        self.monitor.ask::<dyn Deliver>().filter(|_| self.deliver)
    }

    /// Has people told of a report that was made by itself.
    pub(super) fn send(&self, id: ReportId, export: &Export, in_order: Option<bool>) {
        let delivered = match (self.notice(id, export, in_order), self.way()) {
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

    /// The notice of a report: its summary, and a link.
    fn notice(&self, id: ReportId, export: &Export, in_order: Option<bool>) -> Option<Notice> {
        let mut text = Vec::new();
        export.write(Format::Summary, &mut text).ok()?;
        let report = export.head();
        let (what, end) = match (id.kind(), in_order) {
            (ReportKind::Session, Some(false)) => ("report of a session", ", which did not end in order"),
            (ReportKind::Session, _) => ("report of a session", ""),
            (ReportKind::Week, _) => ("report of the week", ""),
            _ => ("report of the day", ""),
        };
        let title =
            format!("{}: {what}, {} to {}{end}", report.service_text(), rfc3339(report.start), rfc3339(report.end));
        let mut notice = Notice::new(format!("report.{id}"), title, String::from_utf8_lossy(&text)).ok()?;
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
