//! The commands, each in a file of its own.

mod alerts;
mod budget;
mod calls;
mod compare;
mod diff;
mod doctor;
mod errors;
mod export;
mod forecast;
mod history;
mod incidents;
mod mcp;
mod notify;
mod query;
mod report;
mod rules;
mod run;
mod status;

pub(crate) use calls::{Running, name_of};
pub(crate) use query::{AllSeries, OPTIONAL, row_of, table_of_series};
pub(crate) use status::{Alerts, Health, Info, look_of_health};

use crate::args::{Args, Change, Command, Format, Notify, Of, Range, Rules};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::top;
use clap::CommandFactory;
use perf_runtime::alert::Severity;
use std::time::Duration;

/// The condition that was asked about does not hold.
const FINE: u8 = 0;
/// It holds: unhealthy, regressed, damaged, a message not taken, a budget that stops calls.
const HOLDS: u8 = 1;

/// Carries out a command. A client is made where the service is asked.
pub(crate) fn carry_out(
    command: Command,
    client: &dyn Fn() -> Result<Client, Failure>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    match command {
        Command::Status => status::status(&client()?, output),
        Command::Top(_) if output.format != Format::People => {
            let text = "top is a screen: --json and --plain are not allowed; `perf-cli query` answers scripts";
            Err(Failure::Usage(text.to_owned()))
        }
        Command::Top(args) => {
            top::top(client()?, Duration::from_secs(args.interval), output.is_coloured()).map(|()| FINE)
        }
        Command::Query(args) => query::query(&client()?, &args, output),
        Command::Calls(args) => calls::calls(&client()?, &args, output),
        Command::Errors(args) => errors::errors(&client()?, &args, output),
        Command::Alerts(args) => match args.change {
            None => alerts::list(&client()?, args.state, args.rule.as_deref(), output),
            Some(Change::Ack { id, mark, lasts }) => {
                alerts::acknowledge(&client()?, id, &mark, lasts.as_deref(), output)
            }
            Some(Change::Silence { rule, labels, mark, lasts }) => {
                alerts::silence(&client()?, rule.as_deref(), &labels, &mark, &lasts, output)
            }
            Some(Change::Unsilence { id }) => alerts::unsilence(&client()?, id, output),
        },
        Command::Incidents(args) => incidents::list(&client()?, &args, output),
        Command::Why { alert } => incidents::why(&client()?, &alert, output),
        Command::Compare(args) => compare::compare(&client()?, &args, output),
        Command::Diff(args) => diff::diff(&args, output),
        Command::Run(args) => run::run(&args, output),
        Command::Forecast(args) => forecast::forecast(&client()?, &args, output),
        Command::Export(args) => export::export(&client()?, &args, output),
        Command::Report(args) => report::report(&client()?, &args, output),
        Command::Rules(Rules::List) => rules::list(&client()?, output),
        Command::Rules(Rules::Check { file }) => rules::check(&file, output),
        Command::Rules(Rules::Backtest { rule, series, range }) => {
            rules::backtest(&client()?, &rule, &series, &range, output)
        }
        Command::Notify(Notify::List) => notify::list(&client()?, output),
        Command::Notify(Notify::Test { channel }) => notify::test(&client()?, &channel, output),
        Command::History(args) => history::history(args, client, output),
        Command::Budget => budget::budget(&client()?, output),
        Command::Doctor => doctor::doctor(&client()?, output),
        Command::Mcp => mcp::mcp(client()?, output),
        Command::Completions { shell } => {
            // Made whole first: what makes it cannot tell of a reader that is gone.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "perf-cli", &mut script);
            output.writer().write_all(&script)?;
            Ok(FINE)
        }
    }
}

/// The parameters of a question, in the order in which they were given.
#[derive(Debug, Default)]
struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name, value.to_string())));
        self
    }

    fn all(mut self, name: &'static str, values: &[String]) -> Self {
        self.0.extend(values.iter().map(|value| (name, value.clone())));
        self
    }

    fn of(self, of: &Of) -> Self {
        self.with("kind", of.kind.as_ref()).all("label", &of.labels)
    }

    fn within(self, range: &Range) -> Self {
        self.with("from", range.from.as_ref()).with("to", range.to.as_ref())
    }

    fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

pub(crate) fn look_of_severity(severity: Severity) -> Look {
    match severity {
        Severity::Critical => Look::Bad,
        Severity::Warning => Look::Warning,
    }
}
