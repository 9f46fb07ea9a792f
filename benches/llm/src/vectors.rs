//! Costs of usage bodies, beside the costs that are right.

use perf_llm::Money;
use perf_llm::cost::{Call, Prices};
use perf_llm::usage::{Class, Shape, Usage, read_value};
use serde_json::{Value, json};
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// The most that a cost may differ by, in 10^-12 dollars: 5e-9 dollars.
const TOLERANCE: i64 = 5_000;

pub(super) fn run(path: &str) -> ExitCode {
    let cases: Vec<Value> = match fs::read_to_string(path).map(|text| serde_json::from_str(&text)) {
        Ok(Ok(cases)) => cases,
        Ok(Err(error)) => return fail(path, &error),
        Err(error) => return fail(path, &error),
    };
    let resident = kit::cost::resident_bytes();
    let begun = Instant::now();
    let prices = Prices::bundled();
    if !prices.wait(Duration::from_secs(60)) {
        return fail(path, &"the table of prices cannot be decoded");
    }
    let took = begun.elapsed();
    let grown = kit::cost::resident_bytes().saturating_sub(resident);
    kit::cost::trim();
    let kept = kit::cost::resident_bytes().saturating_sub(resident);
    if let Some(table) = prices.table() {
        let (version, models, providers) = (table.version, table.models, table.providers);
        println!("table {version}: {models} models of {providers} providers, decoded on its own thread");
        let mebi = |bytes: u64| bytes as f64 / 1_048_576.0;
        let took = took.as_secs_f64() * 1e3;
        println!(
            "in {took:.0} ms; {:.1} MiB resident, {:.1} once unused pages are given back\n",
            mebi(grown),
            mebi(kept)
        );
    }
    println!("| case | right | of the usage | | of the body | state |");
    println!("|---|--:|--:|---|--:|---|");
    let (mut right, mut bodies) = (0, 0);
    for case in &cases {
        let told = case["total"].as_str().and_then(|total| total.parse::<Money>().ok());
        let is_right = |cost: Option<Money>| {
            cost.zip(told).is_some_and(|(cost, told)| (cost.picos() - told.picos()).abs() <= TOLERANCE)
        };
        let show = |cost: Option<Money>| cost.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
        let (body, state) = of_body(&prices, case);
        // The usage is what the case is about; where there is none, the body is.
        let cost = usage_of(case).map_or(body, |usage| price(&prices, case, model_of(case), &usage).0);
        right += usize::from(is_right(cost));
        bodies += usize::from(is_right(body));
        let verdict = if is_right(cost) { "right" } else { "WRONG" };
        let name = case["name"].as_str().unwrap_or("?");
        println!("| {name} | {} | {} | {verdict} | {} | {state} |", show(told), show(cost), show(body));
    }
    let summary = json!({"bench": "vectors", "right": right, "of": cases.len(), "bodies_right": bodies});
    println!("\n{summary}");
    if right == cases.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(path: &str, why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{path}: {why}");
    ExitCode::FAILURE
}

fn model_of(case: &Value) -> &str {
    let body = &case["body"];
    body["model"].as_str().or(body["modelVersion"].as_str()).or(case["model"].as_str()).unwrap_or("")
}

fn usage_of(case: &Value) -> Option<Usage> {
    let counts = case["usage"].as_object()?;
    counts.iter().map(|(name, count)| Some((Class::of_name(name)?, count.as_u64()?))).collect()
}

fn of_body(prices: &Prices, case: &Value) -> (Option<Money>, String) {
    let shape = match (case["provider"].as_str().unwrap_or(""), case["api_flavor"].as_str()) {
        ("anthropic", _) | (_, Some("anthropic")) => Shape::Anthropic,
        ("google", None) => Shape::Gemini,
        ("aws", None) => Shape::Bedrock,
        (_, Some("responses")) => Shape::OpenAiResponses,
        _ => Shape::OpenAiChat,
    };
    match read_value(shape, &case["body"]) {
        Ok(reading) => price(prices, case, reading.model.as_deref().unwrap_or(model_of(case)), &reading.usage),
        Err(error) => (None, error.to_string()),
    }
}

fn price(prices: &Prices, case: &Value, model: &str, usage: &Usage) -> (Option<Money>, String) {
    let at = case["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let at = at.map_or_else(SystemTime::now, SystemTime::from);
    let mut call = Call::new(case["provider"].as_str().unwrap_or(""), model, at, usage);
    for (key, value) in case["price_context"].as_object().into_iter().flatten() {
        call = call.context(key, value.as_str().unwrap_or(""));
    }
    match prices.price(&call) {
        Ok(price) => {
            let gaps: Vec<String> = price.gaps().map(|gap| format!("{gap:?}")).collect();
            (price.total(), format!("{} {}", price.state(), gaps.join(", ")).trim_end().to_owned())
        }
        Err(error) => (None, error.to_string()),
    }
}
