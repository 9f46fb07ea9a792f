//! `compare`: whether one range of time is better or worse than another.

use super::export::whole;
use super::{FINE, HOLDS, Parameters};
use crate::args::{Compare, Format};
use crate::cell::Cell;
use crate::choice::{Figure, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_report::{ChangeClass, Compared, Comparison};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

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
    class: ChangeClass,
    before: Option<f64>,
    after: Option<f64>,
    relative: Option<f64>,
}

/// Where reports are kept, and those that are made.
const REPORTS: &str = "/api/v1/reports";

/// A comparison that is kept.
#[derive(Debug, Deserialize)]
struct Made {
    id: String,
}

/// The boots that a history knows: the answer of `GET /api/v1/history`.
#[derive(Debug, Default, Deserialize)]
struct Boots {
    boots: Vec<Boot>,
}

#[derive(Debug, Deserialize)]
struct Boot {
    started: Option<String>,
    ended: Option<String>,
    version: Option<String>,
}

pub(super) fn compare(client: &Client, args: &Compare, output: &mut Output<'_>) -> Result<u8, Failure> {
    if args.output.is_some() && output.format != Format::People {
        return Err(Failure::Usage("--output writes a page: --json and --plain are not allowed beside it".to_owned()));
    }
    let boots = match client.get("/api/v1/history", &[]).and_then(|answer| answer.read()) {
        // Ranges are known without it.
        Err(_) if [&args.before, &args.after].iter().all(|text| text.contains('/')) => Boots::default(),
        boots => boots?,
    };
    let ranges = [range_of(&boots, &args.before, output)?, range_of(&boots, &args.after, output)?];
    if let Some(file) = &args.output {
        return side_by_side(client, args, &ranges, file, output);
    }
    let [before, after] = &ranges;
    if args.keep {
        return keep(client, [before, after], output);
    }
    let parameters = Parameters::default()
        .with("before", Some(before))
        .with("after", Some(after))
        .with("figure", Some(word(args.figure)))
        .of(&args.of);
    let answer = client.get("/api/v1/insight/compare", &parameters.pairs())?;
    let compared: Comparisons = answer.read()?;
    let code = if compared.is_worse() { HOLDS } else { FINE };
    let is_known = compared.is_known();
    if output.json(&answer)? {
        return if is_known { Ok(code) } else { Err(nothing_known()) };
    }
    let mut table = Table::new(&["=CHANGE", "#BEFORE", "#AFTER", "#BY", "~SERIES"]);
    for (name, change) in compared.changes() {
        table.row(row_of(&name, change, args.figure));
    }
    output.table(&table, "")?;
    for note in compared.notes() {
        output.note(&note)?;
    }
    if is_known { Ok(code) } else { Err(nothing_known()) }
}

/// The time of the last processes of a version, with none of another between them; or else the range that was named.
fn range_of(boots: &Boots, text: &str, output: &mut Output<'_>) -> Result<String, Failure> {
    match boots.last_of(text) {
        Some((range, beside)) => {
            if !beside.is_empty() {
                output.note(&format!("In the time of {text} others ran too: {}.", beside.join(", ")))?;
            }
            Ok(range)
        }
        None if text.contains('/') => Ok(text.to_owned()),
        None => Err(Failure::Usage(format!(
            "{text:?} is no range of time such as -2h/-1h, and no version that the history knows: `perf-cli history info` lists them"
        ))),
    }
}

