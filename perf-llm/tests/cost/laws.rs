//! Laws of costs, over usage made at random.

use super::{PRICES, noon};
use perf_llm::cost::{Call, Item, PriceState};
use perf_llm::usage::{Class, Usage};
use proptest::prelude::*;

const MODELS: &[(&str, &str)] = &[
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-4o-realtime-preview"),
    ("google", "gemini-3.1-pro-preview"),
    ("google", "gemini-2.5-flash"),
    ("deepseek", "deepseek-v4-flash"),
    ("x-ai", "grok-4"),
];

/// Usage that is true: wholes are made of their parts.
fn usage() -> impl Strategy<Value = Usage> {
    prop::collection::vec(prop_oneof![3 => Just(0_u64), 2 => 0..400_000_u64], Class::ALL.len()).prop_map(|parts| {
        let mut totals = vec![0; parts.len()];
        for (class, part) in Class::ALL.iter().zip(&parts) {
            totals[*class as usize] += part;
            class.wholes().iter().for_each(|whole| totals[*whole as usize] += part);
        }
        Class::ALL.iter().map(|class| (*class, totals[*class as usize])).collect()
    })
}

proptest! {
    #[test]
    fn items_sum_to_the_total(usage in usage(), (provider, model) in prop::sample::select(MODELS)) {
        let price = PRICES.price(&Call::new(provider, model, noon(), &usage)).unwrap();
        let cost = price.cost().unwrap();
        let sum: i64 = Item::ALL.iter().map(|item| cost.item(*item).picos()).sum();
        prop_assert_eq!(sum, cost.total().picos());
        prop_assert_eq!(cost.items().map(|(_, money)| money.picos()).sum::<i64>(), sum);
    }

    #[test]
    fn a_cost_is_that_of_the_crate(usage in usage(), (provider, model) in prop::sample::select(MODELS)) {
        let price = PRICES.price(&Call::new(provider, model, noon(), &usage)).unwrap();
        let theirs: genai_prices::Usage = usage.iter().map(|(class, count)| (class.name(), count as f64)).collect();
        let request = genai_prices::PriceRequest::new(model, &theirs).with_provider_id(provider).with_timestamp(noon());
        let dollars = genai_prices::calculate(&request).unwrap().total_price;
        let ours = price.total().unwrap().dollars();
        prop_assert!((ours - dollars).abs() <= 5e-9_f64.max(dollars * 1e-12), "{} {}", ours, dollars);
    }

    #[test]
    fn more_tokens_never_cost_less(
        usage in usage(),
        more in 0..100_000_u64,
        (provider, model) in prop::sample::select(MODELS),
    ) {
        let total = |usage: &Usage| PRICES.price(&Call::new(provider, model, noon(), usage)).unwrap().total();
        for class in [Class::Input, Class::Output] {
            let larger = usage.with(class, usage.get(class).unwrap() + more);
            prop_assert!(total(&larger) >= total(&usage));
        }
    }
}

#[test]
fn no_price_of_the_table_is_lost_in_whole_numbers() {
    // A million tokens of each class, for every model: the crate's float and our sum of whole numbers.
    let usage = Usage::of(1_000_000, 1_000_000);
    let theirs: genai_prices::Usage = usage.iter().map(|(class, count)| (class.name(), count as f64)).collect();
    let mut priced = 0;
    for provider in ["anthropic", "openai", "google", "deepseek", "mistral", "x-ai"] {
        let found = genai_prices::Calculator::bundled().find_provider(Some(provider), None).unwrap().unwrap();
        for model in found.models() {
            let request =
                genai_prices::PriceRequest::new(model.id(), &theirs).with_provider_id(provider).with_timestamp(noon());
            let Ok(price) = genai_prices::calculate(&request) else { continue };
            let ours = PRICES.price(&Call::new(provider, model.id(), noon(), &usage)).unwrap();
            if ours.state() == PriceState::Unpriced {
                assert!(price.total_price == 0.0, "{provider} {}", model.id());
                continue;
            }
            let dollars = ours.total().unwrap().dollars();
            assert!((dollars - price.total_price).abs() <= 5e-9, "{provider} {}: {dollars}", model.id());
            priced += 1;
        }
    }
    assert!(priced > 200, "{priced}");
}
