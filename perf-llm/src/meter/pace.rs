//! The pace of sums: how much was added in the last while, by marks that are kept of it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Marks that are kept of a window, one after another.
const MARKS: u32 = 60;
/// The share of a window that was to be watched before its pace says anything.
const SHORTEST: u32 = 6;

/// The sum of what was added in a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Added {
    pub(crate) amount: i128,
    pub(crate) within: Duration,
}

impl Added {
    /// The amount that is added in a second.
    pub(crate) fn each_second(self) -> f64 {
        self.amount as f64 / self.within.as_secs_f64()
    }
}

/// The earlier values of one sum.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When it had which value, the oldest first; the first is as old as the window, or the oldest there is.
    marks: VecDeque<(Duration, i128)>,
}

impl Pace {
    /// One that was 0 when the process began.
    pub(crate) fn from_zero() -> Self {
        Self { marks: VecDeque::from([(Duration::ZERO, 0)]) }
    }

    /// Notes the sum of now, and gives what was added in the window: it and up to a sixtieth more, or less where the sum is not known for so long.
    pub(crate) fn note(&mut self, now: Duration, sum: i128, window: Duration) -> Added {
        if self.marks.back().is_none_or(|(at, _)| now.saturating_sub(*at) >= window / MARKS) {
            self.marks.push_back((now, sum));
        }
        let begins = now.saturating_sub(window);
        while self.marks.get(1).is_some_and(|(at, _)| *at <= begins) {
            self.marks.pop_front();
        }
        let (at, then) = self.marks.front().copied().unwrap_or((now, sum));
        Added { amount: (sum - then).max(0), within: now.saturating_sub(at) }
    }
}

/// The paces of sums by name.
#[derive(Debug)]
pub(crate) struct Paces<K>(HashMap<K, (Pace, Option<Added>)>);

impl<K> Default for Paces<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Paces<K> {
    /// Notes the sums of now with their windows. One that is no more among them is forgotten.
    pub(crate) fn note(&mut self, now: Duration, sums: &[(K, i128, Duration)]) {
        self.0.retain(|key, _| sums.iter().any(|(of, ..)| of == key));
        for (key, sum, window) in sums {
            let (pace, last) = self.0.entry(key.clone()).or_default();
            let added = pace.note(now, *sum, *window);
            *last = Some(added).filter(|added| added.within >= *window / SHORTEST);
        }
    }

    /// The amount that was added of late, where it was watched for long enough.
    pub(crate) fn of(&self, key: &K) -> Option<Added> {
        self.0.get(key).and_then(|(_, last)| *last)
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn what_is_older_than_the_window_no_longer_counts() {
        let mut pace = Pace::from_zero();
        assert_eq!(pace.note(secs(10), 5, HOUR), Added { amount: 5, within: secs(10) });
        for second in 11..7_300 {
            let added = pace.note(secs(second), if second < 100 { 5 } else { 9 }, HOUR);
            let within = added.within.as_secs();
            assert!(within == second || (3_600..=3_660).contains(&within), "{second}: {within}");
            let expected = if second < 100 {
                5
            } else if second < 3_700 {
                4.max(added.amount)
            } else {
                added.amount
            };
            assert_eq!(added.amount, expected, "{second}");
        }
        assert_eq!(pace.note(secs(7_300), 9, HOUR).amount, 0);
        assert!(pace.marks.len() <= 62, "{}", pace.marks.len());
    }

    #[test]
    fn a_pace_is_told_after_a_sixth_of_its_window_and_forgotten_with_its_sum() {
        let mut paces = Paces::default();
        paces.note(secs(0), &[("a", 100, HOUR)]);
        paces.note(secs(599), &[("a", 700, HOUR)]);
        assert_eq!(paces.of(&"a"), None);
        paces.note(secs(600), &[("a", 700, HOUR)]);
        let added = paces.of(&"a").unwrap();
        assert_eq!(added, Added { amount: 600, within: secs(600) });
        assert!((added.each_second() - 1.0).abs() < 1e-9);
        paces.note(secs(601), &[("b", 0, HOUR)]);
        assert_eq!(paces.of(&"a"), None);
    }
}
