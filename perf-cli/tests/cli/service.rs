//! The service that is asked, one for all tests.

use perf_cli::Environment;
use perf_kit::Outcome;
use std::fs;
use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const READ: &str = "0123456789abcdef";
pub(crate) const ADMIN: &str = "fedcba9876543210";

pub(crate) struct Service {
    url: String,
    folder: TempDir,
}

/// The output of a run, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command with the admin token.
pub(crate) fn ask(args: &[&str]) -> Ran {
    service().run(args, &[], false)
}

pub(crate) fn ask_with(args: &[&str], variables: &[(&str, &str)], is_terminal: bool) -> Ran {
    service().run(args, variables, is_terminal)
}

/// Runs the command without a service.
pub(crate) fn run(args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let environment = environment(variables, false);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["perf-cli"].iter().chain(args).map(Into::into);
    let code = perf_cli::run(args, &environment, &mut out, &mut err);
    let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { code, out, err }
}

fn environment(variables: &[(&str, &str)], is_terminal: bool) -> Environment {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Environment { variables, is_terminal, is_error_terminal: is_terminal }
}

impl Service {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its file of settings.
    pub(crate) fn settings(&self) -> String {
        self.folder.path().join("perf.toml").display().to_string()
    }

    pub(crate) fn run(&self, args: &[&str], variables: &[(&str, &str)], is_terminal: bool) -> Ran {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = self.run_into(args, variables, is_terminal, &mut out, &mut err);
        let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
        Ran { code, out, err }
    }

    pub(crate) fn run_into(
        &self,
        args: &[&str],
        variables: &[(&str, &str)],
        is_terminal: bool,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> u8 {
        let known = [("PERF_URL", self.url.as_str()), ("PERF_TOKEN", ADMIN)];
        let environment = environment(&[&known, variables].concat(), is_terminal);
        perf_cli::run(["perf-cli"].iter().chain(args).map(Into::into), &environment, out, err)
    }
}

pub(crate) fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(start)
}

fn start() -> Service {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    let file = folder.path().join("perf.toml");
    let text = format!(
        "[server]\nport = 0\nread_token = \"{READ}\"\nadmin_token = \"{ADMIN}\"\n\
        [history]\npath = \"{}\"\n\
        [notify.channels.nobody]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n\
        [[notify.routes]]\nchannels = [\"nobody\"]\ngroup_wait = \"1h\"\n\
        [report]\ndaily = \"00:00\"\n\
        [rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\ncritical = 20\n\
        [rules.marked]\nmetric = \"queue_age\"\nwarning = 10\n",
        history.display()
    );
    fs::write(&file, text).unwrap();
    let perf = perf_kit::builder("shop").config_file(&file).start().unwrap();
    let monitor = perf.monitor();
    let resize = monitor.operation("resize");
    for outcome in [Outcome::Ok, Outcome::Ok, Outcome::Error] {
        resize.record(Duration::from_millis(4), outcome);
    }
    monitor.operation("evil\u{1b}[31m\u{7}").record(Duration::from_millis(1), Outcome::Ok);
    // It runs as long as the tests do.
    let upload = monitor.operation("upload");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(upload.watch(std::future::pending::<()>()));
    });
    drop(monitor.operation("resize_all").start());
    monitor.record_custom_metric("queue_depth", 25.0, "jobs");
    monitor.record_custom_metric("queue_age", 25.0, "s");
    let begun = Instant::now();
    while monitor.alerts().active().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the rules fire");
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("http://{}", perf.server_address().expect("a port"));
    // It runs as long as the tests do.
    std::mem::forget(perf);
    Service { url, folder }
}
