//! Calls of models over HTTP: a tower layer around the client that sends them.

mod asked;
mod body;
mod exchange;
mod message;
#[cfg(feature = "reqwest")]
mod reqwest;
mod target;

pub use body::ReadBody;
pub use exchange::Exchange;
pub use message::{Answer, Request};

use crate::Meter;
use crate::budget::BudgetError;
use asked::Asked;
use bytes::Bytes;
use exchange::End;
use http::Method;
use std::any::Any;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A tower layer around an HTTP client that counts the calls of models it sends: made by [`Meter::http`].
///
/// It knows a call by its address: chat, completions, responses and embeddings of OpenAI and of those that speak the same, `v1/messages`,
/// `generateContent` of Gemini, `api/chat` and `api/generate` of Ollama, `converse` of Bedrock. On a host that it does not know, and without a
/// [`provider`](Self::provider), the request has to name a model. It reads the usage in the answer as that passes, whole or streamed. All other
/// requests pass untouched. A call begins as it is sent and ends with its answer's
/// body; one that is dropped before is cancelled, and what it generated is unknown. Each attempt of a client that tries again is a call.
///
/// Where there are budgets, a call reserves before it is sent what it can cost at most by its body: a token for each byte, and as many as it allows
/// for the answer. (What the body only points at is not in it: earlier answers, files, addresses of images, tools of the provider. A body that is
/// made as it is sent has no size, and no budget has room for it.) Without room it is not sent: the answer is a `402` with a body in OpenAI's form of errors, and the [`BudgetError`] in its
/// extensions. A call inside a function that has reserved for it ([`Meter::reserve`]) reserves nothing more. A call that the provider refuses (4xx) costs
/// nothing, and neither does one whose connection could not be opened, as far as the client's error tells it: one of reqwest, of `std::io`, or a boxed one
/// with either of them inside. (A client below the layer that tries again by itself may have sent an earlier attempt: of that the layer hears nothing.)
/// One that fails otherwise, or is dropped, costs its prompt.
///
/// Usage is unknown in answers that come compressed (a `reqwest::Client` that decompresses them itself is fine), in the event streams of Bedrock, in
/// OpenAI's streams without `stream_options.include_usage`, and beyond 16 MiB.
///
/// The client of `async-openai` (feature `middleware`) takes it so:
///
/// ```ignore
/// let http = tower::ServiceBuilder::new().layer(meter.http()).service(reqwest::Client::new());
/// let service = tower::service_fn(move |factory: async_openai::middleware::HttpRequestFactory| {
///     let http = http.clone();
///     async move { Ok::<_, OpenAIError>(http.oneshot(factory.build().await?).await?) }
/// });
/// let client = async_openai::Client::new().with_http_service(service);
/// ```
#[derive(Clone, Debug)]
pub struct HttpMeter {
    meter: Meter,
    provider: Option<Arc<str>>,
    user: Option<Arc<str>>,
    most: u64,
    reserves: bool,
}

impl Meter {
    /// A layer for an HTTP client, which counts the calls of models that it sends.
    ///
    /// ```
    /// use perf_llm::http::HttpMeter;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    /// # use http_body_util::{BodyExt, Full};
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// # let llm = perf_llm::Llm::with_settings(&monitor, perf_llm::Settings::default())?;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// // In place of it any client, such as `reqwest::Client` with the feature `reqwest`.
    /// let provider = service_fn(async |_: http::Request<Full<bytes::Bytes>>| {
    ///     let answer = r#"{"model": "gpt-5-mini", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}"#;
    ///     http::Response::builder().header("content-type", "application/json").body(Full::from(answer))
    /// });
    /// let client = ServiceBuilder::new().layer(llm.meter().http()).service(provider);
    ///
    /// let request = http::Request::post("https://api.openai.com/v1/chat/completions");
    /// let answer = client.oneshot(request.body(Full::from(r#"{"model": "gpt-5-mini"}"#))?).await?;
    /// answer.into_body().collect().await?;
    /// assert_eq!(llm.meter().totals().input_tokens, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn http(&self) -> HttpMeter {
        HttpMeter { meter: self.clone(), provider: None, user: None, most: asked::MOST, reserves: true }
    }
}

impl HttpMeter {
    /// Names the provider, for hosts of one's own: `vllm` and its like cost nothing. Without it the host tells it.
    #[must_use]
    pub fn provider(self, provider: impl Into<Arc<str>>) -> Self {
        Self { provider: Some(provider.into()), ..self }
    }