impl Boots {
    /// The range of the last boots of a version that no other began between, and the other versions that ran in it.
    fn last_of(&self, version: &str) -> Option<(String, Vec<&str>)> {
        // In RFC 3339, and in UTC: as texts they are in the order of time.
        let known = self.boots.iter().filter_map(|boot| {
            let version = boot.version.as_deref().unwrap_or("an unknown version");
            Some((boot.started.as_deref()?, boot.ended.as_deref()?, version))
        });
        let mut known: Vec<(&str, &str, &str)> = known.filter(|(started, ended, _)| started < ended).collect();
        known.sort_unstable();
        let is_other = |(_, _, of): &&(&str, &str, &str)| *of != version;
        let last = known.iter().rev().skip_while(is_other).take_while(|boot| !is_other(boot));
        let start = last.clone().map(|(started, ..)| *started).min()?;
        let end = last.map(|(_, ended, _)| *ended).max()?;
        let beside = known.iter().filter(is_other).filter(|(started, ended, _)| *started < end && *ended > start);
        let beside: BTreeSet<&str> = beside.map(|(_, _, of)| *of).collect();
        Some((format!("{start}/{end}"), beside.into_iter().collect()))
    }
}

/// Writes all figures to a file, and says what is worse.
fn side_by_side(
    client: &Client,
    args: &Compare,
    ranges: &[String; 2],
    file: &Path,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let [before, after] = ranges;
    let parameters = Parameters::default()
        .with("format", Some("json"))
        .with("before", Some(before))
        .with("after", Some(after))
        .of(&args.of);
    let mut compared: Comparison = client.get("/api/v1/reports/compare", &parameters.pairs())?.read()?;
    if !compared.is_known() {
        return Err(nothing_known());
    }
    let is_worse = is_worse(&compared);
    let told = |named: &str, range: &str| {
        let shown = range.replacen('/', " to ", 1);
        if named == range { shown } else { format!("{named} ({shown})") }
    };
    (compared.before, compared.after) = (told(&args.before, before), told(&args.after, after));
    client.url().clone_into(&mut compared.service);
    let bytes = whole(file, |out| {
        let mut page = Vec::new();
        compared.html(&mut page).and_then(|()| out.write_all(&page))?;
        Ok(page.len() as u64)
    })?;
    output.say(Look::Good, &format!("{}: {}", file.display(), show::bytes(bytes as f64)))?;
    Ok(if is_worse { HOLDS } else { FINE })
}

/// Has both ranges kept side by side, and says what is worse.
fn keep(client: &Client, [before, after]: [&str; 2], output: &mut Output<'_>) -> Result<u8, Failure> {
    let made = client.post(REPORTS, &[("before", before), ("after", after)], &json!({}))?;
    let id = made.read::<Made>()?.id;
    let compared: Comparison = client.get(&format!("{REPORTS}/{id}"), &[("format", "json")])?.read()?;
    if !output.json(&made)? {
        tell(&compared, output)?;
        output.note(&format!("Kept as {id}."))?;
    }
    Ok(if is_worse(&compared) { HOLDS } else { FINE })
}

/// Writes every figure of a comparison that was kept.
pub(super) fn tell(compared: &Comparison, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut table = Table::new(&["=FIGURE", "=CHANGE", "#BEFORE", "#AFTER", "#BY", "~SERIES"]);
    for figure in &compared.figures {
        let unit = match figure.unit.as_str() {
            "seconds" => Figure::Latency,
            "ratio" => Figure::Errors,
            _ => Figure::Rate,
        };
        for Compared { series, class, before, after, relative, .. } in &figure.rows {
            let change = Change { class: *class, before: *before, after: *after, relative: *relative };
            let [class, before, after, by, series] = row_of(series, &change, unit);
            table.row([Cell::from(figure.name.as_str()), class, before, after, by, series]);
        }
    }
    output.table(&table, "Nothing was compared.")?;
    output.note(&format!("Before: {}. After: {}.", compared.before, compared.after))?;
    compared.figures.iter().flat_map(|figure| &figure.notes).try_for_each(|note| output.note(note))
}

pub(super) fn is_worse(compared: &Comparison) -> bool {
    let mut rows = compared.figures.iter().flat_map(|figure| &figure.rows);
    rows.any(|row| row.class == ChangeClass::Regressed)
}

