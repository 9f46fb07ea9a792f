//! Two ranges of time side by side.

use super::page::Page;
use crate::comparison::{ChangeClass, Compared, ComparedFigure, Comparison};
use crate::words;
use std::io::{self, Write};

/// The most rows of a table.
const ROWS: usize = 500;
const UNKNOWN: &str = "–";

pub(crate) fn write(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::default();
    let title = format!("{}: {} and {}", comparison.service, comparison.before, comparison.after);
    page.begin(&title);
    page.element("h1", &comparison.service).raw("\n<p class=\"quiet\">");
    page.text(&format!("Before: {}. After: {}.", comparison.before, comparison.after));
    page.raw("</p>\n</header>\n<main>\n");
    verdict(comparison, &mut page);
    for class in ChangeClass::ALL {
        section(comparison, class, &mut page);
    }
    notes(comparison, &mut page);
    page.raw("</main>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

fn rows(comparison: &Comparison, class: ChangeClass) -> Vec<(&ComparedFigure, &Compared)> {
    let all = comparison.figures.iter().flat_map(|figure| figure.rows.iter().map(move |row| (figure, row)));
    let mut rows: Vec<_> = all.filter(|(_, row)| row.class == class).collect();
    // A figure that was 0 before has grown beyond all.
    let moved = |row: &Compared| row.relative.map_or(f64::INFINITY, f64::abs);
    rows.sort_by(|(_, one), (_, other)| {
        moved(other).total_cmp(&moved(one)).then_with(|| one.series.cmp(&other.series))
    });
    rows
}

fn verdict(comparison: &Comparison, page: &mut Page) {
    let count = |class| rows(comparison, class).len();
    let [worse, better] = [ChangeClass::Regressed, ChangeClass::Improved].map(count);
    let known: usize = comparison.figures.iter().map(|figure| figure.rows.len()).sum();
    page.raw(match (worse, better) {
        (0, 0) => "<p class=\"verdict\">",
        (0, _) => "<p class=\"verdict healthy\">",
        _ => "<p class=\"verdict unhealthy\">",
    });
    let text = if known == 0 {
        "Nothing can be compared: one of the ranges has too few values that are known.".to_owned()
    } else {
        let others: Vec<String> = [
            (ChangeClass::Increased, "increased"),
            (ChangeClass::Decreased, "decreased"),
            (ChangeClass::NoChange, "did not change"),
            (ChangeClass::Unclear, "cannot be told"),
        ]
        .into_iter()
        .map(|(class, words)| (count(class), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", words::count(count as u64)))
        .collect();
        let others = if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
        format!("{worse} regressed, {better} improved{others}.")
    };
    page.text(&text).raw("</p>\n");
}

fn section(comparison: &Comparison, class: ChangeClass, page: &mut Page) {
    let rows = rows(comparison, class);
    if rows.is_empty() {
        return;
    }
    page.section(match class {
        ChangeClass::Regressed => "Regressed",
        ChangeClass::Improved => "Improved",
        ChangeClass::Increased => "Increased",
        ChangeClass::Decreased => "Decreased",
        ChangeClass::Unclear => "Cannot be told",
        ChangeClass::NoChange => "No change",
    });
    page.table(&["Series", "Figure", "#Before", "#After", "#Change", "#Difference, at 95 %"]);
    for (figure, row) in rows.iter().take(ROWS) {
        let value = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| shown(value, &figure.unit));
        let change = row.relative.map_or_else(|| UNKNOWN.to_owned(), |share| format!("{:+.1} %", share * 100.0));
        let between = row.between.map_or_else(
            || UNKNOWN.to_owned(),
            |(low, high)| format!("{} to {}", signed(low, &figure.unit), signed(high, &figure.unit)),
        );
        page.raw("<tr><td>").name(&row.series).raw("</td>").element("td", &figure.name);
        page.element("td class=\"n\"", &value(row.before)).element("td class=\"n\"", &value(row.after));
        let look = match class {
            ChangeClass::Regressed => "td class=\"n bad\"",
            ChangeClass::Improved => "td class=\"n good\"",
            _ => "td class=\"n\"",
        };
        page.element(look, &change).element("td class=\"n\"", &between).raw("</tr>\n");
    }
    page.end_table();
    super::sections::more(rows.len(), ROWS, page);
    page.end_section();
}

fn notes(comparison: &Comparison, page: &mut Page) {
    let notes: Vec<(&str, &String)> = comparison
        .figures
        .iter()
        .flat_map(|figure| figure.notes.iter().map(|note| (figure.name.as_str(), note)))
        .collect();
    if notes.is_empty() {
        return;
    }
    page.section("Not compared").raw("<ul>");
    for (figure, note) in notes.into_iter().take(ROWS) {
        page.element("li", &format!("{figure}: {note}"));
    }
    page.raw("</ul>\n").end_section();
}

fn shown(value: f64, unit: &str) -> String {
    match unit {
        "seconds" | "ratio" => words::number(value, Some(unit)),
        "" => words::number(value, None),
        unit => format!("{} {unit}", words::number(value, None)),
    }
}

/// A difference: its sign is what is read first.
fn signed(value: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", shown(value.abs(), unit))
}
