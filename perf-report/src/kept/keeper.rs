//! Makes reports and keeps them: those that are due, and those that are asked for.

use super::Life;
use super::error::MakeError;
use super::id::{ReportId, ReportKind, seconds};
use super::listed::KeptReport;
use super::room::{Meta, Room};
use super::schedule::{Length, MOST_MISSED, Period, Schedule};
use super::telling::summary_of;
use super::view::{Due, KeptReports, Trouble, Wanted};
use crate::Format;
use crate::export::Export;
use crate::gather::{range_of, range_on_steps};
use crate::moment::to_millis;
use crate::reports::Sources;
use perf_runtime::Monitor;
use perf_runtime::extend::Past;
use perf_runtime::series::TimeRange;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, SystemTime};

/// What went wrong is tried again so much later.
const AGAIN: Duration = Duration::from_secs(600);
/// Another process makes one, or people were just told of one: somebody looks again so much later.
const SOON: Duration = Duration::from_secs(60);
/// Without anything that is due, somebody looks again so much later: the clock may have been set.
const LOOK: Duration = Duration::from_secs(3_600);
/// So often the wait is doubled at most where there is no room: to about five hours.
const MOST_DOUBLED: u32 = 5;
/// The longest range of a report that is asked for.
pub(crate) const LONGEST: Duration = Duration::from_secs(800 * 86_400);
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
    seen: Looked,
    /// So often in a row there was no room.
    no_room: u32,
    /// The reports of which this process had people told since it last looked. What takes notices may have them in memory alone for a moment, and all
    /// the time where its file is off.
    pub(super) told: BTreeSet<ReportId>,
}

/// The reports that are due and were not made.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Those whose time nobody knows anything of. A history may know it later: they are looked for until a later one is made.
    not_known: Vec<ReportId>,
    /// Those that could not be made: they are tried again, also once later ones are made.
    failed: BTreeSet<ReportId>,
    pub(super) error: Option<MakeError>,
    /// Whether to look again soon: another process makes one, or has not told of one yet.
    pub(super) is_soon: bool,
}

impl Keeper {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process ends.
    pub(super) fn is_ending(&self) -> bool {
        self.room.is_over.load(Ordering::Acquire)
    }

    /// Makes what is due at this time, and says after how long to look again.
    pub(crate) fn look(&self, now: SystemTime) -> Duration {
        let _one = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.note_told();
        let mut looked = self.make_due(now);
        self.tell_left(&mut looked);
        if self.is_ending() {
            // What was given up is no trouble.
            return LOOK;
        }
        let next = self.schedule.next(now).map_or(LOOK, |(_, due)| due.duration_since(now).unwrap_or_default());
        let is_no_room = matches!(looked.error, Some(MakeError::NoRoom { .. }));
        let (error, waits) = (looked.error.as_ref().map(ToString::to_string), !looked.not_known.is_empty());
        let (no_room, is_soon) = {
            let mut known = self.known();
            let is_soon = looked.is_soon || !known.told.is_empty();
            known.no_room = if is_no_room { known.no_room.saturating_add(1) } else { 0 };
            known.seen = looked;
            (known.no_room, is_soon)
        };
        let wait = match error {
            None => {
                self.known().trouble = None;
                if waits { AGAIN } else { LOOK }
            }
            Some(error) => {
                self.tell(error, now);
                // It is made anew to find that there is no room: ever more seldom.
                AGAIN * 2_u32.pow(no_room.saturating_sub(1).min(MOST_DOUBLED))
            }
        };
        next.min(if is_soon { SOON.min(wait) } else { wait }).max(Duration::from_secs(1))
    }

    /// Says once in the log that reports are not made or not told of, and keeps it for whoever asks.
    pub(crate) fn tell(&self, error: String, now: SystemTime) {
        let mut known = self.known();
        if known.trouble.as_ref().is_none_or(|trouble| trouble.error != error) {
            tracing::error!(target: "perf::report", error, "a report that is due is not made, or people are not told of it; it is tried again");
        }
        known.trouble = Some(Trouble { at: to_millis(now), error });
    }

