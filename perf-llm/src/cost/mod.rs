//! The cost of a call, by item, in whole 10^-12 dollars.
//!
//! Prices are those of the crate [`genai_prices`], found by its rules: aliases of providers and models, tiers by the size of the prompt, batch
//! and service tiers, and the date and hour of the request. From its prices a card of rates in whole numbers is made and kept, so that a
//! cost is exact, its items sum to its total, and a call is priced in less than a microsecond.
//!
//! ```
//! use perf_llm::cost::{Call, PriceState, Prices};
//! use perf_llm::usage::Usage;
//! use std::time::{Duration, SystemTime};
//!
//! let prices = Prices::bundled();
//! assert!(prices.wait(Duration::from_secs(60)), "the table is decoded on a thread of its own");
//! let usage = Usage::of(2_000, 500);
//! let price = prices.price(&Call::new("openai", "gpt-5-mini", SystemTime::now(), &usage))?;
//! assert_eq!(price.state(), PriceState::Priced);
//! println!("{} dollars", price.total().unwrap_or_default());
//! # Ok::<(), perf_llm::cost::PriceError>(())
//! ```

pub(crate) mod alias;
mod call;
mod card;
mod error;
#[cfg(feature = "prices-url")]
mod fetch;
mod leaves;
mod loading;
mod price;
mod prices;
mod probe;
mod refresh;
mod table;

pub use call::Call;
pub use error::{PriceError, RefreshError};
#[cfg(feature = "prices-url")]
pub use fetch::TableUrl;
pub use price::{Cost, Gap, Item, Price, PriceSource, PriceState};
pub use prices::{Bound, Prices};
pub use table::TableInfo;
