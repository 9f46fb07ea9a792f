//! The calls that are kept, by minute and series, and how they give way to others.

use super::keep::Bar;
use super::kept_as::KeptAs;
use super::record::Recorded;
use super::values::KeptValues;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::outcome::Outcome;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The memory for kept calls, in records: 7 MiB.
const MOST_RECORDS: usize = 150_000;
/// The bytes of a record.
const RECORD: usize = 48;
/// The room of a kept call beside its records, in records.
const RECORDS_OF_A_CALL: usize = 4;
/// The bytes of the place of a call's values in the map, and of the allocator's part.
const SLOT: usize = 64;
const MINUTE_NANOS: u64 = 60_000_000_000;
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// So much longer than they are shown kept calls stay, for a history takes those of a minute once it is over.
const FOR_A_HISTORY: Duration = MINUTE;

/// A call that was made inside no other, with all that was made inside it.
#[derive(Debug)]
pub(crate) struct KeptCall {
    /// Another one for each call that is kept, in the order in which they ended.
    pub(crate) number: u64,
    /// The number of its meter.
    pub(crate) serial: u32,
    pub(crate) outcome: Outcome,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
    /// When it ended; of a request whose body streams later than its duration did.
    pub(crate) ended: Moment,
    /// The time that calls inside it covered; `None` where that is not known.
    pub(crate) covered: Option<u64>,
    /// Whether the calls inside it were recorded, as far as there was room.
    pub(crate) is_inside_known: bool,
    pub(crate) failure: u32,
    pub(crate) trace_id: Option<Box<str>>,
    /// The name by which calls inside it know it.
    pub(crate) name: Parent,
    pub(crate) records: Vec<Recorded>,
    /// Calls that ended inside it and have no record.
    pub(crate) missing: u64,
    /// The values of its fields.
    pub(crate) values: Option<KeptValues>,
    /// The values of the fields of those inside it, by the place of the record.
    pub(crate) values_inside: HashMap<usize, KeptValues>,
    /// Calls inside it whose values found no room.
    pub(crate) values_missing: u64,
    /// How many of the records belong to it, and how many to none of its calls: worked out as somebody asks first.
    pub(crate) shape: OnceLock<(usize, u64)>,
}

impl KeptCall {
    pub(crate) fn kept_as(&self) -> KeptAs {
        KeptAs { ended: wall::unix_nanos(self.ended), number: self.number }
    }

    fn size(&self) -> usize {
        let values = self.values.iter().chain(self.values_inside.values()).map(KeptValues::bytes).sum::<usize>();
        let values = values + SLOT * self.values_inside.len();
        self.records.len() + RECORDS_OF_A_CALL + values.div_ceil(RECORD)
    }
}

/// A kept call, and why.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) call: Arc<KeptCall>,
    pub(crate) is_slowest: bool,
    pub(crate) is_failed: bool,
}

#[derive(Debug)]
pub(super) struct Kept {
    /// In the order of their numbers.
    entries: VecDeque<Entry>,
    last_number: u64,
    /// The sum of their sizes.
    records: usize,
    /// By the minute since 1970 and the meter.
    minutes: BTreeMap<(u64, u32), Minute>,
    /// Calls that gave way to later ones before their time was over.
    gave_way: u64,
    /// The last moment at which one ended that was let go of, in nanoseconds.
    let_go: u64,
}

/// The kept calls of one meter in one minute.
#[derive(Debug, Default)]
struct Minute {
    /// Durations and numbers of the slowest.
    slowest: Vec<(u64, u64)>,
    failed: usize,
}

