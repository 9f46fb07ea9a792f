//! `history`: the past on disk, with or without its service.

use super::{FINE, HOLDS};
use crate::args::{Format, History};
use crate::client::{Answer, Client};
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::{Cell, Table};
use perf_history::{HistoryError, HistoryFile};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
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
    keep: f64,
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
        History::Info { path: None } => tell_answer(&client()?.get("/api/v1/history", &[])?, output),
        History::Info { path: Some(path) } => info(&path, output),
        History::Verify { path } => verify(&path, output),
        History::Prune { yes: false, before } => Err(Failure::Usage(format!(
            "nothing was forgotten: what was before {before} cannot be had back; --yes says that it is meant"
        ))),
        History::Prune { yes: true, before } => {
            tell_answer(&client()?.delete("/api/v1/history", &[("before", &before)])?, output)
        }
    }
}

fn tell_answer(answer: &Answer, output: &mut Output<'_>) -> Result<u8, Failure> {
    if !output.json(answer)? {
        tell(&answer.read()?, output)?;
    }
    Ok(FINE)
}

fn info(path: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut documents: Vec<Value> = Vec::new();
    for file in files(path)? {
        let opened = HistoryFile::open(&file).map_err(|error| unreadable(&file, &error))?;
        let overview = opened.view().overview();
        opened.check().map_err(|error| unreadable(&file, &error))?;
        documents.push(serde_json::to_value(overview).map_err(|error| Failure::Unreachable(error.to_string()))?);
    }
    if output.document(&json!(documents).to_string())? {
        return Ok(FINE);
    }
    for document in documents {
        let overview: Overview =
            serde_json::from_value(document).map_err(|error| Failure::Unreachable(error.to_string()))?;
        tell(&overview, output)?;
    }
    Ok(FINE)
}

/// Says of each file whether it can be opened, and how many of its pieces cannot be read.
fn verify(path: &Path, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut table = Table::new(&["FILE", "STATE"]);
    let mut documents: Vec<Value> = Vec::new();
    for file in files(path)? {
        let found = HistoryFile::open(&file).and_then(|opened| {
            let damaged = opened.view().overview().status.damaged;
            opened.check().map(|()| damaged)
        });
        let (is_sound, words) = match found {
            Ok(0) => (true, "sound".to_owned()),
            Ok(damaged) => (false, format!("{damaged} pieces cannot be read")),
            Err(error @ HistoryError::Damaged(_)) => (false, error.to_string()),
            Err(error) => return Err(unreadable(&file, &error)),
        };
        let look = if is_sound { Look::Good } else { Look::Bad };
        table.row([Cell::from(file.display().to_string()), Cell::new(&words, look)]);
        documents.push(json!({"file": file.display().to_string(), "sound": is_sound, "words": words}));
    }
    let is_sound = documents.iter().all(|document| document["sound"] == json!(true));
    if !output.document(&json!(documents).to_string())? {
        output.table(&table, "")?;
    }
    Ok(if is_sound { FINE } else { HOLDS })
}

fn unreadable(file: &Path, error: &HistoryError) -> Failure {
    let file = file.display();
    match error {
        HistoryError::Busy => Failure::Unreachable(format!(
            "{file}: its service runs and has it: ask the service (`perf-cli history info` with --url), or read a copy"
        )),
        error => Failure::Unreachable(format!("{file}: {error}")),
    }
}

/// The file that was named, or the histories in the folder that was.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let missing = |error: &dyn std::fmt::Display| Failure::Unreachable(format!("{}: {error}", path.display()));
    if !fs::metadata(path).map_err(|error| missing(&error))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| missing(&error))?;
    let is_history = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("history") && path.extension().is_some_and(|extension| extension == "redb")
    };
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_history).collect();
    files.sort();
    if files.is_empty() {
        return Err(missing(&"there is no history in it: a file named history.redb"));
    }
    Ok(files)
}

fn tell(overview: &Overview, output: &mut Output<'_>) -> Result<(), Failure> {
    match (&overview.path, &overview.off) {
        (_, Some(off)) => return output.say(Look::Warning, &format!("Nothing is kept: {off}.")),
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
    let mut tiers = Table::new(&["#STEP", "#KEPT FOR", "OLDEST"]);
    for tier in &overview.tiers {
        // A file that is only read keeps everything.
        let keep = if tier.keep > 1e10 { show::UNKNOWN.to_owned() } else { show::seconds(Some(tier.keep)) };
        let oldest = tier.oldest.clone().unwrap_or(show::UNKNOWN.to_owned());
        tiers.row([Cell::from(show::seconds(Some(tier.step))), Cell::from(keep), Cell::from(oldest)]);
    }
    let mut boots = Table::new(&["#BOOT", "STARTED", "ENDED", "IN ORDER", "VERSION", "INSTANCE"]);
    for boot in &overview.boots {
        let unknown = || show::UNKNOWN.to_owned();
        boots.row([
            Cell::from(boot.number.to_string()),
            Cell::from(boot.started.clone().unwrap_or_else(unknown)),
            Cell::from(boot.ended.clone().unwrap_or_else(unknown)),
            Cell::from(if boot.clean { "yes" } else { "no" }),
            Cell::from(boot.version.clone().unwrap_or_else(unknown)),
            Cell::from(boot.instance.clone().unwrap_or_else(unknown)),
        ]);
    }
    if output.format == Format::People && !tiers.is_empty() {
        output.table(&tiers, "")?;
    }
    output.table(&boots, "No boot is known.")
}
