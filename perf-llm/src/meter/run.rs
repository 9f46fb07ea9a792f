//! Runs of agents, and the calls that they are made of: who is inside whom.

use super::book::{Totals, short};
use super::reservations::Reservations;
use super::run_end::RunEnd;
use super::settled::SettledCalls;
use super::tools::ToolCalls;
use crate::budget::Account;
use perf_runtime::extend::{RunBudget, ToldUsage, running_call};
use perf_runtime::{Kind, Outcome};
use serde::Serialize;
use std::cell::RefCell;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The most runs around one that it knows; deeper ones begin anew.
const DEEPEST: u32 = 64;

/// A run of an agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunView {
    /// The number of the run in this process, from 1 on.
    pub id: u64,
    /// The agent.
    pub agent: Arc<str>,
    /// The run around it.
    pub parent: Option<u64>,
    /// When it began.
    #[serde(serialize_with = "super::book::moment")]
    pub started: SystemTime,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended.
    pub ended: RunEnd,
    /// The calls made in it, those of runs inside it included.
    pub totals: Totals,
    /// Those that it made itself.
    pub own: Totals,
    /// Calls of tools that it made itself, as far as they were seen: by spans, and by [`Meter::tool_called`](super::Meter::tool_called).
    pub tool_calls: u64,
    /// So often it made one of them with the same arguments, at the most.
    pub repeats: u64,
    /// Calls that [`Meter::reserve`](super::Meter::reserve) or the HTTP client's layer asked room for in it, and a budget refused: they were not sent. Those of runs
    /// inside it are among them.
    pub refused_calls: u64,
    /// The [recorded call](perf_runtime::Monitor::recorded_call) that it is, or that it was made in: once that is over, where it was kept. It may have given way
    /// to a slower one since.
    #[serde(skip)]
    pub recorded: Option<Arc<str>>,
    /// The number of the call without a caller that it was made in.
    #[serde(skip)]
    pub(super) root_call: Option<NonZeroU64>,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) agent: Arc<str>,
    pub(crate) parent: Option<Arc<Self>>,
    depth: u32,
    /// Limits of its own, from the agent's attribute.
    pub(crate) limits: &'static [RunBudget],
    started: SystemTime,
    clock: Instant,
    /// The number of the call without a caller that it is made in: zero while nobody has looked inside one, and `NO_ROOT` where it is not known.
    root_call: AtomicU64,
    sums: Mutex<[Totals; 2]>,
    /// The accounts of budgets for this run alone.
    accounts: Mutex<Vec<Account>>,
    pub(super) tools: Mutex<ToolCalls>,
    refused: AtomicU64,
    /// Whether a budget refused the last call that it, or a run inside it, asked room for.
    was_refused_last: AtomicBool,
    /// Set under the lock of the book.
    pub(super) is_over: AtomicBool,
}

static LAST_RUN: AtomicU64 = AtomicU64::new(0);

/// In place of the number of a call that is not known.
const NO_ROOT: u64 = u64::MAX;

/// The number of the call without a caller that this thread is in; zero where no call runs.
fn root_call() -> u64 {
    running_call().map_or(0, |call| call.root_call.map_or(NO_ROOT, NonZeroU64::get))
}

impl Run {
    pub(crate) fn new(agent: &str, parent: Option<Arc<Self>>, limits: &'static [RunBudget]) -> Arc<Self> {
        let parent = parent.filter(|parent| parent.depth < DEEPEST);
        Arc::new(Self {
            id: LAST_RUN.fetch_add(1, Ordering::Relaxed) + 1,
            agent: agent.into(),
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            limits,
            started: SystemTime::now(),
            clock: Instant::now(),
            root_call: AtomicU64::new(root_call()),
            sums: Mutex::default(),
            accounts: Mutex::default(),
            tools: Mutex::default(),
            refused: AtomicU64::new(0),
            was_refused_last: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        })
    }

