//! Calls as they come to be booked.

use super::Inner;
use super::book::{self, Entry};
use super::reservations::{Matched, PendingCall, Report};
use super::run::{Frame, Run, locked};
use crate::Money;
use crate::budget::Spend;
use crate::cost::{Call, Gap, Price, PriceSource, PriceState};
use crate::usage::{Usage, usage_of};
use perf_runtime::extend::ToldUsage;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// A call, as it comes to be booked.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else of a call")]
pub(crate) struct Metered<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) told: Option<&'a ToldUsage>,
    pub(crate) took: Option<Duration>,
    pub(crate) frame: Option<&'a Arc<Frame>>,
    /// The user whose budgets it is charged to.
    pub(crate) user: Option<&'a str>,
    /// Whether a reservation is charged with it.
    pub(crate) is_charged: bool,
    /// Whether the provider refused it, so that it costs nothing.
    pub(crate) is_free: bool,
    /// Whether it failed or was given up: a reservation that its call left is charged its prompt, where nobody tells its usage.
    pub(crate) is_lost: bool,
    /// The operation, by OpenTelemetry's name, where a span or an address says so.
    pub(crate) operation: Option<&'a str>,
    /// Whether it is the sum of the calls of a run, which were not seen.
    pub(crate) is_sum: bool,
    /// Whether it waited for its reservation to be settled: it is booked now.
    pub(crate) was_deferred: bool,
}

impl Inner {
    /// Counts a call: in the sums, in the metrics, in its runs and, unless a reservation is charged with it, in its budgets. One inside a call with a
    /// reservation that tells no cost waits ([`Matched::Later`]) until that is settled: somebody else may know it.
    pub(crate) fn book(&self, call: &Metered<'_>) -> Spend {
        let (usage, fault) = read(call.told);
        if fault.is_some() && !call.was_deferred {
            self.figures.refuse();
        }
        let price = self.price(call, &usage);
        let is_unknown = usage.is_unknown() && price.source() != PriceSource::Provider;
        let spend = match (call.is_free, is_unknown) {
            (true, _) => Spend::NOTHING,
            (false, true) => Spend::UNKNOWN,
            (false, false) => Spend::of(&price, &usage),
        };
        let matched =
            if call.is_charged || call.was_deferred { Matched::Nowhere } else { match_reservation(call, spend) };
        if let Matched::Later = matched {
            return spend;
        }

        let known = if is_unknown { book::Known::Unknown } else { book::Known::Price(price.state()) };
        let cost = price.total().filter(|_| !is_unknown);
        let known_gaps = price.gaps().filter(|_| !is_unknown).map(gap_text);
        let gaps: Vec<String> = fault.into_iter().chain(known_gaps).collect();
        let Metered { provider, model, told, frame, .. } = *call;
        let run = frame.and_then(|frame| frame.run.as_ref());
        let agent = run.map(|run| &*run.agent);
        let hour = call.at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 3_600);
        let hour = i64::try_from(hour).unwrap_or(i64::MAX);
        let tool = frame.and_then(|frame| frame.tool.as_ref());
        let entry = Entry { provider, model, agent, tool, usage: &usage, known, cost, gaps: &gaps, hour };
        locked(&self.book).record(&entry);
        if let Some(run) = run {
            run.add(|totals| totals.add(&usage, known, cost));
        }
        if let Some(frame) = frame {
            frame.note_inside();
        }
        self.figures.record(&entry, told, call.took);
        if !call.is_sum {
            self.gen_ai.record(&entry, call.operation, told, call.took);
        }
        match matched {
            Matched::Settles(before) => {
                if let Some(before) = before {
                    self.book(&before.metered(frame, false));
                }
            }
            _ if call.is_charged => {}
            _ => self.charge(run.map(|run| &**run), call, &spend),
        }
        spend
    }

    /// The price by the model that answered and, where the table has none, by the one that was asked.
    fn price(&self, call: &Metered<'_>, usage: &Usage) -> Price {
        let told = call.told;
        let named = |model: &str| {
            let mut priced = Call::new(call.provider, model, call.at, usage);
            if let Some(tier) = told.and_then(|told| told.service_tier.as_deref()) {
                priced = priced.service_tier(tier);
            }
            if let Some(speed) = told.and_then(|told| told.speed.as_deref()) {
                priced = priced.speed(speed);
            }
            if let Some(picos) = told.and_then(|told| told.cost_picos) {
                priced = priced.told(Money::from_picos(picos));
            }
            // A usage that contradicts itself was told as unknown before; a cost below 0 is none.
            self.prices.price(&priced).ok()
        };
        let answered = told.and_then(|told| told.model.as_deref()).unwrap_or(call.model);
        let price = named(answered);
        let is_found = price.as_ref().is_some_and(|price| price.state() != PriceState::Unpriced);
        let asked = if is_found || answered == call.model { None } else { named(call.model) };
        asked.or(price).unwrap_or_else(|| Price::unpriced(Gap::NoPrice))
    }

    /// Charges a call that was not reserved.
    fn charge(&self, run: Option<&Run>, call: &Metered<'_>, spend: &Spend) {
        if !self.has_budgets() {
            return;
        }
        let charged = self.accounts(run, call.model, call.user).and_then(|accounts| {
            let accounts: Vec<_> = accounts.iter().collect();
            accounts.chunks(crate::budget::MAX_ACCOUNTS).try_for_each(|accounts| self.budgets.charge(accounts, spend))
        });
        if let Err(error) = charged {
            self.uncharged.fetch_add(1, Ordering::Relaxed);
            if !self.was_told.swap(true, Ordering::Relaxed) {
                tracing::warn!(target: "perf::llm", %error, "a call was not charged to its budgets; later ones are counted in silence");
            }
        }
    }
}