    /// Names the user or tenant that all calls of this client are for, whose budgets they need as well.
    #[must_use]
    pub fn user(self, user: impl Into<Arc<str>>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// Sets the most tokens of an answer to a request that sets no bound itself, in reservations; 16,384 unless told.
    #[must_use]
    pub fn max_answer(self, tokens: u64) -> Self {
        Self { most: tokens, ..self }
    }

    /// Only counts: calls are charged to budgets when they end, and none is refused.
    #[must_use]
    pub fn without_reserving(self) -> Self {
        Self { reserves: false, ..self }
    }

    /// The exchange that a request begins; `None` for one that is no call of a model.
    fn begin(&self, request: &impl Request) -> Option<Result<Exchange, BudgetError>> {
        let (host, path) = request.address();
        if *request.method() != Method::POST {
            return None;
        }
        let target = target::target(host, path, self.provider.as_deref())?;
        let body = request.bytes();
        let asked = Asked::read(body.as_deref());
        if !target.is_known && target.model.is_none() && asked.model().is_none() {
            return None;
        }
        let mut exchange = Exchange::new(&self.meter, target, &asked, self.user.clone());
        if !self.reserves || !self.meter.has_budgets() || exchange.is_planned_around() {
            return Some(Ok(exchange));
        }
        let prompt = request.size().unwrap_or(u64::MAX);
        let planned = self.meter.reserve_for(&exchange.plan(prompt, asked.most(self.most)), true);
        Some(match planned {
            Ok(planned) => {
                exchange.reserved(planned);
                Ok(exchange)
            }
            Err(error) => {
                exchange.refused();
                Err(error)
            }
        })
    }
}

impl<S> Layer<S> for HttpMeter {
    type Service = MeteredClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeteredClient { inner, settings: self.clone() }
    }
}

/// A client in an [`HttpMeter`]: its calls of models are counted.
#[derive(Clone, Debug)]
pub struct MeteredClient<S> {
    inner: S,
    settings: HttpMeter,
}

impl<S, Q> Service<Q> for MeteredClient<S>
where
    S: Service<Q>,
    S::Response: Answer,
    S::Error: 'static,
    Q: Request,
{
    type Response = <S::Response as Answer>::Read;
    type Error = S::Error;
    type Future = Asking<S::Future, Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        match self.settings.begin(&request).transpose() {
            Ok(exchange) => {
                Asking { future: Some(self.inner.call(request)), exchange: exchange.map(Box::new), refusal: None }
            }
            Err(error) => {
                let text = Bytes::from(refusal(&error));
                Asking { future: None, exchange: None, refusal: Some(S::Response::refused(error, text)) }
            }
        }
    }
}

/// Checks that a request failed before anything of it was sent, as far as the error tells it: its connection could not be opened. Of earlier attempts
/// of a client that tries again by itself it tells nothing.
fn is_unsent<E: 'static>(error: &E) -> bool {
    let any: &dyn Any = error;
    let error = as_error::<io::Error>(any).or_else(|| Some(&**any.downcast_ref::<Box<dyn Error + Send + Sync>>()?));
    #[cfg(feature = "reqwest")]
    let error = error.or_else(|| as_error::<::reqwest::Error>(any));
    std::iter::successors(error.map(|error| error as &(dyn Error + 'static)), |error| inside(*error)).any(|error| {
        #[cfg(feature = "reqwest")]
        if error.downcast_ref().is_some_and(::reqwest::Error::is_connect) {
            return true;
        }
        error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == ErrorKind::ConnectionRefused)
    })
}

/// The error inside another one. One of `std::io` tells of the one that it wraps only what is inside that.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source())
}

fn as_error<E: Error + Send + Sync + 'static>(any: &dyn Any) -> Option<&(dyn Error + Send + Sync + 'static)> {
    Some(any.downcast_ref::<E>()?)
}

/// The body of an answer to a call that no budget has room for, in OpenAI's form of errors.
fn refusal(error: &BudgetError) -> String {
    let kind = "budget_exceeded";
    serde_json::json!({ "error": { "message": error.to_string(), "type": kind, "param": null, "code": kind } })
        .to_string()
}

pin_project_lite::pin_project! {
    /// A request that a [`MeteredClient`] sends.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Asking<F, R> {
        #[pin]
        future: Option<F>,
        exchange: Option<Box<Exchange>>,
        refusal: Option<R>,
    }
}

impl<F, A, E, R> Future for Asking<F, R>
where
    F: Future<Output = Result<A, E>>,
    A: Answer<Read = R>,
    E: 'static,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            // Polled once more after its end, it waits for ever, as futures may.
            return this.refusal.take().map_or(Poll::Pending, |refusal| Poll::Ready(Ok(refusal)));
        };
        let Poll::Ready(answer) = future.poll(context) else { return Poll::Pending };
        let mut exchange = this.exchange.take();
        Poll::Ready(match answer {
            Ok(answer) => {
                if let Some(exchange) = &mut exchange {
                    exchange.answered(answer.status(), answer.headers());
                }
                Ok(answer.read(exchange))
            }
            Err(error) => {
                if let Some(mut exchange) = exchange {
                    exchange.end(if is_unsent(&error) { End::Unsent } else { End::Broken });
                }
                Err(error)
            }
        })
    }
}
