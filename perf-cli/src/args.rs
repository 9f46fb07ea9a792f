//! The arguments, as data.

#![expect(clippy::doc_markdown, reason = "these comments are the texts of the help: they are shown as they stand")]

mod examples;
mod parts;
mod versions;

use crate::choice::{Ahead, ExportFormat, Figure, Period, Sort, State, Window};
use clap::{Args as Group, Parser, Subcommand};
pub(crate) use parts::{History, Notify, Rules};
use std::path::PathBuf;
use versions::{DIFF, RUN, VERDICTS};
pub(crate) use versions::{Diff, Judging, Run};

const EXAMPLES_FIRST: &str = "{about}\n\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  perf-cli status                           is the service well? exit code 1 where it is unhealthy
  perf-cli --url https://shop.example top   a screen that keeps up
  perf-cli query --kind db_operation        how series did in the last minute
  perf-cli why http-latency                 the cause of an alert
  perf-cli alerts ack 3 --by ada            take notice of an alert
  perf-cli history info /var/lib/perf       a history without its service
  perf-cli --history /var/lib/perf errors   the last hour of a service that does not run
  perf-cli diff base.json head.json         is this version worse than the one before? by reports of their runs
  perf-cli run -n 7 --base main -- ./load   the same by running both in turn; exit code 1 where it is worse";

/// Asks a service that is measured with perf, or its history on disk.
#[derive(Debug, Parser)]
#[command(
    name = "perf-cli",
    version,
    help_template = EXAMPLES_FIRST,
    before_help = EXAMPLES,
    after_help = "Exit codes: 0 answered, 1 the condition holds (unhealthy, regressed, damaged), 2 asked wrongly or nothing known (of diff and run: cannot tell), 3 cannot be reached.",
    max_term_width = 120
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) style: Style,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the service is.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Service")]
pub(crate) struct Connection {
    /// Address of the service, with the path where its pages are mounted; else PERF_URL, else http://127.0.0.1:9464
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// File whose first line is the token; else PERF_TOKEN
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// File of certificates to trust instead of those that browsers trust
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Asks the history in this file or folder in place of its service, which does not run: query, calls --recent, errors, incidents, compare, export, report;
    /// its last hour where no range is given
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["url", "token_file", "ca_file"])]
    pub(crate) history: Option<PathBuf>,
    /// Seconds to wait for an answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) timeout: u64,
}

