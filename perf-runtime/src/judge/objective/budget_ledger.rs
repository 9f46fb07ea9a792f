//! The calls of up to 30 days, and how many of them were bad.
//!
//! Six hours to the minute and 30 days to the half hour: 1,800 slices of 16 bytes at most, 29 KiB for each promise of a
//! process that has run for a month; a young one holds little.

use std::collections::VecDeque;
use std::time::Duration;

/// The period of a budget.
pub(crate) const PERIOD: Duration = Duration::from_secs(30 * 24 * 3_600);
const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: usize = 360;
/// A coarse slice, in minutes.
const COARSE: u32 = 30;

/// Calls, and how many of them broke the promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) bad: u64,
}

impl Counts {
    /// 0 where there was no call.
    pub(crate) fn bad_share(self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.bad as f64 / self.calls as f64 }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.bad += other.bad;
    }

    /// What came since `before`; all of it where the count began anew.
    fn since(self, before: Self) -> Self {
        if self.calls < before.calls || self.bad < before.bad {
            return self;
        }
        Self { calls: self.calls - before.calls, bad: self.bad - before.bad }
    }
}

/// What was counted, minute by minute.
#[derive(Debug)]
pub(crate) struct Ledger {
    begun: Duration,
    /// What was counted when it was last looked at.
    last: Counts,
    /// The minute that is not over yet, and the number of minutes before it.
    current: Counts,
    minute: u64,
    /// The newest last.
    minutes: VecDeque<Counts>,
    coarse: VecDeque<Counts>,
    filling: Counts,
}

impl Ledger {
    /// Begins now; what was counted before is not known to be recent.
    pub(crate) fn new(now: Duration, counts: Counts) -> Self {
        Self {
            begun: now,
            last: counts,
            current: Counts::default(),
            minute: 0,
            minutes: VecDeque::new(),
            coarse: VecDeque::new(),
            filling: Counts::default(),
        }
    }

    /// Takes in all that was counted until now.
    pub(crate) fn observe(&mut self, now: Duration, counts: Counts) {
        self.current.add(counts.since(self.last));
        self.last = counts;
        let minute = now.saturating_sub(self.begun).as_secs() / MINUTE.as_secs();
        // After a long sleep of the machine all that is left are empty minutes.
        let most = PERIOD.as_secs() / MINUTE.as_secs();
        for _ in 0..minute.saturating_sub(self.minute).min(most) {
            self.end_minute();
        }
        self.minute = minute;
    }

    fn end_minute(&mut self) {
        let ended = std::mem::take(&mut self.current);
        self.minute += 1;
        self.minutes.push_back(ended);
        if self.minutes.len() > MINUTES {
            self.minutes.pop_front();
        }
        self.filling.add(ended);
        if self.minute.is_multiple_of(u64::from(COARSE)) {
            self.coarse.push_back(std::mem::take(&mut self.filling));
            let most = PERIOD.as_secs() / (MINUTE.as_secs() * u64::from(COARSE));
            while self.coarse.len() as u64 > most {
                self.coarse.pop_front();
            }
        }
    }

    /// The last so many minutes, and the one that is not over: to the minute up to six hours, to the half hour beyond.
    pub(crate) fn since(&self, minutes: u32) -> Counts {
        let mut sum = self.current;
        if minutes as usize <= MINUTES {
            self.minutes.iter().rev().take(minutes as usize).for_each(|counts| sum.add(*counts));
        } else {
            sum.add(self.filling);
            self.coarse.iter().rev().take((minutes / COARSE) as usize).for_each(|counts| sum.add(*counts));
        }
        sum
    }

    /// All that is kept.
    pub(crate) fn all(&self) -> Counts {
        let mut sum = self.current;
        sum.add(self.filling);
        self.coarse.iter().for_each(|counts| sum.add(*counts));
        sum
    }

    /// How far back that is.
    pub(crate) fn covered(&self, now: Duration) -> Duration {
        now.saturating_sub(self.begun).min(PERIOD)
    }
}
