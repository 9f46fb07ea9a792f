//! The reports that were given: files, folders of them, or several with commas between.

use super::figures::{self, Figures};
use crate::failure::Failure;
use perf_report::Report;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The largest report that is read: twice what the largest takes.
const LARGEST: u64 = 256 << 20;
/// The most runs of a side.
const MOST_RUNS: usize = 100;
/// The ending of the file beside a report that says what its command used.
pub(crate) const USAGE: &str = "usage";
/// The name and version of that file.
pub(crate) const USAGE_SCHEMA: &str = "perf.usage/1";

/// The use of resources of a command with all that it started and waited for, as the system counted it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// [`USAGE_SCHEMA`].
    pub(crate) schema: String,
    /// Time on processors, in the program and in the system for it.
    pub(crate) cpu_seconds: Option<f64>,
    /// The most memory that one of its processes had.
    pub(crate) peak_bytes: Option<u64>,
    /// Instructions outside of the kernel; `None` where they cannot be counted, and in files of before.
    #[serde(default)]
    pub(crate) instructions: Option<u64>,
    /// The reason in words, where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why_no_instructions: Option<String>,
}

/// One run of a program.
#[derive(Debug)]
pub(super) struct Run {
    /// When its report was made, in seconds since 1970.
    pub(super) made: f64,
    pub(super) figures: Figures,
    /// The series that its report had no room for.
    pub(super) left_out: usize,
}

/// The runs of a version.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(super) runs: Vec<Run>,
    /// The services that the reports are about.
    pub(super) services: Vec<String>,
    /// The most series that a report has left out.
    pub(super) left_out: usize,
    /// Why instructions were not counted, of each run where they were not and all else was.
    pub(super) uncounted: Vec<String>,
}

/// The runs whose reports are given so: `base.json`, `runs/base`, or `1.json,2.json,3.json`.
pub(crate) fn side_of(given: &str) -> Result<Side, Failure> {
    let files = files_of(given)?;
    if files.len() > MOST_RUNS {
        return Err(Failure::Usage(format!("{given}: {} reports; at most {MOST_RUNS} are compared", files.len())));
    }
    let mut side = Side::default();
    for file in files {
        let report = read(&file)?;
        let mut figures = figures::of_report(&report);
        if let Some(usage) = usage_of(&file)? {
            figures::add_usage(&mut figures, &usage);
            if usage.instructions.is_none() {
                side.uncounted.push(usage.why_no_instructions.unwrap_or_else(|| "nobody counted them".to_owned()));
            }
        }
        let made = report.made.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let service = report.service.as_ref().map(|service| service.name.clone()).unwrap_or_default();
        if !side.services.contains(&service) {
            side.services.push(service);
        }
        let left_out = report.tracks.left_out.saturating_add(report.metrics_left_out);
        side.left_out = side.left_out.max(left_out);
        side.runs.push(Run { made, figures, left_out });
    }
    Ok(side)
}

fn files_of(given: &str) -> Result<Vec<PathBuf>, Failure> {
    let path = Path::new(given);
    if path.is_dir() {
        let unreachable = |error| Failure::Unreachable(format!("{given}: {error}"));
        let entries = fs::read_dir(path).map_err(unreachable)?;
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
        files.sort();
        return if files.is_empty() {
            Err(Failure::Usage(format!("{given}: there is no report in this folder: no file that ends with .json")))
        } else {
            Ok(files)
        };
    }
    if path.exists() || !given.contains(',') {
        return Ok(vec![path.to_owned()]);
    }
    let files: Vec<PathBuf> = given.split(',').filter(|part| !part.is_empty()).map(PathBuf::from).collect();
    if files.is_empty() {
        return Err(Failure::Usage(format!("{given:?}: no file is named; allowed are names with commas between")));
    }
    let mut seen = BTreeSet::new();
    for file in &files {
        // One that is not there is told when it is read.
        if !seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())) {
            return Err(Failure::Usage(format!("{}: it is named twice; a report is one run", file.display())));
        }
    }
    Ok(files)
}

/// A file, not beyond a size.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreachable = |error| Failure::Unreachable(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreachable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreachable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::Usage(format!("{}: it is larger than {} MiB", path.display(), LARGEST >> 20)));
    }
    Ok(bytes)
}

fn read(path: &Path) -> Result<Report, Failure> {
    let bytes = bytes_of(path)?;
    Report::from_json(&bytes).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// The figures of the command beside its report, where there are any.
fn usage_of(report: &Path) -> Result<Option<Usage>, Failure> {
    let path = report.with_extension(USAGE);
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |text: String| Failure::Usage(format!("{}: {text}", path.display()));
    let usage: Usage = serde_json::from_slice(&bytes_of(&path)?).map_err(|error| wrong(error.to_string()))?;
    if usage.schema != USAGE_SCHEMA {
        return Err(wrong(format!("schema is {:?}; allowed is {USAGE_SCHEMA:?}", usage.schema)));
    }
    Ok(Some(usage))
}
