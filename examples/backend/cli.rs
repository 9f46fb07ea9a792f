//! The command line: what one can ask for, and what is refused before anything starts.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use jiff::SignedDuration;
use perf_kit::llm::Money;
use reqwest::Url;

use crate::error::Failure;
use crate::fault::Fault;
use crate::input::Source;

/// A measured service: time series from CSV files, served, questioned and watched.
///
/// Without files it loads the two series it carries. It listens on 127.0.0.1 only.
#[derive(Debug, Parser)]
#[command(name = "backend", version)]
pub(crate) struct Options {
    /// CSV files to load instead, each with the header `timestamp,value`; a file's name becomes its series' name
    #[arg(value_name = "FILE.csv")]
    files: Vec<PathBuf>,

    /// Port on 127.0.0.1; 0 picks a free one and prints it
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,

    /// `postgres://user@host/database` or `sqlite://path`; without it, a fresh database in a file that is removed at the end
    #[arg(long, value_name = "URL", value_parser = database_url)]
    pub(crate) database_url: Option<String>,

    /// Number of clients that send traffic over loopback; 0 sends none
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        default_value_t = 4,
        default_missing_value = "4",
        value_parser = clap::value_parser!(u16).range(0..=256)
    )]
    pub(crate) load: u16,

    /// Each client stops after this many requests; the service goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,

    /// End by itself after this time, such as 20s, 2m or 500ms; without it, Ctrl-C ends the service
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// Break something on purpose, for a while; several at once with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) fault: Vec<Fault>,

    /// When the fault begins, counted from the first request answered
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s", requires = "fault")]
    pub(crate) fault_after: Duration,

    /// How long the fault lasts
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s", requires = "fault")]
    pub(crate) fault_for: Duration,

    /// Folder that keeps the past over restarts; a folder of one's own for each service
    #[arg(long, value_name = "DIR", default_value = "target/backend-history")]
    pub(crate) history: PathBuf,

    /// Keep nothing over restarts
    #[arg(long, conflicts_with = "history")]
    pub(crate) no_history: bool,

    /// Server that speaks as OpenAI's chat does, such as <http://127.0.0.1:11434/v1>, whose model then chooses the analyst's tools;
    /// its key, if it has one, is in `LLM_API_KEY`. Without it keyword rules choose, and no model is asked
    #[arg(long, value_name = "URL")]
    llm_url: Option<String>,

    /// Model that is asked: one that the server has
    #[arg(long, value_name = "NAME", default_value = "gpt-5-mini", requires = "llm_url", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) llm_model: String,

    /// Provider whose prices the model has, such as `openai`, or `local` for one that costs nothing; without it the host tells it, and a server on
    /// this machine is `local`
    #[arg(long, value_name = "NAME", requires = "llm_url", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) llm_provider: Option<String>,

    /// Dollars that the analyst may spend on the model in a day, or until the service is restarted: then they are there again; calls beyond are
    /// refused before they are sent
    #[arg(long, value_name = "DOLLARS", default_value = "1.00", requires = "llm_url")]
    pub(crate) llm_budget: Money,

    /// Tell this webhook of alerts (Alertmanager's payload)
    #[arg(long, value_name = "URL")]
    pub(crate) notify: Option<String>,

    /// Write the final numbers to this file as JSON
    #[arg(long, value_name = "FILE.json")]
    pub(crate) report: Option<PathBuf>,
}

impl Options {
    /// The sources to load: the files named, or the two series built into the program.
    pub(crate) fn sources(&self) -> Vec<Source> {
        if self.files.is_empty() { Source::built_in() } else { self.files.iter().cloned().map(Source::File).collect() }
    }

    /// The address of the model's server. It is looked at here and not by clap, which repeats what it refuses: a secret may stand in it.
    pub(crate) fn llm_url(&self) -> Result<Option<Url>, Failure> {
        self.llm_url.as_deref().map(llm_url).transpose().map_err(Failure::LlmUrl)
    }
}

/// Reads `20s`, `2m`, `500ms`, `1h 30m`. A bare number is refused: nobody can tell what it counts.
fn duration(text: &str) -> Result<Duration, String> {
    if text.parse::<f64>().is_ok() {
        return Err(format!("it has no unit: write {text}s, {text}m or {text}ms"));
    }
    let parsed: SignedDuration =
        text.parse().map_err(|_| "it is not a time: write one such as 20s, 2m or 500ms".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it must be longer than zero".to_owned()),
    }
}

fn llm_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("it must begin with http:// or https://".to_owned());
    }
    // Where secrets are put; it stands in the list of processes.
    let holds_more =
        !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
    if holds_more {
        Err("it must hold no user, query or fragment: a key is in LLM_API_KEY".to_owned())
    } else {
        Ok(url)
    }
}

fn database_url(text: &str) -> Result<String, String> {
    const SCHEMES: [&str; 3] = ["postgres://", "postgresql://", "sqlite://"];
    if text.contains(":memory:") {
        return Err("each connection would see another database: leave the flag out for a fresh one".to_owned());
    }
    if SCHEMES.iter().any(|scheme| text.starts_with(scheme) && text.len() > scheme.len()) {
        return Ok(text.to_owned());
    }
    Err("it must be postgres://user@host/database or sqlite://path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_agree_with_each_other() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn a_time_needs_a_unit() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        assert_eq!(duration("90"), Err("it has no unit: write 90s, 90m or 90ms".to_owned()));
        for wrong in ["", "soon", "-5s", "0s", "5 parsecs"] {
            assert!(duration(wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn load_without_a_number_is_four_clients() {
        let options = |words: &[&str]| Options::try_parse_from([&["backend"], words].concat());
        assert_eq!(options(&[]).map(|o| o.load).ok(), Some(4));
        assert_eq!(options(&["--load"]).map(|o| o.load).ok(), Some(4));
        assert_eq!(options(&["--load", "0"]).map(|o| o.load).ok(), Some(0));
    }

    #[test]
    fn a_model_is_asked_at_an_address_without_a_secret() {
        assert!(llm_url("http://127.0.0.1:11434/v1").is_ok() && llm_url("https://api.openai.com/v1/").is_ok());
        let secrets =
            ["ada:secret@example.com/v1", "secret@example.com", "example.com/v1?api-key=secret", "example.com/#secret"];
        let secrets = secrets.map(|address| format!("https://{address}"));
        for wrong in
            ["", "127.0.0.1:80", "ftp://secret.example.com/v1"].into_iter().chain(secrets.iter().map(String::as_str))
        {
            let refused = llm_url(wrong).expect_err("it was accepted");
            assert!(!refused.contains("secret"), "{refused}");
        }
        for alone in [["--llm-budget", "2"], ["--llm-model", "llama3.2"], ["--llm-provider", "local"]] {
            let options = Options::try_parse_from(["backend"].into_iter().chain(alone));
            assert!(options.is_err(), "{alone:?} of no model");
        }
    }

    #[test]
    fn only_databases_that_it_can_use_are_accepted() {
        assert!(database_url("sqlite:///tmp/some.db").is_ok());
        assert!(database_url("postgres://me@localhost/some").is_ok());
        for wrong in ["mysql://localhost/x", "sqlite://", "sqlite::memory:", "some.db"] {
            assert!(database_url(wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
