//! The usage of language models that calls tell: who hears of it, and the bodies during which it is asked for.
//!
//! This crate knows neither prices nor budgets. A part that does registers as the receiver; without one, a call pays for one relaxed load.

use super::execution::Call;
use super::future::{Watched, watch};
use super::profiled::Profiled;
use super::scope::Scope;
use crate::guarded::run_guarded;
use crate::measure::cells::meter::Meter;
use crate::measure::model::kind::Kind;
use crate::measure::model::run_budget::RunBudget;
use crate::measure::site::annotated::Site;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// The usage of language models, as a returned value tells it. A count that is not there is unknown, and not zero.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ToldUsage {
    /// The provider, where the value names it.
    pub provider: Option<String>,
    /// The model that answered, where the value names it.
    pub model: Option<String>,
    /// Tokens by class, by the names that `perf-llm` has for the classes: `input`, `output`, `cache_read`, `cache_write`, `reasoning` and
    /// others. `input` and `output` are the totals, of which the others are parts.
    pub counts: Vec<(Cow<'static, str>, u64)>,
    /// The service tier that the provider says it used.
    pub service_tier: Option<String>,
    /// The speed that the provider says it used.
    pub speed: Option<String>,
    /// The cost that the provider tells, in 10^-12 dollars.
    pub cost_picos: Option<i64>,
    /// The time from the request to the first token of the answer.
    pub first_token: Option<Duration>,
    /// Why the usage cannot be true, where it contradicts itself: then no count of it is taken.
    pub invalid: Option<String>,
    /// Repairs of counts that contradicted each other, by name.
    pub repairs: Vec<&'static str>,
}

impl ToldUsage {
    /// A usage of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the count of a class of tokens.
    #[must_use]
    pub fn count(mut self, class: impl Into<Cow<'static, str>>, count: u64) -> Self {
        self.counts.push((class.into(), count));
        self
    }

    /// Sets the model that answered.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        Self { model: Some(model.into()), ..self }
    }

    /// Sets the provider.
    #[must_use]
    pub fn provider(self, provider: impl Into<String>) -> Self {
        Self { provider: Some(provider.into()), ..self }
    }

    /// Sets the time from the request to the first token of the answer.
    #[must_use]
    pub fn first_token(self, after: Duration) -> Self {
        Self { first_token: Some(after), ..self }
    }
}

/// A value that tells the usage of language models: what the function of the option `usage` gives.
#[diagnostic::on_unimplemented(
    message = "the option `usage` needs a value that tells usage, and `{Self}` tells none",
    label = "give a `ToldUsage`, a `perf_llm::usage::Reading` (for any serde body of a provider: \
             `perf_llm::usage::told_by(Shape::OpenAiChat, &answer)`), or implement `TellsUsage`"
)]
pub trait TellsUsage {
    /// The usage; `None` where the value tells none, which is not the same as none used.
    fn told_usage(&self) -> Option<ToldUsage>;
}

impl TellsUsage for ToldUsage {
    fn told_usage(&self) -> Option<ToldUsage> {
        Some(self.clone())
    }
}

impl<T: TellsUsage + ?Sized> TellsUsage for &T {
    fn told_usage(&self) -> Option<ToldUsage> {
        T::told_usage(self)
    }
}

impl<T: TellsUsage> TellsUsage for Option<T> {
    fn told_usage(&self) -> Option<ToldUsage> {
        self.as_ref()?.told_usage()
    }
}

/// Usage that could not be read is told as invalid, with the error.
impl<T: TellsUsage, E: fmt::Display> TellsUsage for Result<T, E> {
    fn told_usage(&self) -> Option<ToldUsage> {
        match self {
            Ok(told) => told.told_usage(),
            Err(error) => Some(ToldUsage { invalid: Some(error.to_string()), ..ToldUsage::default() }),
        }
    }
}

