//! The statistics that the findings share. None of them fails: of nothing each has a value that is named.

/// The constant that makes a median absolute deviation the standard deviation of normal values: 1 / Φ⁻¹(3/4).
pub(crate) const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;

/// The mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The variance of a sample (divisor n − 1); 0 of fewer than two.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// The quantile of sorted values, between neighbours by a line (type 7 of Hyndman and Fan, *Sample quantiles in
/// statistical packages*, 1996); 0 of nothing.
pub(crate) fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = whole(place).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    sorted[below] + part * (sorted[above] - sorted[below])
}

/// The largest whole number that is not above a number of at least 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate, and callers bound it")]
pub(crate) fn whole(number: f64) -> usize {
    number.max(0.0) as usize
}

/// The known values, sorted.
pub(crate) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The median of the known values; 0 of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile_of_sorted(&sorted(values), 0.5)
}

/// The standard deviation by the median absolute deviation from a centre.
pub(crate) fn robust_deviation(values: &[f64], centre: f64) -> f64 {
    MAD_TO_DEVIATION * median(values.iter().map(|value| (value - centre).abs()))
}

/// The logarithm of the gamma function for positive arguments: C. Lanczos, *A precision approximation of the gamma
/// function*, SIAM Journal on Numerical Analysis 1 (1964), with seven terms.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 6] = [
        76.180_091_729_471_46,
        -86.505_320_329_416_77,
        24.014_098_240_830_91,
        -1.231_739_572_450_155,
        1.208_650_973_866_179e-3,
        -5.395_239_384_953e-6,
    ];
    let base = x + 5.5;
    let mut sum = 1.000_000_000_190_015;
    for (at, term) in TERMS.iter().enumerate() {
        sum += term / (x + 1.0 + at as f64);
    }
    (x + 0.5) * base.ln() - base + (std::f64::consts::TAU.sqrt() * sum / x).ln()
}

/// The regularized incomplete beta function by its continued fraction (NIST, *Digital Library of Mathematical Functions*,
/// 8.17.22, evaluated by the method of Lentz).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut upper = 1.0;
    let mut lower = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = lower;
    for step in 1..200 {
        let step = f64::from(step);
        let even = step * (b - step) * x / ((a + 2.0 * step - 1.0) * (a + 2.0 * step));
        lower = 1.0 / away(1.0 + even * lower);
        upper = away(1.0 + even / upper);
        fraction *= lower * upper;
        let odd = -(a + step) * (a + b + step) * x / ((a + 2.0 * step) * (a + 2.0 * step + 1.0));
        lower = 1.0 / away(1.0 + odd * lower);
        upper = away(1.0 + odd / upper);
        let change = lower * upper;
        fraction *= change;
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    fraction
}

/// The chance that a value of Student's distribution is at most `t`.
fn student_below(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The value that a value of Student's distribution is within, either side, with a chance of `confidence`.
pub(crate) fn student_two_sided(confidence: f64, freedom: f64) -> f64 {
    let share = 0.5 + confidence.clamp(0.0, 0.999_999) / 2.0;
    let (mut low, mut high) = (0.0, 1.0);
    while student_below(high, freedom) < share && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if student_below(middle, freedom) < share { low = middle } else { high = middle }
    }
    high
}

/// How sure the two sides of `t` are together: 1 − p of the two-sided test.
pub(crate) fn student_confidence(t: f64, freedom: f64) -> f64 {
    (2.0 * student_below(t.abs(), freedom) - 1.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64, by: f64) {
        assert!((left - right).abs() <= by, "{left} is not {right}");
    }

    #[test]
    fn students_quantiles_are_those_of_the_table() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
        for (confidence, freedom, value) in [
            (0.95, 1.0, 12.706),
            (0.95, 4.0, 2.776),
            (0.95, 10.0, 2.228),
            (0.99, 20.0, 2.845),
            (0.80, 5.0, 1.476),
            (0.95, 100.0, 1.984),
        ] {
            close(student_two_sided(confidence, freedom), value, 6e-4);
        }
        close(student_confidence(2.228, 10.0), 0.95, 1e-4);
        close(student_confidence(-2.228, 10.0), 0.95, 1e-4);
    }

    #[test]
    fn quantiles_are_those_of_type_seven() {
        // quantile(c(1, 3, 4, 10), c(0.1, 0.5, 0.9)) in R.
        let values = [1.0, 3.0, 4.0, 10.0];
        close(quantile_of_sorted(&values, 0.1), 1.6, 1e-12);
        close(quantile_of_sorted(&values, 0.5), 3.5, 1e-12);
        close(quantile_of_sorted(&values, 0.9), 8.2, 1e-12);
        close(quantile_of_sorted(&[], 0.5), 0.0, 0.0);
    }

    #[test]
    fn the_unknown_is_left_out_of_a_median() {
        close(median([f64::NAN, 2.0, 1.0, f64::INFINITY, 3.0]), 2.0, 0.0);
        close(variance(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 32.0 / 7.0, 1e-12);
    }
}
