//! Makes reports and keeps them: those that are due, and those that are asked for.

use super::Life;
use super::error::MakeError;
use super::id::{ReportId, ReportKind, seconds};
use super::room::{KeptReport, Meta, Room};
use super::schedule::{Length, Period, Schedule};
use super::view::{Due, KeptReports, Trouble, Wanted};
use crate::Format;
use crate::gather::range_of;
use crate::moment::to_millis;
use crate::report::Report;
use crate::reports::Sources;
use perf_runtime::Monitor;
use perf_runtime::extend::{Deliver, Notice, Past};
use perf_runtime::series::TimeRange;
use perf_runtime::text::rfc3339;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, SystemTime};

/// What went wrong is tried again so much later.
const AGAIN: Duration = Duration::from_secs(600);
/// Without anything that is due, somebody looks again so much later: the clock may have been set.
const LOOK: Duration = Duration::from_secs(3_600);
/// The longest range of a report that is asked for.
const LONGEST: Duration = Duration::from_secs(800 * 86_400);
/// So many sessions are made up for at most: the latest.
const MOST_SESSIONS: usize = 5;

/// Makes and keeps the reports of one process.
pub(crate) struct Keeper {
    pub(crate) monitor: Monitor,
    pub(crate) sources: Sources,
    pub(crate) room: Room,
    pub(crate) schedule: Schedule,
    pub(crate) formats: Vec<Format>,
    pub(crate) deliver: bool,
    /// When this process began.
    pub(crate) began: SystemTime,
    /// Held while one is made.
    pub(crate) making: Mutex<()>,
    pub(crate) known: Mutex<Known>,
}

/// What is known of the schedule.
#[derive(Debug, Default)]
pub(crate) struct Known {
    trouble: Option<Trouble>,
    /// The newest of each kind whose time nobody knows anything of: it is not looked for again.
    passed_over: BTreeMap<ReportKind, ReportId>,
}

impl Keeper {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is due at this time, and says when to look again.
    pub(crate) fn look(&self, now: SystemTime) -> SystemTime {
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.make_due(now);
        let next = self.schedule.next(now).map_or(LOOK, |(_, due)| due.duration_since(now).unwrap_or_default());
        let wait = match made {
            Ok(()) => {
                self.known().trouble = None;
                next.min(LOOK)
            }
            Err(error) => {
                self.tell(error.to_string(), now);
                next.min(AGAIN)
            }
        };
        now.checked_add(wait.max(Duration::from_secs(1))).unwrap_or(now)
    }

    /// Says once in the log that reports are not made, and keeps it for whoever asks.
    fn tell(&self, error: String, now: SystemTime) {
        let mut known = self.known();
        if known.trouble.as_ref().is_none_or(|trouble| trouble.error != error) {
            tracing::error!(target: "perf::report", error, "a report that is due is not made; it is tried again every 10 minutes");
        }
        known.trouble = Some(Trouble { at: to_millis(now), error });
    }

    fn make_due(&self, now: SystemTime) -> Result<(), MakeError> {
        if self.schedule.session {
            for (id, life) in self.due_sessions()? {
                let made = self.make(id, [life.started, life.ended], Some(life.in_order))?;
                self.send(id, &made, Some(life.in_order));
            }
        }
        for length in self.schedule.lengths() {
            let kind = kind_of(length);
            for period in self.schedule.due(length, now, self.newest(kind)?) {
                if self.is_known(&period)? {
                    let made = self.make(period.id, [period.from, period.to], None)?;
                    self.send(period.id, &made, None);
                } else {
                    self.known().passed_over.insert(kind, period.id);
                }
            }
        }
        Ok(())
    }

    /// The newest of a kind that is there, was removed, or was passed over.
    fn newest(&self, kind: ReportKind) -> Result<Option<ReportId>, MakeError> {
        let passed_over = self.known().passed_over.get(&kind).copied();
        Ok(self.room.newest(kind)?.max(passed_over))
    }

    /// The sessions that ended before this process began and have no report: the last, or those after the newest that has one.
    fn due_sessions(&self) -> Result<Vec<(ReportId, Life)>, MakeError> {
        let newest = self.newest(ReportKind::Session)?;
        let mut over = self.sessions_before()?;
        over.retain(|(id, _)| newest.is_none_or(|newest| *id > newest));
        let most = if newest.is_some() { MOST_SESSIONS } else { 1 };
        Ok(over.split_off(over.len().saturating_sub(most)))
    }

    /// The sessions that ended before this process began, the first first.
    fn sessions_before(&self) -> Result<Vec<(ReportId, Life)>, MakeError> {
        let lives = self.lives()?.into_iter().filter(|life| life.started < life.ended && life.ended <= self.began);
        let mut over: Vec<(ReportId, Life)> =
            lives.filter_map(|life| Some((ReportId::session(life.started)?, life))).collect();
        over.sort_by_key(|(id, life)| (*id, life.ended));
        Ok(over)
    }

    fn lives(&self) -> Result<Vec<Life>, MakeError> {
        let lives = self
            .sources
            .lives
            .as_ref()
            .ok_or_else(|| MakeError::Unknown("there is no history, which knows the past".to_owned()))?;
        lives().map_err(|off| MakeError::Unknown(format!("the history is off: {off}")))
    }

