//! States of prices, and the gaps that they name.

use super::{PRICES, at, noon, picos, price};
use perf_llm::Money;
use perf_llm::budget::{Budget, Budgets, Estimate, Spend};
use perf_llm::cost::{Call, Gap, Item, PriceError, PriceSource, PriceState, Prices};
use perf_llm::usage::{Class, Reading, Usage, UsageError};
use std::time::Duration;

#[test]
fn a_model_that_nobody_knows_is_unpriced_and_not_free() {
    let usage = Usage::of(1_000, 10);
    for (provider, model, gap) in [
        ("openai", "gpt-none", Gap::ModelNotFound),
        ("ibm.watsonx.ai", "granite", Gap::ProviderNotFound),
        ("openai", &"long".repeat(100), Gap::ModelNotFound),
        // Transcripts are paid by the second.
        ("openai", "whisper-1", Gap::OtherUnit),
    ] {
        let price = price(provider, model, &usage);
        assert_eq!((price.state(), price.total()), (PriceState::Unpriced, None), "{model}");
        assert_eq!(price.gaps().collect::<Vec<_>>(), [gap], "{model}");
    }
}

#[test]
fn free_and_local_cost_nothing_and_say_which() {
    let usage = Usage::of(1_000, 10);
    let free = price("openrouter", "google/gemma-3-27b-it:free", &usage);
    assert_eq!((free.state(), free.total()), (PriceState::Free, Some(Money::ZERO)), "{free:?}");
    let local = price("ollama", "llama3.2", &usage);
    assert_eq!((local.state(), local.total()), (PriceState::Local, Some(Money::ZERO)));
}

