//! The usage of language models that calls tell: who hears of it, and the bodies during which it is asked for.
//!
//! This crate knows neither prices nor budgets. A part that does registers as the receiver; without one, a call pays for one relaxed load.

use super::execution::Call;
use super::failed;
use super::future::{Watched, WatchedLate, watch, watch_late};
use super::profiled::Profiled;
use super::scope::Scope;
use crate::guarded::run_guarded;
use crate::measure::cells::meter::Meter;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::thread;

/// There is a receiver already: a process has one, and the first stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverTaken;

impl fmt::Display for ReceiverTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usage: there is a receiver already; a process takes one, and the first stays")
    }
}

impl Error for ReceiverTaken {}

/// The receivers, each with the isolated test that it is of: at most one outside of tests.
static RECEIVERS: RwLock<Vec<(usize, Arc<dyn UsageReceiver>)>> = RwLock::new(Vec::new());
/// So many there are: without one, calls look no further.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The isolated test that this thread works for; 0 where there is none.
fn test_of_thread() -> usize {
    #[cfg(any(test, feature = "test-util"))]
    return isolation::current().map_or(0, |test| ptr::from_ref(test).addr());
    #[cfg(not(any(test, feature = "test-util")))]
    0
}

/// Registers the part that hears of the usage of all annotated functions, until the guard is dropped.
///
/// # Errors
/// [`ReceiverTaken`] where there is one already.
pub fn receive_usage(receiver: Arc<dyn UsageReceiver>) -> Result<ReceivesUsage, ReceiverTaken> {
    let test = test_of_thread();
    let mut receivers = RECEIVERS.write().unwrap_or_else(PoisonError::into_inner);
    if receivers.iter().any(|(of, _)| *of == test) {
        return Err(ReceiverTaken);
    }
    receivers.push((test, receiver));
    COUNT.store(receivers.len(), Ordering::Relaxed);
    Ok(ReceivesUsage(test))
}

/// The guard of a receiver that [`receive_usage`] registered.
#[derive(Debug)]
#[must_use = "dropping the guard unsubscribes"]
pub struct ReceivesUsage(usize);

impl Drop for ReceivesUsage {
    fn drop(&mut self) {
        let mut receivers = RECEIVERS.write().unwrap_or_else(PoisonError::into_inner);
        let gone = receivers.iter().position(|(test, _)| *test == self.0).map(|place| receivers.swap_remove(place));
        COUNT.store(receivers.len(), Ordering::Relaxed);
        drop(receivers);
        // Dropped when nothing is locked.
        drop(gone);
    }
}

fn receiver() -> Option<Arc<dyn UsageReceiver>> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let test = test_of_thread();
    let receivers = RECEIVERS.read().unwrap_or_else(PoisonError::into_inner);
    receivers.iter().find(|(of, _)| *of == test).map(|(_, receiver)| Arc::clone(receiver))
}

mod ending;
pub(crate) mod stream;
mod usage;

pub(super) use ending::end_told;
pub use usage::{MeteredCall, TellsUsage, ToldUsage, UsageReceiver};

/// A call whose usage is asked for, from its first poll or entry on.
struct Followed {
    of: Option<(&'static Site, &'static Meter)>,
    call: Option<Box<dyn MeteredCall>>,
    /// The last usage that an item of a stream told, or the value of a sync body.
    told: Option<Box<ToldUsage>>,
    /// Whether the body runs: dropped meanwhile, it unwinds.
    is_inside: bool,
}

impl Followed {
    fn new(call: &Call) -> Self {
        Self { of: call.its_site().map(|site| (site, call.meter())), call: None, told: None, is_inside: false }
    }

    /// Begins or goes on.
    fn enter(&mut self) {
        if let Some((site, meter)) = self.of.take()
            && let Some(receiver) = receiver()
        {
            let labels = site.label_values(site.index_of(meter));
            self.call = run_guarded(|| receiver.begin(site.kind(), &labels, site.spec.budget)).flatten();
        }
        if let Some(call) = &mut self.call {
            run_guarded(|| call.enter());
        }
    }

    fn leave(&mut self) {
        if let Some(call) = &mut self.call {
            run_guarded(|| call.leave());
        }
    }

    /// Ends it as its call ends, with the usage that was told.
    fn end_with_call(&mut self, told: impl FnOnce() -> Option<ToldUsage>) {
        if let Some(call) = self.call.take() {
            ending::await_end(call, run_guarded(told).flatten());
        }
    }

    /// Ends it with the last usage that was told.
    fn end(&mut self, outcome: Outcome) {
        if let Some(call) = self.call.take() {
            let told = self.told.take().map(|told| *told);
            run_guarded(|| call.end(told, outcome));
        }
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("is_followed", &self.call.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.end(if self.is_inside { Outcome::Panicked } else { Outcome::Cancelled });
    }
}

/// A panic leaves it as it is: each of its steps holds the receiver's panics back.
impl UnwindSafe for Followed {}
impl RefUnwindSafe for Followed {}

pin_project_lite::pin_project! {
    /// An async body during whose polls calls of language models belong to its call.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Metered<F, U> {
        // Dropped before the call ends: calls within it are a part of it.
        #[pin]
        body: F,
        usage: U,
        followed: Followed,
    }
}

