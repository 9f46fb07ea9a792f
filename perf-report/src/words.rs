//! Numbers and texts as people read them.

/// Writes seconds with a unit that suits them.
pub(crate) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 120.0 => return format!("{} min", three(s / 60.0)),
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s > 0.0 => (s * 1e6, "µs"),
        _ => return "0 s".to_owned(),
    };
    format!("{} {unit}", three(value))
}

/// Three digits that say something, or all before the point.
fn three(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Writes a whole number with commas between thousands.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a share, 0 to 1, in per cent. A share that is not nothing is not shown as nothing.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        p if p > 0.0 && p < 0.01 => "<0.01 %".to_owned(),
        p if (99.95..100.0).contains(&p) => ">99.9 %".to_owned(),
        p if p.abs() < 10.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

/// Writes a score of 100: what is not whole is not shown as whole.
pub(crate) fn score(score: f64) -> String {
    format!("{:.0}", score.floor())
}

/// Writes any number in short.
pub(crate) fn number(value: f64, unit: Option<&str>) -> String {
    match unit {
        Some("seconds") => duration(value),
        Some("ratio") => share(value),
        Some("bytes") => bytes(value),
        _ if value.fract() == 0.0 && value.abs() < 1e15 => {
            let sign = if value < 0.0 { "-" } else { "" };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and below 10^15")]
            let whole = value.abs() as u64;
            format!("{sign}{}", count(whole))
        }
        _ if value.abs() >= 1e6 || value.abs() < 1e-3 => format!("{value:.3e}"),
        _ => three(value),
    }
}

fn bytes(bytes: f64) -> String {
    const UNITS: [(f64, &str); 4] =
        [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes.abs() >= *unit) {
        Some((unit, name)) => format!("{} {name}", three(bytes / unit)),
        None => format!("{bytes:.0} B"),
    }
}

/// A foreign text for one line of a screen: without control characters and marks that turn the direction of writing, and with
/// at most so many characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    let mut cut: String = text.chars().take(most + 1).map(|one| if is_shown(one) { one } else { '\u{fffd}' }).collect();
    if let Some((place, _)) = cut.char_indices().nth(most) {
        let last = cut.get(..place).and_then(|kept| kept.char_indices().last()).map_or(0, |(last, _)| last);
        cut.truncate(last);
        cut.push('…');
    }
    cut
}

fn is_shown(one: char) -> bool {
    !one.is_control() && !matches!(one, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 2.5e-5, 0.0123, 1.234, 12.34, 150.0].map(duration),
            ["0 s", "25.0 µs", "12.3 ms", "1.23 s", "12.3 s", "2.50 min"]
        );
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.000_01, 0.012, 0.5].map(share), ["0 %", "<0.01 %", "1.20 %", "50.0 %"]);
        assert_eq!(number(1_572_864.0, Some("bytes")), "1.50 MiB");
        assert_eq!([-3.0, 0.25, 1.5e7 + 0.5].map(|value| number(value, None)), ["-3", "0.25", "1.500e7"]);
    }

    #[test]
    fn foreign_texts_are_cut_and_harmless() {
        assert_eq!(line("a\u{1b}[31mb\u{202e}c", 80), "a\u{fffd}[31mb\u{fffd}c");
        assert_eq!(line("世界世界", 3), "世界…");
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(line(&"x".repeat(10_000), 80).chars().count(), 80);
    }
}
