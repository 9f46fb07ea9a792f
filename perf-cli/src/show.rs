//! Figures and texts as people read them. What is not known is a dash.

use std::time::SystemTime;

/// Stands for a value that is not known.
pub(crate) const UNKNOWN: &str = "-";

/// Seconds with the unit that fits: `4.03 ms`, `2 min 59 s`.
pub(crate) fn seconds(seconds: Option<f64>) -> String {
    const UNITS: [(f64, &str); 4] = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")];
    let Some(value) = seconds.filter(|value| value.is_finite()) else { return UNKNOWN.to_owned() };
    let size = value.abs();
    if size == 0.0 {
        return "0 s".to_owned();
    }
    if size >= 119.5 {
        return long(value);
    }
    // The unit in which it has less than four digits once it is rounded.
    let fitting = UNITS.into_iter().find(|(unit, _)| rounded(size / unit) < 1_000.0);
    let (unit, name) = fitting.unwrap_or((1.0, "s"));
    format!("{} {name}", three(value / unit))
}

/// Two units of a long time.
fn long(seconds: f64) -> String {
    const UNITS: [(f64, &str, f64, &str); 3] =
        [(86_400.0, "d", 3_600.0, "h"), (3_600.0, "h", 60.0, "min"), (60.0, "min", 1.0, "s")];
    let sign = if seconds < 0.0 { "-" } else { "" };
    for (large, name, small, small_name) in UNITS {
        // In whole small units, so that no hour has sixty minutes.
        let whole = (seconds.abs() / small).round() * small;
        if whole < large {
            continue;
        }
        let rest = ((whole % large) / small).round();
        let first = (whole / large).floor();
        return if rest > 0.0 {
            format!("{sign}{first} {name} {rest} {small_name}")
        } else {
            format!("{sign}{first} {name}")
        };
    }
    format!("{seconds:.0} s")
}

/// A share as per cent: `0.24 %`. One above zero is never shown as zero, and one below the whole never as the whole.
pub(crate) fn ratio(ratio: Option<f64>) -> String {
    let Some(value) = ratio.filter(|value| value.is_finite()) else { return UNKNOWN.to_owned() };
    match rounded(value * 100.0) {
        shown if shown < 0.01 && value > 0.0 => "<0.01 %".to_owned(),
        shown if shown >= 100.0 && value < 1.0 => ">99.9 %".to_owned(),
        _ => format!("{} %", three(value * 100.0)),
    }
}

/// A number with three digits that count, and no more zeros than it has.
pub(crate) fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(UNKNOWN.to_owned(), three)
}

/// Bytes with the unit that fits: `1.25 MiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut scaled, mut units) = (bytes, UNITS.into_iter());
    let mut unit = units.next().unwrap_or_default();
    for larger in units {
        if rounded(scaled.abs()) < 1_024.0 {
            break;
        }
        (scaled, unit) = (scaled / 1_024.0, larger);
    }
    format!("{} {unit}", three(scaled))
}

/// The time since a moment, as seen by this machine's clock; of one that is still to come, none.
pub(crate) fn ago(at: SystemTime, now: SystemTime) -> String {
    seconds(now.duration_since(at).ok().map(|span| span.as_secs_f64()))
}

/// A moment in UTC, to the second, as `--from` takes it: `2026-11-29T01:17:13Z`.
pub(crate) fn moment(at: SystemTime) -> String {
    let text = perf_runtime::text::rfc3339(at);
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

/// Decimal places by which a number has three digits that count.
fn places(value: f64) -> usize {
    let size = value.abs();
    (0..6).find(|places| size >= [100.0, 10.0, 1.0, 0.1, 0.01, 0.001].get(*places).copied().unwrap_or(0.0)).unwrap_or(6)
}

/// The value as [`three`] writes it.
fn rounded(value: f64) -> f64 {
    three(value).parse().unwrap_or(value)
}

fn three(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.000_1 {
        return format!("{value:.2e}");
    }
    let places = places(value);
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

/// Whether a character commands a terminal, or changes the direction of what is read.
pub(crate) fn commands(character: char) -> bool {
    let turns =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{bytes, clean, number, ratio, seconds};

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let written = [0.0, 4.2e-8, 0.004_03, 0.25, 0.999_6, 1.5, 119.0].map(|value| seconds(Some(value)));
        assert_eq!(written, ["0 s", "42 ns", "4.03 ms", "250 ms", "1 s", "1.5 s", "119 s"]);
        let long = [119.9, 150.0, 179.6, 3_599.9, 5_400.0, 90_000.0, 900_000.0].map(|value| seconds(Some(value)));
        assert_eq!(long, ["2 min", "2 min 30 s", "3 min", "1 h", "1 h 30 min", "1 d 1 h", "10 d 10 h"]);
        assert_eq!([seconds(None), seconds(Some(f64::NAN))], ["-", "-"]);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let written = [12.0, 0.0133, 0.001, 1_234_567.0, 0.0, 0.000_01].map(|value| number(Some(value)));
        assert_eq!(written, ["12", "0.0133", "0.001", "1234567", "0", "1.00e-5"]);
        assert_eq!([bytes(0.0), bytes(1_000.0), bytes(1_310_720.0)], ["0 B", "1000 B", "1.25 MiB"]);
        assert_eq!(number(None), "-");
    }

    #[test]
    fn a_share_is_not_rounded_to_nothing_or_to_the_whole() {
        let written = [0.0, 0.000_01, 0.002_44, 0.5, 0.999_5, 0.999_99, 1.0].map(|value| ratio(Some(value)));
        assert_eq!(written, ["0 %", "<0.01 %", "0.244 %", "50 %", ">99.9 %", ">99.9 %", "100 %"]);
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(clean("a\u{1b}[31m\r\n\tb\u{202e}c ü"), "a\\u{1b}[31m\\r\\n\\tb\\u{202e}c ü");
    }
}
