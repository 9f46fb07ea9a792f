//! Calls that reserve what they can cost before they are sent.

use super::reservations::Report;
use super::run::{Frame, Run, current, since};
use super::{Inner, Meter, Metered};
use crate::budget::{Account, Budget, BudgetError, Estimate, OutputSizes, Reservation, ScopeKind, Settlement, Spend};
use crate::cost::Call;
use crate::settings::Rule;
use crate::usage::Usage;
use perf_runtime::extend::{TellsUsage, ToldUsage};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

/// A call of a model that is yet to be sent: what it can cost at most.
#[derive(Clone, Copy, Debug)]
#[must_use = "a plan reserves nothing until `Meter::reserve`"]
pub struct Plan<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    prompt: u64,
    /// `None`: nobody bounds it.
    answer: Option<u64>,
    tools: u64,
    user: Option<&'a str>,
    site: Option<&'static str>,
    operation: Option<&'static str>,
}

impl<'a> Plan<'a> {
    /// A call of a model, with the most tokens that its prompt and its answer can have.
    pub fn new(provider: &'a str, model: &'a str, prompt: u64, answer: u64) -> Self {
        Self { provider, model, prompt, answer: Some(answer), tools: 0, user: None, site: None, operation: None }
    }

    /// A call of which only the prompt's tokens are known. It has no worst case: strict budgets of money and tokens refuse it
    /// ([`BudgetError::NoWorstCase`]), and so do estimated ones until they know 20 answers of the same place.
    pub fn unbounded(provider: &'a str, model: &'a str, prompt: u64) -> Self {
        Self { answer: None, ..Self::new(provider, model, prompt, 0) }
    }

    /// The most calls of the provider's own tools (searches).
    pub fn tools(self, most: u64) -> Self {
        Self { tools: most, ..self }
    }