/// How answers are written.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Output")]
pub(crate) struct Style {
    /// JSON: the service's own document, where one answers the question
    #[arg(long, global = true, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// One line a record, fields parted by tabs, no heading; numbers without units: seconds, shares, bytes
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// No colours; so does NO_COLOR
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    People,
    Plain,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The health, why it is not 100, and what fires; exit code 1 where it is unhealthy
    #[command(before_help = examples::STATUS, help_template = EXAMPLES_FIRST)]
    Status,
    /// A screen that keeps up: health, series, kinds, running calls, alerts; `?` lists the keys
    #[command(before_help = examples::TOP, help_template = EXAMPLES_FIRST)]
    Top(Top),
    /// How series did in a window; with SERIES, --from or --step, step by step over a range
    #[command(before_help = examples::QUERY, help_template = EXAMPLES_FIRST)]
    Query(Query),
    /// Calls that run now, the oldest first; with --recent, calls that are kept whole; with ID, one of them with the calls inside
    #[command(before_help = examples::CALLS, help_template = EXAMPLES_FIRST)]
    Calls(Calls),
    /// Failures by kind, of each series that failed
    #[command(before_help = examples::ERRORS, help_template = EXAMPLES_FIRST)]
    Errors(Errors),
    /// Alerts that fire and that are pending; acknowledge and silence them
    #[command(before_help = examples::ALERTS, help_template = EXAMPLES_FIRST)]
    Alerts(Alerts),
    /// Incidents: the alerts that one cause explains, the newest first
    #[command(before_help = examples::INCIDENTS, help_template = EXAMPLES_FIRST)]
    Incidents(Incidents),
    /// The cause of an alert, as far as it is known
    #[command(before_help = examples::WHY, help_template = EXAMPLES_FIRST)]
    Why {
        /// The alert's number, its fingerprint, or the id of its rule
        alert: String,
    },
    /// Whether one range of time, or version, is better or worse than another; exit code 1 where something is worse
    #[command(before_help = examples::COMPARE, help_template = EXAMPLES_FIRST)]
    Compare(Compare),
    /// Whether one version of a program is worse than another, by reports of their runs; exit code 1 where it is, 2 where nobody can tell
    #[command(before_help = DIFF, help_template = EXAMPLES_FIRST, after_help = VERDICTS)]
    Diff(Diff),
    /// Runs a program several times, and with --base the version before in turn: is it worse? Exit codes as of diff
    #[command(before_help = RUN, help_template = EXAMPLES_FIRST, after_help = VERDICTS)]
    Run(Run),
    /// The values that come, and when a limit is reached
    #[command(before_help = examples::FORECAST, help_template = EXAMPLES_FIRST)]
    Forecast(Forecast),
    /// Everything that is known of a range of time, as a file for others; or a dashboard for Grafana
    #[command(before_help = examples::EXPORT, help_template = EXAMPLES_FIRST)]
    Export(Export),
    /// Reports that the service keeps; with day, week or session one of them, with --from one of any range now
    #[command(before_help = examples::REPORT, help_template = EXAMPLES_FIRST)]
    Report(Report),
    /// Rules: how they stand, whether a file of settings is right, and when one would have fired
    #[command(subcommand, before_help = examples::RULES, help_template = EXAMPLES_FIRST)]
    Rules(Rules),
    /// Channels by which people are told of alerts
    #[command(subcommand, before_help = examples::NOTIFY, help_template = EXAMPLES_FIRST)]
    Notify(Notify),
    /// A history on disk, with or without its service
    #[command(subcommand, before_help = examples::HISTORY, help_template = EXAMPLES_FIRST)]
    History(History),
    /// Budgets of language models: spent and left; exit code 1 where one has stopped calls
    #[command(before_help = examples::BUDGET, help_template = EXAMPLES_FIRST)]
    Budget,
    /// Looks for what is commonly set up wrongly; exit code 1 where something is
    #[command(before_help = examples::DOCTOR, help_template = EXAMPLES_FIRST)]
    Doctor,
    /// Tools for a coding agent, on standard input and output, by the Model Context Protocol
    #[command(before_help = examples::MCP, help_template = EXAMPLES_FIRST)]
    Mcp,
    /// A script that completes the command's words in a shell
    #[command(before_help = examples::COMPLETIONS, help_template = EXAMPLES_FIRST)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which series.
#[derive(Debug, Group)]
pub(crate) struct Of {
    /// Only series of this kind, such as db_operation
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only series with this label; may be given several times
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,
}

/// Which time.
#[derive(Debug, Group)]
pub(crate) struct Range {
    /// Start: RFC 3339, or a span before now such as -2h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// End, in the same way; else now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Group)]
pub(crate) struct Top {
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) interval: u64,
}

#[derive(Debug, Group)]
pub(crate) struct Query {
    /// A series such as `db_operation{table=users}`, or a metric such as `process_cpu_*`: its values step by step
    pub(crate) series: Vec<String>,
    #[command(flatten)]
    pub(crate) of: Of,
    /// The window of the table of series
    #[arg(long, value_enum, default_value = "1m", conflicts_with_all = ["from", "to", "step", "series"])]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) range: Range,
    /// The least length of a step, such as 30s
    #[arg(long, value_name = "SPAN")]
    pub(crate) step: Option<String>,
    /// The figure by which the table of series is sorted, the greatest first
    #[arg(long, value_enum, default_value = "count", conflicts_with_all = ["from", "to", "step", "series"])]
    pub(crate) sort: Sort,
    /// Most series
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
}

#[derive(Debug, Group)]
pub(crate) struct Calls {
    /// The id of a kept call
    #[arg(conflicts_with_all = ["recent", "kind", "labels", "from", "to"])]
    pub(crate) id: Option<String>,
    /// Calls that ended and are kept: of each series and minute the slowest and the first that failed
    #[arg(long)]
    pub(crate) recent: bool,
    #[command(flatten)]
    pub(crate) of: Of,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Most calls
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
}

#[derive(Debug, Group)]
pub(crate) struct Errors {
    #[command(flatten)]
    pub(crate) of: Of,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Most series
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
}

#[derive(Debug, Group)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Alerts {
    /// Only alerts in this state; else those that fire and those that are pending
    #[arg(long, value_enum)]
    pub(crate) state: Option<State>,
    /// Only alerts of this rule
    #[arg(long, value_name = "ID")]
    pub(crate) rule: Option<String>,
    #[command(subcommand)]
    pub(crate) change: Option<Change>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Takes notice of an alert, which ends its escalation
    Ack {
        /// The alert's number
        id: u64,
        #[command(flatten)]
        mark: Mark,
        /// How long it lasts, such as 30m; else to the end of the alert
        #[arg(long = "for", value_name = "SPAN")]
        lasts: Option<String>,
    },
    /// Has nobody told of some alerts for a while
    Silence {
        /// Those of this rule
        #[arg(long, value_name = "ID", required_unless_present = "labels")]
        rule: Option<String>,
        /// Those with this label; may be given several times
        #[arg(long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
        #[command(flatten)]
        mark: Mark,
        /// How long it lasts, such as 2h
        #[arg(long = "for", value_name = "SPAN")]
        lasts: String,
    },
    /// Ends a silence
    Unsilence {
        /// The silence's number
        id: u64,
    },
}

