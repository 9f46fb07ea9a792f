//! A table of prices with the cards made from it.

use super::PriceError;
use super::alias::{self, LOCAL};
use super::call::Call;
use super::card::{Card, Found, HOUR};
use super::leaves::leaves;
use super::price::{Cost, Gap, Item, Price, PriceSource, PriceState};
use super::probe::{Probe, Rates};
use crate::usage::Class;
use genai_prices::Calculator;
use rustc_hash::{FxBuildHasher, FxHasher};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// Cards that are kept; beyond, all are made anew.
const MAX_CARDS: usize = 4_096;
/// The longest name of a provider, a model or a tier that is looked up, in bytes.
const MAX_NAME: usize = 256;

/// A table of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableInfo {
    /// The version, which every price keeps: `genai-prices 0.2.1`, or the day and a checksum of a table that was handed in.
    pub version: Arc<str>,
    /// The moment that the table tells the prices of.
    pub as_of: SystemTime,
    /// Providers in it.
    pub providers: usize,
    /// Models in it.
    pub models: usize,
}

pub(super) enum Source {
    Bundled(&'static Calculator),
    Loaded(Box<Calculator>),
}

pub(super) struct Table {
    source: Source,
    /// Models that are newer than the crate's table.
    newer: Option<Arc<Calculator>>,
    pub(super) info: TableInfo,
    cards: RwLock<HashMap<u64, Vec<Arc<Card>>, FxBuildHasher>>,
}

impl Table {
    pub(super) fn new(source: Source, newer: Option<Arc<Calculator>>, version: Arc<str>, as_of: SystemTime) -> Self {
        let table = Self {
            info: TableInfo { version, as_of, providers: 0, models: 0 },
            source,
            newer,
            cards: RwLock::default(),
        };
        let providers = table.calculator().providers().count();
        let models = table.calculator().providers().map(|provider| provider.models().count()).sum();
        Self { info: TableInfo { providers, models, ..table.info.clone() }, ..table }
    }

    pub(super) fn calculator(&self) -> &Calculator {
        match &self.source {
            Source::Bundled(calculator) => calculator,
            Source::Loaded(calculator) => calculator,
        }
    }

    pub(super) fn newer(&self) -> Option<Arc<Calculator>> {
        self.newer.clone()
    }

    /// The table that knows the model: the newer one where the first does not.
    fn probe<'a>(&'a self, provider: &'a str, call: &Call<'a>) -> Probe<'a> {
        let probe = Probe::new(self.calculator(), provider, call);
        match self.newer.as_deref() {
            Some(newer) if probe.names(call.at).is_err() => {
                let second = Probe { calculator: newer, ..probe };
                if second.names(call.at).is_ok() { second } else { probe }
            }
            _ => probe,
        }
    }

    pub(super) fn card(&self, provider: &str, call: &Call<'_>, prompt: u64) -> Option<Arc<Card>> {
        let context = call.context.unwrap_or_default();
        let names =
            [provider, call.model, call.service_tier.unwrap_or(""), call.speed.unwrap_or(""), context.0, context.1];
        if names.iter().any(|name| name.len() > MAX_NAME) {
            return None;
        }
        let seconds = call.seconds();
        let mut hasher = FxHasher::default();
        (names, call.batch, seconds.div_euclid(HOUR)).hash(&mut hasher);
        let place = hasher.finish();
        let find = |cards: &HashMap<u64, Vec<Arc<Card>>, FxBuildHasher>| {
            cards.get(&place)?.iter().find(|card| card.is_for(provider, call, seconds)).cloned()
        };
        if let Some(card) = find(&self.cards.read().unwrap_or_else(PoisonError::into_inner)) {
            return Some(card);
        }
        let card = Arc::new(Card::ask(&self.probe(provider, call), provider, call, prompt));
        let mut cards = self.cards.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(made_meanwhile) = find(&cards) {
            return Some(made_meanwhile);
        }
        if cards.len() >= MAX_CARDS {
            cards.clear();
        }
        let places = cards.entry(place).or_default();
        // Seconds of their own, in an hour in which prices change at odd moments.
        if places.len() >= MAX_CARDS {
            places.clear();
        }
        places.push(Arc::clone(&card));
        Some(card)
    }

    pub(super) fn rates(&self, card: &Card, found: &Found, call: &Call<'_>, prompt: u64) -> Option<Arc<Rates>> {
        let ask = || self.probe(alias::provider(call.provider), call).rates(prompt, card.moment()).ok();
        found.rates(prompt, ask)
    }

    pub(super) fn price(&self, call: &Call<'_>) -> Result<Price, PriceError> {
        let provider = alias::provider(call.provider);
        if provider == LOCAL {
            return Ok(Price::new(PriceState::Local, PriceSource::None, Some(Cost::default())));
        }
        let leaves = leaves(call.usage)?;
        let prompt = call.usage.get(Class::Input).unwrap_or_else(|| leaves.counts.iter().sum()).max(1);
        let Some(card) = self.card(provider, call, prompt) else {
            return Ok(Price::unpriced(Gap::ModelNotFound));
        };
        let found = match &card.found {
            Ok(found) => found,
            Err(gap) => return Ok(Price::unpriced(*gap)),
        };
        let Some(rates) = self.rates(&card, found, call, prompt) else {
            return Ok(Price::unpriced(Gap::ModelNotFound));
        };
        let mut price = Price::new(PriceState::Priced, PriceSource::Table, None);
        if let Some(gap) = found.unpriced {
            price = Price::unpriced(gap);
        } else {
            price.cost = Some(cost(&leaves.counts, &rates)?);
            note_gaps(&mut price, call, found, &rates, &leaves.counts, leaves.gap);
        }
        price.names = Some(Arc::clone(&found.names));
        price.table = Some(Arc::clone(&self.info.version));
        Ok(price)
    }
}

fn cost(counts: &[u64], rates: &Rates) -> Result<Cost, PriceError> {
    let mut cost = Cost::default();
    for ((class, count), rate) in Class::ALL.iter().zip(counts).zip(&rates.places).filter(|((_, count), _)| **count > 0)
    {
        cost.add(Item::of(*class), i128::from(*count) * i128::from(*rate), class.name())?;
    }
    cost.add(Item::Request, i128::from(rates.request), "request")?;
    Ok(cost)
}

fn note_gaps(price: &mut Price, call: &Call<'_>, found: &Found, rates: &Rates, counts: &[u64], gap: Option<Gap>) {
    if found.is_free {
        price.state = PriceState::Free;
        return;
    }
    for class in [Class::Input, Class::Output] {
        let is_paid = found.own.get(class as usize).copied().unwrap_or(false);
        if is_paid && call.usage.get(class).is_none() {
            price.note(Gap::UsageUnknown(class));
        }
    }
    for gap in found.tier_gap.then_some(Gap::TierUnpriced).into_iter().chain(gap) {
        price.note(gap);
    }
    for (class, _) in Class::ALL.iter().zip(counts).filter(|(_, count)| **count > 0) {
        if let Some(gap) = found.gap(*class, rates) {
            price.note(gap);
        }
    }
    if call.usage.is_unknown() {
        price.cost = None;
    }
    if price.gaps().next().is_some() {
        price.state = PriceState::Incomplete;
    }
}
