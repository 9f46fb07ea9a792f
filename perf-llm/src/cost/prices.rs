use super::alias::{self, LOCAL};
use super::call::Call;
use super::loading::Loading;
use super::price::{Cost, Gap, Item, Price, PriceSource, PriceState};
use super::probe::Rates;
use super::table::TableInfo;
use super::{PriceError, RefreshError, refresh};
use crate::Money;
use crate::usage::Class;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The prices of models. A cheap handle: clones share one table.
///
/// The crate's table takes about 0.1 s to decode. That happens on a thread of its own, begun by [`load`](Self::load) or by the
/// first call that is priced; until it is done calls are `Unpriced` with [`Gap::TableNotLoaded`].
#[derive(Clone)]
pub struct Prices {
    loading: Arc<Loading>,
}

/// The most that a call can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// The prompt's part, at the usual rate of its tokens: what a call costs that is lost after it was sent.
    pub input: Money,
    /// The most for prompt, answer, tools and the request.
    pub total: Money,
}

impl Prices {
    /// The crate's table. Nothing is decoded yet.
    pub fn bundled() -> Self {
        Self { loading: Loading::new() }
    }

    /// Begins to decode the table on a thread of its own, and does not wait for it.
    pub fn load(&self) {
        self.loading.begin();
    }

    /// Waits for the table, at most so long; whether it is there. It blocks: for start-up and tests.
    pub fn wait(&self, most: Duration) -> bool {
        self.loading.wait(most)
    }

    /// The table in use; `None` until it is decoded.
    pub fn table(&self) -> Option<TableInfo> {
        self.loading.table().map(|table| table.info.clone())
    }

    /// The price of a call. A cost that the provider told wins over the table.
    ///
    /// The first call of a model in an hour asks the table some hundred times (about a millisecond); later ones take less than a microsecond.
    ///
    /// # Errors
    ///
    /// [`PriceError`] for counts that contradict each other and costs out of range. A model without a price is no error, but `Unpriced`.
    pub fn price(&self, call: &Call<'_>) -> Result<Price, PriceError> {
        if let Some(told) = call.told {
            return price_told(told);
        }
        match self.loading.table() {
            Some(table) => table.price(call),
            None if alias::provider(call.provider) == LOCAL => {
                Ok(Price::new(PriceState::Local, PriceSource::None, Some(Cost::default())))
            }
            None => {
                self.load();
                let failed = self.loading.has_failed();
                Ok(Price::unpriced(if failed { Gap::TableFailed } else { Gap::TableNotLoaded }))
            }
        }
    }

    /// The most that a call can cost with at most so many tokens and tool calls; `None` for a model without a price.
    ///
    /// Prompt tokens count at the dearest rate of any class (a cache write, audio), generated ones likewise; the tier is the dearest that the
    /// prompt can reach, and the hour is the dearer of this one and the next. The call's own usage is not looked at.
    pub fn bound(&self, call: &Call<'_>, input: u64, output: u64, tools: u64) -> Option<Bound> {
        let provider = alias::provider(call.provider);
        if provider == LOCAL {
            return Some(Bound { input: Money::ZERO, total: Money::ZERO });
        }
        let Some(table) = self.loading.table() else {
            self.load();
            return None;
        };
        let mut most = Bound { input: Money::ZERO, total: Money::ZERO };
        let later = call.at.checked_add(Duration::from_secs(3_600)).unwrap_or(call.at);
        for at in [call.at, later] {
            let call = Call { at, ..*call };
            for prompt in [1, input.max(1)] {
                let card = table.card(provider, &call, prompt)?;
                let found = card.found.as_ref().ok().filter(|found| found.unpriced.is_none())?;
                let bound = bound_at(&*table.rates(&card, found, &call, prompt)?, input, output, tools)?;
                most.input = most.input.max(bound.input);
                most.total = most.total.max(bound.total);
            }
        }
        Some(most)
    }

    /// Takes a newer table, of which the caller says when it was made. The one in use stays where this one is refused.
    ///
    /// The table is that of `genai-prices`, version 2 ([`genai_prices::REMOTE_DATA_URL`]). It is decoded on the calling thread, and each of its
    /// models is compared with the table in use: tens of milliseconds.
    ///
    /// # Errors
    ///
    /// [`RefreshError`] for a table over 8 MiB, one that cannot be read, is empty or older than the one in use, and one in which a price of
    /// input, output, caches or audio fell to 0 (unless [`allow_free`](Self::allow_free) names the model) or is above a dollar a token. The whole
    /// table is refused: one price that is wrong says that others may be, and a mixture would be a table that nobody made.
    pub fn refresh(&self, table: &[u8], as_of: SystemTime) -> Result<TableInfo, RefreshError> {
        refresh::from_bytes(&self.loading, table, as_of)
    }

