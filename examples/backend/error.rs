//! Why the program ends with exit code 1. Each failure is one line that names the thing and says what to do.

use std::path::PathBuf;

use crate::input::InputError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "port {0} on 127.0.0.1 is already in use: stop the other program or choose another with --port (0 picks a free one)"
    )]
    PortInUse(u16),
    #[error("cannot listen on port {port} of 127.0.0.1: {cause}: choose another with --port (0 picks a free one)")]
    Listen { port: u16, cause: std::io::Error },
    #[error("cannot reach the database {url}: {reason}: check that it runs and that --database-url is right")]
    Unreachable { url: String, reason: String },
    #[error("cannot make a file for the fresh database: {0}: make room there or name a database with --database-url")]
    NoRoom(std::io::Error),
    #[error("the database refused to create the tables: {}: give a database in which you may create tables", reason(.0))]
    Schema(sqlx::Error),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{file} was not stored, and nothing of it is left: {}: check the database and run again", reason(.cause))]
    Loading { file: String, cause: sqlx::Error },
    /// Without the address: a secret may stand in it.
    #[error("--llm-url cannot be used: {0}")]
    LlmUrl(String),
    #[error("cannot measure: {0}")]
    Start(#[from] perf_kit::StartError),
    #[error("cannot judge: {0}")]
    Rules(#[from] perf_runtime::ConfigError),
    #[error("cannot listen for Ctrl-C: {0}")]
    Signals(std::io::Error),
    #[error("cannot send traffic: {0}: run without it (--load 0)")]
    Traffic(reqwest::Error),
    #[error("the server stopped: {0}: run it again")]
    Server(String),
    #[error("cannot write the report {}: {cause}: give another file with --report", path.display())]
    Report { path: PathBuf, cause: std::io::Error },
}

/// The database's own message, without the words that the driver puts around it.
pub(crate) fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
