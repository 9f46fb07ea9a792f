//! Numbers as text, in few bytes.

use std::fmt::Write;

/// Writes a number with four digits that count, and `null` where there is none.
pub(super) fn push(text: &mut String, value: impl Into<Option<f64>>) {
    let Some(value) = value.into().filter(|value| value.is_finite()) else { return text.push_str("null") };
    // A `String` takes all that is written.
    let _ = write!(text, "{}", round(value));
}

pub(super) fn push_count(text: &mut String, value: u64) {
    let _ = write!(text, "{value}");
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
            let mut written = String::new();
            push(&mut written, value);
            assert_eq!(written, text);
        }
        let mut nothing = String::new();
        push(&mut nothing, f64::NAN);
        push(&mut nothing, None);
        assert_eq!(nothing, "nullnull");
    }
}
