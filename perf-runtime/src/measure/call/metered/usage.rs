//! The usage of language models, as calls tell it, and those who hear of it.

use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::measure::model::run_budget::RunBudget;
use std::borrow::Cow;
use std::fmt;
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
    /// panicked, or was cancelled, and of a stream where no item told any. The outcome is that of the call, which has been counted.
    fn end(self: Box<Self>, told: Option<ToldUsage>, outcome: Outcome);
}
