//! The prices of the crate, asked one class at a time.
//!
//! The crate prices a whole call in floats. A cost is linear in the tokens of each place, as long as the size of the prompt stays in one
//! tier: so the price of a call of one class alone, divided by its tokens, is the rate of that class. Rates are whole picodollars.

use super::call::Call;
use super::leaves::PLACES;
use crate::money::picos_of;
use crate::usage::Class;
use genai_prices::{Calculator, Error, PriceCalculation, PriceRequest, Usage, UsageKey};
use std::time::{Duration, SystemTime};

/// Tokens of an answer, or tool calls, that a rate is asked with.
const MANY: u32 = 1_000_000;
/// The largest prompt of which is asked: 2^40 tokens, above every tier.
pub(super) const LARGEST: u64 = 1 << 40;

/// Picodollars for one of each place, and for the request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) places: [i64; PLACES],
    pub(super) request: i64,
}

impl Rates {
    pub(super) fn of(&self, class: Class) -> i64 {
        self.places.get(class as usize).copied().unwrap_or(0)
    }

    pub(super) fn are_nothing(&self) -> bool {
        self.request == 0 && self.places.iter().all(|rate| *rate == 0)
    }
}

/// A model that is asked about.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) calculator: &'a Calculator,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) service_tier: Option<&'a str>,
    pub(super) batch: bool,
    pub(super) speed: Option<&'a str>,
    pub(super) context: Option<(&'a str, &'a str)>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(calculator: &'a Calculator, provider: &'a str, call: &Call<'a>) -> Self {
        let Call { model, service_tier, batch, speed, context, .. } = *call;
        Self { calculator, provider, model, service_tier, batch, speed, context }
    }

    fn ask(&self, counts: &[(&'static str, f64)], at: SystemTime) -> Result<PriceCalculation, Error> {
        let usage: Usage = counts.iter().map(|(key, count)| (UsageKey::from(*key), *count)).collect();
        let mut request = PriceRequest::new(self.model, &usage).with_timestamp(at);
        if !self.provider.is_empty() {
            request = request.with_provider_id(self.provider);
        }
        if let Some(tier) = self.service_tier {
            request = request.with_price_context("service_tier", tier);
        }
        if self.batch {
            request = request.with_price_context("processing", "batch");
        }
        if let Some(speed) = self.speed {
            request = request.with_price_context("speed", speed);
        }
        if let Some((key, value)) = self.context {
            request = request.with_price_context(key, value);
        }
        self.calculator.calculate(&request)
    }

    /// The provider and the model that are found.
    pub(super) fn names(&self, at: SystemTime) -> Result<(String, String), Error> {
        self.ask(&[], at).map(|found| (found.provider_id, found.model_id))
    }

    /// The rates for a prompt of some size.
    pub(super) fn rates(&self, prompt: u64, at: SystemTime) -> Result<Rates, Error> {
        let prompt = prompt.clamp(1, LARGEST) as f64;
        let (input, many) = (Class::Input.name(), f64::from(MANY));
        let request = self.ask(&[], at)?.total_price;
        let mut places = [0; PLACES];
        for class in Class::ALL {
            let is_input = *class == Class::Input || class.wholes().contains(&Class::Input);
            let count = if is_input { prompt } else { many };
            // The wholes of the class are as much as itself, so that every token is in this place.
            let mut counts = vec![(input, prompt), (class.name(), count)];
            counts.extend(class.wholes().iter().map(|whole| (whole.name(), count)));
            let price = self.ask(&counts, at)?;
            let dollars = if is_input {
                price.input_price
            } else if class.is_tool() {
                price.total_price - price.input_price - price.output_price - request
            } else {
                price.output_price
            };
            places[*class as usize] = picos_of(dollars / count).unwrap_or(i64::MAX);
        }
        Ok(Rates { places, request: picos_of(request).unwrap_or(i64::MAX) })
    }

    /// Whether a class has a price of its own, by how the crate takes counts that contradict it.
    ///
    /// The crate looks for contradictions among priced classes alone: a part that is larger than its whole is refused where the part is priced.
    /// A price of 0 for a tool cannot be told from none.
    pub(super) fn own_prices(&self, rates: &Rates, at: SystemTime) -> [bool; PLACES] {
        let mut own = [false; PLACES];
        for class in Class::ALL {
            let contradiction: Vec<(&'static str, f64)> = match (class, class.wholes()) {
                (Class::Input, _) => vec![(Class::CacheRead.name(), 1.0)],
                (Class::Output, _) => vec![(Class::Reasoning.name(), 1.0)],
                (_, []) => {
                    own[*class as usize] = rates.of(*class) > 0;
                    continue;
                }
                (_, [whole]) => vec![(whole.name(), 4.0), (class.name(), 5.0)],
                (_, [whole, parts @ ..]) => {
                    let mut counts = vec![(whole.name(), 4.0), (class.name(), 3.0)];
                    counts.extend(parts.iter().map(|part| (part.name(), 1.0)));
                    counts
                }
            };
            own[*class as usize] = self.ask(&contradiction, at).is_err();
        }
        own
    }

    /// Whether the model is paid by something that is no token and no tool call.
    pub(super) fn has_other_units(&self, at: SystemTime) -> bool {
        const OTHER: &[(&str, f64)] = &[
            ("audio_seconds", 1e6),
            ("input_audio_seconds", 5e5),
            ("output_audio_seconds", 5e5),
            ("input_characters", 1e6),
            ("input_document_pages", 1e6),
            ("input_annotated_document_pages", 5e5),
            ("input_pixels", 1e9),
            ("input_text_messages", 1e6),
            ("rerank_searches", 1e6),
        ];
        self.ask(OTHER, at).is_ok_and(|price| price.total_price > 0.0)
    }

    /// The same model without each of the conditions that were given, in turn.
    pub(super) fn without_each(self) -> impl Iterator<Item = Self> {
        let given = [self.service_tier.is_some(), self.batch, self.speed.is_some(), self.context.is_some()];
        let without = [
            Self { service_tier: None, ..self },
            Self { batch: false, ..self },
            Self { speed: None, ..self },
            Self { context: None, ..self },
        ];
        given.into_iter().zip(without).filter(|(given, _)| *given).map(|(_, probe)| probe)
    }
}

/// The moment of a number of seconds since 1970.
pub(super) fn moment(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let found = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    };
    found.unwrap_or(SystemTime::UNIX_EPOCH)
}
