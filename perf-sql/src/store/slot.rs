//! The account of one statement.

use super::latency::Latency;
use super::outcome::{Outcome, Outcomes};
use super::repeats::{Progress, Repeated, Repeats};
use crate::callers::Around;
use crate::text::changes_rows;
use perf_runtime::extend::CallSeries;
use std::sync::Arc;

/// Callers of a statement that are told apart.
const MOST_CALLERS: usize = 16;
/// Minutes of which executions are known.
pub(crate) const MINUTES: usize = 60;

/// One execution that is over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Execution {
    pub(crate) nanos: Option<u64>,
    pub(crate) returned: u64,
    pub(crate) affected: u64,
    pub(crate) outcome: Outcome,
}

/// A statement: what is shown of it, and the hash of all of it.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) text: Arc<str>,
    pub(crate) hash: u64,
    pub(crate) operation: &'static str,
    /// Whether repeats of it are told.
    pub(crate) may_repeat: bool,
    /// The place of its operation's durations.
    pub(crate) durations: usize,
}

/// The executions that one series of calls made; `None` are those that no known call made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfCaller {
    pub(crate) series: Option<CallSeries>,
    pub(crate) executions: u64,
    pub(crate) nanos: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Minute {
    pub(crate) number: u64,
    pub(crate) executions: u64,
    pub(crate) nanos: u64,
}

/// All that is counted of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) executions: u64,
    pub(crate) outcomes: Outcomes,
    pub(crate) returned: u64,
    pub(crate) affected: u64,
    pub(crate) latency: Latency,
    pub(crate) minutes: [Minute; MINUTES],
    pub(crate) callers: Vec<OfCaller>,
    pub(crate) other_callers: OfCaller,
    /// Calls without a caller in which it was repeated.
    pub(crate) repeated_calls: u64,
    /// The most executions within one of them.
    pub(crate) most_repeats: u32,
}

/// An execution that was counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// The place of its operation's durations.
    pub(crate) durations: usize,
    /// The statement, where it is the execution by which its root repeats it.
    pub(crate) repeated: Option<Statement>,
    /// Whether the root repeats it with its next execution.
    pub(crate) is_near: bool,
}

/// The hash and the length of a normalised text.
pub(crate) type Key = (u64, usize);

/// The hashes of a statement's raw texts, as far as they are few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    known: [u64; MOST_TEXTS],
    count: usize,
}

/// Most statements have one text, that of a prepared statement.
const MOST_TEXTS: usize = 8;

impl Texts {
    pub(crate) fn add(&mut self, hash: u64) {
        // The cache lost it, and it was read again.
        if self.all().is_some_and(|known| known.contains(&hash)) {
            return;
        }
        if let Some(place) = self.known.get_mut(self.count) {
            *place = hash;
        }
        self.count += 1;
    }

    /// All of them; `None` where there were too many to know.
    pub(crate) fn all(&self) -> Option<&[u64]> {
        self.known.get(..self.count)
    }
}

/// A place for a statement.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) statement: Option<Statement>,
    pub(crate) generation: u16,
    /// Where the index has it.
    pub(crate) key: Key,
    /// The texts of it that the cache may have.
    pub(crate) texts: Texts,
    pub(crate) counts: Box<Counts>,
    repeats: Repeats,
}

impl Default for Counts {
    fn default() -> Self {
        Self { callers: Vec::with_capacity(MOST_CALLERS), ..Self::empty() }
    }
}

impl Counts {
    fn empty() -> Self {
        Self {
            executions: 0,
            outcomes: Outcomes::default(),
            returned: 0,
            affected: 0,
            latency: Latency::default(),
            minutes: [Minute::default(); MINUTES],
            callers: Vec::new(),
            other_callers: OfCaller::default(),
            repeated_calls: 0,
            most_repeats: 0,
        }
    }
}

impl Slot {
    pub(crate) fn new(statement: Statement, key: Key) -> Self {
        Self {
            statement: Some(statement),
            generation: 0,
            key,
            texts: Texts::default(),
            counts: Box::default(),
            repeats: Repeats::default(),
        }
    }

    /// Gives the place to another statement. Counts of the one before are to be taken out already.
    pub(crate) fn assign(&mut self, statement: Statement, key: Key) {
        (self.statement, self.key, self.texts) = (Some(statement), key, Texts::default());
        self.repeats = Repeats::default();
    }

