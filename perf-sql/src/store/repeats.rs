//! Repeats of a statement within calls without a caller.

use crate::text::{OTHER, is_cut};
use std::num::NonZeroU64;

/// Roots whose executions are counted at the same time.
const ROOTS: usize = 16;
/// Roots whose executions are counted though there is no room for them: each takes the place of the one that ran least recently.
const PASSING: usize = 4;
/// Roots that were told and are remembered. Where more of them run at the same time, one may be told again.
const TOLD: usize = 32;
/// A root gives way to another one where it did not execute the statement for longer than so many seconds.
const IDLE: u32 = 1;
/// Executions of a root within so many seconds count together: a root that runs for hours is no list that is fetched row by row.
const SPAN: u32 = 60;
/// Operations that are repeated for good reasons.
const NEVER: [&str; 7] = ["begin", "commit", "rollback", "savepoint", "release", "set", OTHER];

/// Whether repeats of a statement with this text are told: not where it frames transactions, and not where the text is cut, since then it stands
/// for several statements.
pub(super) fn may_repeat(text: &str, operation: &str) -> bool {
    !NEVER.contains(&operation) && !is_cut(text)
}

/// A root, and its executions of the statement.
#[derive(Clone, Copy, Debug, Default)]
struct Root {
    number: Option<NonZeroU64>,
    count: u32,
    /// The seconds of the first execution that counts, and of the last.
    since: u32,
    last: u32,
}

/// The executions of a statement by root. Repeats may be missed where more roots than there is room for run at the same time, and are never
/// made up.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    /// Those that keep their place while they execute it: so that repeats are found in a crowd.
    counted: [Root; ROOTS],
    /// The last ones for which there was no such place, the last first: so that they are found after a crowd of short ones.
    passing: [Root; PASSING],
    told: [Root; TOLD],
}

/// A root that executed the statement often enough to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    /// Executions within a minute.
    pub(super) count: u32,
    /// Whether it was not told before.
    pub(super) is_new: bool,
}

/// The progress of a root with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is told with the next one.
    Near,
    Repeated(Repeated),
}

impl Root {
    fn new(number: NonZeroU64, second: u32) -> Self {
        Self { number: Some(number), count: 0, since: second, last: second }
    }

    fn note(&mut self, second: u32) {
        if second.saturating_sub(self.since) >= SPAN {
            (self.since, self.count) = (second, 0);
        }
        self.count = self.count.saturating_add(1);
        self.last = second;
    }

    fn is_idle(&self, second: u32, seconds: u32) -> bool {
        self.number.is_none() || second.saturating_sub(self.last) > seconds
    }
}

impl Repeats {
    /// Counts an execution. Tells of the root where it has repeated the statement, now or before, or will at the next one.
    pub(super) fn count(&mut self, root: NonZeroU64, second: u32, repeated_at: u32) -> Option<Progress> {
        let own = self.counted.iter().position(|one| one.number == Some(root));
        if own.is_none()
            && let Some(told) = self.told_mut(root, second)
        {
            told.note(second);
            return Some(Progress::Repeated(Repeated { count: told.count, is_new: false }));
        }
        let counted = self.counted_mut(own, root, second)?;
        counted.note(second);
        if counted.count < repeated_at {
            // At its first, the call may not have waited yet, and is not known to be in flight.
            return (counted.count > 1 && counted.count + 1 == repeated_at).then_some(Progress::Near);
        }
        // Its place is free for another one. It is remembered, so that it is told once.
        let told = std::mem::take(counted);
        if let Some(oldest) = self.told.iter_mut().min_by_key(|told| told.number.map(|_| told.last)) {
            *oldest = told;
        }
        Some(Progress::Repeated(Repeated { count: told.count, is_new: true }))
    }

