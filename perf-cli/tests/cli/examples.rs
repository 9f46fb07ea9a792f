//! Every command that the README, the guide and the help show: run against a service, a history or files.

use crate::reports::write;
use crate::service::{run, service};
use perf_history::{History, Settings};
use perf_runtime::{Monitor, Outcome};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Texts that show commands, in their blocks.
const TEXTS: [&str; 5] = [
    include_str!("../../../README.md"),
    include_str!("../../../perf-kit/docs/terminal.md"),
    include_str!("../../../perf-kit/docs/in_ci.md"),
    include_str!("../../../perf-kit/docs/report.md"),
    include_str!("../../../perf-kit/docs/coding_agents.md"),
];

/// Reasons why a command that is right answers nothing here: of a service that has just begun, without versions, without a terminal.
const REASONS: [(&str, &str); 9] = [
    ("top", "needs a terminal"),
    ("compare", "nothing can be compared"),
    ("compare", "no version that the history knows"),
    ("report", "is kept: "),
    ("report", "nothing is known of "),
    ("report", "comparison is kept"),
    ("forecast", "is not known"),
    ("run", "no-such-branch"),
    ("run", "a new or an empty folder"),
];

/// The commands in a text: the lines of its blocks, without what stands beside them.
fn in_blocks(text: &str) -> Vec<String> {
    let mut is_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if let Some(command) = line.strip_prefix("perf-cli ").filter(|_| is_block) {
            found.push(command.split(" #").next().unwrap_or(command).trim().to_owned());
        }
    }
    found
}

/// The examples of a command's help, and of those of its own.
fn in_help(command: &[&str], found: &mut Vec<String>) {
    let help = run(&[command, &["--help"]].concat(), &[]);
    assert!(help.code == 0 && help.out.contains("Usage: perf-cli"), "{command:?}: {help:?}");
    let own = help.out.split("\nUsage: ").next().unwrap_or_default();
    let examples = own.lines().filter_map(|line| line.strip_prefix("  perf-cli "));
    found.extend(examples.map(|line| line.split("   ").next().unwrap_or(line).to_owned()));
    let Some((_, all)) = help.out.split_once("\nCommands:\n") else { return };
    let names = all.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        let examples = found.len();
        in_help(&[command, &[name]].concat(), found);
        let has_examples = found.len() > examples || !command.is_empty() || name == "mcp";
        assert!(has_examples, "{name} begins without an example");
    }
}

/// The words of a command, as a shell reads them, without what other programs do with its output.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quoted, character) {
            (Some(quote), end) if end == quote => quoted = None,
            (None, '\'' | '"') => {
                quoted = Some(character);
                word.get_or_insert_default();
            }
            (None, '|' | '>') => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// A history that a service left behind, and the files that examples name.
fn prepared(folder: &Path) {
    let monitor = Monitor::builder().build().unwrap();
    let mut settings = Settings::default();
    settings.path = Some(folder.join("perf"));
    let history = History::with_settings(&monitor, settings).unwrap();
    monitor.operation("resize").record(Duration::from_millis(4), Outcome::Error);
    monitor.tick();
    history.flush(Duration::from_secs(10));
    drop(history);
    fs::copy(service().settings(), folder.join("perf.toml")).unwrap();
    for side in ["base", "head"] {
        fs::create_dir_all(folder.join("runs").join(side)).unwrap();
        for file in [format!("{side}.json"), format!("runs/{side}/001.json")] {
            write(&folder.join(file), (&[("resize", 100, 0, 4.0)], &[]));
        }
    }
    for file in ["1.json", "2.json", "3.json", "4.json"] {
        fs::copy(folder.join("base.json"), folder.join(file)).unwrap();
    }
}

/// An example's word as it is here: names of files, series, alerts and channels are those that there are.
fn here(word: &str, folder: &Path) -> String {
    let place = |name: &str| folder.join(name).display().to_string();
    let files = ["perf.toml", "runs/base", "runs/head", "base.json", "head.json"];
    match word {
        "/var/lib/perf" | "target/backend-history" => place("perf"),
        "2026-11-28T03:00:00Z" => "-1h".to_owned(),
        "on-call" => "nobody".to_owned(),
        "db_operation{table=users}" | "http_request{route=/carts}" => "operation{operation=resize}".to_owned(),
        "disk_used_ratio{mount=/}" => "queue_depth".to_owned(),
        "main" | "origin/main" | "v1.2" => "no-such-branch".to_owned(),
        file if files.contains(&file) => place(file),
        several if several.contains(".json,") => several.split(',').map(place).collect::<Vec<_>>().join(","),
        written if [".html", ".om", ".json"].iter().any(|ending| written.ends_with(ending)) => place(written),
        other => other.to_owned(),
    }
}

/// The alert that is asked about is one that fires, and the one that is marked is the one that others may mark.
fn as_there_is<'a>(command: &str, word: &'a str, marked: &'a str) -> &'a str {
    match (command, word) {
        ("why", "http-latency") => "deep-queue",
        ("rules", "http-latency") => "operation-latency",
        ("alerts", "3") => marked,
        _ => word,
    }
}

#[test]
fn every_command_that_is_shown_answers() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let mut all: Vec<String> = TEXTS.into_iter().flat_map(in_blocks).collect();
    assert!(all.len() > 20, "{all:#?}");
    in_help(&[], &mut all);
    assert!(all.len() > 60, "{all:#?}");
    let all: BTreeSet<String> = all.into_iter().collect();
    let alerts: serde_json::Value =
        serde_json::from_str(&service().run(&["alerts", "--json", "--rule", "marked"], &[], false).out).unwrap();
    let marked = alerts["alerts"][0]["id"].to_string();
    let mut wrong = Vec::new();
    for command in &all {
        let words = words(command);
        let mut args: Vec<String> = words.iter().map(|word| here(word, folder.path())).collect();
        // The address and the token are those of the service of these tests.
        for option in ["--url", "--token-file"] {
            if let Some(at) = args.iter().position(|word| word == option) {
                args.drain(at..at + 2);
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let name =
            args.iter().find(|word| !word.starts_with('-') && !word.starts_with('/')).copied().unwrap_or_default();
        // It reads the standard input: its tests are beside this one.
        if name == "mcp" {
            continue;
        }
        let args: Vec<&str> = args.iter().map(|word| as_there_is(name, word, &marked)).collect();
        let ran = service().run(&args, &[], false);
        let is_known = |(of, reason): &(&str, &str)| {
            *of == name && ran.err.contains(reason) && ran.err.matches("perf-cli: ").count() == 1
        };
        if ran.code > 1 && !REASONS.iter().any(is_known) {
            wrong.push(format!("{command}: {ran:?}"));
        }
    }
    assert!(wrong.is_empty(), "of {}: {wrong:#?}", all.len());
}
