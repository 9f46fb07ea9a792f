//! A small picture of the last hour, drawn with characters: mail clients strip SVG and hide images until somebody allows them,
//! and some ignore the heights of boxes, but every one shows `▁▂▃`, in the plain part as well.

use perf_runtime::rule::Unit;

/// The most characters of a picture: a minute each.
const MOST: usize = 60;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Nothing was observed.
const NOTHING: char = '·';

/// The picture and what it spans: `▁·▄█ 0.20 s to 1.20 s`. `None` where nothing was observed.
pub(super) fn chart(recent: &[Option<f64>], unit: Unit) -> Option<String> {
    let known = || recent.iter().flatten().copied().filter(|value| value.is_finite());
    let (low, high) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
    // From zero, so that a bar twice as high is twice as much.
    let (bottom, top) = (low.min(0.0), high.max(0.0));
    let bar = |values: &[Option<f64>]| {
        let value = values.iter().flatten().copied().filter(|value| value.is_finite()).reduce(f64::max);
        let share = value.map(|value| if top > bottom { (value - bottom) / (top - bottom) } else { 0.0 });
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share times 7")]
        share.map_or(NOTHING, |share| BARS[((share * 7.0).round() as usize).min(7)])
    };
    let bars: String = recent.chunks(recent.len().div_ceil(MOST)).map(bar).collect();
    Some(format!("{bars} {} to {}", unit.show(low), unit.show(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_what_was_observed_and_what_was_not() {
        let of = |recent: &[Option<f64>]| chart(recent, Unit::Plain);
        assert_eq!(of(&[Some(0.0), None, Some(0.5), Some(1.0)]).as_deref(), Some("▁·▅█ 0 to 1"));
        assert_eq!(of(&[Some(-1.0), Some(1.0)]).as_deref(), Some("▁█ -1 to 1"));
        assert_eq!(of(&[Some(0.0)]).as_deref(), Some("▁ 0 to 0"));
        assert_eq!(of(&[Some(f64::INFINITY), Some(2.0)]).as_deref(), Some("·█ 2 to 2"));
        assert_eq!(of(&[None, Some(f64::NAN)]), None);
        assert_eq!(of(&[]), None);
        let long = of(&vec![Some(1.0); 3_600]).unwrap();
        assert_eq!(long.chars().filter(|c| *c == '█').count(), 60);
        assert!(of(&[Some(f64::MAX), Some(f64::MIN)]).is_some(), "no panic");
    }
}
