//! The arguments of `rules`, `notify` and `history`.

use super::Range;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Every rule of the service, and how it stands
    List,
    /// Whether a file of settings is right, but for the sections of parts, without a service; exit code 1 where it is not
    Check {
        /// The file, such as perf.toml
        file: PathBuf,
    },
    /// When a rule would have fired on what is kept of a series
    Backtest {
        /// The rule's id
        rule: String,
        /// The series, as `perf-cli query` names it
        series: String,
        #[command(flatten)]
        range: Range,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Notify {
    /// The channels, and how each is
    List,
    /// Sends a message that tries a channel; exit code 1 where it was not taken
    Test {
        /// The channel's name
        channel: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum History {
    /// Its file, tiers and boots
    Info {
        /// The file or its folder; without it the running service is asked
        path: Option<PathBuf>,
    },
    /// Whether a file can be opened and its pages are as they were written; exit code 1 where they are not
    Verify {
        /// The file or its folder
        path: PathBuf,
    },
    /// Has the running service forget what was before a moment
    Prune {
        /// RFC 3339, or a span before now such as -30d
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        before: String,
        /// It cannot be undone: without this nothing is forgotten
        #[arg(long)]
        yes: bool,
    },
}
