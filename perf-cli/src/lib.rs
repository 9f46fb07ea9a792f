//! The command `perf-cli`: asks a running service over HTTP, or its history on disk, and answers people and scripts.
//!
//! ```sh
//! perf-cli status                                # is the service at http://127.0.0.1:9464 well? exit code 1 where it is not
//! perf-cli --url https://shop.example top        # a screen that keeps up
//! perf-cli why http-latency                      # the cause of an alert
//! perf-cli history info target/backend-history   # without the service
//! perf-cli --history target/backend-history query --kind db_operation   # how series did, without the service
//! perf-cli diff base.json head.json              # two versions by the reports of their runs: exit code 1 where it is worse
//! ```
//!
//! Answers for people unless `--json` (the service's own document, where one answers the question) or `--plain` (a line a record, fields
//! parted by tabs, no heading; numbers without units: seconds, shares from 0 to 1, bytes; moments in RFC 3339; nothing where nothing is
//! known) is said. Data goes to the standard output, words about it to the standard error. Text from the service is shown without
//! control characters: it cannot command a terminal.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | it was answered |
//! | 1 | the condition asked about holds: unhealthy, regressed, damaged, a message not taken, a budget that stops calls |
//! | 2 | it was asked wrongly: an option, a value, a token, a part that the service has not; or nothing is known of what was asked. Of `diff` and `run`: nobody can tell |
//! | 3 | the service, or the file, cannot be reached, or the output not be written |

mod args;
mod cell;
mod choice;
mod client;
mod commands;
mod diff;
mod failure;
mod output;
mod past;
mod session;
mod show;
mod table;
mod top;

use args::{Args, Format};
use clap::Parser;
use clap::error::ErrorKind;
use client::Client;
use failure::Failure;
use output::{Output, is_coloured};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// The surroundings of a run: variables, and whether a person sees the output.
#[derive(Clone, Default)]
pub struct Environment {
    /// The environment's variables: `PERF_URL`, `PERF_TOKEN`, `NO_COLOR`, `TERM` and `COLUMNS` are read.
    pub variables: BTreeMap<String, String>,
    /// Whether the standard output is a terminal: colours, and lines that fit its width.
    pub is_terminal: bool,
    /// Whether the standard error is one.
    pub is_error_terminal: bool,
}

/// The names of the variables alone: one of them holds a token.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        f.debug_struct("Environment")
            .field("variables", &names)
            .field("is_terminal", &self.is_terminal)
            .field("is_error_terminal", &self.is_error_terminal)
            .finish()
    }
}

impl Environment {
    /// The variables of this process, without those that are not Unicode, and its outputs.
    pub fn of_the_process() -> Self {
        let unicode =
            std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        let (is_terminal, is_error_terminal) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self { variables: unicode.collect(), is_terminal, is_error_terminal }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Runs the command with its arguments, of which the first is its own name. The exit code is 0, 1, 2 or 3, as the table
/// [above](crate) has them. A reader of the output that is gone ends it quietly: with the code of the answer where it was known by then, as `diff` and `run`
/// have it, else with 0.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let no_color = args.iter().any(|arg| arg == "--no-color");
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return tell_usage(&error, is_coloured(environment, no_color), environment, out, err),
    };
    match carry_out(args, environment, out, err) {
        Ok(code) => code,
        Err(Failure::Closed) => 0,
        Err(failure) => {
            // Where even this cannot be told, the code is all that is left.
            let _ = writeln!(err, "perf-cli: {}", show::clean(&failure.to_string()));
            failure.code()
        }
    }
}

/// Help and the version are answers; everything else that clap says is a mistake.
fn tell_usage(
    error: &clap::Error,
    coloured: bool,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let is_answer = !error.use_stderr();
    if !is_answer && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = writeln!(err, "perf-cli: {}", show::clean(&in_one_line(&error.render().to_string())));
        return 2;
    }
    let is_seen = if is_answer { environment.is_terminal } else { environment.is_error_terminal };
    let text = error.render();
    let text = if coloured && is_seen { text.ansi().to_string() } else { text.to_string() };
    if !is_answer {
        let _ = err.write_all(text.as_bytes());
        return 2;
    }
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_or_else(|error| Failure::from(error).code(), |()| 0)
}

/// A mistake as clap tells it, in one line: the mistake, what may be meant, and whose help says more.
fn in_one_line(text: &str) -> String {
    let (mistake, usage) = text.split_once("Usage: ").unwrap_or((text, "perf-cli"));
    let mut line = String::new();
    for part in mistake.lines().map(str::trim).filter(|part| !part.is_empty()) {
        let part = part.strip_prefix("error: ").unwrap_or(part);
        let between = match part {
            _ if line.is_empty() => "",
            part if part.starts_with("tip: ") => "; ",
            _ => " ",
        };
        line.push_str(between);
        line.push_str(part.strip_prefix("tip: ").unwrap_or(part));
    }
    let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    let command: Vec<&str> = usage.split_whitespace().take_while(is_word).collect();
    format!("{line}. `{} --help` says what there is", command.join(" "))
}

fn carry_out(args: Args, environment: &Environment, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let Args { connection, style, command } = args;
    let format = match (style.json, style.plain) {
        (true, _) => Format::Json,
        (_, true) => Format::Plain,
        _ => Format::People,
    };
    let mut output = Output::new(out, err, format, environment, style.no_color);
    let client = || Client::new(&connection, environment);
    let code = commands::carry_out(command, &client, &mut output)?;
    match output.flush() {
        Ok(()) | Err(Failure::Closed) => Ok(code),
        Err(failure) => Err(failure),
    }
}
