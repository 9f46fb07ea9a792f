//! The example: built in release, started, and ended as Ctrl-C does.

use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to end: it finishes what it answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// If this program is killed, the example ends by itself so many seconds later than it was to.
const SPARE_SECONDS: u32 = 60;

/// Builds the example, and says where it is.
pub(crate) fn build() -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    // Without `-p`, so that features are chosen as for `cargo run --release --example backend` in the root.
    let arguments = ["build", "--release", "--example", "backend", "--message-format=json", "--manifest-path", root];
    let output = Command::new(cargo).args(arguments).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("the example does not build: {}", output.status));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["target"]["name"] == "backend" && message["target"]["kind"][0] == "example")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo does not say what it built".to_owned())
}

/// The example while it runs.
pub(crate) struct Program {
    child: Child,
    url: String,
}

impl Program {
    /// Starts it with so many clients, and waits until it listens. What it prints later is passed on.
    pub(crate) fn start(program: &Path, load: u32, database: Option<&str>, seconds: u32) -> Result<Self, String> {
        let duration = format!("{}s", seconds + SPARE_SECONDS);
        let mut command = Command::new(program);
        command.args(["--port", "0", "--load", &load.to_string(), "--duration", &duration]);
        command.args(database.map(|url| ["--database-url", url]).into_iter().flatten());
        let mut child = command
            .env_remove("RUST_LOG")
            // Freed memory that glibc keeps, in an arena for each thread, would hide what the service itself keeps.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the example does not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the example has no output")?;
        let mut started = Self { child, url: String::new() };
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        started.url = url.ok_or("the example ends before it listens")?;
        thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        Ok(started)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, and sees that it ends well.
    pub(crate) fn end(mut self) -> Result<(), String> {
        self.interrupt();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the example ended with {status}")),
                None if Instant::now() > deadline => return Err("the example does not end".to_owned()),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn interrupt(&self) {
        // It may have ended by itself, which is seen when it is waited for.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
    }
}

impl Drop for Program {
    /// Ends it where something went wrong.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.interrupt();
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
