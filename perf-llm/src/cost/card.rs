//! The rates of one model for a stretch of time, by the size of the prompt.

use super::call::Call;
use super::leaves::PLACES;
use super::price::Gap;
use super::probe::{LARGEST, Probe, Rates, moment};
use crate::usage::Class;
use genai_prices::{Error, ErrorKind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// The longest stretch of time of one card, in seconds: prices change at midnight, and for some at full or half hours.
pub(super) const HOUR: i64 = 3_600;

/// A card, and what it is for.
#[derive(Debug)]
pub(super) struct Card {
    provider: String,
    model: String,
    service_tier: Option<String>,
    batch: bool,
    speed: Option<String>,
    context: Option<(String, String)>,
    /// The first second, and the first one after.
    from: i64,
    to: i64,
    pub(super) found: Result<Found, Gap>,
}

/// A model that the table has.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) names: Arc<(String, String)>,
    /// Classes with a price of their own.
    pub(super) own: [bool; PLACES],
    /// It costs nothing, and that is stated.
    pub(super) is_free: bool,
    /// Why there is no price for tokens: it is paid by seconds, pages or characters alone, or nothing is stated.
    pub(super) unpriced: Option<Gap>,
    /// A condition that was given changes no price.
    pub(super) tier_gap: bool,
    /// Stretches of the prompt's size, each with its rates.
    tiers: RwLock<Vec<Tier>>,
}

#[derive(Debug, Clone)]
struct Tier {
    from: u64,
    to: u64,
    rates: Arc<Rates>,
}

impl Card {
    pub(super) fn is_for(&self, provider: &str, call: &Call<'_>, seconds: i64) -> bool {
        (self.from..self.to).contains(&seconds)
            && self.model == call.model
            && self.provider == provider
            && self.batch == call.batch
            && self.service_tier.as_deref() == call.service_tier
            && self.speed.as_deref() == call.speed
            && self.context.as_ref().map(|(key, value)| (key.as_str(), value.as_str())) == call.context
    }

    /// Asks for all that a price of this call can need.
    pub(super) fn ask(probe: &Probe<'_>, provider: &str, call: &Call<'_>, prompt: u64) -> Self {
        let seconds = call.seconds();
        let asked = Found::ask(probe, call, prompt, seconds);
        let ((from, to), found) = match asked {
            Ok((span, found)) => (span, Ok(found)),
            Err(error) => (stretch(seconds, HOUR), Err(gap_of(&error))),
        };
        Self {
            provider: provider.to_owned(),
            model: call.model.to_owned(),
            service_tier: call.service_tier.map(str::to_owned),
            batch: call.batch,
            speed: call.speed.map(str::to_owned),
            context: call.context.map(|(key, value)| (key.to_owned(), value.to_owned())),
            from,
            to,
            found,
        }
    }

    /// A moment of the stretch, at which more is asked.
    pub(super) fn moment(&self) -> SystemTime {
        moment(self.from)
    }
}

fn gap_of(error: &Error) -> Gap {
    match error.kind() {
        ErrorKind::ProviderNotFound => Gap::ProviderNotFound,
        _ => Gap::ModelNotFound,
    }
}

/// The stretch of some seconds that a second is in.
fn stretch(seconds: i64, length: i64) -> (i64, i64) {
    let from = seconds.div_euclid(length).saturating_mul(length);
    (from, from.saturating_add(length))
}

/// Sizes of which the rates are known, joined where they are the same.
fn joined(sizes: [(u64, u64, Rates); 3]) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for (from, to, rates) in sizes {
        match tiers.last_mut().filter(|tier| *tier.rates == rates) {
            Some(tier) => tier.to = tier.to.max(to),
            None => tiers.push(Tier { from, to, rates: Arc::new(rates) }),
        }
    }
    tiers
}

