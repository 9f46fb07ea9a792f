//! A history on disk in the place of a service: its file answers as the service did of any range of time.

use crate::client::{LONGEST, LONGEST_REASON};
use crate::failure::Failure;
use form_urlencoded::Serializer;
use http_body::Body as _;
use perf_history::{HistoryError, HistoryFile};
use perf_kit::PastApi;
use perf_kit::server::axum::Error as BodyError;
use perf_kit::server::axum::body::Body;
use perf_kit::server::axum::http::{StatusCode, Uri};
use perf_runtime::text::rfc3339;
use std::fs;
use std::future::poll_fn;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use tokio::runtime::{Builder, Runtime};

/// Routes that tell of a range of time, and are asked for the last hour of the history unless one is given.
const RANGED: [&str; 4] = ["/api/v1/query", "/api/v1/errors", "/api/v1/calls/recent", "/api/v1/export"];
/// Other routes that a history answers, by their beginnings.
const OTHERS: [&str; 6] = [
    "/api/v1/calls/",
    "/api/v1/incidents",
    "/api/v1/insight/compare",
    "/api/v1/grafana/",
    "/api/v1/reports",
    "/api/v1/history",
];
/// The parameters that name a range.
const OF_A_RANGE: [&str; 3] = ["from", "to", "window"];
/// The range unless one is given.
const RANGE: Duration = Duration::from_secs(3_600);

/// The API on a history's file.
pub(crate) struct Past {
    api: PastApi,
    runtime: Runtime,
    path: PathBuf,
    name: String,
    /// The last moment that the file knows of.
    end: Option<SystemTime>,
}

impl Past {
    /// Opens a file, or the only one of a folder.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let path = match files(path)?.as_slice() {
            [only] => only.clone(),
            several => {
                let names: Vec<String> = several.iter().map(|file| file.display().to_string()).collect();
                return Err(Failure::Usage(format!("--history: there are several, name one: {}", names.join(", "))));
            }
        };
        let file = HistoryFile::open(&path).map_err(|error| unreadable(&path, &error))?;
        let end = file.view().overview().boots.into_iter().filter_map(|boot| boot.ended).max();
        let wrong = |error: &dyn std::fmt::Display| Failure::Unreachable(format!("{}: {error}", path.display()));
        let api = PastApi::of(file).map_err(|error| wrong(&error))?;
        let runtime = Builder::new_current_thread().enable_time().build().map_err(|error| wrong(&error))?;
        let name = path.display().to_string();
        Ok(Self { api, runtime, path, name, end })
    }

    /// The last moment that the file knows of.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        self.end
    }

    /// The path of the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The document that answers.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let mut document = Vec::new();
        self.write(path, query, &mut document, LONGEST)?;
        String::from_utf8(document).map_err(|error| self.wrong(&error))
    }

    /// Writes what answers piece by piece, and says how many bytes there were.
    pub(crate) fn download(&self, path: &str, query: &[(&str, &str)], out: &mut dyn Write) -> Result<u64, Failure> {
        self.write(path, query, out, u64::MAX)
    }

    /// Writes at most so many bytes.
    fn write(&self, path: &str, query: &[(&str, &str)], out: &mut dyn Write, most: u64) -> Result<u64, Failure> {
        let question = self.question(path, query)?;
        let question: Uri = question.parse().map_err(|error| self.wrong(&error))?;
        let written = self.runtime.block_on(async {
            let (head, body) = self.api.get(question).await.into_parts();
            if head.status.is_success() {
                return copy(body, out, most).await.map_err(|error| self.broken(error));
            }
            let mut reason = Vec::new();
            // The status is known: a reason that breaks off is one all the same.
            let _ = copy(body, &mut reason, LONGEST_REASON).await;
            Err(self.refused(head.status, &reason))
        });
        // Another process that wrote it meanwhile may have changed what was read.
        self.api.check().map_err(|error| unreadable(&self.path, &error))?;
        written
    }

    /// Nothing is changed in a history.
    pub(crate) fn unchanged(&self) -> Failure {
        let path = self.path.display();
        Failure::Usage(format!("{path}: a history is only read: this needs its service, which --url or PERF_URL names"))
    }

    /// The path with its parameters, of a route that tells of a range of time.
    fn question(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let is_ranged = RANGED.contains(&path);
        if !is_ranged && !OTHERS.iter().any(|begin| path.starts_with(begin)) {
            return Err(Failure::Usage(format!(
                "{}: a history does not tell what is now ({path}): ask the service with --url, or a range of time with query SERIES or --kind, \
                 errors, calls --recent, incidents, compare, export or report",
                self.path.display()
            )));
        }
        let mut parameters = Serializer::new(String::new());
        parameters.extend_pairs(query);
        let has_range = query.iter().any(|(name, _)| OF_A_RANGE.contains(name));
        if let Some(end) = self.end.filter(|_| is_ranged && !has_range) {
            let from = end.checked_sub(RANGE).unwrap_or(SystemTime::UNIX_EPOCH);
            parameters.append_pair("from", &rfc3339(from)).append_pair("to", &rfc3339(end));
        }
        Ok(format!("{path}?{}", parameters.finish()))
    }

    fn refused(&self, status: StatusCode, reason: &[u8]) -> Failure {
        let document: serde_json::Value = serde_json::from_slice(reason).unwrap_or_default();
        match document.get("detail").and_then(serde_json::Value::as_str) {
            Some(detail) if status.is_client_error() => Failure::Usage(detail.to_owned()),
            detail => self.wrong(&detail.unwrap_or(status.as_str())),
        }
    }

    fn broken(&self, error: Broken) -> Failure {
        match error {
            Broken::Output(error) => error.into(),
            Broken::Answer(error) => self.wrong(&error),
            Broken::TooLong(most) => self.wrong(&format!("the answer is longer than {} MiB", most >> 20)),
        }
    }

    fn wrong(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Unreachable(format!("{}: {error}", self.path.display()))
    }
}

/// Why an answer was not written to its end.
enum Broken {
    Output(std::io::Error),
    Answer(BodyError),
    /// It has more bytes than so many.
    TooLong(u64),
}

async fn copy(mut body: Body, out: &mut dyn Write, most: u64) -> Result<u64, Broken> {
    let mut all = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(piece) = frame.map_err(Broken::Answer)?.into_data() else { continue };
        all += piece.len() as u64;
        if all > most {
            return Err(Broken::TooLong(most));
        }
        out.write_all(&piece).map_err(Broken::Output)?;
    }
    Ok(all)
}

/// Why a file cannot be read.
pub(crate) fn unreadable(file: &Path, error: &HistoryError) -> Failure {
    let file = file.display();
    match error {
        HistoryError::Busy => Failure::Unreachable(format!(
            "{file}: its service runs and has it: ask the service (`perf-cli history info` with --url), or read a copy"
        )),
        error => Failure::Unreachable(format!("{file}: {error}")),
    }
}

/// The file that was named, or the histories in the folder that was.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_long_is_an_error_and_not_half_an_answer() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let read = |most: u64| {
            let mut out = Vec::new();
            let copied = runtime.block_on(copy(Body::from("12345"), &mut out, most));
            (copied.ok(), out.len())
        };
        assert_eq!((read(5), read(4)), ((Some(5), 5), (None, 0)));
    }
}
