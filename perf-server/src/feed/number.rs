//! Numbers as JSON, in few bytes.

use serde::{Serialize, Serializer};

/// A number of a row or a point: a count as it is, another to four digits that count, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(f64);

impl Number {
    /// A count. Exact up to 2^53.
    pub(super) fn count(count: u64) -> Self {
        Self(count as f64)
    }
}

impl<T: Into<Option<f64>>> From<T> for Number {
    fn from(value: T) -> Self {
        Self(value.into().filter(|value| value.is_finite()).map_or(f64::NAN, round))
    }
}

/// Nothing is the same as nothing.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

/// Whole numbers come without a point, and nothing as `null`.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let Self(value) = *self;
        if value.is_nan() {
            return serializer.serialize_none();
        }
        if value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
            return serializer.serialize_i64(value as i64);
        }
        serializer.serialize_f64(value)
    }
}

/// To four digits that count; what is below a nanosecond, or a billionth, is nothing.
pub(super) fn round(value: f64) -> f64 {
    const DIGITS: i32 = 3;
    if value.abs() < 1e-9 {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is below 309")]
    let shift = DIGITS - value.abs().log10().floor() as i32;
    if shift > 0 {
        let scale = 10_f64.powi(shift);
        (value * scale).round() / scale
    } else {
        let scale = 10_f64.powi(-shift);
        (value / scale).round() * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_count() {
        for (value, text) in [
            (0.0, "0"),
            (1e-12, "0"),
            (0.000_123_456, "0.0001235"),
            (0.5, "0.5"),
            (-1.234_56, "-1.235"),
            (99.999_9, "100"),
            (1_234_567.0, "1235000"),
        ] {
            assert_eq!(serde_json::to_string(&Number::from(value)).unwrap(), text);
        }
        let nothing = [Number::from(f64::NAN), Number::from(None)];
        assert_eq!(serde_json::to_string(&nothing).unwrap(), "[null,null]");
        assert_eq!(nothing[0], nothing[1]);
        assert_eq!(serde_json::to_string(&Number::count(1_234_567)).unwrap(), "1234567");
    }
}
