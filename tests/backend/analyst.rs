//! The example's analyst with a language model behind it (`--llm-url`), which is a server of ours.

use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use serde_json::{Value, json};

use crate::llm_server;
use crate::program::Program;
use crate::servers::PATIENCE;

/// 200 new tokens at 0.25 dollars a million, 1,000 read from the cache at 0.025, 300 generated ones at 2: what a call of our server costs.
const COST: f64 = 0.000_675;

/// The example with a model of OpenAI's that acts like that, and its address.
async fn start(acts_as: &'static str, more: &[&str]) -> (Program, String) {
    let server = llm_server::start_as(Some(acts_as)).await;
    let more = [&["--llm-provider", "openai"], more].concat();
    start_with(server, &more, "the analyst asks gpt-5-mini at 127.0.0.1, for at most ")
}

/// The example with a server of a model, and its address, once it has said that it asks it.
fn start_with(server: SocketAddr, more: &[&str], says: &str) -> (Program, String) {
    let url = format!("http://{server}/v1");
    let mut program = Program::start(&[&["--port", "0", "--load", "0", "--llm-url", &url], more].concat());
    program.wait_for(|line| line.starts_with(says));
    let url = program.url();
    (program, url)
}

/// The status and the body of an answer to a question about the taxis.
async fn ask(url: &str) -> (u16, Value) {
    let asked = json!({ "series": "nyc_taxi", "question": "Which day was busiest?" });
    let answer = reqwest::Client::new().post(format!("{url}/ask")).json(&asked).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// The sums of what was used and spent. The table of prices is there, or it is waited for: the first call would have none.
async fn spent(url: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = reqwest::get(format!("{url}/api/v1/llm")).await.expect("an answer");
        let all: Value = answer.json().await.expect("JSON");
        if !all["prices"].is_null() {
            return all;
        }
        assert!(Instant::now() < deadline, "there is no table of prices: {all}");
        tokio::task::yield_now().await;
    }
}

/// The spent and the reserved amount of the analyst's budget.
fn of_budget(all: &Value) -> (Value, Value) {
    let budget = &all["budgets"][0];
    (budget["spent"].clone(), budget["reserved"].clone())
}