    /// Names the models whose prices may fall to 0 in newer tables, as `provider/model` by the table's ids, in place of those that were named
    /// before: a model that really became free would keep out all later tables.
    ///
    /// ```
    /// let prices = perf_llm::cost::Prices::bundled();
    /// prices.allow_free(["groq/llama-guard-3-8b"]);
    /// ```
    pub fn allow_free<M: Into<String>>(&self, models: impl IntoIterator<Item = M>) {
        self.loading.allow_free(models.into_iter().map(Into::into).collect());
    }

    /// Takes a newer table from a file; its age is the time at which the file was last changed.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh), and [`RefreshError::File`] for a file that cannot be read.
    pub fn refresh_file(&self, path: impl AsRef<Path>) -> Result<TableInfo, RefreshError> {
        refresh::from_file(&self.loading, path.as_ref())
    }

    /// Takes a newer table from an address; its age is what the server says (`Last-Modified`), or now. It blocks, for a minute at the most.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh), and [`RefreshError::Url`] for a server that cannot be reached or answers otherwise,
    /// [`RefreshError::Shrunk`] for a table with less than half of the models.
    #[cfg(feature = "prices-url")]
    pub fn refresh_url(&self, url: &super::TableUrl) -> Result<TableInfo, RefreshError> {
        self.fetch(url).map(|(info, ..)| info)
    }

    /// The same, with the bytes of the table and its age.
    #[cfg(feature = "prices-url")]
    pub(crate) fn fetch(&self, url: &super::TableUrl) -> Result<(TableInfo, Vec<u8>, SystemTime), RefreshError> {
        let (bytes, as_of) = url.fetch()?;
        // Nobody looks at what is fetched: half a table would leave all other models without a price, and money budgets would refuse them.
        let info = refresh::from_address(&self.loading, &bytes, as_of)?;
        Ok((info, bytes, as_of))
    }
}

impl fmt::Debug for Prices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prices").field("table", &self.table()).finish_non_exhaustive()
    }
}

fn price_told(told: Money) -> Result<Price, PriceError> {
    if told < Money::ZERO {
        return Err(PriceError::NegativeCost { picos: told.picos() });
    }
    let mut cost = Cost::default();
    cost.add(Item::Told, i128::from(told.picos()), Item::Told.name())?;
    Ok(Price::new(PriceState::Priced, PriceSource::Provider, Some(cost)))
}

/// `None` out of range.
fn bound_at(rates: &Rates, input: u64, output: u64, tools: u64) -> Option<Bound> {
    let dearest = |of: fn(Class) -> bool| {
        let rates = Class::ALL.iter().filter(|class| of(**class)).map(|class| rates.of(*class));
        i128::from(rates.max().unwrap_or(0))
    };
    let is_input = |class: Class| class == Class::Input || class.wholes().contains(&Class::Input);
    let is_output = |class: Class| class == Class::Output || class.wholes().contains(&Class::Output);
    let all = |parts: &[(u64, i128)]| {
        parts.iter().try_fold(i128::from(rates.request), |sum, (count, rate)| {
            sum.checked_add(i128::from(*count).checked_mul(*rate)?)
        })
    };
    let usual = all(&[(input, i128::from(rates.of(Class::Input)))])?;
    let total = all(&[(input, dearest(is_input)), (output, dearest(is_output)), (tools, dearest(Class::is_tool))])?;
    let money = |picos: i128| i64::try_from(picos).ok().map(Money::from_picos);
    Some(Bound { input: money(usual)?, total: money(total)? })
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_bound_out_of_range_is_none() {
        let places = [i64::MAX; Class::ALL.len()];
        for request in [0, i64::MAX] {
            let rates = Rates { places, request };
            assert_eq!(bound_at(&rates, u64::MAX, u64::MAX, u64::MAX), None);
        }
        let bound = bound_at(&Rates { places: [2; Class::ALL.len()], request: 1 }, 10, 20, 3);
        assert_eq!(bound.map(|bound| (bound.input.picos(), bound.total.picos())), Some((21, 67)));
    }
}
