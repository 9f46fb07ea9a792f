//! Usage bodies with the costs that are right, from bills and price lists, where other tools got them wrong.

use super::{PRICES, at};
use perf_llm::Money;
use perf_llm::cost::Call;
use perf_llm::usage::{Class, Shape, Usage, read_value};
use serde_json::Value;

/// The most that a cost may differ by, in 10^-12 dollars.
const TOLERANCE: i64 = 5_000;

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("cost-vectors.json")).unwrap()
}

fn call<'a>(vector: &'a Value, model: &'a str, usage: &'a Usage) -> Call<'a> {
    let call = Call::new(vector["provider"].as_str().unwrap(), model, at(vector["at"].as_str().unwrap()), usage);
    let context = vector["price_context"].as_object().unwrap();
    context.iter().fold(call, |call, (key, value)| call.context(key, value.as_str().unwrap()))
}

fn right(vector: &Value) -> Money {
    vector["total"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_usage_costs_what_the_bill_says() {
    let vectors = vectors();
    assert!(vectors.len() > 20);
    for vector in &vectors {
        let counts = vector["usage"].as_object().unwrap();
        let usage =
            counts.iter().map(|(name, count)| (Class::of_name(name).unwrap(), count.as_u64().unwrap())).collect();
        let body = &vector["body"];
        let model = body["model"].as_str().or(body["modelVersion"].as_str()).unwrap();
        let price = PRICES.price(&call(vector, model, &usage)).unwrap();
        let total = price.total().unwrap_or_else(|| panic!("{}: {price:?}", vector["name"]));
        assert!((total.picos() - right(vector).picos()).abs() <= TOLERANCE, "{}: {total}", vector["name"]);
    }
}

#[test]
fn every_body_costs_what_the_bill_says() {
    for vector in vectors() {
        let shape = match (vector["provider"].as_str().unwrap(), vector["api_flavor"].as_str()) {
            ("anthropic", _) => Shape::Anthropic,
            ("google", _) => Shape::Gemini,
            (_, Some("responses")) => Shape::OpenAiResponses,
            _ => Shape::OpenAiChat,
        };
        let reading = read_value(shape, &vector["body"]).unwrap();
        let price = PRICES.price(&call(&vector, reading.model.as_deref().unwrap(), &reading.usage)).unwrap();
        let total = price.total().unwrap();
        // The table's own reader adds reasoning where the body's total shows that it was counted: the vector says both answers.
        let right =
            if vector["name"] == "xai-chat-as-genai-prices" { "0.0090".parse().unwrap() } else { right(&vector) };
        assert!((total.picos() - right.picos()).abs() <= TOLERANCE, "{}: {total}", vector["name"]);
    }
}
