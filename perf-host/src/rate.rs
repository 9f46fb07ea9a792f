//! How fast a counter grows that somebody else counts.

use std::collections::VecDeque;
use std::time::Duration;

/// Rates are over so long, so that one busy moment is not taken for the state of things.
const SPAN: Duration = Duration::from_secs(5);

/// A counter's last values.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// When, and what it was then; the oldest first.
    seen: VecDeque<(Duration, f64)>,
}

impl Rate {
    /// Takes a value, and says how much came in a second, over the last five seconds. Nothing where this is the first
    /// value, no time passed since, or the counter stepped back, because it wrapped or began anew: then it goes on from
    /// here.
    pub(crate) fn per_second(&mut self, at: Duration, value: Option<f64>) -> Option<f64> {
        let Some(value) = value else {
            self.seen.clear();
            return None;
        };
        if self.seen.back().is_some_and(|&(last_at, last)| value < last || at < last_at) {
            self.seen.clear();
        }
        self.seen.push_back((at, value));
        // One that is older than the span stays, so that it is spanned.
        while self.seen.get(1).is_some_and(|&(second, _)| at.saturating_sub(second) >= SPAN) {
            self.seen.pop_front();
        }
        let &(first_at, first) = self.seen.front()?;
        let seconds = at.saturating_sub(first_at).as_secs_f64();
        (seconds > 0.0).then(|| (value - first) / seconds)
    }
}

/// The share of a counter's growth that another's is: of time that passed, that which was busy.
#[derive(Debug, Default)]
pub(crate) struct Share {
    part: Rate,
    whole: Rate,
}

impl Share {
    /// Takes a part and the whole, and says which share of it the part is, 0 to 1, over the last five seconds. Nothing where
    /// either is unknown, or the whole stood still.
    pub(crate) fn over_time(&mut self, at: Duration, read: Option<(f64, f64)>) -> Option<f64> {
        let (part, whole) = read.unzip();
        let (part, whole) = (self.part.per_second(at, part), self.whole.per_second(at, whole));
        part.zip(whole).filter(|(_, whole)| *whole > 0.0).map(|(part, whole)| (part / whole).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(values: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut rate = Rate::default();
        let at = |second: usize| Duration::from_secs(second as u64);
        values.iter().enumerate().map(|(second, &value)| rate.per_second(at(second), value)).collect()
    }

    #[test]
    fn it_is_over_the_last_five_seconds() {
        let values = [0.0, 10.0, 10.0, 10.0, 10.0, 10.0, 60.0].map(Some);
        let expected = [None, Some(10.0), Some(5.0), Some(10.0 / 3.0), Some(2.5), Some(2.0), Some(10.0)];
        assert_eq!(rates(&values), expected);
    }

    #[test]
    fn a_counter_that_steps_back_is_unknown_once() {
        assert_eq!(rates(&[Some(100.0), Some(7.0), Some(9.0)]), [None, None, Some(2.0)]);
        assert_eq!(rates(&[Some(1.0), None, Some(9.0), Some(9.0)]), [None, None, None, Some(0.0)]);
    }

    proptest! {
        /// A rate is none, or one that the counter's own range allows, also where the counter wraps, steps back, vanishes or
        /// stands still, and the clock with it.
        #[test]
        fn no_counter_makes_a_rate_that_cannot_be(
            looks in prop::collection::vec((0..10_u64, prop::option::of(prop_oneof![0..1_000_u64, any::<u64>()])), 0..50),
        ) {
            let mut rate = Rate::default();
            let mut at = Duration::ZERO;
            for (seconds, value) in looks {
                at += Duration::from_secs(seconds);
                let found = rate.per_second(at, value.map(|value| value as f64));
                prop_assert!(found.is_none_or(|found| (0.0..=u64::MAX as f64).contains(&found)), "{found:?}");
                prop_assert!(value.is_some() || found.is_none(), "made up");
            }
        }
    }

    #[test]
    fn no_time_is_no_rate() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(Duration::ZERO, Some(1.0)), None);
        assert_eq!(rate.per_second(Duration::ZERO, Some(5.0)), None);
    }
}
