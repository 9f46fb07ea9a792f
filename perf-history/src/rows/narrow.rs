//! Numbers as whole ones that are as small as they can be, before they are compressed.

/// Decimal places by the number of them.
const PLACES: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Whole numbers below this one are exact in a float.
const EXACT: u64 = 1 << 53;

/// So many values say where the middle is.
const SAMPLE: usize = 64;

/// Numbers with few decimal places, as whole ones.
pub(super) struct Decimals {
    /// How many places.
    pub(super) places: u8,
    /// The lowest number.
    pub(super) lowest: i64,
    /// How far each is above it.
    pub(super) above: Vec<u64>,
}

/// Numbers with fractions as whole ones; `None` where they have too many decimal places, or are too great. To the bit: divided
/// again, they are what they were.
pub(super) fn decimals(values: &[f64]) -> Option<Decimals> {
    let mut all = PLACES.iter().zip(0_u8..);
    let (mut scale, mut places) = all.next()?;
    for &value in values {
        // Those before it have as many places too, zeros at their end.
        while whole(value, *scale).is_none() {
            (scale, places) = all.next()?;
        }
    }
    let whole: Vec<i64> = values.iter().map(|value| whole(*value, *scale)).collect::<Option<_>>()?;
    let lowest = whole.iter().copied().min().unwrap_or_default();
    Some(Decimals { places, lowest, above: whole.iter().map(|value| value.abs_diff(lowest)).collect() })
}

fn whole(value: f64, scale: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "one that does not fit is not the same afterwards")]
    let whole = (value * scale).round() as i64;
    let is_same = whole.unsigned_abs() < EXACT && (whole as f64 / scale).to_bits() == value.to_bits();
    is_same.then_some(whole)
}

/// The numbers of [`decimals`]; `None` where none can have so many places.
pub(super) fn floats(decimals: &Decimals) -> Option<Vec<f64>> {
    let scale = PLACES.get(usize::from(decimals.places))?;
    let of = |above: &u64| decimals.lowest.wrapping_add_unsigned(*above) as f64 / scale;
    Some(decimals.above.iter().map(of).collect())
}

/// Makes numbers smaller: less the lowest of them, which is given, and divided by what they have in common, which is given too. Then
/// the width that the greatest needs: 0 for 8 bits, 1 for 16, 2 for 32, 3 for 64.
pub(super) fn reduce(values: &mut [u64]) -> (u64, u64, u8) {
    let lowest = values.iter().copied().min().unwrap_or_default();
    let mut unit = 0;
    for value in values.iter() {
        unit = common(unit, value - lowest);
        if unit == 1 {
            break;
        }
    }
    let unit = unit.max(1);
    let mut greatest = 0;
    for value in values.iter_mut() {
        *value -= lowest;
        if unit > 1 {
            *value /= unit;
        }
        greatest = greatest.max(*value);
    }
    let width = match greatest {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xffff_ffff => 2,
        _ => 3,
    };
    (lowest, unit, width)
}

/// The greatest number that divides both; of 0 and another, the other.
fn common(mut one: u64, mut other: u64) -> u64 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Numbers in the width that [`reduce`] found.
pub(super) fn narrowed<N: TryFrom<u64> + Default>(values: &[u64]) -> Vec<N> {
    values.iter().map(|value| N::try_from(*value).unwrap_or_default()).collect()
}

/// How often differences of numbers that follow each other are to be taken, so that they are smallest: never of noise, once of a
/// value that moves slowly, twice of one that rises steadily. It is looked at all of them, so that nothing has to be compressed
/// to see.
pub(super) fn order(values: &[u64]) -> usize {
    let mut sample: Vec<u64> = values.iter().copied().step_by(values.len().div_ceil(SAMPLE).max(1)).collect();
    sample.sort_unstable();
    let middle = sample.get(sample.len() / 2).copied().unwrap_or_default();
    let (mut bits, mut before, mut slope) = ([0_u64; 3], middle, 0);
    for &value in values {
        let difference = value.wrapping_sub(before);
        let numbers = [value.wrapping_sub(middle), difference, difference.wrapping_sub(slope)];
        for (bits, number) in bits.iter_mut().zip(numbers) {
            // The sign is a bit more of those that are not 0.
            *bits +=
                u64::from(u64::BITS + 1 - number.cast_signed().unsigned_abs().leading_zeros()) * u64::from(number != 0);
        }
        (before, slope) = (value, difference);
    }
    let [plain, once, twice] = bits;
    if plain <= once.min(twice) { 0 } else { 1 + usize::from(twice < once) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimals_are_the_same_to_the_bit(
            values in prop::collection::vec(prop_oneof![any::<f64>(), (-1_000_000_i32..1_000_000, 0_usize..10)
                .prop_map(|(whole, places)| f64::from(whole) / PLACES[places])], 1..50),
        ) {
            if let Some(found) = decimals(&values) {
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&floats(&found).unwrap()), bits(&values));
            }
        }

        #[test]
        fn reduced_numbers_are_what_they_were(values in prop::collection::vec(any::<u64>(), 1..20), unit in 1_u64..1_000) {
            let values: Vec<u64> = values.iter().map(|value| value / 1_000 * unit).collect();
            let mut small = values.clone();
            let (lowest, factor, _) = reduce(&mut small);
            let back: Vec<u64> = small.iter().map(|value| value * factor + lowest).collect();
            prop_assert_eq!(back, values);
        }
    }

    #[test]
    fn numbers_with_few_decimal_places_are_found() {
        let found = decimals(&[0.25, -3.5, 12.0]).unwrap();
        assert_eq!((found.places, found.lowest, found.above), (2, -350, vec![375, 0, 1_550]));
        for odd in [1.0 / 3.0, f64::NAN, -0.0, 1e300] {
            assert!(decimals(&[1.0, odd]).is_none(), "{odd}");
        }
    }

    #[test]
    fn numbers_are_as_narrow_as_what_is_left_of_them() {
        let mut values = [4_096_000, 4_096_000 + 4 * 4_096, 4_096_000 + 255 * 4_096];
        assert_eq!(reduce(&mut values), (4_096_000, 4_096, 0));
        assert_eq!(values, [0, 4, 255]);
        assert_eq!(reduce(&mut [0, 256]), (0, 256, 0));
        assert_eq!(reduce(&mut [0, 256, 1]), (0, 1, 1));
        assert_eq!(reduce(&mut [7, 7]), (7, 1, 0));
    }

    #[test]
    fn differences_are_taken_where_they_are_smaller() {
        let mut noise = 7_u64;
        let mut random = move || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            noise >> 54
        };
        let unrelated: Vec<u64> = (0..500).map(|_| random()).collect();
        assert_eq!(order(&unrelated), 0);
        let mut at = 1_000_000;
        let walk: Vec<u64> = (0..500)
            .map(|_| {
                at += random();
                at -= 512;
                at
            })
            .collect();
        assert_eq!(order(&walk), 1);
        let rising: Vec<u64> = (0..500).map(|step| step * step).collect();
        assert_eq!(order(&rising), 2);
    }
}
