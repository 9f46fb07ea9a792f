//! A language model behind a server that speaks as OpenAI's chat does: it is asked which tool to call next.

use perf_kit::llm::Meter;
use perf_kit::llm::budget::BudgetError;
use perf_kit::llm::meter::Plan;
use perf_kit::llm::usage::{Shape, told_by};
use perf_runtime::monitor_llm_call;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

/// The provider and the model that are asked: labels, and so constants.
pub(crate) const PROVIDER: &str = "openai";
pub(crate) const MODEL: &str = "gpt-5-mini";
/// The most tokens of an answer; with those of the question it is what a call reserves in its budgets.
const MOST_TOKENS: u64 = 1_000;
/// The longest answer that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Calls of tools that one answer may ask for.
const MOST_CALLS: usize = 4;

pub(crate) struct Model {
    http: Client,
    endpoint: Url,
    /// The key that the server asks for, from `LLM_API_KEY`.
    key: Option<String>,
    meter: Meter,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// Told before anything is sent.
    #[error("the model was not asked: {0}")]
    Budget(#[from] BudgetError),
    /// Without the address, to which an answer may have pointed.
    #[error("the model cannot be asked: {0}")]
    Unreachable(reqwest::Error),
    #[error("the model's server answered {0}")]
    Refused(StatusCode),
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
    /// A model at an address such as `http://127.0.0.1:11434/v1`, whose calls `meter` holds to their budgets.
    pub(crate) fn new(base: &Url, meter: &Meter) -> Self {
        let mut endpoint = base.clone();
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty().extend(["chat", "completions"]);
        }
        let key = std::env::var("LLM_API_KEY").ok().filter(|key| !key.is_empty());
        Self { http: Client::new(), endpoint, key, meter: meter.clone() }
    }

    /// The name of what is asked, for answers and for the terminal.
    pub(crate) fn name(&self) -> String {
        format!("{MODEL} at {}", self.endpoint.host_str().unwrap_or("an unnamed host"))
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Sends all that was said so far, and the tools that there are.
    #[monitor_llm_call("openai", "gpt-5-mini", usage = |reply| told_by(Shape::OpenAiChat, &reply.0))]
    pub(super) async fn ask(&self, said: &[Value], tools: &Value) -> Result<Reply, ModelError> {
        let body = json!({ "model": MODEL, "messages": said, "tools": tools, "max_completion_tokens": MOST_TOKENS })
            .to_string();
        // A token is a byte at least. What is not spent of it comes back as this function ends, by the usage that the answer tells.
        let most = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let mut planned = self.meter.reserve(&Plan::new(PROVIDER, MODEL, most, MOST_TOKENS).site("analyst"))?;
        let mut request = self.http.post(self.endpoint.clone()).header("content-type", "application/json").body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        planned.dispatched();
        let mut answer = request.send().await?;
        if !answer.status().is_success() {
            return Err(ModelError::Refused(answer.status()));
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
