//! A judgement for people, for scripts and as JSON.

use super::figures::{Class, What};
use super::judge::{Judgement, Row, Verdict};
use super::markdown;
use crate::args::{Format, Judging};
use crate::cell::Cell;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;

/// The most rows that people are shown unless they ask for all.
const MOST_ROWS: usize = 50;
/// The most names in a list.
pub(super) const MOST_NAMES: usize = 10;

/// Writes a judgement in the form that was asked for.
pub(crate) fn show(judgement: &Judgement, judging: &Judging, output: &mut Output<'_>) -> Result<(), Failure> {
    if judging.markdown {
        let text = markdown::of(judgement, judging.all);
        output.writer().write_all(text.as_bytes())?;
        return Ok(());
    }
    let document = serde_json::to_string(judgement).map_err(|error| Failure::Usage(error.to_string()))?;
    if output.document(&document)? {
        return Ok(());
    }
    let rows = shown(judgement, judging.all || output.format == Format::Plain);
    let most = if judging.all || output.format == Format::Plain { usize::MAX } else { MOST_ROWS };
    let mut table = Table::new(&["=CHANGE", "#BASE", "#HEAD", "#BY", "#BETWEEN", "=FIGURE", "~SERIES"]).optional(&[4]);
    for row in rows.iter().take(most) {
        table.row(cells(row));
    }
    output.table(&table, "")?;
    if rows.len() > most {
        output.say(Look::Dim, &format!("{} more rows: --all shows them.", rows.len() - most))?;
    }
    let look = match judgement.verdict {
        Verdict::Fine => Look::Good,
        Verdict::Worse => Look::Bad,
        Verdict::CannotTell => Look::Warning,
    };
    output.say(look, &sentence(judgement))?;
    for (names, side) in [(&judgement.only_base, "the base"), (&judgement.only_head, "the head")] {
        if !names.is_empty() {
            output.note(&format!("In {side} alone: {}", listed(names, str::to_owned)))?;
        }
    }
    for note in &judgement.notes {
        output.note(note)?;
    }
    Ok(())
}

/// The rows that are shown: what is the same, what is not judged, and a percentile that has changed by no more than its bucket are counted
/// in the sentence.
pub(super) fn shown(judgement: &Judgement, all: bool) -> Vec<&Row> {
    let within_its_bucket = |row: &Row| {
        let is_within = |share: f64| share.abs() <= row.figure.resolution();
        matches!(row.figure, What::P95 | What::P99) && row.relative.is_some_and(is_within)
    };
    let is_shown = |row: &&Row| match row.class {
        _ if all => true,
        Class::Same | Class::NotJudged => false,
        Class::Unclear => !within_its_bucket(row),
        Class::Worse | Class::Better | Class::Less => true,
    };
    judgement.figures.iter().filter(is_shown).collect()
}

/// The verdict in one sentence.
pub(super) fn sentence(judgement: &Judgement) -> String {
    let verdict = match judgement.verdict {
        Verdict::Fine => "Fine",
        Verdict::Worse => "Worse",
        Verdict::CannotTell if judgement.figures.is_empty() => {
            return "Cannot tell: no figure is known of both sides.".to_owned();
        }
        Verdict::CannotTell => "Cannot tell",
    };
    let classes = [Class::Worse, Class::Better, Class::Less, Class::Unclear, Class::Same, Class::NotJudged];
    let counts = classes.map(|class| (judgement.count(class), class.as_str()));
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let (base, head) = (judgement.base_runs, judgement.head_runs);
    let runs = match (base, head) {
        (1, 1) => "one run of each side".to_owned(),
        _ if base == head => format!("{base} runs of each side"),
        _ => format!("{base} runs of the base and {head} of the head"),
    };
    format!(
        "{verdict}: of {} figures {counts} ({runs}; what varies is judged from {} on).",
        judgement.figures.len(),
        percent(judgement.at_least)
    )
}

/// The first names of a list, and how many more there are.
pub(super) fn listed(names: &[String], shown: impl Fn(&str) -> String) -> String {
    let first: Vec<String> = names.iter().take(MOST_NAMES).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}

fn cells(row: &Row) -> [Cell; 7] {
    let look = match row.class {
        Class::Worse => Look::Bad,
        Class::Better => Look::Good,
        Class::Unclear | Class::NotJudged => Look::Dim,
        Class::Less | Class::Same => Look::Plain,
    };
    let value = |value: f64| Cell::shown(value_of(row, value), Some(value.to_string()));
    let plain = row.between.map(|(low, high)| format!("{low}..{high}"));
    [
        Cell::new(row.class.as_str(), look),
        value(row.base),
        value(row.head),
        Cell::shown(by(row), row.relative.map(|by| by.to_string())),
        Cell::shown(between(row), plain),
        Cell::from(row.figure.as_str()),
        Cell::from(row.series.as_str()),
    ]
}

/// A value with its unit.
pub(super) fn value_of(row: &Row, value: f64) -> String {
    match row.figure {
        What::PeakMemory => show::bytes(value),
        _ if row.unit == "seconds" => show::seconds(Some(value)),
        // A count is told whole: one more of a million is a change.
        _ if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        _ => show::number(Some(value)),
    }
}

/// The change.
pub(super) fn by(row: &Row) -> String {
    row.relative.map_or(show::UNKNOWN.to_owned(), signed)
}

/// The interval of the change; of what is exact, that.
pub(super) fn between(row: &Row) -> String {
    match row.between {
        _ if row.exact => "exact".to_owned(),
        Some((low, high)) => format!("{} to {}", signed(low), signed(high)),
        None => show::UNKNOWN.to_owned(),
    }
}

/// A share as a change: `+11 %`, `-0.4 %`. One that is not zero is not shown as zero.
fn signed(share: f64) -> String {
    let percent = share * 100.0;
    let text = match percent.abs() {
        size if size >= 99.5 => format!("{percent:+.0} %"),
        size if size >= 9.95 => format!("{percent:+.1} %"),
        size if size >= 0.005 || size == 0.0 => format!("{percent:+.2} %"),
        _ => format!("{percent:+.1e} %"),
    };
    if percent == 0.0 { "0 %".to_owned() } else { text }
}

fn percent(share: f64) -> String {
    show::ratio(Some(share))
}
