//! Counters that the kernel or a driver keeps, made steady: as they are exposed, they do not step back.
//!
//! Readings step back now and then. A little, where each processor's part is summed up by itself or an estimate is put
//! right (`iowait`); far, where 32 bits ran over or what is summed up became fewer; and to zero, where the source began anew.
//! Prometheus takes every step back for a new beginning and counts the whole of the counter once more, which is right for the
//! last of these alone.

/// A step back is final once the counter grew at so many looks and is still behind.
const PATIENCE: u8 = 5;

/// The counters of one source, such as a line of `/proc/diskstats`.
#[derive(Debug)]
pub(crate) struct Counters<const N: usize>([Counter; N]);

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    highest: f64,
    last: f64,
    /// The sum of all steps back that are final.
    lost: f64,
    /// Looks at which the counter grew and was still behind.
    behind: u8,
}

impl<const N: usize> Default for Counters<N> {
    fn default() -> Self {
        Self([Counter::default(); N])
    }
}

impl<const N: usize> Counters<N> {
    /// Takes what was read, and gives what to expose: never less than before, unless the source as a whole began anew. A
    /// counter that could not be read stays absent.
    pub(crate) fn steady(&mut self, read: [Option<f64>; N]) -> [Option<f64>; N] {
        if self.begin_anew(&read) {
            *self = Self::default();
        }
        let mut counters = self.0.iter_mut();
        read.map(|value| counters.next().zip(value).map(|(counter, value)| counter.steady(value)))
    }

    /// Whether all counters are near zero: none grew, and on average more than half of each is gone.
    fn begin_anew(&self, read: &[Option<f64>; N]) -> bool {
        let both = self.0.iter().zip(read).filter_map(|(counter, value)| Some((counter.highest, (*value)?)));
        let (mut count, mut left) = (0.0, 0.0);
        for (highest, value) in both.filter(|(highest, _)| *highest > 0.0) {
            if value > highest {
                return false;
            }
            count += 1.0;
            left += value / highest;
        }
        left < count / 2.0
    }
}

impl Counter {
    fn steady(&mut self, value: f64) -> f64 {
        let has_grown = value > self.last;
        self.last = value;
        self.behind = if value < self.highest { self.behind.saturating_add(has_grown.into()) } else { 0 };
        if self.behind >= PATIENCE {
            self.lost += self.highest - value;
            (self.highest, self.behind) = (value, 0);
        }
        self.highest = self.highest.max(value);
        self.highest + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown<const N: usize>(looks: &[[f64; N]]) -> Vec<[f64; N]> {
        let mut counters = Counters::<N>::default();
        looks.iter().map(|look| counters.steady(look.map(Some)).map(Option::unwrap)).collect()
    }

    #[test]
    fn a_small_step_back_is_held_until_it_is_made_up_for() {
        let looks = [[50.0, 9.0], [48.0, 12.0], [49.0, 15.0], [51.0, 15.0], [50.0, 18.0], [51.0, 21.0]];
        assert_eq!(
            shown(&looks),
            [[50.0, 9.0], [50.0, 12.0], [50.0, 15.0], [51.0, 15.0], [51.0, 18.0], [51.0, 21.0]],
            "to and fro counts nothing twice"
        );
        let rests = shown(&[[50.0], [48.0], [48.0], [48.0], [48.0], [48.0], [48.0], [48.0]]);
        assert!(rests.iter().all(|one| one.iter().all(|rest| (rest - 50.0).abs() < 1e-9)), "{rests:?}");
    }

    #[test]
    fn a_source_that_begins_anew_is_followed() {
        let looks = [[150.0, 950.0, 3.0], [1.0, 9.0, 0.0], [2.0, 19.0, 1.0]];
        assert_eq!(shown(&looks), looks);
        assert_eq!(shown(&[[75.0], [1.0], [3.0]]), [[75.0], [1.0], [3.0]]);
    }

    #[test]
    fn a_counter_that_ran_over_alone_goes_on_from_where_it_was() {
        let looks: Vec<[f64; 2]> = (0..8_u32)
            .map(|look| [4_294_967_290.0, 5.0 + f64::from(look)])
            .enumerate()
            .map(|(look, [top, other])| [if look == 0 { top } else { 10.0 * look as f64 }, other])
            .collect();
        let firsts: Vec<f64> = shown(&looks).into_iter().map(|[first, _]| first - 4_294_967_290.0).collect();
        assert_eq!(firsts, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0]);
    }

    #[test]
    fn what_was_not_read_is_absent_and_forgets_nothing() {
        let mut counters = Counters::<2>::default();
        assert_eq!(counters.steady([Some(5.0), Some(7.0)]), [Some(5.0), Some(7.0)]);
        assert_eq!(counters.steady([None, Some(8.0)]), [None, Some(8.0)]);
        assert_eq!(counters.steady([Some(4.0), Some(9.0)]), [Some(5.0), Some(9.0)]);
    }

    proptest! {
        /// A counter beside another that grows is never shown less than before, for any values of its own.
        #[test]
        fn beside_one_that_grows_no_counter_steps_back(values in prop::collection::vec(0..1_000_u32, 1..50)) {
            let looks: Vec<[f64; 2]> =
                values.iter().enumerate().map(|(look, value)| [f64::from(*value), 1.0 + look as f64]).collect();
            let shown = shown(&looks);
            prop_assert!(shown.windows(2).all(|pair| pair[0][0] <= pair[1][0]), "{shown:?}");
        }
    }
}