#[test]
fn a_model_of_which_no_price_is_stated_is_unpriced() {
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(120)));
    let model =
        |id: &str, prices: &str| format!(r#"{{"id": "{id}", "match": {{"equals": "{id}"}}, "prices": {prices}}}"#);
    let models = [
        model("empty", "{}"),
        model("empty:free", "{}"),
        model("gratis", r#"{"input_mtok": 0, "output_mtok": 0}"#),
        model("gratis-input", r#"{"input_mtok": 0}"#),
        model("gratis-output", r#"{"output_mtok": 0}"#),
        model("cached", r#"{"input_mtok": 0, "cache_read_mtok": 0, "output_mtok": 0}"#),
    ];
    let table = format!(
        r#"[{{"id": "openai", "name": "OpenAI", "api_pattern": "https://api\\.openai\\.com", "models": [{}]}}]"#,
        models.join(",")
    );
    prices.refresh(table.as_bytes(), at("2026-11-21T00:00:00Z")).unwrap();
    let usage = Usage::of(1_000, 10);
    let call = |model| Call::new("openai", model, noon(), &usage);
    let empty = prices.price(&call("empty")).unwrap();
    assert_eq!((empty.state(), empty.total()), (PriceState::Unpriced, None));
    assert_eq!(empty.gaps().collect::<Vec<_>>(), [Gap::NoPrice]);
    assert_eq!(prices.bound(&call("empty"), 1_000, 10, 0), None);
    for model in ["empty:free", "gratis", "gratis-input", "gratis-output", "cached"] {
        let price = prices.price(&call(model)).unwrap();
        assert_eq!((price.state(), price.total()), (PriceState::Free, Some(Money::ZERO)), "{model}");
        assert_eq!(prices.bound(&call(model), 1_000, 10, 0).map(|bound| bound.total), Some(Money::ZERO), "{model}");
    }
}

#[test]
fn a_settlement_without_a_count_charges_what_was_reserved() {
    let budgets = Budgets::in_memory();
    let all = budgets.account(&Budget::all().dollars(50)).unwrap();
    let settled = |call: &Call<'_>, usage: &Usage| {
        let before = all.view().unwrap().spent;
        let most = Estimate::money(Money::from_dollars(10).unwrap(), Money::ZERO);
        let price = PRICES.price(call).unwrap();
        let settlement = budgets.reserve(&[&all], &most).unwrap().settle(&Spend::of(&price, usage));
        (all.view().unwrap().spent - before, settlement.estimated)
    };
    let (whole, half) = (Usage::of(1_000_000, 0), Usage::UNKNOWN.with(Class::Input, 1_000_000));
    let call = |usage| Call::new("openai", "gpt-4o", noon(), usage);
    assert_eq!(settled(&call(&whole), &whole), (2_500_000_000_000, false));
    assert_eq!(settled(&call(&half), &half), (10_000_000_000_000, true));
    // A provider that tells its cost knows it, whatever it does not count.
    assert_eq!(settled(&call(&half).told(Money::from_picos(7)), &half), (7, false));
}

#[test]
fn unknown_usage_is_no_cost_of_0() {
    let unknown = price("openai", "gpt-4o", &Usage::UNKNOWN);
    assert_eq!((unknown.state(), unknown.total()), (PriceState::Incomplete, None));
    let half = price("openai", "gpt-4o", &Usage::UNKNOWN.with(Class::Input, 1_000_000));
    assert_eq!((half.state(), picos(&half)), (PriceState::Incomplete, 2_500_000_000_000));
    assert_eq!(half.gaps().collect::<Vec<_>>(), [Gap::UsageUnknown(Class::Output)]);
    // An embedding has no answer to be unknown.
    let embedding = price("openai", "text-embedding-3-small", &Usage::UNKNOWN.with(Class::Input, 1_000_000));
    assert_eq!((embedding.state(), picos(&embedding)), (PriceState::Priced, 20_000_000_000));
}

#[test]
fn classes_without_a_price_of_their_own_are_named() {
    let audio = Usage::of(1_000_000, 1_000_000).with(Class::InputAudio, 1_000_000).with(Class::OutputAudio, 1_000_000);
    let price = price("openai", "gpt-4o-audio-preview", &audio);
    assert_eq!(price.state(), PriceState::Incomplete);
    let gaps: Vec<Gap> = price.gaps().collect();
    assert_eq!(gaps, [Gap::ClassUnpriced(Class::InputAudio), Gap::ClassUnpriced(Class::OutputAudio)]);
}

#[test]
fn a_tier_that_the_table_does_not_know_is_told() {
    let usage = Usage::of(1_000_000, 1_000_000);
    let call = |tier| Call::new("openai", "gpt-5", noon(), &usage).service_tier(tier);
    let priority = PRICES.price(&call("priority")).unwrap();
    assert_eq!((priority.state(), picos(&priority)), (PriceState::Priced, 22_500_000_000_000));
    let misspelt = PRICES.price(&call("prioritty")).unwrap();
    assert_eq!((misspelt.state(), picos(&misspelt)), (PriceState::Incomplete, 11_250_000_000_000));
    assert_eq!(misspelt.gaps().collect::<Vec<_>>(), [Gap::TierUnpriced]);
    for usual in ["default", "standard", "auto"] {
        assert_eq!(PRICES.price(&call(usual)).unwrap().state(), PriceState::Priced, "{usual}");
    }
    // Anthropic tells batches as a service tier. Half of the rates above 200,000 tokens.
    let call = Call::new("anthropic", "claude-sonnet-4-5", noon(), &usage).service_tier("batch");
    let batch = PRICES.price(&call).unwrap();
    assert_eq!((batch.state(), picos(&batch)), (PriceState::Priced, 14_250_000_000_000));
}

#[test]
fn a_lifetime_that_nobody_told_is_a_gap() {
    let write = Usage::of(1_000, 0).with(Class::CacheWrite, 1_000);
    let unknown = price("anthropic", "claude-sonnet-4-5", &write);
    assert_eq!(unknown.gaps().collect::<Vec<_>>(), [Gap::LifetimeUnknown]);
    let hour = price("anthropic", "claude-sonnet-4-5", &write.with(Class::CacheWrite1h, 1_000));
    assert_eq!((hour.state(), picos(&hour)), (PriceState::Priced, 6_000_000_000));
    assert_eq!(hour.cost().unwrap().item(Item::CacheWrite1h).picos(), 6_000_000_000);
}

#[test]
fn the_cost_that_a_provider_tells_wins() {
    let reading = {
        let body =
            br#"{"model": "gpt-4o", "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "cost": 0.00123}}"#;
        perf_llm::usage::read(perf_llm::usage::Shape::OpenAiChat, body).unwrap()
    };
    let price = PRICES.price(&Call::of("openrouter", "", noon(), &reading)).unwrap();
    assert_eq!((price.state(), price.source()), (PriceState::Priced, PriceSource::Provider));
    assert_eq!(picos(&price), 1_230_000_000);
    let call = Call::new("openai", "gpt-4o", noon(), &Usage::UNKNOWN).told(Money::from_picos(-1));
    assert_eq!(PRICES.price(&call), Err(PriceError::NegativeCost { picos: -1 }));
}

#[test]
fn counts_that_cannot_be_true_are_an_error() {
    let usage = Usage::of(100, 1).with(Class::CacheRead, 150);
    let Err(PriceError::Usage(UsageError::PartOverWhole { part, value, whole, limit })) =
        PRICES.price(&Call::new("openai", "gpt-4o", noon(), &usage))
    else {
        panic!("refused");
    };
    assert_eq!((part, value, whole, limit), ("cache_read_tokens", 150, "input_tokens", 100));
    let huge = Usage::of(1 << 53, 1 << 53);
    let error = PRICES.price(&Call::new("openai", "gpt-4", noon(), &huge)).unwrap_err();
    assert_eq!(error, PriceError::TooLarge { class: "input_tokens" });
}

#[test]
fn the_hour_and_the_day_of_the_request_decide() {
    let usage = Usage::of(1_000_000, 1_000_000);
    for (model, provider, moment, dollars) in [
        ("deepseek-v4-flash", "deepseek", "2026-11-20T00:59:59Z", "0.75"),
        ("deepseek-v4-flash", "deepseek", "2026-11-20T01:00:00Z", "1.5"),
        ("deepseek-v4-flash", "deepseek", "2026-11-20T03:59:59.999Z", "1.5"),
        ("deepseek-v4-flash", "deepseek", "2026-11-20T04:00:00Z", "0.75"),
        ("o3", "openai", "2025-06-09T23:59:59Z", "50"),
        ("o3", "openai", "2025-06-10T00:00:00Z", "10"),
    ] {
        let price = PRICES.price(&Call::new(provider, model, at(moment), &usage)).unwrap();
        assert_eq!(price.total(), Some(dollars.parse().unwrap()), "{model} at {moment}");
    }
}

#[test]
fn a_tier_is_of_the_whole_request_and_begins_above_its_start() {
    for (input, output, dollars) in
        [(199_999, 1_000, "0.411998"), (200_000, 1_000, "0.412"), (200_001, 1_000, "0.818004"), (250_000, 0, "1")]
    {
        let price = price("google", "gemini-3.1-pro-preview", &Usage::of(input, output));
        assert_eq!(price.total(), Some(dollars.parse().unwrap()), "{input}");
    }
}

#[test]
fn a_price_knows_its_table_and_its_model() {
    let reading = Reading::default();
    let price = price("azure.ai.openai", "gpt-4o-2024-08-06", &reading.usage.with(Class::Input, 1));
    assert_eq!(price.provider(), Some("azure"));
    assert_eq!(price.table().map(|table| &**table), Some("genai-prices 0.2.1"));
}

#[test]
fn a_bound_is_never_less_than_a_cost() {
    let usage = Usage::of(250_000, 2_000).with(Class::CacheWrite, 200_000).with(Class::CacheWrite1h, 200_000);
    for (provider, model) in
        [("anthropic", "claude-sonnet-4-5"), ("google", "gemini-3.1-pro-preview"), ("openai", "gpt-5")]
    {
        let call = Call::new(provider, model, noon(), &usage);
        let bound = PRICES.bound(&call, 250_000, 2_000, 0).unwrap();
        let total = PRICES.price(&call).unwrap().total().unwrap();
        assert!(bound.total >= total, "{model}: {} < {total}", bound.total);
        assert!(bound.input <= bound.total && bound.input > Money::ZERO, "{model}");
    }
    assert_eq!(PRICES.bound(&Call::new("openai", "gpt-none", noon(), &usage), 1, 1, 0), None);
}
