//! Rows of the application's own metrics, and of sampled ones.

use super::column::{Columns, Packing, Reader};
use super::{At, Damaged, Row, Steps, places, put_places};
use std::borrow::Borrow;

/// The readings of a metric in a step of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PointRow {
    pub(crate) at: At,
    /// Of a gauge the sum of its readings, of a counter the increase, of a histogram the sum of the values.
    pub(crate) sum: f64,
    /// The number of those values; of a counter, of its increases.
    pub(crate) count: f64,
}

impl Row for PointRow {
    const SORT: u8 = 1;

    fn at(&self) -> &At {
        &self.at
    }

    fn at_mut(&mut self) -> &mut At {
        &mut self.at
    }

    fn join(&mut self, other: &Self) {
        self.sum = tidy(self.sum + other.sum);
        self.count += other.count;
    }

    fn encode<R: Borrow<Self>>(rows: &[R], packing: Packing) -> Vec<u8> {
        let mut out = Columns::new(packing);
        put_places::<Self, R>(&mut out, rows);
        out.floats(rows.iter().map(|row| row.borrow().sum));
        out.floats(rows.iter().map(|row| row.borrow().count));
        out.into_bytes()
    }

    fn decode(bytes: &[u8], step_of: impl FnMut(&At) -> Option<u64>) -> Result<Vec<Self>, Damaged> {
        let mut reader = Reader::new(bytes)?;
        let places = places(&mut reader)?;
        let sums = reader.floats(places.len())?;
        let counts = reader.floats(places.len())?;
        reader.end()?;
        let (mut rows, mut steps) = (Vec::<Self>::new(), Steps::new(step_of));
        for ((at, sum), count) in places.into_iter().zip(sums).zip(counts) {
            let row = Self { at, sum, count };
            match (steps.next(&at), rows.last_mut()) {
                (None, _) => {}
                (Some(true), Some(last)) => {
                    last.join(&row);
                    last.at = at;
                }
                (Some(_), _) => rows.push(row),
            }
        }
        Ok(rows)
    }
}

/// Decimal places that sums are looked for in.
const PLACES: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// The error of one addition, and of the two numbers that were added, in proportion to the sum.
const NOISE: f64 = 4.0 * f64::EPSILON;

/// A sum without the noise of adding decimal fractions, which takes more room than the sum: 0.3 in place of 0.30000000000000004. The
/// number with the fewest decimal places within the error of the addition, or the sum where there is none.
fn tidy(sum: f64) -> f64 {
    let near = PLACES.iter().map(|scale| (sum * scale).round() / scale);
    near.into_iter().find(|near| (near - sum).abs() <= sum.abs() * NOISE).unwrap_or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_decimal_fractions_are_as_short_as_they_are() {
        let sum = |values: &[f64]| {
            let rows = values.iter().map(|value| PointRow { at: At::default(), sum: *value, count: 1.0 });
            let joined = rows.reduce(|mut sum, row| {
                sum.join(&row);
                sum
            });
            joined.unwrap().sum.to_bits()
        };
        assert_eq!(sum(&[0.1, 0.2]), 0.3_f64.to_bits());
        assert_eq!(sum(&[0.132; 12]), 1.584_f64.to_bits());
        assert_eq!(sum(&[1e300, 1e300]), 2e300_f64.to_bits());
        assert_eq!(sum(&[1.0 / 3.0, 1.0 / 7.0]), (1.0_f64 / 3.0 + 1.0 / 7.0).to_bits());
        assert!(f64::from_bits(sum(&[f64::INFINITY, f64::NEG_INFINITY])).is_nan());
        // Of many readings of a value, too.
        assert_eq!(sum(&[48.91; 720]), 35_215.2_f64.to_bits());
    }
}
