//! Every event of ours has a target that the guide names, and not the path of a private module, which changes with the code.
//!
//! The sources are read as text, without comments.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates that say something through `tracing`.
const CRATES: [&str; 11] = [
    "perf-runtime",
    "perf-server",
    "perf-host",
    "perf-history",
    "perf-insight",
    "perf-kit",
    "perf-notify",
    "perf-report",
    "perf-sql",
    "perf-sync",
    "perf-llm",
];
const LEVELS: [&str; 6] = ["event", "trace", "debug", "info", "warn", "error"];
/// All targets, as `perf-kit/docs/production.md` lists them.
const TARGETS: [&str; 14] = [
    "perf_runtime",
    "perf_runtime::alert",
    "perf_runtime::slow",
    "perf_server::audit",
    "perf_kit",
    "perf::host",
    "perf::server",
    "perf::history",
    "perf::insight",
    "perf::notify",
    "perf::report",
    "perf::sql",
    "perf::sync",
    "perf::llm",
];

#[test]
fn no_event_is_without_a_target_that_is_documented() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for file in CRATES.iter().flat_map(|name| sources(&workspace.join(name).join("src"))) {
        let text = fs::read_to_string(&file).expect("a source");
        let code: String =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        for (at, _) in code.match_indices("tracing::") {
            let Some((name, arguments)) = code[at + 9..].split_once("!(") else { continue };
            if !LEVELS.contains(&name) {
                continue;
            }
            seen += 1;
            let target = arguments.trim_start().strip_prefix("target:").map(str::trim_start);
            // In a macro it is an argument, which `tell!` has a default for.
            let is_given = target.is_some_and(|target| {
                target.starts_with("$target") || TARGETS.iter().any(|known| target.starts_with(&format!("\"{known}\"")))
            });
            if !is_given {
                let line = code[..at].lines().count();
                wrong.push(format!("{}:{line}: tracing::{name}!", file.display()));
            }
        }
        let imports = code.lines().filter(|line| line.trim_start().starts_with("use tracing::"));
        let words = imports.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
        assert!(!words.into_iter().any(|word| LEVELS.contains(&word)), "{}: write tracing::info!", file.display());
    }
    assert!(wrong.is_empty(), "events without a target that is documented:\n{}", wrong.join("\n"));
    assert!(seen > 15, "the sources were read: {seen}");
}

#[test]
fn the_guide_names_every_target() {
    let guide = include_str!("../perf-kit/docs/production.md");
    let missing: Vec<&str> = TARGETS.into_iter().filter(|target| !guide.contains(&format!("`{target}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The files of a folder and of those in it, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|ending| ending == "rs") && !entry.ends_with("tests.rs") {
            found.push(entry);
        }
    }
    found
}