    /// This run and those around it, the innermost first.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |run| run.parent.as_deref())
    }

    pub(crate) fn add(&self, add: impl Fn(&mut Totals)) {
        for run in self.chain() {
            run.was_refused_last.store(false, Ordering::Relaxed);
            let [all, own] = &mut *locked(&run.sums);
            add(all);
            if run.id == self.id {
                add(own);
            }
        }
    }

    /// Notes that a budget refused a call in it, for want of room or for another reason.
    pub(super) fn refuse(&self, for_want_of_room: bool) {
        for run in self.chain() {
            run.was_refused_last.store(true, Ordering::Relaxed);
            run.refused.fetch_add(for_want_of_room.into(), Ordering::Relaxed);
        }
    }

    /// How it ended, by the outcome of its function.
    pub(super) fn ended_as(&self, outcome: Outcome) -> RunEnd {
        match outcome {
            Outcome::Error if self.was_refused_last.load(Ordering::Relaxed) => RunEnd::Budget,
            Outcome::Error => RunEnd::Error,
            Outcome::Panicked => RunEnd::Panicked,
            Outcome::Cancelled => RunEnd::Cancelled,
            Outcome::Ok => RunEnd::Ok,
        }
    }

    /// How it ended, by its span: whether that tells an error, and an answer.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn told_as(&self, is_error: bool, is_answered: bool) -> RunEnd {
        match (is_error, is_answered) {
            (false, true) => RunEnd::Ok,
            _ if self.was_refused_last.load(Ordering::Relaxed) => RunEnd::Budget,
            (true, _) => RunEnd::Error,
            (false, false) => RunEnd::Unknown,
        }
    }

    /// Notes the call without a caller that it is made in, while its body runs on this thread: the call of a function that is not async begins after its run,
    /// and may be that.
    fn note_root(&self) {
        if self.root_call.load(Ordering::Relaxed) == 0 {
            self.root_call.store(root_call(), Ordering::Relaxed);
        }
    }

    /// Notes that it is itself no call, as the run of a span: calls that begin inside it are not what it is made in.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn note_no_call(&self) {
        let _ = self.root_call.compare_exchange(0, NO_ROOT, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The calls that were booked in it.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn calls(&self) -> u64 {
        let [all, _] = &*locked(&self.sums);
        all.calls
    }

    pub(crate) fn keep(&self, account: &Account) {
        let mut accounts = locked(&self.accounts);
        if !accounts.iter().any(|kept| kept.is_same(account)) {
            accounts.push(account.clone());
        }
    }

    pub(crate) fn view(&self, ended: RunEnd) -> RunView {
        let [totals, own] = locked(&self.sums).clone();
        let (tool_calls, repeats) = {
            let tools = locked(&self.tools);
            (tools.calls, tools.most)
        };
        RunView {
            id: self.id,
            agent: Arc::clone(&self.agent),
            parent: self.parent.as_ref().map(|parent| parent.id),
            started: self.started,
            seconds: self.clock.elapsed().as_secs_f64(),
            ended,
            totals,
            own,
            tool_calls,
            repeats,
            refused_calls: self.refused.load(Ordering::Relaxed),
            recorded: None,
            root_call: Some(self.root_call.load(Ordering::Relaxed))
                .filter(|root| *root != NO_ROOT)
                .and_then(NonZeroU64::new),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A run's budgets end with it.
        for account in std::mem::take(&mut *locked(&self.accounts)) {
            account.close();
        }
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that is followed: the run of an agent, a call of a model, or another one that tells usage.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Provider and model of a call of a model.
    pub(crate) target: Option<(Arc<str>, Arc<str>)>,
    pub(crate) run: Option<Arc<Run>>,
    /// The tool that it is, or that it was made in.
    pub(crate) tool: Option<Arc<str>>,
    /// Those around it that ask whether anything was booked inside them.
    around: Option<Arc<Self>>,
    depth: u32,
    /// Calls of models that were booked inside it.
    inside: AtomicU64,
    /// Such calls that are open inside it, by spans or over HTTP.
    open_inside: AtomicU32,
    /// Such calls that ever began inside it, where it is a call of a model.
    begun_inside: AtomicU64,
    /// Whether it was booked itself: what comes later about it is not booked again.
    pub(crate) is_booked: AtomicBool,
    /// Whether it has ended.
    pub(crate) is_over: AtomicBool,
    pub(crate) reservations: Reservations,
    settled: SettledCalls,
}

impl Frame {
    pub(crate) fn new(kind: Kind, labels: &[&str], around: Option<Arc<Self>>, run: Option<Arc<Run>>) -> Arc<Self> {
        let around = around.filter(|around| around.depth < DEEPEST);
        let target = match labels {
            [provider, model, ..] if kind == Kind::LlmCall => Some((Arc::from(*provider), Arc::from(*model))),
            _ => None,
        };
        let tool = match labels {
            [tool, ..] if kind == Kind::Tool => Some(Arc::from(short(tool))),
            _ => around.as_ref().and_then(|around| around.tool.clone()),
        };
        Arc::new(Self {
            kind,
            target,
            run,
            tool,
            depth: around.as_ref().map_or(0, |around| around.depth + 1),
            around,
            inside: AtomicU64::new(0),
            open_inside: AtomicU32::new(0),
            begun_inside: AtomicU64::new(0),
            is_booked: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            reservations: Reservations::default(),
            settled: SettledCalls::default(),
        })
    }

    /// Whether it is inside `other`, or it.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.chain().any(|frame| std::ptr::eq(frame, other))
    }

    pub(crate) fn is_call(&self) -> bool {
        self.kind == Kind::LlmCall
    }

    /// It, and those around it, the innermost first.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |frame| frame.around.as_deref())
    }

    /// The innermost call of a model that an annotated function makes: it, or one around it.
    pub(crate) fn call(&self) -> Option<&Self> {
        self.chain().find(|frame| frame.is_call())
    }

    /// Notes that a call was booked inside it, and inside all around it.
    pub(crate) fn note_inside(&self) {
        for frame in self.chain() {
            frame.inside.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a call inside it was told of, and inside those around it below the call of a model that tells of it.
    pub(crate) fn note_below_call(&self) {
        for frame in self.chain().take_while(|frame| !frame.is_call()) {
            frame.inside.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a call begins inside it, and inside all around it. Gives its number among those of the call of a model that it is in, from 1 on.
    #[cfg(any(feature = "http", feature = "tracing-layer"))]
    pub(crate) fn open(&self) -> u64 {
        for frame in self.chain() {
            frame.open_inside.fetch_add(1, Ordering::Relaxed);
        }
        self.call().map_or(0, |call| call.begun_inside.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Notes that a call that began inside it is over.
    #[cfg(any(feature = "http", feature = "tracing-layer"))]
    pub(crate) fn close(&self) {
        for frame in self.chain() {
            frame.open_inside.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether a call inside it is open.
    pub(crate) fn is_open_inside(&self) -> bool {
        self.open_inside.load(Ordering::Relaxed) > 0
    }

    /// Notes that a call of it is settled by hand: what is open inside it may be the same call, and tell it again.
    pub(super) fn note_settled(&self, names: (&str, &str), told: Option<&ToldUsage>) {
        if self.is_open_inside() {
            self.settled.note(names, told, self.begun_inside.load(Ordering::Relaxed));
        }
    }

    /// Whether a call inside it, by its number, its names and what it tells at its end, was settled by hand before that.
    #[cfg(any(feature = "http", feature = "tracing-layer"))]
    pub(crate) fn was_settled(&self, number: u64, names: (&str, &str), told: Option<&ToldUsage>) -> bool {
        self.settled.has(number, names, told)
    }

    /// Keeps the usage that its function tells at its end for the call that is open inside it, where that tells none itself.
    pub(super) fn keep_told(&self, told: Option<&ToldUsage>) {
        if let Some(told) = told
            && self.is_call()
            && self.inside.load(Ordering::Relaxed) == 0
        {
            self.settled.keep_told(told.clone());
        }
    }

    /// The usage that its function told at its end, for the last call inside it that ended later, where that tells none. To be asked before
    /// that is closed.
    #[cfg(any(feature = "http", feature = "tracing-layer"))]
    pub(crate) fn take_told(&self, instead_of: Option<&ToldUsage>) -> Option<ToldUsage> {
        self.settled.take_told(instead_of, self.open_inside.load(Ordering::Relaxed) <= 1)
    }

    /// Whether a call inside it was booked, or is open and will be.
    pub(crate) fn has_calls_inside(&self) -> bool {
        self.inside.load(Ordering::Relaxed) > 0 || self.is_open_inside()
    }

    /// Notes that the call that was booked in it last was refused: what it tells at its end is of another one.
    pub(crate) fn refuse(&self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
        self.reservations.refuse();
    }
}

thread_local! {
    /// The innermost call that is followed and runs on this thread.
    static CURRENT: RefCell<Option<Arc<Frame>>> = const { RefCell::new(None) };
}

/// The innermost call that is followed and runs on this thread.
pub(crate) fn current() -> Option<Arc<Frame>> {
    let current = CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten();
    current.as_ref().and_then(|frame| frame.run.as_ref()).inspect(|run| run.note_root());
    current
}

/// Puts a call in the place of the innermost one, and gives the one before.
pub(crate) fn replace(frame: Option<Arc<Frame>>) -> Option<Arc<Frame>> {
    CURRENT
        .try_with(|current| {
            current.try_borrow_mut().ok().and_then(|mut current| std::mem::replace(&mut *current, frame))
        })
        .ok()
        .flatten()
}

/// The time since a moment, where the clock did not go back.
pub(crate) fn since(at: SystemTime) -> Option<Duration> {
    SystemTime::now().duration_since(at).ok()
}
