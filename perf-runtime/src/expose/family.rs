//! Writes one family of metrics that is not of our own kinds, in either format.

use super::block::Block;
use super::text::Format;
use crate::collect::model::FamilyType;
use std::fmt::{self, Display, Write};

/// The word for what samples are.
const fn type_name(kind: FamilyType, format: Format) -> &'static str {
    match (kind, format) {
        (FamilyType::Unknown | FamilyType::GaugeHistogram, Format::Prometheus) => "untyped",
        (FamilyType::Info | FamilyType::StateSet, Format::Prometheus) => "gauge",
        (kind, _) => kind.as_str(),
    }
}

/// One family as text.
#[derive(Debug)]
pub(crate) struct FamilyText<'a> {
    format: Format,
    /// The name that its samples begin with.
    sample: &'a str,
    block: Block,
    /// The piece that is being written.
    text: String,
}

/// From so many bytes on a piece is full. One text of megabytes would have an allocator keep as much for each thread.
const PIECE: usize = 64 << 10;

impl<'a> FamilyText<'a> {
    /// Begins a family. In `OpenMetrics` a counter is named without the `_total` that its samples end with, and an info
    /// without its `_info`.
    pub(crate) fn new(format: Format, name: &'a str, kind: FamilyType, help: Option<&str>, unit: Option<&str>) -> Self {
        let suffix = if format == Format::OpenMetrics { kind.stem_suffix() } else { "" };
        let family = name.strip_suffix(suffix).unwrap_or(name);
        let mut text = String::new();
        if let Some(help) = help {
            push(&mut text, format_args!("# HELP {family} "));
            escape(&mut text, help, format == Format::OpenMetrics);
            text.push('\n');
        }
        push(&mut text, format_args!("# TYPE {family} {}\n", type_name(kind, format)));
        let unit = unit.filter(|unit| family.strip_suffix(unit).is_some_and(|front| front.ends_with('_')));
        // To say what is so, or which state is on, takes no unit.
        let unit = unit.filter(|_| !matches!(kind, FamilyType::Info | FamilyType::StateSet));
        if let (Some(unit), Format::OpenMetrics) = (unit, format) {
            push(&mut text, format_args!("# UNIT {family} {unit}\n"));
        }
        Self { format, sample: name, block: Block { name: family.to_owned(), texts: Vec::new() }, text }
    }

    /// Writes a sample. Its timestamp is in milliseconds since 1970.
    pub(crate) fn sample<'b>(
        &mut self,
        suffix: &str,
        labels: impl Iterator<Item = (&'b str, &'b str)>,
        value: impl Display,
        timestamp: Option<i64>,
    ) {
        if self.text.len() >= PIECE {
            self.block.texts.push(std::mem::take(&mut self.text));
        }
        let text = &mut self.text;
        text.push_str(self.sample);
        text.push_str(suffix);
        let mut before = '{';
        for (name, value) in labels {
            text.push(before);
            text.push_str(name);
            text.push_str("=\"");
            escape(text, value, true);
            text.push('"');
            before = ',';
        }
        if before == ',' {
            text.push('}');
        }
        push(text, format_args!(" {value}"));
        match (timestamp, self.format) {
            (Some(millis), Format::Prometheus) => push(text, format_args!(" {millis}")),
            (Some(millis), Format::OpenMetrics) => push(text, format_args!(" {}", millis as f64 / 1e3)),
            (None, _) => {}
        }
        text.push('\n');
    }

    /// Writes the exemplar of the sample that came last, where the format has such.
    pub(crate) fn exemplar(&mut self, exemplar: Option<&str>) {
        if let (Some(exemplar), Format::OpenMetrics) = (exemplar, self.format) {
            self.text.pop();
            push(&mut self.text, format_args!(" # {exemplar}\n"));
        }
    }

    pub(crate) fn into_block(self) -> Block {
        let Self { mut block, text, .. } = self;
        block.texts.push(text);
        block
    }
}

