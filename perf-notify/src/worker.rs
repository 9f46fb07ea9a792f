//! Threads: one that decides, and one for each channel, which may block for as long as its receiver takes.

use crate::channel::{Accepted, Again, Channel, Refused};
use crate::message::{Message, MessageAlert};
use crate::outbox::{Done, Entry};
use crate::runner::Order;
use perf_runtime::extend::Service;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;
use std::time::{Instant, SystemTime};

/// Work for a channel.
pub(crate) enum Job {
    Send(Box<Entry>),
    /// All that fires, and what ended lately, for receivers that keep the state themselves.
    Mirror(Vec<MessageAlert>, SystemTime),
    /// A message that somebody waits for, until this moment.
    Test(Box<Message>, SyncSender<Result<Accepted, Refused>>, Instant),
}

/// A channel with its thread, which ends with this handle, when it has done what it was given.
pub(crate) struct Worker {
    jobs: Sender<Job>,
    pub(crate) mirrors: bool,
}

impl Worker {
    /// # Errors
    /// No thread can be made.
    pub(crate) fn begin(
        name: &str,
        service: Option<Service>,
        receiver: Box<dyn Channel>,
        orders: Sender<Order>,
    ) -> std::io::Result<Self> {
        let (jobs, work) = channel();
        let mirrors = receiver.mirrors();
        let own = name.to_owned();
        thread::Builder::new()
            .name(format!("perf-notify-{name}"))
            .spawn(move || run(&own, service.as_ref(), receiver, &work, &orders))?;
        Ok(Self { jobs, mirrors })
    }

    /// Gives work. Where the thread is gone, nothing happens.
    pub(crate) fn give(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

fn run(
    name: &str,
    service: Option<&Service>,
    mut receiver: Box<dyn Channel>,
    work: &Receiver<Job>,
    orders: &Sender<Order>,
) {
    while let Ok(job) = work.recv() {
        match job {
            Job::Send(entry) => {
                let started = Instant::now();
                let answer = guarded(|| receiver.send(&entry.message));
                let done = Done { channel: name.to_owned(), id: entry.id, answer, took: started.elapsed() };
                let _ = orders.send(Order::Done(Box::new(done)));
            }
            Job::Mirror(alerts, at) => {
                let started = Instant::now();
                let answer = guarded(|| receiver.mirror(&alerts, service, at));
                let _ = orders.send(Order::Mirrored { channel: name.to_owned(), answer, took: started.elapsed() });
            }
            // Nobody waits any more, and was told that the channel is busy.
            Job::Test(_, _, until) if Instant::now() >= until => {}
            Job::Test(message, asks, _) => {
                let started = Instant::now();
                let answer = guarded(|| receiver.send(&message));
                let _ = asks.send(answer.clone());
                let took = started.elapsed();
                let _ = orders.send(Order::Tested { channel: name.to_owned(), message, answer, took });
            }
        }
    }
}

/// A panic of a channel is a failure of that attempt.
fn guarded(attempt: impl FnOnce() -> Result<Accepted, Refused>) -> Result<Accepted, Refused> {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| {
        Err(Refused { reason: "the channel panicked".to_owned(), status: None, again: Again::Later })
    })
}
