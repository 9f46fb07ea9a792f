//! `calls`: what runs now, and calls that are kept whole.

use super::{FINE, Parameters};
use crate::args::Calls;
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::table::Table;
use perf_runtime::Outcome;
use perf_runtime::series::{CallInFlight, RecordedCall, RecordedField, RecordedTree, RecorderState};
use serde::Deserialize;
use std::borrow::Cow;

/// The answer of `GET /api/v1/calls`.
#[derive(Debug, Deserialize)]
pub(crate) struct Running {
    pub(crate) calls: Vec<CallInFlight>,
    /// How many there are; a service of before did not say.
    #[serde(default)]
    total: Option<u64>,
    /// Whether there are others, or may be; a service of before did not say.
    #[serde(default)]
    more: Option<bool>,
}

/// The answer of `GET /api/v1/calls/recent`.
#[derive(Debug, Deserialize)]
struct Recent {
    recorder: RecorderState,
    calls: Vec<RecordedCall>,
    #[serde(default)]
    next: Option<String>,
}

pub(super) fn calls(client: &Client, args: &Calls, output: &mut Output<'_>) -> Result<u8, Failure> {
    match &args.id {
        Some(id) => one(client, id, output),
        None if args.recent => recent(client, args, output),
        None if args.range.from.is_some() || args.range.to.is_some() => {
            Err(Failure::Usage("--from and --to are of calls that ended: --recent lists them".to_owned()))
        }
        None => running(client, args, output),
    }
}

fn running(client: &Client, args: &Calls, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default().of(&args.of).with("limit", Some(args.limit));
    let answer = client.get("/api/v1/calls", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let running: Running = answer.read()?;
    let mut table = Table::new(&["#AGE", "~CALL"]);
    for (depth, call) in as_tree(&running.calls) {
        let name = format!("{}{}", "  ".repeat(depth), name_of(call));
        table.row([Cell::seconds(Some(call.age)), Cell::from(name)]);
    }
    output.table(&table, "No call runs now.")?;
    let is_full = running.calls.len() as u64 >= args.limit;
    match running.more {
        Some(true) if is_full => {
            let all = running.total.map(|total| format!(" of {total}")).unwrap_or_default();
            output.note(&format!("The oldest {}{all}: --limit asks for more.", args.limit))?;
        }
        Some(true) => output.note("Not all calls were looked at: there may be others.")?,
        None if is_full => output.note(&format!("At most {}: --limit asks for more.", args.limit))?,
        Some(false) | None => {}
    }
    Ok(FINE)
}

/// Calls, each followed by those inside it, and how many of them are around it.
fn as_tree(calls: &[CallInFlight]) -> Vec<(usize, &CallInFlight)> {
    let mut tree = Vec::with_capacity(calls.len());
    // The next to be shown is the last.
    let is_listed = |id: u64| id > 0 && calls.iter().any(|call| call.id == id);
    let is_root = |call: &&CallInFlight| !call.parent.is_some_and(is_listed);
    let mut open: Vec<(usize, &CallInFlight)> = calls.iter().filter(is_root).rev().map(|call| (0, call)).collect();
    // An answer in which ids come twice goes on for no longer either.
    while let Some((depth, call)) = open.pop().filter(|_| tree.len() < calls.len()) {
        tree.push((depth, call));
        let inside = calls.iter().filter(|inside| call.id > 0 && inside.parent == Some(call.id));
        open.extend(inside.rev().map(|inside| (depth + 1, inside)));
    }
    tree
}

/// A running call by its series: a label that is not known yet, such as the status of a request, is left out.
pub(crate) fn name_of(call: &CallInFlight) -> String {
    let known = call.labels.pairs().filter(|(_, value)| !value.is_empty());
    let labels: Vec<String> = known.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}{{{}}}", call.kind, labels.join(","))
}