    /// Makes what is due: where one cannot be made, the others nevertheless.
    fn make_due(&self, now: SystemTime) -> Looked {
        let mut looked = Looked::default();
        if self.schedule.session {
            match self.due_sessions(now) {
                Ok(due) => {
                    for (id, life) in due {
                        self.make_one(id, [life.started, life.ended], Some(life.in_order), &mut looked);
                    }
                }
                Err(error) => self.none(ReportKind::Session, error, &mut looked),
            }
        }
        for length in self.schedule.lengths() {
            let periods = match self.due_periods(length, now) {
                Ok(periods) => periods,
                Err(error) => {
                    self.none(kind_of(length), error, &mut looked);
                    continue;
                }
            };
            for period in periods {
                match self.is_known(&period) {
                    Ok(true) => self.make_one(period.id, [period.from, period.to], None, &mut looked),
                    Ok(false) => looked.not_known.push(period.id),
                    Err(error) => looked.fail(period.id, error),
                }
            }
        }
        looked
    }

    /// Takes in that it is not known which of a kind are due.
    fn none(&self, kind: ReportKind, error: MakeError, looked: &mut Looked) {
        looked.failed.extend(self.known().seen.failed.iter().filter(|id| id.kind() == kind));
        looked.error = Some(error);
    }

    fn make_one(&self, id: ReportId, range: [SystemTime; 2], in_order: Option<bool>, looked: &mut Looked) {
        if self.is_ending() {
            return;
        }
        let made = self.room.lock().map_err(MakeError::from).and_then(|lock| {
            let Some(_alone) = lock else { return Err(MakeError::Busy) };
            // Another process may have made it since this one looked.
            if self.room.is_done(id)? {
                return Ok(());
            }
            let export = self.make(id, range, in_order, true)?;
            if self.way().is_some() {
                self.send(id, &summary_of(&export)?, in_order);
            }
            Ok(())
        });
        match made {
            Ok(()) => {}
            Err(MakeError::Busy) => {
                looked.failed.insert(id);
                looked.is_soon = true;
            }
            Err(error) => looked.fail(id, error),
        }
    }

    /// The newest of a kind that the schedule made and that is over: it is there, or was removed.
    fn newest(&self, kind: ReportKind, now: SystemTime) -> Result<Option<ReportId>, MakeError> {
        Ok(self.room.newest(kind, &|id| self.schedule.is_over(id, now))?)
    }

    /// The sessions that ended before this process began and have no report: the last, or those after the newest that has one.
    fn due_sessions(&self, now: SystemTime) -> Result<Vec<(ReportId, Life)>, MakeError> {
        let newest = self.newest(ReportKind::Session, now)?;
        let mut over = self.sessions_before()?;
        let known = self.known();
        over.retain(|(id, _)| newest.is_none_or(|newest| *id > newest) || known.seen.failed.contains(id));
        let most = if newest.is_some() { MOST_SESSIONS } else { 1 };
        Ok(over.split_off(over.len().saturating_sub(most)))
    }

    /// The periods that are due, the first first: those after the newest that there is, and those that could not be made.
    fn due_periods(&self, length: Length, now: SystemTime) -> Result<Vec<Period>, MakeError> {
        let kind = kind_of(length);
        let mut due = self.schedule.due(length, now, self.newest(kind, now)?);
        let known = self.known();
        let again = known.seen.failed.iter().filter(|id| id.kind() == kind);
        let again: Vec<Period> = again.filter_map(|id| self.schedule.period_of(*id)).collect();
        due.extend(again.into_iter().filter(|period| period.due <= now));
        due.sort_by_key(|period| period.id);
        due.dedup();
        // Not ever more of them, where none can be made.
        Ok(due.split_off(due.len().saturating_sub(2 * MOST_MISSED)))
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
        // What only memory knows: this process was there. By its uptime: the clock may have been set since.
        let began = self.monitor.time_of_day().checked_sub(self.monitor.uptime());
        Ok(began.is_some_and(|began| began < period.to) || !past.observed(&range).is_empty())
    }