    /// Counts an execution that begins, whose end will be counted.
    #[cfg(any(feature = "diesel", feature = "sqlx"))]
    pub(crate) fn begin(&mut self) {
        self.counts.outcomes.running += 1;
    }

    /// Counts an execution that is over, and that [was begun](Self::begin) here or in a statement which gave way to this one.
    pub(crate) fn end(&mut self, execution: &Execution, around: &Around, second: u32, repeated_at: u32) -> Counted {
        let running = &mut self.counts.outcomes.running;
        *running = running.saturating_sub(1);
        self.count(execution, around, second, repeated_at)
    }

    /// Counts an execution that is over.
    pub(crate) fn count(&mut self, execution: &Execution, around: &Around, second: u32, repeated_at: u32) -> Counted {
        let changes = self.statement.as_ref().is_some_and(|statement| changes_rows(statement.operation));
        let affected = if changes { execution.affected } else { 0 };
        self.counts.count(&Execution { affected, ..*execution }, around, u64::from(second / 60));
        let Some(statement) = &self.statement else { return Counted::default() };
        let root = around.root_call.filter(|_| statement.may_repeat);
        let repeated = root.and_then(|root| self.repeats.count(root, second, repeated_at));
        if let Some(Progress::Repeated(repeated)) = repeated {
            self.counts.most_repeats = self.counts.most_repeats.max(repeated.count);
            self.counts.repeated_calls += u64::from(repeated.is_new);
        }
        let is_near = repeated == Some(Progress::Near);
        let is_told = matches!(repeated, Some(Progress::Repeated(Repeated { is_new: true, .. })));
        Counted { durations: statement.durations, repeated: is_told.then(|| statement.clone()), is_near }
    }
}

impl Counts {
    /// Counts nothing any more.
    pub(crate) fn clear(&mut self) {
        let mut callers = std::mem::take(&mut self.callers);
        callers.clear();
        *self = Self { callers, ..Self::empty() };
    }

    fn count(&mut self, execution: &Execution, around: &Around, minute: u64) {
        let &Execution { nanos, returned, affected, outcome } = execution;
        let known = nanos.unwrap_or_default();
        self.executions += 1;
        self.outcomes.count(outcome);
        self.returned = self.returned.saturating_add(returned);
        self.affected = self.affected.saturating_add(affected);
        if let Some(nanos) = nanos {
            self.latency.record(nanos);
        }
        self.add_minute(Minute { number: minute, executions: 1, nanos: known });
        self.add_caller(OfCaller { series: around.series, executions: 1, nanos: known });
    }

    /// Adds all that another statement had.
    pub(crate) fn add(&mut self, other: &Self) {
        self.executions += other.executions;
        self.outcomes.add(&other.outcomes);
        self.returned = self.returned.saturating_add(other.returned);
        self.affected = self.affected.saturating_add(other.affected);
        self.latency.add(&other.latency);
        other.minutes.iter().filter(|minute| minute.executions > 0).for_each(|minute| self.add_minute(*minute));
        other.callers.iter().for_each(|caller| self.add_caller(*caller));
        self.other_callers.add(other.other_callers);
        self.repeated_calls += other.repeated_calls;
        self.most_repeats = self.most_repeats.max(other.most_repeats);
    }

    fn add_minute(&mut self, minute: Minute) {
        #[expect(clippy::cast_possible_truncation, reason = "below the number of minutes")]
        let place = (minute.number % MINUTES as u64) as usize;
        let Some(own) = self.minutes.get_mut(place) else { return };
        if own.number < minute.number || own.executions == 0 {
            *own = minute;
        } else if own.number == minute.number {
            own.executions += minute.executions;
            own.nanos = own.nanos.saturating_add(minute.nanos);
        }
    }

    fn add_caller(&mut self, caller: OfCaller) {
        if let Some(own) = self.callers.iter_mut().find(|own| own.series == caller.series) {
            own.add(caller);
        } else if self.callers.len() < MOST_CALLERS {
            self.callers.push(caller);
        } else {
            self.other_callers.add(caller);
        }
    }
}

impl OfCaller {
    fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.nanos = self.nanos.saturating_add(other.nanos);
    }
}
