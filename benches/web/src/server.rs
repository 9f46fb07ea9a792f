//! The server: a child that serves until its input ends, and says at each line of it what it has cost so far.

use crate::service::Served;
use crate::ways::Way;
use kit::child;
use kit::cores::pin;
use kit::cost::Cpu;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The first argument of a child that serves.
pub(crate) const SERVE: &str = "serve";
/// The argument of a child in which spans are on.
pub(crate) const SUBSCRIBER: &str = "subscriber";

/// The figures of a server, by itself.
pub(crate) struct Told {
    /// Seconds of processor time, in the program and in the system on its behalf.
    pub(crate) cpu: f64,
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
        let mut command = child::command(&[SERVE, way.name, if subscriber { SUBSCRIBER } else { "" }]);
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
        let [cpu, counted] = numbers[..] else { return Err(format!("the server answers {line:?}")) };
        Ok(Told { cpu, counted })
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
pub(crate) fn serve(way: Way, runtime: &Runtime) {
    let Served { app, scrape } = (way.serve)();
    // Before this thread is bound to a core, so that no other is.
    thread::spawn(move || answer(way, &scrape));
    pin(1);
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        println!("{}", listener.local_addr().expect("it is bound").port());
        axum::serve(listener, app).await.expect("it serves until it is killed");
    });
}

fn answer(way: Way, scrape: &dyn Fn() -> String) {
    for _ in stdin().lock().lines() {
        // Before the scrape, which is no part of serving.
        let Cpu { user, system } = Cpu::of_process();
        let text = scrape();
        let samples = text.lines().filter(|line| way.counter.is_some_and(|counter| line.starts_with(counter)));
        let counted: f64 = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        // Together they are exact; which is which, the system only samples.
        println!("{} {counted}", (user + system).as_secs_f64());
        let _ = stdout().flush();
    }
    // Nobody asks any more.
    std::process::exit(0);
}