    /// Makes a report and keeps it.
    fn make(
        &self,
        id: ReportId,
        [from, to]: [SystemTime; 2],
        in_order: Option<bool>,
        by_schedule: bool,
    ) -> Result<Export, MakeError> {
        let export = self.export(id, [from, to])?;
        let made = export.head().made;
        let meta = Meta::new([to_millis(from), to_millis(to), made], in_order, by_schedule);
        let is_over = |id| self.schedule.is_over(id, made);
        let kept = (self.formats.as_slice(), by_schedule && self.way().is_some());
        self.room.keep(id, &meta, kept, &is_over, |format, out| export.write(format, out))?;
        Ok(export)
    }

    /// Everything of the range of a report.
    pub(super) fn export(&self, id: ReportId, [from, to]: [SystemTime; 2]) -> Result<Export, MakeError> {
        let range = match id.kind() {
            // With nothing of the days beside.
            ReportKind::Day | ReportKind::Week => range_on_steps(from, to),
            ReportKind::Range | ReportKind::Comparison => range_of(from, to, None),
            // With nothing of the process before.
            ReportKind::Session => range_of(from, to, None).map(TimeRange::exactly),
        };
        let range = range.map_err(|error| MakeError::Range(error.to_string()))?;
        Ok(self.sources.export(&self.monitor, range))
    }

    /// Removes a report; says whether it was there.
    pub(crate) fn remove(&self, id: ReportId) -> std::io::Result<bool> {
        let now = self.monitor.time_of_day();
        self.room.remove(id, &|id| self.schedule.is_over(id, now))
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
                checked([from, to], now)?;
                let unnamed = || MakeError::Range("a range after 1970".to_owned());
                (ReportId::range(from, to).ok_or_else(unnamed)?, [from, to], None)
            }
            Wanted::Comparison(before, after) => return self.make_comparison(before, after),
        };
        let _alone = self.room.lock()?.ok_or(MakeError::Busy)?;
        if let Some(there) = self.room.get(id)? {
            return Ok((there, false));
        }
        // Where somebody removed the one of the schedule, that is not to make it once more.
        self.make(id, range, in_order, self.room.is_gone(id))?;
        Ok((self.there(id)?, true))
    }

    /// The report that was just made.
    pub(super) fn there(&self, id: ReportId) -> Result<KeptReport, MakeError> {
        let missing = || MakeError::Io(std::io::Error::other("the report was removed as it was made"));
        self.room.get(id)?.ok_or_else(missing)
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
        let known = self.known();
        Ok(KeptReports {
            off: None,
            max_bytes: self.room.max_bytes,
            reports,
            next,
            not_known: known.seen.not_known.clone(),
            trouble: known.trouble.clone(),
        })
    }
}

impl Looked {
    fn fail(&mut self, id: ReportId, error: MakeError) {
        self.failed.insert(id);
        self.error = Some(error);
    }
}

/// A range that is over, and neither too short for a name nor too long.
pub(super) fn checked([from, to]: [SystemTime; 2], now: SystemTime) -> Result<TimeRange, MakeError> {
    let refused = |why: &str| Err(MakeError::Range(why.to_owned()));
    let Ok(length) = to.duration_since(from) else { return refused("from must be before to") };
    if to > now || length > LONGEST {
        return refused("a range that is over, of at most 800 days");
    }
    if seconds(from).zip(seconds(to)).is_none_or(|(first, end)| first >= end) {
        return refused("a range of a second or more, after 1970");
    }
    TimeRange::between(from, to).map_err(|error| MakeError::Range(error.to_string()))
}

fn kind_of(length: Length) -> ReportKind {
    match length {
        Length::Day => ReportKind::Day,
        Length::Week => ReportKind::Week,
    }
}