fn cost(totals: &Value) -> f64 {
    totals["cost_dollars"].as_str().and_then(|dollars| dollars.parse().ok()).expect("dollars")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_chooses_the_tool_and_its_usage_cost_and_budget_are_shown() {
    let (mut program, url) = start("caller", &["--llm-budget", "0.50"]).await;
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["tool"], &answer["found"]["day"]), (&json!("busiest_day"), &json!("2014-11-01")), "{answer}");
    assert!(answer["answer"].as_str().expect("a text").contains("Saturday 2014-11-01"), "{answer}");
    assert_eq!(answer["by"], "analyst: gpt-5-mini at 127.0.0.1, with tools that run SQL");

    let all = spent(&url).await;
    let agent = &all["agents"][0];
    assert_eq!((&agent["agent"], &agent["totals"]["calls"]), (&json!("analyst"), &json!(2)), "{all}");
    assert_eq!((&agent["totals"]["input_tokens"], &agent["totals"]["output_tokens"]), (&json!(2_400), &json!(600)));
    assert!((cost(&agent["totals"]) - 2.0 * COST).abs() < 1e-12, "{agent}");
    assert_eq!((&all["models"][0]["provider"], &all["models"][0]["model"]), (&json!("openai"), &json!("gpt-5-mini")));
    let budget = &all["budgets"][0];
    assert_eq!(
        (&budget["name"], &budget["limit"], &budget["reserved"]),
        (&json!("analyst"), &json!("0.5"), &json!("0"))
    );
    assert_eq!((&all["last_runs"][0]["tool_calls"], &all["refusals"]), (&json!(1), &json!([])));
    let page = reqwest::get(format!("{url}/metrics")).await.expect("an answer").text().await.expect("a text");
    let counted = page.lines().find(|line| line.starts_with("mcp_llm_calls_total{") && line.contains("outcome=\"ok\""));
    assert!(counted.is_some_and(|line| line.ends_with(" 2")), "{counted:?}");
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_is_named_and_the_service_goes_on() {
    let (mut program, url) = start("broken", &[]).await;
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    let told = "the model's server answered 400 Bad Request to a call of `gpt-5-mini` (--llm-model names another one)";
    assert_eq!((status, &answer["error"]), (502, &json!(told)));
    let all = spent(&url).await;
    assert_eq!((&all["total"]["calls"], &all["total"]["by_price"]["unknown"]), (&json!(1), &json!(1)), "{all}");
    assert_eq!(of_budget(&all), (json!("0"), json!("0")), "a call that the server refuses costs nothing: {all}");
    assert_eq!(ask(&url).await.0, 502);
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_costs_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let (mut program, url) = start_with(nobody, &["--llm-provider", "openai"], "the analyst asks gpt-5-mini at ");
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    let told = answer["error"].as_str().expect("a text");
    assert!(status == 502 && told.starts_with("the model cannot be asked: "), "{status} {told}");
    assert!(!told.contains(&nobody.port().to_string()), "without the address: {told}");
    let all = spent(&url).await;
    assert_eq!((of_budget(&all), cost(&all["total"])), ((json!("0"), json!("0")), 0.0), "{all}");
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_ones_own_is_asked_by_its_name_and_has_no_price() {
    let server = llm_server::start_as(Some("caller")).await;
    let says = "the analyst asks llama3.2 at 127.0.0.1, a model of your own, whose calls cost nothing";
    let (mut program, url) = start_with(server, &["--llm-model", "llama3.2"], says);
    let (status, answer) = ask(&url).await;
    assert_eq!((status, &answer["tool"]), (200, &json!("busiest_day")), "{answer}");
    assert_eq!(answer["by"], "analyst: llama3.2 at 127.0.0.1, with tools that run SQL");
    let all = spent(&url).await;
    let model = &all["models"][0];
    assert_eq!(
        (&model["provider"], &model["model"], all["models"].as_array().map(Vec::len)),
        (&json!("local"), &json!("llama3.2"), Some(1))
    );
    assert_eq!(
        (&model["totals"]["by_price"], &model["totals"]["input_tokens"]),
        (&json!({ "local": 2 }), &json!(2_400))
    );
    assert_eq!((cost(&all["total"]), of_budget(&all)), (0.0, (json!("0"), json!("0"))), "{all}");
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_asks_for_the_same_tool_again_and_again_is_stopped_and_found() {
    let (mut program, url) = start("looper", &[]).await;
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    let told = json!("the model gave no answer in 8 turns: it asked for tools alone");
    assert_eq!((status, &answer["error"]), (502, &told));
    let all = spent(&url).await;
    let found = &all["loops"][0];
    assert_eq!(
        (&found["agent"], &found["tool"], &found["times"]),
        (&json!("analyst"), &json!("busiest_day"), &json!(8))
    );
    assert_eq!((&all["total"]["calls"], &all["last_runs"][0]["repeats"]), (&json!(8), &json!(8)));
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_too_small_stops_a_call_before_it_is_sent() {
    // Enough for one call as it is reserved: 1,000 tokens of an answer are 0.002, and 2,400 of a prompt the rest. After what that cost there is
    // less than 0.002 left.
    let (mut program, url) = start("looper", &["--llm-budget", "0.0026"]).await;
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    assert_eq!(status, 402, "{answer}");
    let told = answer["error"].as_str().expect("a text");
    assert!(told.starts_with("the model was not asked: the budget of agent `analyst` (0.0026 dollars"), "{told}");
    let all = spent(&url).await;
    let refused = json!({ "scope": "agent", "name": "analyst", "reason": "no_room", "calls": 1 });
    assert_eq!(all["refusals"], json!([refused]), "{all}");
    assert!((cost(&all["total"]) - COST).abs() < 1e-12, "{all}");
    assert_eq!((&all["budgets"][0]["reserved"], &all["total"]["by_price"]["priced"]), (&json!("0"), &json!(1)));
    assert_eq!(all["total"]["calls"], json!(1), "{all}");
    assert_eq!(program.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_a_price_is_not_asked_and_what_helps_is_said_where_that_is_seen() {
    let server = llm_server::start_as(Some("caller")).await;
    let (mut program, url) = start_with(server, &["--llm-provider", "nobody"], "the analyst asks gpt-5-mini at ");
    spent(&url).await;
    let (status, answer) = ask(&url).await;
    assert_eq!(status, 402, "{answer}");
    let told = answer["error"].as_str().expect("a text");
    assert!(told.starts_with("the model was not asked: the model has no price"), "{told}");
    let says = "gpt-5-mini at 127.0.0.1 has no price, and was not asked: --llm-provider names the provider whose prices it has";
    program.wait_for(|line| line == says);
    let all = spent(&url).await;
    assert_eq!((&all["refusals"][0]["reason"], &all["total"]["calls"]), (&json!("unpriced"), &json!(0)), "{all}");
    assert_eq!(program.interrupt().code, Some(0));
}

#[test]
fn without_a_model_the_service_says_so() {
    let mut program = Program::start(&["--port", "0", "--load", "0"]);
    program.wait_for(|line| {
        line == "no language model: keyword rules choose the analyst's tools (--llm-url names a server that has one)"
    });
    program.url();
    assert_eq!(program.interrupt().code, Some(0));
}
