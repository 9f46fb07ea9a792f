//! The calls of up to 30 days, and how many of them were bad.
//!
//! Six hours to the minute and 30 days to the half hour: 1,800 slices of 16 bytes at most, 29 KiB for each promise of a
//! process that has run for a month; a young one holds little.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// The period of a budget.
pub(crate) const PERIOD: Duration = Duration::from_secs(30 * 24 * 3_600);
const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: usize = 360;
/// A coarse slice, in minutes.
const COARSE: u32 = 30;
const MINUTES_OF_PERIOD: u64 = PERIOD.as_secs() / MINUTE.as_secs();
/// Coarse slices in the period.
const COARSE_OF_PERIOD: usize = 30 * 48;

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

    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.bad = self.bad.saturating_add(other.bad);
    }

    /// The difference to `before`; all of it where the count began anew.
    fn since(self, before: Self) -> Self {
        if self.calls < before.calls || self.bad < before.bad {
            return self;
        }
        Self { calls: self.calls - before.calls, bad: self.bad - before.bad }
    }
}

/// A ledger as it is kept over a restart: pairs of calls and bad calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedBudgetLedger {
    covered_seconds: u64,
    minute: u64,
    minutes: Vec<(u64, u64)>,
    coarse: Vec<(u64, u64)>,
    filling: (u64, u64),
    current: (u64, u64),
}

/// The calls and bad calls of a promise, minute by minute.
#[derive(Debug)]
pub(crate) struct BudgetLedger {
    begun: Duration,
    /// The counts at the last look.
    last: Counts,
    /// The minute that is not over yet, and the number of minutes before it.
    current: Counts,
    minute: u64,
    /// The newest last.
    minutes: VecDeque<Counts>,
    coarse: VecDeque<Counts>,
    filling: Counts,
}

impl BudgetLedger {
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

    /// The budget's past, for after a restart.
    pub(super) fn saved(&self, now: Duration) -> SavedBudgetLedger {
        let kept = |counts: &VecDeque<Counts>| counts.iter().map(|counts| (counts.calls, counts.bad)).collect();
        let pair = |counts: Counts| (counts.calls, counts.bad);
        SavedBudgetLedger {
            covered_seconds: now.saturating_sub(self.begun).as_secs(),
            minute: self.minute,
            minutes: kept(&self.minutes),
            coarse: kept(&self.coarse),
            filling: pair(self.filling),
            current: pair(self.current),
        }
    }

    /// Goes on with a budget of before a restart, `ago` after it was saved. `counts` is what this process counted already
    /// that is not known to be recent. The minutes in between are empty: nobody saw a call in them.
    pub(super) fn restored(saved: &SavedBudgetLedger, now: Duration, ago: Duration, counts: Counts) -> Self {
        let newest = |pairs: &[(u64, u64)], most: usize| {
            let older = pairs.len().saturating_sub(most);
            pairs.iter().skip(older).map(|&(calls, bad)| Counts { calls, bad }).collect::<VecDeque<Counts>>()
        };
        let pair = |(calls, bad)| Counts { calls, bad };
        // Of a process that ran for longer than the period, the period; the place in the half hour stays the same.
        let minute = saved.minute.min(MINUTES_OF_PERIOD + saved.minute % u64::from(COARSE));
        let cut = (saved.minute - minute).saturating_mul(MINUTE.as_secs());
        let age = Duration::from_secs(saved.covered_seconds.saturating_sub(cut));
        Self {
            begun: now.saturating_sub(ago).saturating_sub(age),
            last: counts,
            current: pair(saved.current),
            minute,
            minutes: newest(&saved.minutes, MINUTES),
            coarse: newest(&saved.coarse, COARSE_OF_PERIOD),
            filling: pair(saved.filling),
        }
    }

    /// Takes in all that was counted until now.
    pub(crate) fn observe(&mut self, now: Duration, counts: Counts) {
        self.current.add(counts.since(self.last));
        self.last = counts;
        let minute = now.saturating_sub(self.begun).as_secs() / MINUTE.as_secs();
        // After a long sleep of the machine all that is left are empty minutes.
        for _ in 0..minute.saturating_sub(self.minute).min(MINUTES_OF_PERIOD) {
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
            while self.coarse.len() > COARSE_OF_PERIOD {
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
