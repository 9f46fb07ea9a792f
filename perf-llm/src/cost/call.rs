use super::alias;
use crate::Money;
use crate::usage::{Reading, Usage};
use std::time::SystemTime;

/// One call, as far as its price depends on it. Everything is borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) at: SystemTime,
    pub(super) usage: &'a Usage,
    pub(super) service_tier: Option<&'a str>,
    pub(super) batch: bool,
    pub(super) speed: Option<&'a str>,
    pub(super) context: Option<(&'a str, &'a str)>,
    pub(super) told: Option<Money>,
}

impl<'a> Call<'a> {
    /// A call of a model, made at a moment: prices change by date, and for some providers by the hour.
    ///
    /// The provider is an id of `genai-prices` or a name of OpenTelemetry's `gen_ai.provider.name`; where it is empty, the model's
    /// name decides. The model is as the provider names it in its answer.
    pub fn new(provider: &'a str, model: &'a str, at: SystemTime, usage: &'a Usage) -> Self {
        let (service_tier, speed, context, told) = (None, None, None, None);
        Self { provider, model, at, usage, service_tier, batch: false, speed, context, told }
    }

    /// The call that a reading tells of; `model` where the answer names none.
    pub fn of(provider: &'a str, model: &'a str, at: SystemTime, reading: &'a Reading) -> Self {
        let mut call = Self::new(provider, reading.model.as_deref().unwrap_or(model), at, &reading.usage);
        call.told = reading.cost;
        if let Some(tier) = &reading.service_tier {
            call = call.service_tier(tier);
        }
        if let Some(speed) = &reading.speed {
            call = call.speed(speed);
        }
        call
    }

    /// The service tier that the provider says it used: `flex`, `priority`, `default`. `batch` is taken as [`batch`](Self::batch).
    #[must_use]
    pub fn service_tier(mut self, tier: &'a str) -> Self {
        if tier.eq_ignore_ascii_case("batch") {
            return self.batch();
        }
        self.service_tier = Some(tier).filter(|tier| !alias::is_standard(tier));
        self
    }

    /// The provider's batch processing. Most providers do not say so in their answers.
    #[must_use]
    pub fn batch(mut self) -> Self {
        self.batch = true;
        self
    }

    /// The speed that the provider says it used (`fast`).
    #[must_use]
    pub fn speed(mut self, speed: &'a str) -> Self {
        self.speed = Some(speed).filter(|speed| !alias::is_standard(speed));
        self
    }

    /// One more condition of the price, by the key that `genai-prices` has for it (`search_type`, `route`). The last one counts.
    ///
    /// The keys `service_tier`, `processing` and `speed` are taken as the methods of these names take them.
    #[must_use]
    pub fn context(mut self, key: &'a str, value: &'a str) -> Self {
        match key {
            "service_tier" => self.service_tier(value),
            "processing" if value == "batch" => self.batch(),
            "speed" => self.speed(value),
            _ => {
                self.context = Some((key, value));
                self
            }
        }
    }

    /// The cost that the provider told: it wins over the table.
    #[must_use]
    pub fn told(mut self, cost: Money) -> Self {
        self.told = Some(cost);
        self
    }

    /// Whether anything but date and size decides about the price.
    pub(super) fn is_special(&self) -> bool {
        self.batch || self.service_tier.is_some() || self.speed.is_some() || self.context.is_some()
    }

    /// The moment in whole seconds since 1970, rounded down.
    pub(super) fn seconds(&self) -> i64 {
        match self.at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                whole.saturating_add(i64::from(before.subsec_nanos() > 0)).saturating_neg()
            }
        }
    }
}
