//! Newer tables, and those that are refused.

use super::{at, noon};
use perf_llm::cost::{Call, Prices, RefreshError};
use perf_llm::usage::Usage;
use std::time::Duration;

fn prices() -> Prices {
    let prices = Prices::bundled();
    assert!(prices.wait(Duration::from_secs(120)));
    prices
}

fn table(input: f64) -> Vec<u8> {
    format!(
        r#"[{{"id": "openai", "name": "OpenAI", "api_pattern": "https://api\\.openai\\.com", "models": [
            {{"id": "gpt-4o", "match": {{"equals": "gpt-4o"}}, "prices": {{"input_mtok": {input}, "output_mtok": 10}}}}]}}]"#
    )
    .into_bytes()
}

/// The cost of a million tokens, in 10^-12 dollars.
fn cost(prices: &Prices) -> i64 {
    let usage = Usage::of(1_000_000, 0);
    let price = prices.price(&Call::new("openai", "gpt-4o", noon(), &usage)).unwrap();
    price.total().unwrap().picos()
}

#[test]
fn a_newer_table_is_taken_and_prices_name_it() {
    let prices = prices();
    assert_eq!(cost(&prices), 2_500_000_000_000);
    let info = prices.refresh(&table(3.0), at("2026-11-21T00:00:00Z")).unwrap();
    assert_eq!((info.providers, info.models), (1, 1));
    assert!(info.version.starts_with("2026-11-21 "), "{}", info.version);
    assert_eq!(cost(&prices), 3_000_000_000_000);
    assert_eq!(prices.table(), Some(info));
}

#[test]
fn a_table_that_cannot_be_right_is_refused_and_the_last_one_stays() {
    let prices = prices();
    let later = at("2026-11-21T00:00:00Z");
    let refused = |table: &[u8], as_of| prices.refresh(table, as_of).unwrap_err();
    assert!(matches!(refused(&table(3.0), at("2026-10-01T00:00:00Z")), RefreshError::Older { .. }));
    let zero = refused(&table(0.0), later);
    assert!(matches!(&zero, RefreshError::FellToZero { model, side: "input", .. } if model == "gpt-4o"), "{zero}");
    assert!(matches!(refused(&table(2e6), later), RefreshError::Absurd { .. }));
    assert!(matches!(refused(b"[{]", later), RefreshError::Invalid { .. }));
    assert!(matches!(refused(b"{}", later), RefreshError::Invalid { .. }));
    assert!(matches!(refused(b"[]", later), RefreshError::Empty));
    assert!(matches!(refused(&vec![b' '; (8 << 20) + 1], later), RefreshError::TooLarge { bytes: 8_388_609 }));
    assert_eq!(cost(&prices), 2_500_000_000_000);
}

#[test]
fn a_price_of_a_cache_that_fell_to_0_is_refused_too() {
    let prices = prices();
    let with_cache = |cache: f64| {
        let table = String::from_utf8(table(3.0)).unwrap();
        table.replace("\"output_mtok\"", &format!("\"cache_read_mtok\": {cache}, \"output_mtok\"")).into_bytes()
    };
    let later = at("2026-11-21T00:00:00Z");
    let zero = prices.refresh(&with_cache(0.0), later).unwrap_err();
    assert!(matches!(&zero, RefreshError::FellToZero { model, side: "cache_read", .. } if model == "gpt-4o"), "{zero}");
    prices.refresh(&with_cache(1.0), later).unwrap();
}

#[test]
fn a_model_that_became_free_keeps_no_table_out_where_it_is_named() {
    let prices = prices();
    let later = at("2026-11-21T00:00:00Z");
    prices.allow_free(["openai/gpt-4o-mini"]);
    let refused = prices.refresh(&table(0.0), later).unwrap_err();
    let told = "the input price of `openai/gpt-4o` fell to 0: not taken, unless `prices_free` names it";
    assert_eq!(refused.to_string(), told, "another one is named");
    assert_eq!(cost(&prices), 2_500_000_000_000, "the whole table is refused, and the last one stays");
    prices.allow_free(["openai/gpt-4o"]);
    prices.refresh(&table(0.0), later).unwrap();
    assert_eq!(cost(&prices), 0);
}

#[test]
fn a_refusal_says_how_many_models_fell_to_0() {
    let prices = prices();
    let both = String::from_utf8(table(0.0)).unwrap().replace(
        "\"models\": [",
        r#""models": [{"id": "gpt-4o-mini", "match": {"equals": "gpt-4o-mini"}, "prices": {"input_mtok": 0, "output_mtok": 0}},"#,
    );
    let refused = prices.refresh(both.as_bytes(), at("2026-11-21T00:00:00Z")).unwrap_err();
    assert!(matches!(&refused, RefreshError::FellToZero { others: 1, .. }), "{refused}");
}

#[test]
fn a_file_is_as_old_as_its_last_change() {
    let prices = prices();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.json");
    assert!(matches!(prices.refresh_file(&path), Err(RefreshError::File { .. })));
    std::fs::write(&path, table(4.0)).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(at("2026-10-01T00:00:00Z")).unwrap();
    assert!(matches!(prices.refresh_file(&path), Err(RefreshError::Older { .. })));
    file.set_modified(at("2026-11-22T00:00:00Z")).unwrap();
    prices.refresh_file(&path).unwrap();
    assert_eq!(cost(&prices), 4_000_000_000_000);
}
