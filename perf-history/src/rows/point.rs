//! Rows of the application's own metrics, and of sampled ones.

use super::column::{floats, put_floats};
use super::{At, Damaged, Row, places, put_places};

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
    fn at(&self) -> &At {
        &self.at
    }

    fn at_mut(&mut self) -> &mut At {
        &mut self.at
    }

    fn join(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn encode(rows: &[Self]) -> Vec<u8> {
        let mut out = Vec::new();
        put_places(&mut out, rows);
        put_floats(&mut out, &rows.iter().map(|row| row.sum).collect::<Vec<_>>());
        put_floats(&mut out, &rows.iter().map(|row| row.count).collect::<Vec<_>>());
        out
    }

    fn decode(mut bytes: &[u8]) -> Result<Vec<Self>, Damaged> {
        let bytes = &mut bytes;
        let places = places(bytes)?;
        let sums = floats(bytes, places.len())?;
        let counts = floats(bytes, places.len())?;
        if !bytes.is_empty() {
            return Err(Damaged);
        }
        Ok(places.into_iter().zip(sums).zip(counts).map(|((at, sum), count)| Self { at, sum, count }).collect())
    }
}
