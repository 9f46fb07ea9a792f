//! Groups of failures that are the same but for numbers, ids and quoted values.

use super::wishes;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use crate::measure::model::shape::Fnv;
use std::time::Duration;

/// The id of a trace is asked for once in this time for each group.
const TRACE_EVERY: Duration = Duration::from_secs(1);

/// The sort of a failure, apart from its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort<'a> {
    /// Error or panicked.
    pub(crate) outcome: Outcome,
    /// The error's type.
    pub(crate) type_name: Option<&'static str>,
    /// The name of its variant, or one that was given at run time; empty where there is none.
    pub(crate) name: &'a str,
    pub(crate) is_expected: bool,
    /// Where the thread panicked.
    pub(crate) place: Option<&'a str>,
}

/// The fingerprints of a failure: with its text, and without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprints {
    pub(crate) whole: u64,
    pub(crate) without_text: u64,
}

impl Sort<'_> {
    /// The fingerprints of a failure of this sort. Those of two failures are the same where only numbers, ids and quoted values differ.
    pub(super) fn fingerprints(&self, text: Option<&str>) -> Fingerprints {
        let mut hash = Fnv::new();
        hash.text(self.outcome.as_str());
        hash.text(self.type_name.unwrap_or_default());
        hash.text(if self.is_expected { "expected" } else { "" });
        hash.text(self.place.unwrap_or_default());
        // A name that was given at run time may hold an id; a status is one as it stands.
        if self.name.contains(['/', ':']) {
            hash.shape(self.name);
        } else {
            hash.text(self.name);
        }
        let without_text = hash.finish();
        if let Some(text) = text {
            hash.shape(text);
        }
        Fingerprints { whole: hash.finish(), without_text }
    }
}

/// Failures that are taken for the same.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Another number for each group that its meter ever had.
    pub(crate) serial: u32,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) outcome: Outcome,
    pub(crate) type_name: Option<&'static str>,
    pub(crate) name: Box<str>,
    pub(crate) is_expected: bool,
    pub(crate) place: Option<Box<str>>,
    /// The text of the first of them.
    pub(crate) text: Option<Box<str>>,
    /// Whether the text is for everybody: because the function asks for it, or it is a literal of the source.
    pub(crate) is_open: bool,
    pub(crate) count: u64,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    /// The trace of one of the last of them.
    pub(crate) trace_id: Option<Box<str>>,
    /// When the trace was last asked for.
    asked: Option<Moment>,
}

impl Group {
    fn new(
        sort: &Sort<'_>,
        text: Option<&str>,
        is_open: bool,
        (serial, fingerprints): (u32, Fingerprints),
        now: Moment,
    ) -> Self {
        Self {
            serial,
            fingerprints,
            outcome: sort.outcome,
            type_name: sort.type_name,
            name: sort.name.into(),
            is_expected: sort.is_expected,
            place: sort.place.map(Into::into),
            text: text.map(Into::into),
            is_open,
            count: 0,
            first: now,
            last: now,
            trace_id: None,
            asked: None,
        }
    }

    /// Takes in another group of the same failure: the names are those of either.
    pub(crate) fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        if other.last > self.last {
            self.last = other.last;
            self.trace_id.clone_from(&other.trace_id);
        }
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = [Some(&self.name), self.place.as_ref(), self.text.as_ref(), self.trace_id.as_ref()];
        size_of::<Self>() + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

/// A failure that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// The serial number of its group.
    pub(super) serial: u32,
    /// Whether the trace of this failure is wanted.
    pub(super) asks: bool,
}

/// The groups of one meter: the most recent ones, and how many failures were in those that gave way to them.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    others: u64,
    serial: u32,
}

impl Groups {
    pub(super) fn all(&self) -> &[Group] {
        &self.all
    }

    pub(super) fn others(&self) -> u64 {
        self.others
    }

    /// Counts a failure.
    pub(super) fn count(
        &mut self,
        sort: &Sort<'_>,
        text: Option<&str>,
        is_open: bool,
        fingerprints: Fingerprints,
        now: Moment,
    ) -> Option<Counted> {
        let known = self.all.iter().position(|group| group.fingerprints == fingerprints);
        let place = known.unwrap_or_else(|| {
            self.make_room();
            self.serial = self.serial.wrapping_add(1);
            self.all.push(Group::new(sort, text, is_open, (self.serial, fingerprints), now));
            self.all.len() - 1
        });
        let group = self.all.get_mut(place)?;
        group.count += 1;
        group.last = now;
        let asks = group.asked.is_none_or(|asked| now.since(asked) >= TRACE_EVERY);
        if asks {
            group.asked = Some(now);
        }
        Some(Counted { serial: group.serial, asks })
    }

    /// Lets go of the groups that failed least recently, so that there is room for another one.
    fn make_room(&mut self) {
        while self.all.len() >= wishes::max_groups() {
            let oldest = self.all.iter().enumerate().min_by_key(|(_, group)| (group.last, group.serial));
            let Some(place) = oldest.map(|(place, _)| place) else { return };
            self.others += self.all.swap_remove(place).count;
        }
    }

    pub(super) fn set_trace(&mut self, serial: u32, trace_id: String) {
        if let Some(group) = self.all.iter_mut().find(|group| group.serial == serial) {
            group.trace_id = Some(trace_id.into());
        }
    }
}
