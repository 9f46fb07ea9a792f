//! The server: a child that serves until its input ends, and says at each line of it what it has cost so far.

use crate::service::Way;
use kit::child;
use kit::cores::pin;
use kit::cost::Cpu;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, ExitCode, Stdio};
use std::thread;
use tokio::net::TcpListener;

/// What a server says of itself.
pub(crate) struct Told {
    /// Seconds of processor time in the program.
    pub(crate) user: f64,
    /// And in the system, on its behalf.
    pub(crate) system: f64,
    /// Requests that were counted.
    pub(crate) counted: f64,
}

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    pub(crate) fn start(way: Way, subscriber: bool) -> Result<Self, String> {
        let place = Way::ALL.iter().position(|other| *other == way).unwrap_or_default().to_string();
        let mut command = child::command(&[&place, if subscriber { "subscriber" } else { "" }]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut server = Self { child, questions, answers: BufReader::new(answers), port: 0 };
        server.port = server.line()?.trim().parse().map_err(|_| "the server names no port")?;
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Asks what it has cost so far.
    pub(crate) fn ask(&mut self) -> Result<Told, String> {
        self.questions.write_all(b"\n").and_then(|()| self.questions.flush()).map_err(|error| error.to_string())?;
        let line = self.line()?;
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [user, system, counted] = numbers[..] else { return Err(format!("the server answers {line:?}")) };
        Ok(Told { user, system, counted })
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves on a free port of loopback.
pub(crate) fn run_child(arguments: &[String]) -> ExitCode {
    let [place, subscriber] = arguments else { return ExitCode::FAILURE };
    let Some(&way) = place.parse().ok().and_then(|place: usize| Way::ALL.get(place)) else { return ExitCode::FAILURE };
    if subscriber == "subscriber" {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("the only one");
    }
    let (app, scrape) = way.service();
    // Before this thread is bound to a core, so that no other is.
    thread::spawn(move || answer(way, &scrape));
    pin(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        println!("{}", listener.local_addr().expect("it is bound").port());
        axum::serve(listener, app).await.expect("it serves until it is killed");
    });
    ExitCode::SUCCESS
}

fn answer(way: Way, scrape: &dyn Fn() -> String) {
    for _ in stdin().lock().lines() {
        // Before the scrape, which is no part of serving.
        let Cpu { user, system } = Cpu::of_process();
        let text = scrape();
        let samples = text.lines().filter(|line| line.starts_with(way.counter()));
        let counted: f64 = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        println!("{} {} {counted}", user.as_secs_f64(), system.as_secs_f64());
        let _ = stdout().flush();
    }
    // Nobody asks any more.
    std::process::exit(0);
}