    /// The user or tenant for whom it is made, whose budgets it needs as well.
    pub fn user(self, user: &'a str) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The operation, by OpenTelemetry's name.
    #[cfg(feature = "http")]
    pub(crate) fn operation(self, operation: &'static str) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// The place of the call in the program, for the denial and for estimates: estimated budgets reserve by the answers of the same place, provider and
    /// model. Without one the place is the agent that the call is made in.
    pub fn site(self, site: &'static str) -> Self {
        Self { site: Some(site), ..self }
    }
}

/// A call with room in all of its budgets, until it is settled or dropped.
///
/// Dropped before [`dispatched`](Self::dispatched) it gives all back, and so it does where it was [`refused`](Self::refused). Dropped after it, inside a function with `#[monitor_llm_call]`, it is
/// settled as that ends, with the usage that its value or a span inside it tells; elsewhere, and where the call failed or was given up, it is charged its prompt, and
/// counted as a call of unknown usage.
#[must_use = "dropping a call that was not dispatched gives its room back"]
#[derive(Debug)]
pub struct Planned {
    meter: Meter,
    reservation: Option<Reservation>,
    names: (Arc<str>, Arc<str>),
    frame: Option<Arc<Frame>>,
    at: SystemTime,
    is_dispatched: bool,
    /// Whether it is of one request alone, which settles it: nothing else inside the call is settled with it.
    is_of_request: bool,
    operation: Option<&'static str>,
}

impl Meter {
    /// The accounts of all budgets that a call needs room in: those of everything, of its model, of its user, and of the agents and runs that this
    /// thread is in.
    ///
    /// # Errors
    /// [`BudgetError::TooManyScopes`], and [`BudgetError::BadName`] for a name that is too long.
    pub fn accounts(&self, plan: &Plan<'_>) -> Result<Vec<Account>, BudgetError> {
        let frame = current();
        self.inner.accounts(frame.as_ref().and_then(|frame| frame.run.as_deref()), plan.model, plan.user)
    }

    /// The most that a call can cost and, where a budget is estimated and enough answers of its place are known, what it likely costs, for
    /// [`Budgets::reserve_later`](crate::budget::Budgets::reserve_later) and its like.
    pub fn estimate(&self, plan: &Plan<'_>) -> Estimate {
        self.estimate_by(plan, self.sizes(plan).as_deref())
    }

    /// The sizes of answers that estimated budgets reserve by, for [`Reservation::sized_by`]; `None` where no budget is estimated, and for one place more than 1,000.
    pub fn sizes(&self, plan: &Plan<'_>) -> Option<Arc<OutputSizes>> {
        if !self.inner.rules().iter().any(Rule::is_estimated) {
            return None;
        }
        let run = current().and_then(|frame| frame.run.clone());
        let agent = run.as_ref().map_or("", |run| &run.agent);
        self.inner.places.sizes([plan.site.unwrap_or(agent), plan.provider, plan.model])
    }

    fn estimate_by(&self, plan: &Plan<'_>, sizes: Option<&OutputSizes>) -> Estimate {
        let call = Call::new(plan.provider, plan.model, SystemTime::now(), &Usage::UNKNOWN);
        let of = |answer: u64| {
            let bound = self.inner.prices.bound(&call, plan.prompt, answer, plan.tools);
            Estimate::of(bound, plan.prompt, answer)
        };
        let worst = if let Some(answer) = plan.answer {
            of(answer)
        } else {
            let bound = self.inner.prices.bound(&call, plan.prompt, 0, plan.tools);
            Estimate::unbounded(bound.map(|bound| bound.input), plan.prompt)
        };
        let estimate = match sizes.and_then(OutputSizes::p99) {
            Some(likely) => worst.likely(&of(plan.answer.map_or(likely, |most| likely.min(most)))),
            None => worst,
        };
        plan.site.map_or(estimate, |site| estimate.site(site))
    }

    /// Reserves what a call can cost at most in all of its budgets, or in none.
    ///
    /// ```
    /// use perf_llm::meter::{Meter, Plan};
    /// use perf_llm::usage::{Shape, read};
    /// # fn send() -> Result<Vec<u8>, std::io::Error> { Ok(b"{\"usage\": {\"prompt_tokens\": 9, \"completion_tokens\": 2}}".to_vec()) }
    ///
    /// fn ask(meter: &Meter) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut call = meter.reserve(&Plan::new("openai", "gpt-5-mini", 1_200, 4_096).user("ada"))?;
    ///     call.dispatched();
    ///     let body = send()?;
    ///     call.settle(&read(Shape::OpenAiChat, &body));
    ///     Ok(())
    /// }
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// # let settings = perf_llm::Settings::default();
    /// # let llm = perf_llm::Llm::with_settings(&monitor, settings)?;
    /// # ask(llm.meter())?;
    /// # assert_eq!(llm.meter().totals().input_tokens, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BudgetError::Denied`] names the account without room, with its limit, what is spent, reserved and needed; others as
    /// [`Budgets::reserve`](crate::budget::Budgets::reserve). Nothing is changed then.
    pub fn reserve(&self, plan: &Plan<'_>) -> Result<Planned, BudgetError> {
        self.reserve_for(plan, false)
    }

    fn reservation(&self, plan: &Plan<'_>, run: Option<&Run>) -> Result<Reservation, BudgetError> {
        let accounts = self.inner.accounts(run, plan.model, plan.user);
        let accounts = accounts.inspect_err(|error| self.inner.refusals.count(error))?;
        let accounts: Vec<&Account> = accounts.iter().collect();
        let sizes = self.sizes(plan);
        let mut reservation = self.inner.budgets.reserve(&accounts, &self.estimate_by(plan, sizes.as_deref()))?;
        if let Some(sizes) = sizes {
            reservation.sized_by(sizes);
        }
        Ok(reservation)
    }

    pub(crate) fn reserve_for(&self, plan: &Plan<'_>, is_of_request: bool) -> Result<Planned, BudgetError> {
        let frame = current();
        // Also inside a tool's span: spans and requests are told of to the same call.
        let call = frame.as_deref().and_then(Frame::call);
        if let Some(call) = call {
            call.reservations.plan();
        }
        let run = frame.as_ref().and_then(|frame| frame.run.as_deref());
        let reservation = self.reservation(plan, run).inspect_err(|error| {
            if let Some(run) = run {
                run.refuse(matches!(error, BudgetError::Denied(_)));
            }
        })?;
        if let Some(call) = call.filter(|_| !is_of_request) {
            call.reservations.hold();
        }
        Ok(Planned {
            meter: self.clone(),
            reservation: Some(reservation),
            names: (plan.provider.into(), plan.model.into()),
            frame,
            at: SystemTime::now(),
            is_dispatched: false,
            is_of_request,
            operation: plan.operation,
        })
    }
}

impl Planned {
    /// Notes that the call is about to be sent: from here on it costs its prompt, if nothing more is heard of it.
    pub fn dispatched(&mut self) {
        self.send();
        if let Some(reservation) = &mut self.reservation {
            reservation.dispatched();
        }
    }

    /// Counts the call with its usage, and charges what it did cost. `None` and usage that contradicts itself are unknown: then all that was
    /// reserved is charged. Inside a function with `#[monitor_llm_call]` a span or a request that told of the call before counts, where it told the
    /// usage; where it told none (its attempt failed, or its answer was not read), the usage that is told here does. One that is still open then is
    /// this call where it tells the same tokens at its end, or none; one that tells others was a call of its own. The same holds for [`refused`](Self::refused).
    pub fn settle(mut self, told: &(impl TellsUsage + ?Sized)) -> Settlement {
        let told = told.told_usage();
        self.send();
        let reservation = self.reservation.take();
        let frame = self.frame.take();
        let call = frame.as_deref().and_then(Frame::call).filter(|_| !self.is_of_request);
        let report = call.and_then(|call| call.reservations.release());
        if let Some(call) = call.filter(|_| !report.as_ref().is_some_and(Report::is_over)) {
            call.note_settled((&self.names.0, &self.names.1), told.as_ref());
        }
        let spend = match report {
            // A span told it already, and it was counted by that.
            Some(Report::Cost(spend)) => spend,
            Some(Report::Pending(pending)) if told.is_none() => {
                self.meter.inner.book(&pending.metered(frame.as_ref(), true))
            }
            Some(Report::Pending(pending)) => {
                let operation = self.operation.or(pending.operation.as_deref());
                let call = Metered { operation, ..self.metered(told.as_ref(), frame.as_ref()) };
                self.meter.inner.book(&call)
            }
            None => self.meter.inner.book(&self.metered(told.as_ref(), frame.as_ref())),
        };
        reservation.map_or(Settlement { first: false, estimated: false, overdraft: false }, |mut reservation| {
            reservation.settle(&spend)
        })
    }

    /// Counts the call as one that cost nothing, for no model worked on it: the provider refused it (a status 4xx), or its connection could not be opened.
    /// All that was reserved comes back; the usage stays unknown.
    pub fn refused(mut self) {
        self.send();
        let reservation = self.reservation.take();
        let frame = self.frame.take();
        let call = frame.as_deref().and_then(Frame::call).filter(|_| !self.is_of_request);
        let spend = match call.and_then(|frame| frame.reservations.release()) {
            Some(Report::Cost(spend)) => spend,
            // A span that told of no usage told of the failure.
            report => {
                match report {
                    Some(Report::Pending(pending)) => self.meter.inner.book(&pending.metered(frame.as_ref(), true)),
                    _ => self.meter.inner.book(&self.metered(None, frame.as_ref())),
                };
                if let Some(call) = call {
                    call.note_settled((&self.names.0, &self.names.1), None);
                    call.refuse();
                }
                Spend::NOTHING
            }
        };
        if let Some(mut reservation) = reservation {
            reservation.settle(&spend);
        }
    }

    /// Notes for the call around it that it is sent, once.
    fn send(&mut self) {
        let is_first = !std::mem::replace(&mut self.is_dispatched, true);
        if let Some(call) = self.frame.as_deref().and_then(Frame::call).filter(|_| is_first) {
            call.reservations.send();
        }
    }

    /// Counts the call of a request, which was cut off or failed: it costs its prompt.
    #[cfg(feature = "http")]
    pub(crate) fn lost(mut self, told: Option<&ToldUsage>) {
        // Dropped at the end, once the call is counted.
        let _reservation = self.reservation.take();
        let frame = self.frame.take();
        self.meter.inner.book(&self.metered(told, frame.as_ref()));
    }

    fn metered<'a>(&'a self, told: Option<&'a ToldUsage>, frame: Option<&'a Arc<Frame>>) -> Metered<'a> {
        let (provider, model) = (&*self.names.0, &*self.names.1);
        let (at, took) = (self.at, since(self.at));
        Metered {
            provider,
            model,
            at,
            told,
            took,
            frame,
            user: None,
            is_charged: true,
            is_free: false,
            is_lost: false,
            operation: self.operation,
            is_sum: false,
            was_deferred: false,
        }
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        let Some(mut reservation) = self.reservation.take() else { return };
        let Some(frame) = self.frame.take() else {
            if self.is_dispatched {
                self.meter.inner.book(&self.metered(None, None));
            }
            return;
        };
        let Some(call) = frame.call() else {
            if self.is_dispatched {
                self.meter.inner.book(&self.metered(None, Some(&frame)));
            }
            return;
        };
        if self.is_dispatched && !call.is_over.load(Ordering::Relaxed) {
            call.reservations.leave(reservation);
        } else {
            // Where there is a report it was sent, as a span says, or the call around it has ended and told its usage.
            match call.reservations.release() {
                Some(Report::Cost(spend)) => drop(reservation.settle(&spend)),
                Some(Report::Pending(pending)) => {
                    self.meter.inner.book(&pending.metered(Some(&frame), true));
                    pending.end(reservation);
                }
                None => {}
            }
        }
    }
}

