//! The calls of annotated functions, followed from their first poll to their end.

use super::reservations::Left;
use super::run::{Frame, Run, current, replace, since};
use super::run_end::RunEnd;
use super::{Inner, Metered};
use crate::cost::alias;
use crate::meter::run::locked;
use perf_runtime::extend::{MeteredCall, RunBudget, ToldUsage, UsageReceiver};
use perf_runtime::{Kind, Outcome};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// The names of a call of which nobody told provider or model.
pub(super) const UNKNOWN: &str = "unknown";

/// Whether a name may be the other one: a name that nobody told may be any.
fn fits(own: &str, other: &str) -> bool {
    own.eq_ignore_ascii_case(other) || [own, other].contains(&UNKNOWN)
}

/// Whether a provider and a model may be these others, whatever names libraries have for the provider.
pub(super) fn may_be((provider, model): (&str, &str), other: (&str, &str)) -> bool {
    fits(alias::provider(provider), alias::provider(other.0)) && fits(model, other.1)
}

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

    fn end(self: Box<Self>, told: Option<ToldUsage>, outcome: Outcome) {
        let Self { inner, frame, at, .. } = *self;
        frame.is_over.store(true, Ordering::Relaxed);
        // A stream that goes on settles what is reserved for it as it ends.
        let mut left = frame.reservations.take_left(frame.is_open_inside());
        let is_new = !frame.has_calls_inside();
        if !is_new {
            frame.keep_told(told.as_ref());
        }
        // Where it tells nothing, the call that a span told of is all that is known.
        let mut unreserved = frame.reservations.take_unreserved();
        let has_pending = || {
            left.iter().any(|left| left.pending.is_some()) || frame.reservations.has_pending() || !unreserved.is_empty()
        };
        let is_call = || frame.is_call() && !frame.reservations.was_never_sent() && !has_pending();
        let counts = is_new && (told.is_some() || is_call());
        if counts && !frame.is_booked.swap(true, Ordering::Relaxed) {
            let told = told.as_ref();
            let named = |name: Option<&String>| name.map_or(UNKNOWN, String::as_str).to_owned();
            let (provider, model) = match &frame.target {
                Some((provider, model)) => (provider.to_string(), model.to_string()),
                None => (named(told.and_then(|t| t.provider.as_ref())), named(told.and_then(|t| t.model.as_ref()))),
            };
            // Of several attempts the last one is told, which no span told the usage of.
            let pending = left.iter().rposition(|left| left.pending.is_some());
            let own = pending.or(left.len().checked_sub(1)).filter(|_| told.is_some());
            let untold = told.is_some() && own.is_none() && !frame.reservations.forget_pending();
            let same = if untold { unreserved.pop() } else { None };
            let (provider, model) = (provider.as_str(), model.as_str());
            let call = Metered {
                provider,
                model,
                at,
                told,
                took: since(at),
                frame: Some(&frame),
                user: same.as_ref().and_then(|same| same.user.as_deref()),
                is_charged: !left.is_empty(),
                is_free: false,
                is_lost: false,
                operation: same.as_ref().and_then(|same| same.operation.as_deref()),
                is_sum: false,
                was_deferred: false,
            };
            let spend = inner.book(&call);
            if let Some(own) = own {
                left.remove(own).reservation.settle(&spend);
            }
        }
        for pending in unreserved {
            inner.book(&pending.metered(Some(&frame), false));
        }
        // Of a call that was cancelled or failed nobody knows the cost: its reservation goes by its own rule, as one that is dropped.
        for Left { reservation, pending } in left {
            if let Some(pending) = pending {
                inner.book(&pending.metered(Some(&frame), true));
                pending.end(reservation);
            }
        }
        if frame.kind == Kind::Agent
            && let Some(run) = &frame.run
        {
            inner.end_run(run, run.ended_as(outcome));
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

    pub(crate) fn end_run(&self, run: &Run, ended: RunEnd) {
        let view = run.view(ended);
        self.gen_ai.run_ended(&view);
        self.figures.run_ended(&view);
        let mut book = locked(&self.book);
        run.is_over.store(true, Ordering::Relaxed);
        book.run_ended(view);
    }
}
