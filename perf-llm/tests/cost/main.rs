//! Costs, held to usage bodies with known answers, to laws, and to the Python package of the same table.

mod laws;
mod python;
mod refresh;
mod states;
mod vectors;

use perf_llm::cost::{Call, Price, Prices};
use perf_llm::usage::Usage;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// One table for all tests: decoding it takes a second without optimisation.
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(120)), "the table is decoded");
    prices
});

/// A moment from its text.
fn at(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// A day at which every price of the bundled table holds.
fn noon() -> SystemTime {
    at("2026-11-20T12:00:00Z")
}

fn price(provider: &str, model: &str, usage: &Usage) -> Price {
    PRICES.price(&Call::new(provider, model, noon(), usage)).unwrap()
}

fn picos(price: &Price) -> i64 {
    price.total().unwrap_or_else(|| panic!("no cost: {price:?}")).picos()
}