    /// Whether anybody observed anything of a period.
    fn is_known(&self, period: &Period) -> Result<bool, MakeError> {
        // Where the history is off, nothing is known of it, which is not the same as that there was nothing.
        self.lives()?;
        let past = self
            .monitor
            .ask::<dyn Past>()
            .ok_or_else(|| MakeError::Unknown("there is no history, which knows the past".to_owned()))?;
        let range = TimeRange::between(period.from, period.to).map_err(|error| MakeError::Range(error.to_string()))?;
        // What only memory knows: this process was there.
        Ok(self.began < period.to || !past.observed(&range).is_empty())
    }

    /// Makes a report and keeps it.
    fn make(&self, id: ReportId, [from, to]: [SystemTime; 2], in_order: Option<bool>) -> Result<Report, MakeError> {
        let range = range_of(from, to, None).map_err(|error| MakeError::Range(error.to_string()))?;
        let report = self.sources.report(&self.monitor, range);
        let meta = Meta::new([to_millis(from), to_millis(to), report.made], in_order);
        self.room.keep(id, &meta, &self.formats, |format, out| format.write(&report, out))?;
        Ok(report)
    }

    /// Has people told of a report that was made by itself.
    fn send(&self, id: ReportId, report: &Report, in_order: Option<bool>) {
        let Some(way) = self.monitor.ask::<dyn Deliver>().filter(|_| self.deliver) else { return };
        let mut text = Vec::new();
        if Format::Summary.write(report, &mut text).is_err() {
            return;
        }
        let (what, end) = match (id.kind(), in_order) {
            (ReportKind::Session, Some(false)) => ("report of a session", ", which did not end in order"),
            (ReportKind::Session, _) => ("report of a session", ""),
            (ReportKind::Week, _) => ("report of the week", ""),
            _ => ("report of the day", ""),
        };
        let title =
            format!("{}: {what}, {} to {}{end}", report.service_text(), rfc3339(report.start), rfc3339(report.end));
        let Ok(mut notice) = Notice::new(format!("report.{id}"), title, String::from_utf8_lossy(&text)) else { return };
        if let Some(url) = &self.sources.public_url {
            let format = if self.formats.contains(&Format::Html) {
                "html"
            } else {
                self.formats.first().map_or("json", |format| format.as_str())
            };
            let link = format!("{}/api/v1/reports/{id}?format={format}", url.trim_end_matches('/'));
            notice = notice.clone().with_link(link).unwrap_or(notice);
        }
        if let Err(error) = way.deliver(&notice) {
            tracing::warn!(target: "perf::report", %id, %error, "nobody is told of a report");
        }
    }

    /// Makes the report that is asked for, and says whether it is new.
    pub(crate) fn make_wanted(&self, wanted: Wanted) -> Result<(KeptReport, bool), MakeError> {
        let _one = match self.making.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(MakeError::Busy),
        };
        let now = self.monitor.time_of_day();
        let (id, range, in_order) = match wanted {
            Wanted::Day => self.wanted_period(Length::Day, now)?,
            Wanted::Week => self.wanted_period(Length::Week, now)?,
            Wanted::Session => {
                let last = self.sessions_before()?.pop();
                let (id, life) =
                    last.ok_or_else(|| MakeError::Unknown("no session before this one is known".to_owned()))?;
                (id, [life.started, life.ended], Some(life.in_order))
            }
            Wanted::Range(from, to) => {
                let refused = |why: &str| Err(MakeError::Range(why.to_owned()));
                let Ok(length) = to.duration_since(from) else { return refused("from must be before to") };
                if to > now || length > LONGEST {
                    return refused("a range that is over, of at most 800 days");
                }
                let (first, end) = (seconds(from), seconds(to));
                let id = ReportId::range(from, to).filter(|_| first < end);
                let Some(id) = id else { return refused("a range of a second or more, after 1970") };
                (id, [from, to], None)
            }
        };
        if let Some(there) = self.room.get(id)? {
            return Ok((there, false));
        }
        self.make(id, range, in_order)?;
        let missing = || MakeError::Io(std::io::Error::other("the report was removed as it was made"));
        Ok((self.room.get(id)?.ok_or_else(missing)?, true))
    }

    #[allow(clippy::type_complexity, reason = "an id, its range, and how it ended")]
    fn wanted_period(
        &self,
        length: Length,
        now: SystemTime,
    ) -> Result<(ReportId, [SystemTime; 2], Option<bool>), MakeError> {
        let period = self.schedule.last_over(length, now);
        let period = period.ok_or_else(|| MakeError::Range("the time of day is not known".to_owned()))?;
        if !self.is_known(&period)? {
            return Err(MakeError::Unknown(format!("nothing is known of {}: nobody observed it", period.id)));
        }
        Ok((period.id, [period.from, period.to], None))
    }

    /// Everything that is kept, and how the schedule is.
    pub(crate) fn overview(&self) -> Result<KeptReports, MakeError> {
        let reports = self.room.list()?;
        let next = self.schedule.next(self.monitor.time_of_day()).map(|(id, at)| Due { id, at });
        Ok(KeptReports {
            off: None,
            max_bytes: self.room.max_bytes,
            reports,
            next,
            trouble: self.known().trouble.clone(),
        })
    }
}

fn kind_of(length: Length) -> ReportKind {
    match length {
        Length::Day => ReportKind::Day,
        Length::Week => ReportKind::Week,
    }
}