fn recent(client: &Client, args: &Calls, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default().of(&args.of).within(&args.range).with("limit", Some(args.limit));
    let answer = client.get("/api/v1/calls/recent", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let recent: Recent = answer.read()?;
    let mut table = Table::new(&["=ID", "=START (UTC)", "#TOOK", "OUTCOME", "#CALLS INSIDE", "~CALL"]);
    for call in &recent.calls {
        let inside = call.calls_known.then_some(call.calls as u64);
        table.row([
            Cell::from(call.id.as_str()),
            Cell::moment(Some(call.start)),
            Cell::seconds(Some(call.seconds)),
            outcome(call.outcome),
            Cell::count(inside),
            Cell::from(call.series.to_string()),
        ]);
    }
    let none = if recent.recorder.enabled {
        "No call is kept of this time. One that was made inside another is kept with that one: ask for its caller."
    } else {
        "Calls are not recorded: `[recorder] enabled = true` keeps them."
    };
    output.table(&table, none)?;
    if recent.next.is_some() {
        output.note(&format!("Only the first {}: --limit asks for more.", recent.calls.len()))?;
    }
    if recent.recorder.without_buffer > 0 {
        let text = format!(
            "Of {} calls since the start those inside are not known: there was no room.",
            recent.recorder.without_buffer
        );
        output.note(&text)?;
    }
    Ok(FINE)
}

fn one(client: &Client, id: &str, output: &mut Output<'_>) -> Result<u8, Failure> {
    // An id is of digits, letters and a dash: anything else cannot be one, and is no part of an address.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Failure::Usage(format!(
            "ID: {id:?} is not allowed; allowed is an id that `perf-cli calls --recent` lists"
        )));
    }
    let answer = client.get(&format!("/api/v1/calls/{id}"), &[])?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let tree: RecordedTree = answer.read()?;
    let call = &tree.call;
    let have_fields = !call.fields.is_empty() || tree.inside.iter().any(|inside| !inside.fields.is_empty());
    let columns = ["#START", "#TOOK", "#SELF", "OUTCOME", "~CALL", "~FIELDS"];
    let shown = if have_fields { columns.len() } else { columns.len() - 1 };
    let mut table = Table::new(columns.get(..shown).unwrap_or(&columns));
    let row = |cells: [Cell; 6]| cells.into_iter().take(shown);
    table.row(row([
        Cell::seconds(Some(0.0)),
        Cell::seconds(Some(call.seconds)),
        Cell::seconds(call.self_seconds),
        outcome(call.outcome),
        Cell::from(call.series.to_string()),
        fields(&call.fields),
    ]));
    for inside in &tree.inside {
        table.row(row([
            Cell::seconds(Some(inside.start_seconds)),
            Cell::seconds(Some(inside.seconds)),
            Cell::seconds(Some(inside.self_seconds)),
            outcome(inside.outcome),
            Cell::from(format!("{}{}", "  ".repeat(inside.depth.min(40)), inside.series)),
            fields(&inside.fields),
        ]));
    }
    output.table(&table, "")?;
    if call.fields_withheld {
        output.note(
            "Values of fields are withheld: they are for the admin token, unless `[recorder] fields` says \"read\".",
        )?;
    }
    if call.fields_missing > 0 {
        output.note(&format!("Of {} calls inside it the values of fields found no room.", call.fields_missing))?;
    }
    if let Some(text) = call.error.as_ref().and_then(|error| error.text.as_ref()) {
        output.say(Look::Bad, text)?;
    }
    if !call.calls_known {
        output.note("The calls inside it are not known: there was no room to record them.")?;
    } else if call.missing > 0 {
        output.note(&format!("{} more calls inside it were not recorded.", call.missing))?;
    }
    Ok(FINE)
}

/// Names and values, texts in quotation marks where they could be taken for more than one; a question mark in place of one that is withheld, and dots
/// behind one that is cut.
fn fields(fields: &[RecordedField]) -> Cell {
    let shown = fields.iter().map(|field| {
        let is_plain = |value: &str| !value.is_empty() && value != "?" && !value.contains([' ', '=', '"']);
        let value = match field.value.as_deref() {
            None => "?".into(),
            Some(value) if is_plain(value) => Cow::from(value),
            Some(value) => format!("{value:?}").into(),
        };
        format!("{}={value}{}", field.name, if field.is_cut { "…" } else { "" })
    });
    Cell::from(shown.collect::<Vec<_>>().join(" "))
}

fn outcome(outcome: Outcome) -> Cell {
    let look = match outcome {
        Outcome::Ok => Look::Plain,
        Outcome::Cancelled => Look::Warning,
        _ => Look::Bad,
    };
    Cell::new(outcome.as_str(), look)
}
