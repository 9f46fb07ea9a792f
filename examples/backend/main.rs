//! A service whose every part is measured: annotated functions, real parts, true numbers.
//!
//! It loads time series from CSV files into `SQLite` or `PostgreSQL` through a workflow, serves them over HTTP, answers
//! questions about them through an agent with tools (keyword rules and SQL or, with `--llm-url`, a language model that
//! chooses among them), and can send itself traffic. Run it from the root of the repository:
//!
//! ```text
//! cargo run --release --example backend -- --duration 20s
//! ```
//!
//! Where to look: `queries`, `pipeline` and `analyst` carry the attributes; `service` mounts `/metrics` and
//! `/health/performance`; `fault` breaks something on purpose, so that one can watch the health fall and come back.

mod analyst;
mod cli;
mod client;
mod deck;
mod departure;
mod error;
mod fault;
mod input;
mod moment;
mod pipeline;
mod problem;
mod queries;
mod report;
mod server;
mod service;
mod stop;
mod store;
mod tally;
mod terminal;
mod traffic;
mod upkeep;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clap::Parser;
use perf_host::CountingAllocator;
use perf_kit::llm::{BudgetSetting, Meter};
use perf_kit::notify;
use perf_runtime::rule::{RuleSet, presets};
use perf_runtime::{ConfigError, Monitor, MonitorBuilder};
use reqwest::Url;
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use analyst::Analyst;
use analyst::model::Model;
use cli::Options;
use error::Failure;
use fault::FaultSwitch;
use pipeline::Loaded;
use server::Server;
use stop::Stop;
use store::Store;
use terminal::say;
use traffic::{ClientView, Plan, Traffic};
use upkeep::Upkeep;

