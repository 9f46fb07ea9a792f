//! `history`: the past on disk, with or without its service.

use super::{FINE, HOLDS};
use crate::args::{Format, History};
use crate::cell::Cell;
use crate::client::{Answer, Client};
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::past::{files, unreadable};
use crate::show;
use crate::table::Table;
use perf_history::{HistoryError, HistoryFile};
use serde::Deserialize;
use serde_json::{Value, json};
use std::panic;
use std::path::{Path, PathBuf};

/// A history as a whole, as `GET /api/v1/history` has it and a file's overview is written.
#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    path: Option<PathBuf>,
    pub(super) off: Option<String>,
    bytes: u64,
    series: u64,
    pub(super) damaged: u64,
    pub(super) set_aside: u64,
    tiers: Vec<Tier>,
    boots: Vec<Boot>,
}

#[derive(Debug, Deserialize)]
struct Tier {
    step: f64,
    keep: Option<f64>,
    oldest: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Boot {
    number: u64,
    started: Option<String>,
    ended: Option<String>,
    version: Option<String>,
    instance: Option<String>,
    clean: bool,
}

pub(super) fn history(
    args: History,
    client: &dyn Fn() -> Result<Client, Failure>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    match args {
        History::Info { path: None } => {
            let client = client()?;
            tell_answer(&client.get("/api/v1/history", &[])?, !client.is_history(), output)
        }
        History::Info { path: Some(path) } => info(&path, output),
        History::Verify { path } => verify(&path, output),
        History::Prune { yes: false, before } => Err(Failure::Usage(format!(
            "nothing was forgotten: what was before {before} cannot be had back; --yes says that it is meant"
        ))),
        History::Prune { yes: true, before } => {
            tell_answer(&client()?.delete("/api/v1/history", &[("before", &before)])?, true, output)
        }
    }
}

fn tell_answer(answer: &Answer, is_running: bool, output: &mut Output<'_>) -> Result<u8, Failure> {
    if !output.json(answer)? {
        tell(&answer.read()?, is_running, output)?;
    }
    Ok(FINE)
}

fn info(path: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut documents: Vec<Value> = Vec::new();
    for file in files(path)? {
        let overview = quietly(|| {
            let opened = HistoryFile::open(&file)?;
            let overview = opened.view().overview();
            opened.check().map(|()| overview)
        });
        let overview = overview.map_err(|error| unreadable(&file, &error))?;
        documents.push(serde_json::to_value(overview).map_err(|error| Failure::Unreachable(error.to_string()))?);
    }
    if output.document(&json!(documents).to_string())? {
        return Ok(FINE);
    }
    for document in documents {
        let read = serde_json::from_value(document);
        tell(&read.map_err(|error| Failure::Unreachable(error.to_string()))?, false, output)?;
    }
    Ok(FINE)
}

/// Says of each file whether it can be opened, and how many of its pieces cannot be read.
fn verify(path: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut table = Table::new(&["=FILE", "STATE"]);
    let mut documents: Vec<Value> = Vec::new();
    let mut unread = None;
    for file in files(path)? {
        let found = quietly(|| {
            let opened = HistoryFile::open(&file)?;
            let damaged = opened.view().overview().status.damaged;
            opened.check().map(|()| damaged)
        });
        let (look, is_sound, words) = match found {
            Ok(0) => (Look::Good, Some(true), "sound".to_owned()),
            Ok(damaged) => (Look::Bad, Some(false), format!("{damaged} pieces cannot be read")),
            Err(error @ HistoryError::Damaged(_)) => (Look::Bad, Some(false), error.to_string()),
            Err(error) => {
                let words = format!("not looked at: {error}");
                unread = unread.or(Some(unreadable(&file, &error)));
                (Look::Warning, None, words)
            }
        };
        let name = file.display().to_string();
        table.row([Cell::from(name.as_str()), Cell::new(&words, look)]);
        documents.push(json!({"file": name, "sound": is_sound, "words": words}));
    }
    let is_damaged = documents.iter().any(|document| document["sound"] == json!(false));
    if !output.document(&json!(documents).to_string())? {
        output.table(&table, "")?;
    }
    match unread {
        // Damage comes before what is not known.
        _ if is_damaged => Ok(HOLDS),
        Some(failure) => Err(failure),
        None => Ok(FINE),
    }
}

/// Reads a file that may be damaged: its reader is guarded, so what it finds is told as an error and not as a panic beside it.
fn quietly<R>(read: impl FnOnce() -> R) -> R {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = read();
    panic::set_hook(hook);
    result
}

/// `is_running`: the last boot is that of the service that answers.
fn tell(overview: &Overview, is_running: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    match (&overview.path, &overview.off) {
        (_, Some(off)) => {
            let text = format!("Nothing is kept: {off}.");
            return output.told(Look::Warning, &text, ["off", off].map(Cell::from));
        }
        (Some(path), None) => {
            let size = show::bytes(overview.bytes as f64);
            output.say(Look::Bold, &format!("{}: {size}, {} series", path.display(), overview.series))?;
        }
        (None, None) => output.say(Look::Warning, "No file is open yet.")?,
    }
    if overview.damaged > 0 || overview.set_aside > 0 {
        let text = format!("{} pieces cannot be read, {} files were set aside.", overview.damaged, overview.set_aside);
        output.say(Look::Bad, &text)?;
    }
    let mut tiers = Table::new(&["#STEP", "#KEPT FOR", "=OLDEST"]);
    for tier in &overview.tiers {
        tiers.row([Cell::seconds(Some(tier.step)), Cell::seconds(tier.keep), Cell::known(tier.oldest.as_deref())]);
    }
    let mut boots = Table::new(&["#BOOT", "=STARTED", "=ENDED", "IN ORDER", "VERSION", "INSTANCE"]);
    let last = overview.boots.len().saturating_sub(1);
    for (place, boot) in overview.boots.iter().enumerate() {
        let goes_on = is_running && place == last;
        let ended = if goes_on { Cell::from("goes on") } else { Cell::known(boot.ended.as_deref()) };
        let order = match (goes_on, boot.clean) {
            (true, _) => Cell::known(None),
            (false, true) => Cell::from("yes"),
            (false, false) => Cell::from("no"),
        };
        let known = Cell::known;
        boots.row([
            Cell::count(boot.number),
            known(boot.started.as_deref()),
            ended,
            order,
            known(boot.version.as_deref()),
            known(boot.instance.as_deref()),
        ]);
    }
    if output.format == Format::People && !tiers.is_empty() {
        output.table(&tiers, "")?;
    }
    output.table(&boots, "No boot is known.")
}