impl Found {
    fn ask(probe: &Probe<'_>, call: &Call<'_>, prompt: u64, seconds: i64) -> Result<((i64, i64), Self), Error> {
        let at = moment(seconds);
        let names = probe.names(at)?;
        let (rates, largest) = (probe.rates(prompt, at)?, probe.rates(LARGEST, at)?);
        let mut tier_gap = false;
        if call.is_special() {
            for without in probe.without_each() {
                tier_gap |= without.rates(prompt, at)? == rates && without.rates(LARGEST, at)? == largest;
            }
        }
        let other = probe.has_other_units(at);
        let nothing = rates.are_nothing() && largest.are_nothing();
        let own = probe.own_prices(&rates, at);
        // A set without prices costs nothing too, as the crate sums: a price of 0 must be stated, by number or by name.
        let states_price = [Class::Input, Class::Output].iter().any(|class| own[*class as usize])
            || [call.model, &names.1].iter().any(|name| name.ends_with(":free"));
        let unpriced = match (nothing, other, states_price) {
            (true, true, _) => Some(Gap::OtherUnit),
            (true, false, false) => Some(Gap::NoPrice),
            _ => None,
        };
        let is_free = nothing && unpriced.is_none();
        let mut span = stretch(seconds, 1);
        for length in [HOUR, 60] {
            let (from, to) = stretch(seconds, length);
            // The prices at both ends are those in between: nobody changes them there and back within an hour.
            let last = moment(to).checked_sub(Duration::from_nanos(1)).unwrap_or(at);
            let mut same = true;
            for end in [moment(from), last] {
                same = same && probe.rates(prompt, end)? == rates && probe.rates(LARGEST, end)? == largest;
            }
            if same {
                span = (from, to);
                break;
            }
        }
        let sizes = [(1, 1, probe.rates(1, at)?), (prompt, prompt, rates), (LARGEST, u64::MAX, largest)];
        let tiers = RwLock::new(joined(sizes));
        let names = Arc::new(names);
        Ok((span, Self { names, own, is_free, unpriced, tier_gap, tiers }))
    }

    /// The rates for a prompt of some size; `None` where the table cannot say.
    ///
    /// Two sizes with the same rates have the same ones in between: prices go one way with the size.
    pub(super) fn rates(&self, prompt: u64, ask: impl FnOnce() -> Option<Rates>) -> Option<Arc<Rates>> {
        let known = |tiers: &[Tier]| {
            let tier = tiers.iter().find(|tier| (tier.from..=tier.to).contains(&prompt));
            tier.map(|tier| Arc::clone(&tier.rates))
        };
        if let Some(rates) = known(&self.tiers.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(rates);
        }
        let rates = ask()?;
        let mut tiers = self.tiers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(tier) = tiers.iter_mut().find(|tier| *tier.rates == rates) {
            (tier.from, tier.to) = (tier.from.min(prompt), tier.to.max(prompt));
            return Some(Arc::clone(&tier.rates));
        }
        let rates = Arc::new(rates);
        tiers.push(Tier { from: prompt, to: prompt, rates: Arc::clone(&rates) });
        Some(rates)
    }

    /// The gap that tokens of a class are, where they have no price of their own that should be there.
    pub(super) fn gap(&self, class: Class, rates: &Rates) -> Option<Gap> {
        let has_own = |class: Class| self.own.get(class as usize).copied().unwrap_or(false);
        let unpriced = match class {
            // Priced as what they are part of, everywhere where they are not named.
            Class::Reasoning | Class::Citation | Class::InputTool => !has_own(class) && rates.of(class) == 0,
            Class::CacheWrite5m => !has_own(Class::CacheWrite5m) && !has_own(Class::CacheWrite),
            Class::CacheWrite if has_own(class) && rates.of(Class::CacheWrite1h) != rates.of(class) => {
                return Some(Gap::LifetimeUnknown);
            }
            _ => !has_own(class),
        };
        unpriced.then_some(Gap::ClassUnpriced(class))
    }
}
