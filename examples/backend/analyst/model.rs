//! A language model behind a server that speaks as OpenAI's chat does: it is asked which tool to call next.
//!
//! The layer around the client knows what a call is, reserves what it may cost in the budgets, and reads in the answer what it did cost.

use std::net::IpAddr;
use std::sync::Once;

use perf_kit::llm::Meter;
use perf_kit::llm::budget::BudgetError;
use perf_kit::llm::http::{HttpMeter, MeteredClient};
use reqwest::{Body, Client, Method, Request, StatusCode, Url, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

use crate::terminal::say;

/// The most tokens of an answer; with those of the question it is what a call reserves in its budgets.
const MOST_TOKENS: u64 = 1_000;
/// The longest answer that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Calls of tools that one answer may ask for.
const MOST_CALLS: usize = 4;
/// The provider of models that run on one's own machine: their calls have no price.
const LOCAL: &str = "local";

pub(crate) struct Model {
    http: MeteredClient<Client>,
    endpoint: Url,
    asked: String,
    /// Whether its calls cost nothing.
    is_local: bool,
    /// The key that the server asks for, from `LLM_API_KEY`.
    key: Option<String>,
    meter: Meter,
    /// Done once it was said that it has no price.
    unpriced: Once,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// Told before anything is sent.
    #[error("the model was not asked: {0}")]
    Budget(#[from] BudgetError),
    /// Without the address, to which an answer may have pointed.
    #[error("the model cannot be asked: {0}")]
    Unreachable(reqwest::Error),
    #[error("the model's server answered {0} to a call of `{1}` (--llm-model names another one)")]
    Refused(StatusCode, String),
    #[error("the model's answer is none of a chat: {0}")]
    Unreadable(&'static str),
}

impl From<reqwest::Error> for ModelError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// The body of an answer.
pub(super) struct Reply(Value);

/// A tool that the model wants to be called.
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) tool: String,
    /// As the model wrote them.
    pub(super) arguments: String,
}

impl Model {
    /// A model at an address such as `http://127.0.0.1:11434/v1`, whose calls `meter` holds to their budgets. Without a provider that is named, one
    /// that the host tells has its prices, and a server on this machine is one of models of one's own.
    pub(crate) fn new(base: &Url, model: &str, provider: Option<&str>, meter: &Meter) -> Self {
        let mut endpoint = base.clone();
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty().extend(["chat", "completions"]);
        }
        let provider = provider.or_else(|| is_this_machine(base).then_some(LOCAL));
        let layer = provider.into_iter().fold(meter.http(), HttpMeter::provider);
        Self {
            http: layer.layer(Client::new()),
            endpoint,
            asked: model.to_owned(),
            is_local: provider == Some(LOCAL),
            key: std::env::var("LLM_API_KEY").ok().filter(|key| !key.is_empty()),
            meter: meter.clone(),
            unpriced: Once::new(),
        }
    }

    /// The name of what is asked, for answers and for the terminal.
    pub(crate) fn name(&self) -> String {
        format!("{} at {}", self.asked, self.endpoint.host_str().unwrap_or("an unnamed host"))
    }

    /// Whether its calls cost nothing, as it runs on a machine of one's own.
    pub(crate) const fn is_local(&self) -> bool {
        self.is_local
    }

    pub(super) const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Sends all that was said so far, and the tools that there are.
    pub(super) async fn ask(&self, said: &[Value], tools: &Value) -> Result<Reply, ModelError> {
        let body =
            json!({ "model": self.asked, "messages": said, "tools": tools, "max_completion_tokens": MOST_TOKENS });
        let mut answer = self.http.clone().oneshot(self.request(body.to_string())).await?;
        if let Some(error) = answer.extensions().get::<BudgetError>() {
            // While the prices load, no model has one.
            if matches!(error, BudgetError::Unpriced { .. }) && self.meter.prices().table().is_some() {
                self.unpriced.call_once(|| {
                    say!(
                        "{} has no price, and was not asked: --llm-provider names the provider whose prices it has",
                        self.name()
                    );
                });
            }
            return Err(error.clone().into());
        }
        if !answer.status().is_success() {
            return Err(ModelError::Refused(answer.status(), self.asked.clone()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST_BYTES {
                return Err(ModelError::Unreadable("it is over a megabyte"));
            }
        }
        serde_json::from_slice(&bytes).map(Reply).map_err(|_| ModelError::Unreadable("it is no JSON"))
    }

    fn request(&self, body: String) -> Request {
        let mut request = Request::new(Method::POST, self.endpoint.clone());
        *request.body_mut() = Some(Body::from(body));
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let key = self.key.as_deref().and_then(|key| header::HeaderValue::try_from(format!("Bearer {key}")).ok());
        if let Some(mut key) = key {
            key.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, key);
        }
        request
    }
}

/// Whether an address is one of this machine alone.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

impl Reply {
    fn message(&self) -> Result<&Value, ModelError> {
        self.0.pointer("/choices/0/message").ok_or(ModelError::Unreadable("it has no message"))
    }

    /// The message of the model, to be sent along with what follows.
    pub(super) fn said(&self) -> Result<Value, ModelError> {
        self.message().cloned()
    }

    /// The tools that it wants to be called; none where it answers.
    pub(super) fn wanted(&self) -> Result<Vec<Wanted>, ModelError> {
        let calls = self.message()?["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        if calls.len() > MOST_CALLS {
            return Err(ModelError::Unreadable("it wants more than four tools at once"));
        }
        let text = |call: &Value, at: &str| call.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let wanted = calls.iter().map(|call| Wanted {
            id: text(call, "/id"),
            tool: text(call, "/function/name"),
            arguments: text(call, "/function/arguments"),
        });
        Ok(wanted.collect())
    }

    /// The answer in words.
    pub(super) fn text(&self) -> Result<String, ModelError> {
        let text = self.message()?["content"].as_str().filter(|text| !text.trim().is_empty());
        text.map(str::to_owned).ok_or(ModelError::Unreadable("it says nothing, and wants no tool"))
    }
}