    /// The count of a root, with its place if it has one.
    fn counted_mut(&mut self, own: Option<usize>, root: NonZeroU64, second: u32) -> Option<&mut Root> {
        if let Some(own) = own {
            return self.counted.get_mut(own);
        }
        let passing = self.passing.iter().position(|one| one.number == Some(root));
        let free = if passing.is_none() { self.counted.iter().position(|one| one.is_idle(second, IDLE)) } else { None };
        if let Some(free) = free.and_then(|free| self.counted.get_mut(free)) {
            *free = Root::new(root, second);
            return Some(free);
        }
        self.passing.get_mut(..=passing.unwrap_or(PASSING - 1))?.rotate_right(1);
        let first = self.passing.first_mut()?;
        if passing.is_none() {
            *first = Root::new(root, second);
        }
        Some(first)
    }

    fn told_mut(&mut self, root: NonZeroU64, second: u32) -> Option<&mut Root> {
        self.told.iter_mut().find(|told| told.number == Some(root) && !told.is_idle(second, SPAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(progress: Option<Progress>) -> Option<Repeated> {
        match progress? {
            Progress::Repeated(repeated) => Some(repeated),
            Progress::Near => None,
        }
    }

    fn root(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    /// Counts so many executions of a root in a second, and says how often it was told anew.
    fn run(repeats: &mut Repeats, number: u64, second: u32, executions: u32) -> usize {
        let told = (0..executions).filter_map(|_| told(repeats.count(root(number), second, 10)));
        told.filter(|repeated| repeated.is_new).count()
    }

    #[test]
    fn roots_that_are_counted_stay_while_others_come_in_crowds() {
        let mut repeats = Repeats::default();
        for round in 0..10 {
            for number in 1..=16 {
                assert_eq!(run(&mut repeats, number, 7, 1), usize::from(round == 9), "{number} in {round}");
            }
            for number in 100..2_100 {
                run(&mut repeats, number + round * 10_000, 7, u32::from(round < 9));
            }
        }
    }

    #[test]
    fn a_root_that_executes_nothing_for_a_second_gives_way() {
        let mut repeats = Repeats::default();
        (1..=16).for_each(|number| assert_eq!(run(&mut repeats, number, 7, 9), 0));
        (17..=21).for_each(|number| assert_eq!(run(&mut repeats, number, 8, 1), 0));
        for round in 0..20 {
            (17..=21)
                .for_each(|number| assert_eq!(run(&mut repeats, number, 8, 1), 0, "a second may not be over: {round}"));
        }
        assert_eq!(run(&mut repeats, 22, 9, 100), 1);
    }

    #[test]
    fn a_root_is_told_after_a_crowd_of_short_ones_and_among_a_few() {
        let mut repeats = Repeats::default();
        (1..=1_000).for_each(|number| assert_eq!(run(&mut repeats, number, 7, 9), 0));
        assert_eq!(run(&mut repeats, 1_001, 7, 10), 1);
        let told = (0..10).map(|_| (2_001..=2_004).map(|number| run(&mut repeats, number, 7, 1)).sum::<usize>());
        assert_eq!(told.sum::<usize>(), 4);
    }

    #[test]
    fn a_root_is_told_once_whatever_comes_between() {
        let mut repeats = Repeats::default();
        assert_eq!(run(&mut repeats, 1, 0, 25), 1);
        for second in 1..200 {
            for number in 100..200 {
                assert_eq!(run(&mut repeats, number + u64::from(second) * 1_000, second, 1), 0);
            }
            assert_eq!(run(&mut repeats, 1, second, 25), 0, "in {second}");
        }
        let most = told(repeats.count(root(1), 200, 10)).unwrap().count;
        assert!(most <= 60 * 25 + 1, "{most} within a minute");
    }

    #[test]
    fn executions_of_more_than_a_minute_do_not_add_up() {
        let mut repeats = Repeats::default();
        for minute in 0..10 {
            assert_eq!(run(&mut repeats, 1, minute * 60, 9), 0, "in minute {minute}");
        }
        assert_eq!(run(&mut repeats, 1, 559, 1), 1, "a tenth one in the last of these minutes");
    }

    #[test]
    fn frames_of_transactions_and_texts_that_are_cut_are_not_told() {
        assert!(may_repeat("SELECT a FROM t", "select"));
        assert!(!may_repeat("COMMIT", "commit") && !may_repeat("SET a …", "set") && !may_repeat("x", OTHER));
        assert!(!may_repeat("SELECT a FROM t WHERE b = …", "select"));
    }
}
