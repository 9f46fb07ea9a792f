//! The arguments of `diff` and `run`.

use clap::Args as Group;
use std::ffi::OsString;
use std::path::PathBuf;

pub(super) const DIFF: &str = "\
Examples:
  perf-cli diff base.json head.json                 a report of each side: counts alone are judged
  perf-cli diff runs/base runs/head                 folders of reports: from five runs of each side on, times too
  perf-cli diff 1.json,2.json 3.json,4.json         some files of each
  perf-cli diff runs/base runs/head --markdown      for a pull request";

pub(super) const RUN: &str = "\
Examples:
  perf-cli run --base main --build 'cargo build --release' -- target/release/load    main against the working tree
  perf-cli run -n 15 --base v1.2 -- python3 load.py                 what needs no build
  perf-cli run -n 7 --output runs/base -- ./load                    one side, for `perf-cli diff` later

The command is to end with `Perf::shutdown`, which writes its report where PERF_REPORT_AT_SHUTDOWN says, and to do the same
work each time. --base makes a worktree of REF in a folder beside the repository, which is removed at the end, and runs the two in turn:
base, head, head, base, and so on, after one run of each that does not count. A path of the program that is inside of the repository
is looked for in each version. Of `cargo run` the peak memory would be cargo's own: build by --build, and run the program itself.";

pub(super) const VERDICTS: &str = "\
Exit codes: 0 fine, 1 something is worse, 2 cannot tell: too little is known, a run failed, or it was asked wrongly; 3 a file cannot be reached.";

/// How two versions are judged.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Judgement")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Judging {
    /// The smallest change of times, and of counts that vary, that matters
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    pub(crate) at_least: f64,
    /// Leaves out series, such as 'cache_*'; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) ignore: Vec<String>,
    /// Series of which more calls, or a greater count, are better; else they are worse
    #[arg(long, value_name = "PATTERN")]
    pub(crate) more_is_better: Vec<String>,
    /// Where anything is unclear, nobody can tell; p95 and p99 are, unless --at-least is beyond their bucket of 6.25 %
    #[arg(long)]
    pub(crate) strict: bool,
    /// Judges times also of sides that were not run in turn: the machine was the same, and at rest
    #[arg(long)]
    pub(crate) apart: bool,
    /// Also what is the same
    #[arg(long)]
    pub(crate) all: bool,
    /// Markdown, as for a comment on a pull request
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// A share such as `5%` or `0.05`.
fn share(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = text.strip_suffix('%').map_or_else(|| number(text), |part| number(part).map(|part| part / 100.0));
    share.filter(|share| (0.0..=10.0).contains(share)).ok_or_else(|| "allowed is 0% to 1000%, or 0 to 10".to_owned())
}

#[derive(Debug, Group)]
pub(crate) struct Diff {
    /// Reports of the version before: a file, a folder of files that end with .json, or files with commas between
    pub(crate) base: String,
    /// Reports of the version after, in the same way
    pub(crate) head: String,
    #[command(flatten)]
    pub(crate) judging: Judging,
}

#[derive(Debug, Group)]
pub(crate) struct Run {
    /// Runs of each side that count
    #[arg(short = 'n', long = "runs", value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// The version before: a branch, a tag or a commit of the repository here
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// The build that is run by `sh -c` once in each version before its first run
    #[arg(long, value_name = "COMMAND")]
    pub(crate) build: Option<String>,
    /// The folder for the reports, which is new or empty; with --base they are in base and head inside of it
    #[arg(long, short, value_name = "PATH", required_unless_present = "base")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// The command, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
