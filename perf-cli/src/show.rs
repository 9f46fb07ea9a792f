//! Figures and texts as people read them. What is not known is a dash.

use std::time::SystemTime;

/// Stands for a value that is not known.
pub(crate) const UNKNOWN: &str = "-";

/// Seconds with the unit that fits: `4.03 ms`.
pub(crate) fn seconds(seconds: Option<f64>) -> String {
    let Some(value) = seconds.filter(|value| value.is_finite()) else { return UNKNOWN.to_owned() };
    match value.abs() {
        0.0 => "0 s".to_owned(),
        size if size < 1e-6 => format!("{} ns", three(value * 1e9)),
        size if size < 1e-3 => format!("{} µs", three(value * 1e6)),
        size if size < 1.0 => format!("{} ms", three(value * 1e3)),
        size if size < 120.0 => format!("{} s", three(value)),
        size if size < 7_200.0 => format!("{:.0} min", value / 60.0),
        size if size < 172_800.0 => format!("{:.1} h", value / 3_600.0),
        _ => format!("{:.1} d", value / 86_400.0),
    }
}

/// A share as per cent: `0.24 %`. One above zero is never shown as zero, and one below the whole never as the whole.
pub(crate) fn ratio(ratio: Option<f64>) -> String {
    match ratio.filter(|value| value.is_finite()) {
        None => UNKNOWN.to_owned(),
        Some(value) if value > 0.0 && value < 0.000_1 => "<0.01 %".to_owned(),
        Some(value) if value < 1.0 && value > 0.999_9 => ">99.99 %".to_owned(),
        Some(value) => format!("{} %", three(value * 100.0)),
    }
}

/// A number with three digits that count, and no more zeros than it has.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.to_owned(), three)
}

/// Bytes with the unit that fits: `1.25 MiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power =
        (1..UNITS.len()).take_while(|power| bytes.abs() >= 1_024_f64.powi(i32::try_from(*power).unwrap_or(0))).count();
    let scaled = bytes / 1_024_f64.powi(i32::try_from(power).unwrap_or(0));
    format!("{} {}", three(scaled), UNITS.get(power).copied().unwrap_or("B"))
}

/// The time since a moment, as seen by this machine's clock; of one that is still to come, none.
pub(crate) fn ago(at: SystemTime, now: SystemTime) -> String {
    seconds(now.duration_since(at).ok().map(|span| span.as_secs_f64()))
}

/// A moment in UTC, to the second.
pub(crate) fn moment(at: SystemTime) -> String {
    let text = perf_runtime::text::rfc3339(at);
    text.split('.').next().map_or(text.clone(), |whole| whole.replace('T', " "))
}

fn three(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    if size > 0.0 && size < 0.005 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A text without what commands a terminal or changes its direction: such characters are shown as Rust writes them, `\u{1b}`.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if commands(character) { clean.extend(character.escape_default()) } else { clean.push(character) }
    }
    clean
}

fn commands(character: char) -> bool {
    let turns =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{bytes, clean, number, ratio, seconds};

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        let written =
            [0.0, 4.2e-8, 0.004_03, 0.25, 1.5, 119.0, 300.0, 90_000.0, 900_000.0].map(|value| seconds(Some(value)));
        assert_eq!(written, ["0 s", "42 ns", "4.03 ms", "250 ms", "1.5 s", "119 s", "5 min", "25.0 h", "10.4 d"]);
        assert_eq!([seconds(None), seconds(Some(f64::NAN))], ["-", "-"]);
        assert_eq!([bytes(0.0), bytes(1_000.0), bytes(1_310_720.0)], ["0 B", "1000 B", "1.25 MiB"]);
        assert_eq!([number(Some(12.0)), number(Some(0.001)), number(None)], ["12", "1.0e-3", "-"]);
    }

    #[test]
    fn a_share_is_not_rounded_to_nothing_or_to_the_whole() {
        let written = [0.0, 0.000_01, 0.002_44, 0.5, 0.999_99, 1.0].map(|value| ratio(Some(value)));
        assert_eq!(written, ["0 %", "<0.01 %", "0.24 %", "50 %", ">99.99 %", "100 %"]);
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(clean("a\u{1b}[31m\r\n\tb\u{202e}c ü"), "a\\u{1b}[31m\\r\\n\\tb\\u{202e}c ü");
    }
}