impl Inner {
    /// The accounts of all budgets of a call.
    pub(super) fn accounts(
        &self,
        run: Option<&Run>,
        model: &str,
        user: Option<&str>,
    ) -> Result<Vec<Account>, BudgetError> {
        let rules = self.rules();
        let of_attributes = run
            .into_iter()
            .flat_map(Run::chain)
            .flat_map(|run| run.limits.iter().filter_map(|limit| Rule::of_run(&run.agent, *limit)));
        // The settings of the same agent go before.
        let own: Vec<Rule> =
            of_attributes.filter(|limit| !rules.iter().any(|rule| rule.limits_the_same(limit))).collect();
        let mut accounts: Vec<Account> = Vec::new();
        let mut open = |budget: &Budget| -> Result<Account, BudgetError> {
            let account = self.budgets.account(budget)?;
            if !accounts.iter().any(|other| other.is_same(&account)) {
                accounts.push(account.clone());
            }
            Ok(account)
        };
        for rule in rules.iter().chain(&own) {
            let is_for = |name: &str| rule.name.as_deref().is_none_or(|only| only == name);
            match rule.kind {
                ScopeKind::All => drop(open(&rule.budget(""))?),
                ScopeKind::Model if is_for(model) => drop(open(&rule.budget(model))?),
                ScopeKind::User => {
                    if let Some(user) = user.filter(|user| is_for(user)) {
                        open(&rule.budget(user))?;
                    }
                }
                ScopeKind::Agent => {
                    for run in run.into_iter().flat_map(Run::chain).filter(|run| is_for(&run.agent)) {
                        open(&rule.budget(&run.agent))?;
                    }
                }
                ScopeKind::Run => {
                    let is_meant = |run: &&Run| rule.agent.as_deref().is_none_or(|agent| agent == &*run.agent);
                    for run in run.into_iter().flat_map(Run::chain).filter(is_meant) {
                        run.keep(&open(&rule.budget(&format!("{} {}", run.agent, run.id)))?);
                    }
                }
                ScopeKind::Model => {}
            }
        }
        Ok(accounts)
    }
}