/// A part of a call, on one thread from beginning to end.
struct Part<'a>(&'a mut Followed);

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<F: Future, U: Fn(&F::Output) -> Option<ToldUsage>> Future for Metered<F, U> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.followed.enter();
        this.followed.is_inside = true;
        let part = Part(this.followed);
        let polled = this.body.poll(context);
        part.0.is_inside = false;
        drop(part);
        if let Poll::Ready(value) = &polled {
            this.followed.end_with_call(|| (this.usage)(value));
        }
        polled
    }
}

/// No usage in a returned value: of a function without the option `usage`.
pub fn no_usage<T>(_: &T) -> Option<ToldUsage> {
    None
}

/// As [`watch`], and asks for the usage of language models.
pub fn watch_metered<F, U, E>(
    call: Call,
    body: F,
    usage: U,
    end: E,
) -> Watched<Metered<F, U>, impl Fn(&F::Output, &mut Call)>
where
    F: Future,
    U: Fn(&F::Output) -> Option<ToldUsage>,
    E: Fn(&F::Output, &mut Call),
{
    let body = call.metered(body, usage);
    watch(call, body, move |value: &F::Output, call: &mut Call| end_told(call, |call| end(value, call)))
}

/// As [`watch_late`], of a body whose usage of language models is asked for.
pub fn watch_late_metered<M, F, E>(call: Call, make: M, end: E) -> WatchedLate<M, F, impl Fn(&F::Output, &mut Call)>
where
    M: FnOnce(&mut Call) -> F,
    F: Future,
    E: Fn(&F::Output, &mut Call),
{
    watch_late(call, make, move |value: &F::Output, call: &mut Call| end_told(call, |call| end(value, call)))
}

type MeteredProfiled<F, U> = Metered<Profiled<F>, U>;

/// As [`watch_metered`], and measures what the body uses of the processor and of memory.
pub fn watch_profiled_metered<F, U, E>(
    call: Call,
    body: F,
    usage: U,
    end: E,
) -> Watched<MeteredProfiled<F, U>, impl Fn(&F::Output, &mut Call)>
where
    F: Future,
    U: Fn(&F::Output) -> Option<ToldUsage>,
    E: Fn(&F::Output, &mut Call),
{
    let body = call.profiled(body);
    watch_metered(call, body, usage, end)
}

/// A sync body's time, in which calls of language models belong to its call. Dropped, it ends, after its call where the body returned.
#[derive(Debug)]
pub struct MeteredScope {
    followed: Followed,
    /// The address of its call.
    call: usize,
    unwinding_before: bool,
    has_left: bool,
}

impl MeteredScope {
    fn new(call: &Call) -> Self {
        let mut followed = Followed::new(call);
        followed.enter();
        failed::forget();
        Self { followed, call: ptr::from_ref(call).addr(), unwinding_before: thread::panicking(), has_left: false }
    }

    /// Takes the usage in what the body returned.
    pub fn tell(&mut self, told: Option<ToldUsage>) {
        self.leave();
        self.followed.told = told.map(Box::new);
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true) {
            self.followed.leave();
        }
    }
}

impl Drop for MeteredScope {
    fn drop(&mut self) {
        self.leave();
        let has_unwound = !self.unwinding_before && thread::panicking();
        let outcome = failed::take(self.call).unwrap_or(if has_unwound { Outcome::Panicked } else { Outcome::Ok });
        self.followed.end(outcome);
    }
}

impl Call {
    /// An async body of this call, whose usage of language models is asked for.
    pub fn metered<F: Future, U: Fn(&F::Output) -> Option<ToldUsage>>(&self, body: F, usage: U) -> Metered<F, U> {
        Metered { body, usage, followed: Followed::new(self) }
    }

    /// The same for a sync body, which begins to run.
    pub fn metered_scope(&self) -> MeteredScope {
        MeteredScope::new(self)
    }
}

impl Scope {
    /// As [`Call::metered_scope`].
    pub fn metered_scope(&self) -> MeteredScope {
        MeteredScope::new(&self.call)
    }
}

/// The value that a body returned, to find the usage in it: of a `Result` that of an `Ok`.
///
/// The method of a `Result` itself is found first, as with `Returned`; of all else that behind [`Deref`].
#[derive(Debug)]
pub struct UsageIn<'a, T>(AnyUsage<'a, T>);

/// Any value that a body returned.
#[derive(Debug)]
pub struct AnyUsage<'a, T>(&'a T);

/// Looks at the value that a body returned, to find the usage in it.
pub const fn usage_in<T>(value: &T) -> UsageIn<'_, T> {
    UsageIn(AnyUsage(value))
}

impl<'a, T, E> UsageIn<'a, Result<T, E>> {
    /// The usage in an `Ok`.
    pub fn by<U: TellsUsage>(&self, usage: impl FnOnce(&'a T) -> U) -> Option<ToldUsage> {
        self.0.0.as_ref().ok().and_then(|value| usage(value).told_usage())
    }
}

impl<'a, T> Deref for UsageIn<'a, T> {
    type Target = AnyUsage<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> AnyUsage<'a, T> {
    /// The usage in it.
    pub fn by<U: TellsUsage>(&self, usage: impl FnOnce(&'a T) -> U) -> Option<ToldUsage> {
        usage(self.0).told_usage()
    }
}