/// A part that hears of the usage that calls tell.
pub trait UsageReceiver: Send + Sync {
    /// A call begins that may use language models: one of a model, the run of an agent, or one with the option `usage`. `labels` are those of
    /// the kind and then others, in order; `budget` are the limits that an agent's attribute sets for each run. `None` where the receiver does
    /// not follow it.
    fn begin(&self, kind: Kind, labels: &[&str], budget: &'static [RunBudget]) -> Option<Box<dyn MeteredCall>>;
}

/// A call that a [`UsageReceiver`] follows. Each method is called on the thread that runs the call; a panic of it is held back.
pub trait MeteredCall: Send + Sync {
    /// The body begins to run on this thread, from its start or in a later poll.
    fn enter(&mut self);

    /// The body ceases to run on this thread. Comes once for each [`enter`](Self::enter), in the order of a stack.
    fn leave(&mut self);

    /// The call is over, and its body dropped where it was not run to its end: with the usage that its value told or, of a stream, that of
    /// the last item that told any, also where the stream was dropped half-way. `None` where it returned a value that tells none, an error,
    /// panicked, or was cancelled, and of a stream where no item told any.
    fn end(self: Box<Self>, told: Option<ToldUsage>);
}

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
    return isolation::current().map_or(0, |test| std::ptr::from_ref(test).addr());
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

pub(crate) mod stream;

/// A call whose usage is asked for, from its first poll or entry on.
struct Followed {
    of: Option<(&'static Site, &'static Meter)>,
    call: Option<Box<dyn MeteredCall>>,
    /// The last usage that an item of a stream told.
    told: Option<Box<ToldUsage>>,
}

impl Followed {
    fn new(call: &Call) -> Self {
        Self { of: call.its_site().map(|site| (site, call.meter())), call: None, told: None }
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

    fn end(&mut self, told: impl FnOnce() -> Option<ToldUsage>) {
        if let Some(call) = self.call.take() {
            run_guarded(|| call.end(run_guarded(told).flatten()));
        }
    }

    /// Ends it with the last usage that an item told.
    fn end_told(&mut self) {
        let told = self.told.take();
        self.end(|| told.map(|told| *told));
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("is_followed", &self.call.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.end_told();
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
        let part = Part(this.followed);
        let polled = this.body.poll(context);
        drop(part);
        if let Poll::Ready(value) = &polled {
            this.followed.end(|| (this.usage)(value));
        }
        polled
    }
}

/// No usage in a returned value: of a function without the option `usage`.
pub fn no_usage<T>(_: &T) -> Option<ToldUsage> {
    None
}

/// As [`watch`], and asks for the usage of language models.
pub fn watch_metered<F, U, E>(call: Call, body: F, usage: U, end: E) -> Watched<Metered<F, U>, E>
where
    F: Future,
    U: Fn(&F::Output) -> Option<ToldUsage>,
    E: Fn(&F::Output, &mut Call),
{
    let body = call.metered(body, usage);
    watch(call, body, end)
}

/// As [`watch_metered`], and measures what the body uses of the processor and of memory.
pub fn watch_profiled_metered<F, U, E>(call: Call, body: F, usage: U, end: E) -> Watched<Metered<Profiled<F>, U>, E>
where
    F: Future,
    U: Fn(&F::Output) -> Option<ToldUsage>,
    E: Fn(&F::Output, &mut Call),
{
    let body = call.profiled(body);
    watch_metered(call, body, usage, end)
}

/// A sync body's time, in which calls of language models belong to its call. Dropped, it ends without usage.
#[derive(Debug)]
pub struct MeteredScope(Followed);

impl MeteredScope {
    fn new(call: &Call) -> Self {
        let mut followed = Followed::new(call);
        followed.enter();
        Self(followed)
    }

    /// Ends it with the usage in what the body returned.
    pub fn tell(&mut self, told: Option<ToldUsage>) {
        self.0.leave();
        self.0.end(|| told);
    }
}

impl Drop for MeteredScope {
    fn drop(&mut self) {
        // Nothing where it was told.
        self.0.leave();
        self.0.end(|| None);
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
