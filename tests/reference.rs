//! Pages as Prometheus' own tools read them: its client library for Python, for both formats, and `promtool`.
//!
//! `PERF_PROMETHEUS_CLIENT` names the folder in which the library lies, unpacked: `.ci/run` fetches one. Where it is not set, pages
//! are read by `promtool` alone, which is said.

use crate::servers::or_skip;
use perf_runtime::Monitor;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The labels of a sample.
pub(crate) type Labels = BTreeMap<String, String>;

/// A page as the library has read it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    /// Name and type.
    #[serde(default)]
    families: Vec<(String, String)>,
    /// Name, labels and number.
    #[serde(default)]
    samples: Vec<(String, Labels, String)>,
    error: Option<String>,
}

impl Page {
    /// The value of each sample. None may be there twice.
    pub(crate) fn samples(&self) -> BTreeMap<(&str, &Labels), &str> {
        let samples: BTreeMap<_, _> =
            self.samples.iter().map(|(name, labels, value)| ((&**name, labels), &**value)).collect();
        assert_eq!(samples.len(), self.samples.len(), "a sample is there twice");
        samples
    }
}

/// The library, in a process that reads one page after the other.
struct Reference {
    _process: Child,
    pages: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    fn start(folder: &OsStr) -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference.py");
        let (pages, answers) = (Stdio::piped(), Stdio::piped());
        let process =
            Command::new("python3").arg(script).env("PYTHONPATH", folder).stdin(pages).stdout(answers).spawn();
        let mut process = process.map_err(|error| format!("python3: {error}"))?;
        let (pages, answers) = process.stdin.take().zip(process.stdout.take()).ok_or("no pipes")?;
        let mut this = Self { _process: process, pages, answers: BufReader::new(answers) };
        this.read("# EOF\n", true).map(|_| this)
    }

    fn read(&mut self, text: &str, openmetrics: bool) -> Result<Page, String> {
        let page = serde_json::json!({ "text": text, "openmetrics": openmetrics });
        let mut answer = String::new();
        let asked = writeln!(self.pages, "{page}").and_then(|()| self.answers.read_line(&mut answer));
        asked.map_err(|error| format!("prometheus_client: {error}"))?;
        serde_json::from_str(&answer).map_err(|error| format!("prometheus_client: {error}: {answer:?}"))
    }
}

/// Has the library read a page. `None` where it is not there, which is said once.
///
/// # Panics
/// Where it refuses the page.
fn read(text: &str, openmetrics: bool) -> Option<Page> {
    static REFERENCE: OnceLock<Option<Mutex<Reference>>> = OnceLock::new();
    let start = || {
        let Some(folder) = env::var_os("PERF_PROMETHEUS_CLIENT") else {
            println!("skipped: PERF_PROMETHEUS_CLIENT names no folder");
            return None;
        };
        or_skip(Reference::start(&folder)).map(Mutex::new)
    };
    let reference = REFERENCE.get_or_init(start).as_ref()?;
    let read = reference.lock().unwrap_or_else(PoisonError::into_inner).read(text, openmetrics);
    let page = read.expect("an answer");
    if let Some(error) = &page.error {
        panic!("{error}\n{text}");
    }
    let names: BTreeSet<&str> = page.families.iter().map(|(name, _)| &**name).collect();
    // In the older format `a` and `a_total` go by one name.
    assert!(!openmetrics || names.len() == page.families.len(), "a family is there twice:\n{text}");
    page.samples();
    Some(page)
}

/// The page in the older format, as the library has read it; `None` where it is not there.
pub(crate) fn read_prometheus(text: &str) -> Option<Page> {
    read(text, false)
}

/// The page in OpenMetrics, as the library has read it; `None` where it is not there.
pub(crate) fn read_openmetrics(text: &str) -> Option<Page> {
    read(text, true)
}

/// The page in the older format, once the library and `promtool` have read it.
pub(crate) fn prometheus(monitor: &Monitor) -> String {
    let text = monitor.render_prometheus();
    read_prometheus(&text);
    promtool_reads(&text);
    text
}

/// The page in OpenMetrics, once the library has read it.
pub(crate) fn openmetrics(monitor: &Monitor) -> String {
    let text = monitor.render_openmetrics();
    read_openmetrics(&text);
    text
}

/// Asserts that `promtool` can read a page. Its advice on names and help texts is left aside: those are the application's.
fn promtool_reads(text: &str) {
    /// It has read all, and has advice.
    const ADVICE: i32 = 3;
    let command =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Some(mut promtool) = or_skip(command.map_err(|error| format!("promtool: {error}"))) else { return };
    // Written and closed before waiting: promtool reads to the end.
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let has_read = matches!(output.status.code(), Some(0 | ADVICE));
    assert!(has_read, "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}