impl Comparisons {
    /// The kinds that are known as a whole, and every series.
    fn changes(&self) -> impl Iterator<Item = (String, &Change)> {
        self.kinds.iter().flat_map(|kind| {
            let overall = kind.overall.iter().map(|change| (format!("{} (all)", kind.kind), change));
            overall.chain(kind.series.iter().map(|series| (series.series.clone(), &series.change)))
        })
    }

    fn is_worse(&self) -> bool {
        self.changes().any(|(_, change)| change.class == ChangeClass::Regressed)
    }

    /// A pipeline must not take for fine what nobody knows.
    fn is_known(&self) -> bool {
        self.changes().next().is_some()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for kind in &self.kinds {
            for (series, when) in [(&kind.only_before, "before"), (&kind.only_after, "after")] {
                if !series.is_empty() {
                    notes.push(format!("Called only {when}: {}", series.join(", ")));
                }
            }
            notes.extend(kind.why_not.as_ref().map(|why_not| format!("{}: {why_not}", kind.kind)));
        }
        if self.left_out > 0 {
            notes.push(format!("{} more series were left out: --kind and --label choose.", self.left_out));
        }
        notes
    }
}

fn nothing_known() -> Failure {
    Failure::Usage("nothing can be compared: one of the ranges has too few values that are known".to_owned())
}

fn row_of(name: &str, change: &Change, figure: Figure) -> [Cell; 5] {
    let look = match change.class {
        ChangeClass::Regressed => Look::Bad,
        ChangeClass::Improved => Look::Good,
        _ => Look::Plain,
    };
    let by = change.relative.map_or(show::UNKNOWN.to_owned(), |by| format!("{:+.1} %", by * 100.0));
    let by = Cell::shown(by, change.relative.map(|by| by.to_string()));
    [
        Cell::new(change.class.as_str(), look),
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
    use super::{Boot, Boots, Change, ChangeClass, row_of};
    use crate::choice::Figure;
    use crate::output::Look;

    #[test]
    fn a_change_has_the_look_of_its_class() {
        let look = |class: ChangeClass| {
            let change = Change { class, before: Some(0.1), after: None, relative: Some(0.25) };
            let [class, before, after, by, _] = row_of("series", &change, Figure::Latency);
            assert_eq!([before.text, after.text, by.text], ["100 ms", "-", "+25.0 %"]);
            class.look
        };
        let classes = [ChangeClass::Regressed, ChangeClass::Improved, ChangeClass::Unclear];
        assert_eq!(classes.map(look), [Look::Bad, Look::Good, Look::Plain]);
    }

    #[test]
    fn of_a_version_that_came_back_the_last_time_is_meant() {
        let text = |text: &str| Some(text.to_owned());
        let boot = |(version, started, ended): (&str, &str, &str)| Boot {
            version: text(version),
            started: text(started),
            ended: text(ended),
        };
        let last = |boots: &[(&str, &str, &str)], version: &str| {
            let boots = Boots { boots: boots.iter().copied().map(boot).collect() };
            boots.last_of(version).map(|(range, beside)| (range, beside.join(", ")))
        };
        let range = |range: &str, beside: &str| Some((range.to_owned(), beside.to_owned()));
        // A rollback, with a restart after it; as a history lists them, in any order.
        let back = [("1", "t6", "t7"), ("1", "t0", "t2"), ("2", "t2", "t4"), ("1", "t4", "t6")];
        assert_eq!(last(&back, "1"), range("t4/t7", ""));
        assert_eq!(last(&back, "2"), range("t2/t4", ""));
        assert_eq!(last(&back, "3"), None);
        // Processes that are replaced one after the other.
        let rolling = [("1", "t0", "t3"), ("a/2", "t2", "t6"), ("1", "t1", "t4"), ("a/2", "t5", "t7")];
        assert_eq!(last(&rolling, "1"), range("t0/t4", "a/2"));
        assert_eq!(last(&rolling, "a/2"), range("t2/t7", "1"));
    }
}
