//! The example as a program: built once, started, listened to, and ended in any case.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::servers::PATIENCE;

/// A running example.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    /// The lines printed so far.
    printed: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

/// The exit code and the output of an example that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub(crate) fn start<S: AsRef<str>>(arguments: &[S]) -> Self {
        // How busy the machine is that tests run on is no part of what they expect.
        Self::start_with(arguments, "network,monitoring")
    }

    /// The same with these parts of the host.
    pub(crate) fn start_with<S: AsRef<str>>(arguments: &[S], host: &str) -> Self {
        let mut child = Command::new(binary())
            .args(arguments.iter().map(AsRef::as_ref))
            .env_remove("RUST_LOG")
            .env("PERF_HOST_PARTS", host)
            // The past of other tests is no part of what they expect.
            .env("PERF_HISTORY_ENABLED", "false")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            BufReader::new(stderr).read_to_string(&mut text).expect("UTF-8");
            text
        });
        Self { child, lines, printed: Vec::new(), errors: Some(errors) }
    }

    /// Waits for the next line that is wanted.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.printed.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the line did not come; printed so far: {:#?}", self.printed)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the program ended early: {:#?}", self.ended())
                }
            }
        }
    }

    /// The lines printed until now.
    pub(crate) fn printed(&mut self) -> &[String] {
        self.printed.extend(self.lines.try_iter());
        &self.printed
    }

    /// The address that it prints once it answers.
    pub(crate) fn url(&mut self) -> String {
        let line = self.wait_for(|line| line.starts_with("listening on "));
        line.trim_start_matches("listening on ").to_owned()
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> Ended {
        assert!(self.signal("-INT").is_ok_and(|status| status.success()), "it is gone");
        self.ended()
    }

    fn signal(&self, signal: &str) -> std::io::Result<ExitStatus> {
        Command::new("kill").arg(signal).arg(self.child.id().to_string()).status()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> Ended {
        let status = self.wait();
        self.printed.extend(self.lines.iter());
        let errors = self.errors.take().expect("it ends once");
        Ended {
            code: status.code(),
            stdout: self.printed.join("\n"),
            stderr: errors.join().expect("the reader does not panic"),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; printed so far: {:#?}", self.printed);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    /// Ends it where the test did not: first as Ctrl-C does, so that it leaves nothing behind.
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        // Each step may find that it has ended already.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.signal("-INT"));
        }
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the example to its end.
pub(crate) fn run<S: AsRef<str>>(arguments: &[S]) -> Ended {
    Program::start(arguments).ended()
}

/// The example's file, built if need be: cargo hands a test only the programs of its own package.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    // Without `-p`, so that features are chosen as for `cargo run --example backend` in the root.
    let mut cargo = Command::new(env!("CARGO"));
    // The names of this package, which cargo gives to its tests: build scripts that look at them (ring's) would run again, and all that
    // stands on them would be built anew, here and by the next command.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_package)) {
        cargo.env_remove(name);
    }
    cargo.args(["build", "--example", "backend", "--message-format=json"]);
    cargo.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(output.status.success(), "the example does not build");
    let messages = String::from_utf8(output.stdout).expect("UTF-8");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "backend" && message["target"]["kind"][0] == "example")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built")
}
