//! A `PostgreSQL` server of one's own, for one test: in a folder of its own, on a free port, and stopped in any case.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::servers::free_port;

pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts a server, or says why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("no initdb in PATH or /usr/lib/postgresql")?;
        let folder = TempDir::with_prefix("perf-postgres-").map_err(|error| error.to_string())?;
        if is_root() {
            // The server refuses to run as root, so it runs as its own user, whose folder this becomes.
            succeed(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let server = Self { programs, folder, port: free_port() };
        let data = server.data();
        succeed(server.command("initdb").args(["--auth=trust", "--username=perf", "--no-sync", "-D", &data]))?;
        let folder = server.folder.path().display();
        let options = format!("-p {} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}", server.port);
        let log = format!("{folder}/log");
        succeed(server.command("pg_ctl").args(["start", "-w", "-D", &data, "-l", &log, "-o", &options]))?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://perf@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// One of the server's programs, to be run by a user who may.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Where it never started there is nothing to stop.
        drop(self.command("pg_ctl").args(["stop", "-m", "immediate", "-D", &self.data()]).output());
    }
}

/// The folder with the server's programs.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let packaged = packaged.map(|version| version.path().join("bin"));
    env::split_paths(&path)
        .chain(packaged)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A port that was free a moment ago.
fn succeed(command: &mut Command) -> Result<(), String> {
    let Output { status, stderr, .. } = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let told = String::from_utf8_lossy(&stderr);
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}: {told}")) }
}