/// Writing to a `String` cannot fail, so its `Result` is not looked at.
fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

/// A number as both formats write it.
pub(crate) struct Number(pub(crate) f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value == f64::INFINITY => f.write_str("+Inf"),
            value if value == f64::NEG_INFINITY => f.write_str("-Inf"),
            value => value.fmt(f),
        }
    }
}

/// A bound as the value of `le`: `OpenMetrics` asks that whole numbers show that they are not.
pub(crate) fn bound(format: Format, bound: f64) -> String {
    match format {
        Format::Prometheus => bound.to_string(),
        Format::OpenMetrics => format!("{bound:?}"),
    }
}

/// Writes a text with backslash and newline escaped; with `quotes`, as in labels' values and in the help texts of
/// `OpenMetrics`, quotes too.
fn escape(text: &mut String, plain: &str, quotes: bool) {
    let mut rest = plain;
    while let Some(place) = rest.find(|char| matches!(char, '\\' | '\n') || (quotes && char == '"')) {
        let (plain, special) = rest.split_at(place);
        text.push_str(plain);
        text.push_str(match special.as_bytes().first() {
            Some(b'\n') => "\\n",
            Some(b'"') => "\\\"",
            _ => "\\\\",
        });
        rest = &special[1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(format: Format, name: &str, kind: FamilyType) -> Block {
        let mut family = FamilyText::new(format, name, kind, Some("All\n\"of\\it\"."), Some("seconds"));
        family.sample("", [("a", "b\"\\\n")].into_iter(), 7, Some(1_500));
        family.sample("", std::iter::empty(), Number(f64::NEG_INFINITY), None);
        family.into_block()
    }

    #[test]
    fn a_family_is_written_as_prometheus_text() {
        let block = family(Format::Prometheus, "x_seconds_total", FamilyType::Counter);
        let text = "# HELP x_seconds_total All\\n\"of\\\\it\".\n# TYPE x_seconds_total counter\n\
                    x_seconds_total{a=\"b\\\"\\\\\\n\"} 7 1500\nx_seconds_total -Inf\n";
        assert_eq!(block, Block { name: "x_seconds_total".into(), texts: vec![text.into()] });
    }

    #[test]
    fn a_family_is_written_as_openmetrics() {
        let block = family(Format::OpenMetrics, "x_seconds_total", FamilyType::Counter);
        let text = "# HELP x_seconds All\\n\\\"of\\\\it\\\".\n# TYPE x_seconds counter\n# UNIT x_seconds seconds\n\
                    x_seconds_total{a=\"b\\\"\\\\\\n\"} 7 1.5\nx_seconds_total -Inf\n";
        assert_eq!(block, Block { name: "x_seconds".into(), texts: vec![text.into()] });
        let block = family(Format::OpenMetrics, "x_total", FamilyType::Unknown);
        assert!(block.name == "x_total" && block.text().contains("# TYPE x_total unknown\nx_total{"));
    }

    #[test]
    fn a_long_family_is_in_pieces_that_end_with_a_sample() {
        let mut family = FamilyText::new(Format::OpenMetrics, "x", FamilyType::Gauge, None, None);
        let mut expected = "# TYPE x gauge\n".to_owned();
        for number in 0..20_000 {
            family.sample("", std::iter::empty(), number, None);
            push(&mut expected, format_args!("x {number}\n"));
        }
        let block = family.into_block();
        assert!(
            block.texts.len() > 2 && block.texts.iter().all(|piece| piece.len() < PIECE + 100 && piece.ends_with('\n'))
        );
        assert_eq!(block.text(), expected);
    }

    #[test]
    fn bounds_are_as_each_format_writes_them() {
        let both = |value: f64| [bound(Format::Prometheus, value), bound(Format::OpenMetrics, value)];
        assert_eq!(both(1.0), ["1", "1.0"]);
        assert_eq!(both(0.25), ["0.25", "0.25"]);
        assert_eq!(Number(f64::NAN).to_string(), "NaN");
    }
}