/// Counts what functions with `profile` allocate and give back.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// How long requests in flight may still take once the service is told to stop.
const GRACE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    // A wrong flag ends here: clap says what is wrong and exits with 2.
    let options = Options::parse();
    start_logging();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln!` would panic where standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {}", terminal::one_line(&failure.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,backend=info"));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // The filter is the log's alone: statements come at level debug. It listens to the spans of this program's functions, by which
    // the callers of statements are known: SQLite executes them on another thread.
    tracing_subscriber::registry().with(log.with_filter(filter)).with(perf_kit::sql::layer()).init();
}

/// The standard rules, but for what is bad on purpose: one route that always fails, and one that its clients give up on.
fn rules() -> Result<RuleSet, ConfigError> {
    let mut rules = presets::standard();
    for id in ["http-errors", "http-latency"] {
        rules.change(id, |rule| rule.except("route", [service::FLAKY, service::SLOW]))?;
    }
    rules.change("db-errors", |rule| rule.except("table", ["audit_log"]))?;
    Ok(rules)
}

/// The webhook that is told of alerts, with its outbox beside the history.
fn notifications(options: &Options) -> notify::Settings {
    let mut settings = notify::Settings::default();
    settings.path = Some(options.history.clone());
    let webhook = options.notify.as_ref().map(|url| ("webhook".to_owned(), notify::ChannelSettings::webhook(url)));
    settings.channels.extend(webhook);
    settings
}

async fn run(options: &Options) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    // First what may be refused: an address, a file or a port should say so before any work is done.
    let llm_url = options.llm_url()?;
    if let Some(path) = &options.report {
        report::reserve(path).await?;
    }
    let listener = server::bind(options.port).await?;
    let rules = rules()?;
    // Its errors hold nothing that is private.
    let set_up = |monitor: MonitorBuilder| monitor.namespace("mcp").rules(rules).error_texts(true).remember_panics();
    // The routes are the application's to serve. Tokens, if there are to be any, are in PERF_READ_TOKEN and PERF_ADMIN_TOKEN.
    let mut history = perf_kit::history::Settings::default();
    history.enabled = !options.no_history;
    history.path = Some(options.history.clone());
    let builder = perf_kit::builder("mcp-backend").monitor(set_up).history(history).notify(notifications(options));
    let perf = builder.without_server().start()?;
    let (monitor, own) = (perf.monitor().clone(), perf.router()?);
    let model = model(options, llm_url.as_ref(), perf.llm())?;
    let fault = FaultSwitch::default();
    let store = Arc::new(Store::open(options.database_url.as_deref(), fault.clone()).await?);
    perf_host::watch_pool(&monitor, "backend", store.pool.clone());

    let sources = options.sources();
    let mut loaded = Vec::new();
    let mut clients = ClientView::default();
    tokio::select! {
        result = pipeline::load_all(&store, &sources) => loaded = result?,
        () = stop.requested() => {}
    }
    if !loaded.is_empty() {
        let analyst = Analyst::new(Arc::clone(&store), fault.clone(), model);
        clients = serve(options, listener, (&monitor, own), (&store, analyst), fault, &loaded, &stop).await?;
    }

    report::print(&monitor, &clients);
    if let Some(path) = &options.report {
        report::write(path, &monitor, &store, &clients, &loaded).await?;
    }
    store.close().await;
    perf.shutdown().await;
    Ok(())
}

/// The model that chooses the analyst's tools, with a budget for each day, where there is to be one.
fn model(options: &Options, url: Option<&Url>, meter: Option<&Meter>) -> Result<Option<Model>, Failure> {
    let (Some(url), Some(meter)) = (url, meter) else {
        say!("no language model: keyword rules choose the analyst's tools (--llm-url names a server that has one)");
        return Ok(None);
    };
    let budget = options.llm_budget;
    meter.add_budget(BudgetSetting::per("day").agent("analyst").dollars(budget))?;
    let model = Model::new(url, &options.llm_model, options.llm_provider.as_deref(), meter);
    if model.is_local() {
        say!("the analyst asks {}, a model of your own, whose calls cost nothing", model.name());
    } else {
        if options.llm_provider.is_none() {
            say!(
                "where the host is no provider's that is known, the model has no price, and is not asked: --llm-provider names one"
            );
        }
        say!("the analyst asks {}, for at most {budget} dollars a day, until it is restarted", model.name());
    }
    Ok(Some(model))
}

/// Answers requests until told to stop, and hands back what the traffic's clients saw.
async fn serve(
    options: &Options,
    listener: TcpListener,
    (monitor, own): (&Monitor, Router),
    (store, analyst): (&Arc<Store>, Analyst),
    fault: FaultSwitch,
    loaded: &[Loaded],
    stop: &Stop,
) -> Result<ClientView, Failure> {
    store.ensure_series(traffic::OWN_SERIES).await.map_err(Failure::Schema)?;
    let (upkeep, work) = Upkeep::start(fault.clone());
    let mut server = Server::start(listener, service::router(monitor, own, store, &upkeep, analyst))?;
    say!("listening on {}", server.url().as_str().trim_end_matches('/'));

    let traffic = Traffic::start(Plan {
        url: server.url().clone(),
        series: loaded.iter().map(|file| file.series.clone()).collect(),
        clients: options.load,
        requests: options.requests,
    })?;
    let watches =
        [tokio::spawn(report::watch_health(monitor.clone())), tokio::spawn(report::watch_alerts(monitor.clone()))];
    let script = (!options.fault.is_empty())
        .then(|| tokio::spawn(fault.play(options.fault.clone(), options.fault_after, options.fault_for)));

    let ended = tokio::select! {
        () = stop.requested() => Ok(()),
        () = elapsed(options.duration) => Ok(()),
        failure = server.failed() => Err(failure),
    };

    watches.iter().for_each(tokio::task::JoinHandle::abort);
    if let Some(script) = script {
        script.abort();
    }
    let clients = traffic.finish(GRACE).await;
    server.shut_down(GRACE).await;
    drop(work);
    ended.map(|()| clients)
}

/// Waits for the given time, or for ever.
async fn elapsed(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