/// The usage that is told, and why it cannot be true where it cannot.
fn read(told: Option<&ToldUsage>) -> (Usage, Option<String>) {
    match told {
        Some(ToldUsage { invalid: Some(why), .. }) => (Usage::UNKNOWN, Some(why.clone())),
        Some(told) => {
            usage_of(told).map_or_else(|error| (Usage::UNKNOWN, Some(error.to_string())), |usage| (usage, None))
        }
        None => (Usage::UNKNOWN, None),
    }
}

/// Reports a call to the reservations of the one around it.
fn match_reservation(call: &Metered<'_>, spend: Spend) -> Matched {
    let Some((frame, around)) = call.frame.and_then(|frame| Some((frame, frame.call()?))) else {
        return Matched::Nowhere;
    };
    let is_of_its_run = frame.run.as_ref().map(|run| run.id) == around.run.as_ref().map(|run| run.id);
    let report = if spend == Spend::UNKNOWN && is_of_its_run {
        Report::Pending(Box::new(PendingCall::of(call)))
    } else {
        Report::Cost(spend)
    };
    let matched = around.reservations.take(report, (call.provider, call.model), &around.is_over);
    if let Matched::Later = matched {
        frame.note_below_call();
    }
    matched
}

/// A gap in words, with the class where there is one.
fn gap_text(gap: Gap) -> String {
    match gap {
        Gap::TableNotLoaded => "the table of prices is not loaded yet".to_owned(),
        Gap::TableFailed => "the table of prices could not be read".to_owned(),
        Gap::ProviderNotFound => {
            "the table has no such provider: name the one whose prices these are, or `local` for a model of your own"
                .to_owned()
        }
        Gap::ModelNotFound => "the table has no such model".to_owned(),
        Gap::NoPrice => "the table states no price for it".to_owned(),
        Gap::OtherUnit => "it is paid by something else than tokens".to_owned(),
        Gap::TierUnpriced => "the table has no price for its tier".to_owned(),
        Gap::UsageUnknown(class) => format!("nobody told its {class}"),
        Gap::LifetimeUnknown => "nobody told for how long it wrote to the cache".to_owned(),
        Gap::OverlapUnknown => "nobody told which parts of its usage overlap".to_owned(),
        Gap::ClassUnpriced(class) => format!("the table has no price for its {class}"),
    }
}
