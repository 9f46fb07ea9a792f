//! Tools for a coding agent: a message a line on the standard input, an answer a line on the standard output.
//!
//! Questions to the service are asked aside, some at once, so that a slow answer holds up neither a ping nor a cancellation. Answers
//! come in the order in which they are ready: the id of each says to which message it belongs.

use super::FINE;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use perf_mcp::{Asked, Got, Id, Refusal, Step, read};
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// The longest message, in bytes: a call of a tool has at most some long names.
const LONGEST: u64 = 64 << 10;
/// Tools that ask the service at once, and those that wait for it.
const AT_ONCE: usize = 4;
const WAITING: usize = 32;
/// Routes that a service may be without. Where others are not there it is no such service, or another address.
const OF_PARTS: [&str; 5] =
    ["/api/v1/channels", "/api/v1/incidents", "/api/v1/insight", "/api/v1/locks", "/api/v1/statements"];

enum Event {
    /// A message was read.
    Message(Step),
    /// The answer of a tool, by its number; `None` where nobody wanted it before it was there.
    Answer(u64, Option<String>),
    /// The input is at its end, or cannot be read.
    End(io::Result<()>),
}

/// Tools that are answered now, and those that wait, oldest first.
#[derive(Default)]
struct Asking {
    last: u64,
    running: Vec<Running>,
    waiting: VecDeque<Asked>,
    /// Those that run, although nobody wants their answer any more.
    unwanted: usize,
}

/// A tool that asks the service.
struct Running {
    number: u64,
    id: Id,
    /// Looked at before each question: one may take as long as the client waits for an answer.
    is_wanted: Arc<AtomicBool>,
}

pub(super) fn mcp(client: Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let (events, next) = sync_channel(16);
    let from_input = events.clone();
    // It may wait for input when nobody reads the answers any more: so it is not waited for.
    thread::spawn(move || read_input(&from_input));
    let client = Arc::new(client);
    let mut asking = Asking::default();
    let mut ended = None;
    // Those that ask are not waited for either: what nobody hears any more keeps nobody from ending.
    while ended.is_none() || !asking.is_idle() {
        let Ok(event) = next.recv() else { break };
        let answer = match event {
            Event::End(how) => {
                ended = Some(how);
                None
            }
            Event::Message(Step::Nothing) => None,
            Event::Message(Step::Reply(answer)) => Some(answer),
            Event::Message(Step::Refuse(refusal)) => Some(refusal.answer()),
            Event::Message(Step::Ask(asked)) => asking.add(*asked),
            Event::Message(Step::Cancel(id)) => {
                asking.cancel(&id);
                None
            }
            Event::Answer(number, answer) => {
                let is_wanted = asking.is_wanted(number);
                answer.filter(|_| is_wanted)
            }
        };
        asking.begin(|running, asked| begin(&client, &events, running, asked));
        if let Some(answer) = answer {
            let out = output.writer();
            out.write_all(answer.as_bytes())?;
            out.write_all(b"\n")?;
            out.flush()?;
        }
    }
    let broken = |error| Failure::Unreachable(format!("the standard input cannot be read: {error}"));
    ended.unwrap_or(Ok(())).map_err(broken)?;
    Ok(FINE)
}

impl Asking {
    /// Has a tool wait, or gives the answer where too many do.
    fn add(&mut self, asked: Asked) -> Option<String> {
        if self.waiting.len() >= WAITING {
            return Some(asked.refused("too many tools are being answered: ask again when some are"));
        }
        self.waiting.push_back(asked);
        None
    }

    fn begin(&mut self, begin: impl Fn(&Running, Asked)) {
        while self.running.len() + self.unwanted < AT_ONCE
            && let Some(asked) = self.waiting.pop_front()
        {
            self.last += 1;
            let running = Running { number: self.last, id: asked.id(), is_wanted: Arc::new(AtomicBool::new(true)) };
            begin(&running, asked);
            self.running.push(running);
        }
    }

    fn cancel(&mut self, id: &Id) {
        self.waiting.retain(|asked| asked.id() != *id);
        let before = self.running.len();
        self.running.retain(|running| running.id != *id);
        self.unwanted += before - self.running.len();
    }

    /// Whether an answer that is ready is to be sent.
    fn is_wanted(&mut self, number: u64) -> bool {
        let before = self.running.len();
        self.running.retain(|running| running.number != number);
        let is_wanted = self.running.len() < before;
        self.unwanted -= usize::from(!is_wanted);
        is_wanted
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}

fn begin(client: &Arc<Client>, events: &SyncSender<Event>, running: &Running, asked: Asked) {
    let (client, events, number) = (Arc::clone(client), events.clone(), running.number);
    let is_wanted = Arc::clone(&running.is_wanted);
    thread::spawn(move || {
        let questions = asked.questions().iter();
        let got: Option<Vec<Got>> =
            questions.map(|question| is_wanted.load(Ordering::Relaxed).then(|| ask(&client, question))).collect();
        // Nobody hears it where the output is closed.
        let _ = events.send(Event::Answer(number, got.map(|got| asked.answer(got))));
    });
}

/// Reads messages until nobody wants them.
fn read_input(events: &SyncSender<Event>) {
    let mut input = io::stdin().lock();
    loop {
        let event = match message(&mut input) {
            Ok(Some(step)) => Event::Message(step),
            Ok(None) => Event::End(Ok(())),
            Err(error) => Event::End(Err(error)),
        };
        let is_end = matches!(event, Event::End(_));
        if events.send(event).is_err() || is_end {
            return;
        }
    }
}

/// The next message; `None` at the end.
fn message(input: &mut impl BufRead) -> io::Result<Option<Step>> {
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
        return Ok(Some(Step::Refuse(Refusal::too_long(LONGEST))));
    }
    Ok(Some(if line.trim_ascii().is_empty() { Step::Nothing } else { read(&line) }))
}

fn ask(client: &Client, question: &str) -> Got {
    match client.get(question, &[]) {
        Ok(answer) => Got::Document(answer.json),
        Err(Failure::Missing(_)) if OF_PARTS.iter().any(|part| question.starts_with(part)) => Got::NotThere,
        Err(failure) => Got::Refused(failure.to_string()),
    }
}
