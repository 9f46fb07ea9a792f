//! Every provider, model and token class, as the Python package of the same table prices them, at the edges of tiers, dates and hours.
//!
//! `PERF_GENAI_PRICES` names the folder in which the package `genai-prices` lies with what it needs, as `.ci/run` fetches it. Where it is
//! not set the test is skipped, which is said.

use super::{PRICES, at};
use perf_llm::Money;
use perf_llm::cost::{Call, PriceState};
use perf_llm::usage::{Class, Usage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// The most that a cost may differ by, in 10^-12 dollars.
const TOLERANCE: i64 = 5_000;

#[test]
fn every_price_is_that_of_the_python_package() {
    let Some(packages) = std::env::var_os("PERF_GENAI_PRICES") else {
        println!("skipped: PERF_GENAI_PRICES names no folder with the packages of genai-prices");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cost/python.py");
    let mut python = Command::new("python3");
    let mut child = python.arg(script).env("PYTHONPATH", packages).stdout(Stdio::piped()).spawn().expect("python3");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let version: Value = serde_json::from_str(&lines.next().expect("a version").unwrap()).unwrap();
    let table = PRICES.table().unwrap().version;
    assert_eq!(Some(&*table), version["version"].as_str().map(|version| format!("genai-prices {version}")).as_deref());
    let (mut wrong, mut compared, mut models) = (Vec::new(), 0_u32, BTreeSet::new());
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    for line in lines {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = |key: &str| case[key].as_str().unwrap();
        let usage: Usage = counts(&case).collect();
        let mut call = Call::new(text("provider"), text("model"), at(text("at")), &usage);
        for (key, value) in case["context"].as_object().unwrap() {
            call = call.context(key, value.as_str().unwrap());
        }
        let price = PRICES.price(&call).unwrap();
        let theirs = picos(text("total"));
        // Models that are paid by the second or the page: theirs cost nothing, of ours it is said.
        let is_same = match price.total() {
            Some(ours) => (ours.picos() - theirs).abs() <= TOLERANCE && price.model() == Some(text("matched")),
            None => theirs == 0 && price.state() == PriceState::Unpriced,
        };
        if !is_same {
            wrong.push(format!("{case}\n  ours: {:?} {:?}", price.total().map(Money::picos), price.model()));
        }
        compared += 1;
        *states.entry(price.state().name()).or_default() += 1;
        models.insert((text("provider").to_owned(), text("model").to_owned()));
    }
    assert!(child.wait().unwrap().success());
    println!("{compared} prices of {} models: {states:?}", models.len());
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(compared > 40_000 && models.len() > 2_200, "{compared} of {}", models.len());
}

fn counts(case: &Value) -> impl Iterator<Item = (Class, u64)> {
    let counts = case["usage"].as_object().unwrap().iter();
    counts.map(|(name, count)| (Class::of_name(name).unwrap(), count.as_u64().unwrap()))
}

/// Picodollars of a decimal, rounded: a few rates of the package carry the noise of floats.
fn picos(text: &str) -> i64 {
    match text.parse::<Money>() {
        Ok(money) => money.picos(),
        Err(_) => Money::from_float(text.parse().unwrap()).unwrap().picos(),
    }
}
