//! The calls of annotated functions, followed from their first poll to their end.

use super::run::{Frame, Heard, Run, current, replace, since};
use super::{Inner, Metered};
use crate::meter::run::locked;
use perf_runtime::Kind;
use perf_runtime::extend::{MeteredCall, RunBudget, ToldUsage, UsageReceiver};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// The names of a call of which nobody told provider or model.
const UNKNOWN: &str = "unknown";

/// Hears of the calls of annotated functions.
#[derive(Debug)]
pub(super) struct Receiver(pub(super) Weak<Inner>);

impl UsageReceiver for Receiver {
    fn begin(&self, kind: Kind, labels: &[&str], budget: &'static [RunBudget]) -> Option<Box<dyn MeteredCall>> {
        let inner = self.0.upgrade()?;
        let around = current();
        let run = around.as_ref().and_then(|frame| frame.run.clone());
        let run = match labels {
            [agent, ..] if kind == Kind::Agent => Some(inner.begin_run(agent, run, budget)),
            _ => run,
        };
        let frame = Frame::new(kind, labels, around, run);
        Some(Box::new(Tracked { inner, frame, at: SystemTime::now(), before: Vec::new() }))
    }
}

/// A call that is followed.
#[derive(Debug)]
struct Tracked {
    inner: Arc<Inner>,
    frame: Arc<Frame>,
    at: SystemTime,
    /// The call that ran before on the thread that runs this one. One, while it runs.
    before: Vec<Option<Arc<Frame>>>,
}

impl MeteredCall for Tracked {
    fn enter(&mut self) {
        self.before.push(replace(Some(Arc::clone(&self.frame))));
    }

    fn leave(&mut self) {
        if let Some(before) = self.before.pop() {
            replace(before);
        }
    }

    fn end(self: Box<Self>, told: Option<ToldUsage>) {
        let Self { inner, frame, at, .. } = *self;
        frame.is_over.store(true, Ordering::Relaxed);
        // A stream that goes on settles what is reserved for it as it ends.
        let (reservations, mut heard) = if frame.is_open_inside() { Default::default() } else { frame.take_plans() };
        let is_new = !frame.has_calls_inside();
        let is_call = frame.is_call() && !frame.was_never_sent();
        let counts = is_new && (is_call || told.is_some());
        if counts && !frame.is_booked.swap(true, Ordering::Relaxed) {
            let told = told.as_ref();
            let named = |name: Option<&String>| name.map_or(UNKNOWN, String::as_str).to_owned();
            let (provider, model) = match &frame.target {
                Some((provider, model)) => (provider.to_string(), model.to_string()),
                None => (named(told.and_then(|t| t.provider.as_ref())), named(told.and_then(|t| t.model.as_ref()))),
            };
            let is_charged = !reservations.is_empty();
            let (provider, model) = (provider.as_str(), model.as_str());
            let call = Metered {
                provider,
                model,
                at,
                told,
                took: since(at),
                frame: Some(&frame),
                user: None,
                is_charged,
                is_free: false,
                is_lost: false,
                operation: None,
                is_sum: false,
            };
            let spend = inner.book(&call);
            // Of a call that was cancelled or failed nobody knows the cost: its reservation goes by its own rule, as one that is dropped.
            if is_charged && told.is_some() {
                heard.insert(0, Heard::Cost(spend));
            }
        }
        for (reservation, heard) in reservations.into_iter().zip(heard) {
            heard.settle(reservation);
        }
        if frame.kind == Kind::Agent
            && let Some(run) = &frame.run
        {
            inner.end_run(run);
        }
    }
}

impl Inner {
    pub(crate) fn begin_run(&self, agent: &str, around: Option<Arc<Run>>, limits: &'static [RunBudget]) -> Arc<Run> {
        if !limits.is_empty() {
            self.has_run_limits.store(true, Ordering::Relaxed);
        }
        {
            let mut book = locked(&self.book);
            let agent = book.agent(agent);
            (agent.runs, agent.running) = (agent.runs + 1, agent.running + 1);
        }
        Run::new(agent, around, limits)
    }

    pub(crate) fn end_run(&self, run: &Run) {
        let view = run.view();
        self.gen_ai.run_ended(&view);
        let mut book = locked(&self.book);
        run.is_over.store(true, Ordering::Relaxed);
        book.run_ended(view);
    }
}