/// How many of a series are kept in a minute.
#[derive(Clone, Copy)]
pub(super) struct Most {
    pub(super) slowest: usize,
    pub(super) failed: usize,
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self { entries: VecDeque::new(), last_number: 0, records: 0, minutes: BTreeMap::new(), gave_way: 0, let_go: 0 }
    }

    pub(super) fn gave_way(&self) -> u64 {
        self.gave_way
    }

    /// The moment after which every call that ended and was to be kept is there still.
    pub(super) fn is_whole_since(&self) -> Moment {
        Moment::from_nanos(self.let_go.saturating_add(1))
    }

    /// Those that did not end before a moment, the last first.
    pub(super) fn since(&self, since: Moment) -> Vec<Entry> {
        self.entries.iter().rev().filter(|entry| entry.call.ended >= since).cloned().collect()
    }

    /// The calls that were kept after the one of this number and have a name among the calls inside them: with it, the first first; and the number of the last.
    pub(super) fn named_after(&self, number: u64) -> (Vec<(Parent, KeptAs)>, u64) {
        let first = self.entries.partition_point(|entry| entry.call.number <= number);
        let after = self.entries.range(first..).map(|entry| (entry.call.name, entry.call.kept_as()));
        (after.filter(|(name, _)| name.is_some()).collect(), self.last_number)
    }

    /// The one of this number.
    pub(super) fn entry(&self, number: u64) -> Option<Entry> {
        self.place(number).and_then(|place| self.entries.get(place)).cloned()
    }

    #[cfg(test)]
    pub(super) fn accounts(&self) -> usize {
        self.minutes.len()
    }

    pub(super) fn forget(&mut self) {
        self.let_go = clock::now().to_nanos();
        self.entries.clear();
        self.minutes.clear();
        self.records = 0;
    }

    pub(super) fn offer(&mut self, mut call: KeptCall, has_failed: bool, most: Most, bar: &Bar) -> Option<KeptAs> {
        let (ended, number) = (call.ended, self.last_number + 1);
        let unix = wall::unix_nanos(ended);
        let minute = self.minutes.entry((unix / MINUTE_NANOS, call.serial)).or_default();
        let is_failed = has_failed && minute.failed < most.failed;
        minute.failed += usize::from(is_failed);
        let (is_slowest, ousted) = minute.add((call.nanos, number), most.slowest);
        let until = ended.after(Duration::from_nanos(MINUTE_NANOS - unix % MINUTE_NANOS));
        if until >= bar.until() {
            bar.set(until, minute.bar(most.slowest), most.failed.saturating_sub(minute.failed));
        }
        if let Some(ousted) = ousted {
            self.oust(ousted);
        }
        if !is_failed && !is_slowest {
            return None;
        }
        call.number = number;
        self.last_number = number;
        self.records += call.size();
        let kept_as = call.kept_as();
        self.entries.push_back(Entry { call: Arc::new(call), is_slowest, is_failed });
        Some(kept_as)
    }

    /// Where the call of a number stands.
    fn place(&self, number: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&number, |entry| entry.call.number).ok()
    }

    /// A call is one of the slowest no longer.
    fn oust(&mut self, number: u64) {
        let Some(place) = self.place(number) else { return };
        let Some(entry) = self.entries.get_mut(place) else { return };
        entry.is_slowest = false;
        if !entry.is_failed {
            self.records = self.records.saturating_sub(entry.call.size());
            self.entries.remove(place);
        }
    }

    /// Lets go of calls that ended too long ago, and of the first where all are too much.
    pub(super) fn settle(&mut self, now: Moment, kept_for: Duration) {
        let too_early = now.before(kept_for);
        let much_too_early = too_early.before(FOR_A_HISTORY);
        while let Some(first) = self.entries.front() {
            let ended = first.call.ended;
            if ended >= much_too_early && self.records <= MOST_RECORDS {
                break;
            }
            self.gave_way += u64::from(ended >= too_early);
            self.let_go = self.let_go.max(ended.to_nanos());
            self.records = self.records.saturating_sub(first.call.size());
            self.entries.pop_front();
        }
        // Calls of a minute come a little later than its end.
        let over = (wall::unix_nanos(now) / MINUTE_NANOS).saturating_sub(2);
        while let Some(first) = self.minutes.first_entry().filter(|first| first.key().0 < over) {
            first.remove();
        }
    }
}

impl Minute {
    /// Adds a call to the slowest, where it is one of them; and says which ceases to be one.
    fn add(&mut self, call: (u64, u64), most: usize) -> (bool, Option<u64>) {
        if self.slowest.len() < most {
            self.slowest.push(call);
            return (true, None);
        }
        match self.slowest.iter_mut().min_by_key(|(nanos, _)| *nanos).filter(|(nanos, _)| *nanos < call.0) {
            Some(least) => (true, Some(std::mem::replace(least, call).1)),
            None => (false, None),
        }
    }

    /// A call of so many nanoseconds or more is one of the slowest.
    fn bar(&self, most: usize) -> u64 {
        match self.slowest.iter().map(|(nanos, _)| *nanos).min() {
            Some(least) if self.slowest.len() >= most => least.saturating_add(1),
            _ if most == 0 => u64::MAX,
            _ => 0,
        }
    }
}
