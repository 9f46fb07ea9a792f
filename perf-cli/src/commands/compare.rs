//! `compare`: whether one range of time is better or worse than another.

use super::{FINE, HOLDS, Parameters};
use crate::args::Compare;
use crate::cell::Cell;
use crate::choice::{Figure, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use serde::Deserialize;

/// The class of a change that is worse, beyond what chance explains.
const REGRESSED: &str = "regressed";

/// The answer of `GET /api/v1/insight/compare`.
#[derive(Debug, Deserialize)]
struct Comparisons {
    kinds: Vec<ComparedKind>,
    left_out: u64,
}

#[derive(Debug, Deserialize)]
struct ComparedKind {
    kind: String,
    overall: Option<Change>,
    why_not: Option<String>,
    series: Vec<ComparedSeries>,
    only_before: Vec<String>,
    only_after: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct ComparedSeries {
    series: String,
    change: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    class: String,
    before: Option<f64>,
    after: Option<f64>,
    relative: Option<f64>,
}

pub(super) fn compare(client: &Client, args: &Compare, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .with("before", Some(&args.before))
        .with("after", Some(&args.after))
        .with("figure", Some(word(args.figure)))
        .of(&args.of);
    let answer = client.get("/api/v1/insight/compare", &parameters.pairs())?;
    let compared: Comparisons = answer.read()?;
    let changes = |kind: &ComparedKind| {
        let series = kind.series.iter().map(|series| series.change.class.clone());
        series.chain(kind.overall.iter().map(|change| change.class.clone())).collect::<Vec<_>>()
    };
    let is_worse = compared.kinds.iter().flat_map(changes).any(|class| class == REGRESSED);
    // A pipeline must not take for fine what nobody knows.
    let is_known = compared.kinds.iter().any(|kind| kind.overall.is_some() || !kind.series.is_empty());
    let code = if is_worse { HOLDS } else { FINE };
    if output.json(&answer)? {
        return if is_known { Ok(code) } else { Err(nothing_known()) };
    }
    let mut table = Table::new(&["=CHANGE", "#BEFORE", "#AFTER", "#BY", "~SERIES"]);
    for kind in &compared.kinds {
        if let Some(overall) = &kind.overall {
            table.row(row_of(&format!("{} (all)", kind.kind), overall, args.figure));
        }
        for series in &kind.series {
            table.row(row_of(&series.series, &series.change, args.figure));
        }
    }
    output.table(&table, "")?;
    for kind in &compared.kinds {
        for (series, when) in [(&kind.only_before, "before"), (&kind.only_after, "after")] {
            if !series.is_empty() {
                output.note(&format!("Called only {when}: {}", series.join(", ")))?;
            }
        }
        if let Some(why_not) = &kind.why_not {
            output.note(&format!("{}: {why_not}", kind.kind))?;
        }
    }
    if compared.left_out > 0 {
        output
            .say(Look::Dim, &format!("{} more series were left out: --kind and --label choose.", compared.left_out))?;
    }
    if is_known { Ok(code) } else { Err(nothing_known()) }
}

fn nothing_known() -> Failure {
    Failure::Usage("nothing can be compared: one of the ranges has too few values that are known".to_owned())
}

fn row_of(name: &str, change: &Change, figure: Figure) -> [Cell; 5] {
    let look = match change.class.as_str() {
        REGRESSED => Look::Bad,
        "improved" => Look::Good,
        _ => Look::Plain,
    };
    let by = change.relative.map_or(show::UNKNOWN.to_owned(), |by| format!("{:+.1} %", by * 100.0));
    let by = Cell::shown(by, change.relative.map(|by| by.to_string()));
    [
        Cell::new(&change.class.replace('_', " "), look),
        value(figure, change.before),
        value(figure, change.after),
        by,
        Cell::from(name),
    ]
}

/// A value of a figure with its unit.
pub(super) fn value(figure: Figure, value: Option<f64>) -> Cell {
    match figure {
        Figure::Latency => Cell::seconds(value),
        Figure::Errors => Cell::ratio(value),
        Figure::Rate => {
            let text = value.map_or(show::UNKNOWN.to_owned(), |_| format!("{}/s", show::number(value)));
            Cell::shown(text, value.map(|value| value.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, row_of};
    use crate::choice::Figure;
    use crate::output::Look;

    #[test]
    fn a_change_has_the_look_of_its_class() {
        let look = |class: &str| {
            let change = Change { class: class.to_owned(), before: Some(0.1), after: None, relative: Some(0.25) };
            let [class, before, after, by, _] = row_of("series", &change, Figure::Latency);
            assert_eq!([before.text, after.text, by.text], ["100 ms", "-", "+25.0 %"]);
            class.look
        };
        assert_eq!(["regressed", "improved", "unclear"].map(look), [Look::Bad, Look::Good, Look::Plain]);
    }
}