/// Whose mark it is, and why.
#[derive(Debug, Group)]
pub(crate) struct Mark {
    /// The name of the person
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// The reason
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) comment: String,
}

#[derive(Debug, Group)]
pub(crate) struct Incidents {
    /// Only incidents that are open
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) range: Range,
    /// Most incidents
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=200))]
    pub(crate) limit: u64,
}

#[derive(Debug, Group)]
pub(crate) struct Compare {
    /// The range before, such as -2h/-1h, or a version, as `history info` lists them
    #[arg(allow_hyphen_values = true, value_name = "FROM/TO")]
    pub(crate) before: String,
    /// The range after, such as -1h/now, or a version
    #[arg(allow_hyphen_values = true, value_name = "FROM/TO")]
    pub(crate) after: String,
    #[command(flatten)]
    pub(crate) of: Of,
    /// The figure that is compared
    #[arg(long, value_enum, default_value = "latency", conflicts_with = "output")]
    pub(crate) figure: Figure,
    /// Writes all figures side by side to this file, as one page of HTML
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Has the service keep all figures side by side, among its reports; needs the admin token
    #[arg(long, conflicts_with_all = ["output", "figure", "kind", "labels"])]
    pub(crate) keep: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Forecast {
    /// A series of calls, or a metric such as `system_disk_utilization_ratio`; else every series of calls
    pub(crate) series: Vec<String>,
    #[command(flatten)]
    pub(crate) of: Of,
    /// The figure of series of calls
    #[arg(long, value_enum, default_value = "latency")]
    pub(crate) figure: Figure,
    /// How far ahead
    #[arg(long, value_enum, default_value = "hour")]
    pub(crate) ahead: Ahead,
    /// A limit, in the unit of the series: when is it reached?
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) reaches: Option<f64>,
}

#[derive(Debug, Group)]
pub(crate) struct Export {
    /// The format
    #[arg(value_enum)]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) range: Range,
    /// The length of a step, such as 5m
    #[arg(long, value_name = "SPAN")]
    pub(crate) step: Option<String>,
    /// The dashboard, of `grafana`: overview, or a kind such as db_operation
    #[arg(long, value_name = "NAME", default_value = "overview")]
    pub(crate) dashboard: String,
    /// The file to write; else the standard output
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Report {
    /// Which: the latest of its kind (of comparisons the one made last), unless ID names another; without it all are listed
    #[arg(value_enum, conflicts_with_all = ["from", "to"])]
    pub(crate) kind: Option<Period>,
    /// The id, as the list has it, such as daily-2026-11-28
    #[arg(conflicts_with = "make")]
    pub(crate) id: Option<String>,
    /// Has it made now, of the last day, week or session that is over, where it is not there; needs the admin token
    #[arg(long, requires = "kind")]
    pub(crate) make: bool,
    #[command(flatten)]
    pub(crate) range: Range,
    /// The format; else a summary on one screen
    #[arg(long, value_enum)]
    pub(crate) format: Option<ExportFormat>,
    /// The file to write; else the standard output
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}
