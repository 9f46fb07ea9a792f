//! One client of the traffic: it plays its deck of cards, and remembers what came back.
//!
//! A client stands for many users: it sends its next request without waiting for the answer to the last. Were it to
//! wait, a service that becomes slow would be asked less, and hardly look slow at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::analyst::QUESTIONS;
use crate::deck::{Card, Dice, deck};
use crate::service::{ASK, DAILY, FLAKY, POINTS, SERIES, SLOW};
use crate::traffic::{OWN_SERIES, Phase, Plan, Seen};

/// Longer than any answer takes, faults included.
const PATIENCE: Duration = Duration::from_secs(30);
/// A client sends no more while so many of its requests wait.
const MOST_IN_FLIGHT: usize = 50;
/// Less than the slow query takes.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);
const SLOW_QUERY: Duration = Duration::from_secs(5);

/// A request that a client is about to send.
struct Request {
    method: Method,
    route: &'static str,
    url: Url,
    body: Option<Value>,
    patience: Duration,
}

pub(crate) struct Client {
    plan: Arc<Plan>,
    line: Line,
    deck: Vec<Card>,
    /// Where in the deck it is; also chooses among series and questions.
    turn: usize,
    dice: Dice,
}

/// The means to send requests and to count their results.
#[derive(Clone)]
struct Line {
    http: reqwest::Client,
    seen: Arc<Seen>,
    /// How many milliseconds the latest answer took.
    latency: Arc<AtomicU64>,
    phase: watch::Receiver<Phase>,
}

impl Client {
    pub(crate) fn new(
        number: u16,
        plan: Arc<Plan>,
        http: reqwest::Client,
        seen: Arc<Seen>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let deck = deck();
        let turn = usize::from(number) * deck.len() / usize::from(plan.clients.max(1));
        let line = Line { http, seen, latency: Arc::default(), phase };
        Self { plan, line, deck, turn, dice: Dice(u64::from(number)) }
    }

    pub(crate) async fn run(mut self) {
        let mut in_flight = JoinSet::new();
        let mut left = self.plan.requests.unwrap_or(u64::MAX);
        while left > 0 && self.line.phase() == Phase::Going {
            while in_flight.len() >= MOST_IN_FLIGHT {
                in_flight.join_next().await;
            }
            in_flight.spawn(self.line.clone().play(self.next_request()));
            left -= 1;
            tokio::time::sleep(self.pause()).await;
            // Forgets those that ended.
            while in_flight.try_join_next().is_some() {}
        }
        while in_flight.join_next().await.is_some() {}
    }

    /// The time to the next request, 10 to 50 ms: a laptop stays cool.
    fn pause(&mut self) -> Duration {
        Duration::from_millis(10 + self.dice.below(41) as u64)
    }

    fn next_request(&mut self) -> Request {
        let card = self.deck[self.turn % self.deck.len()];
        // Another series every turn, another question every time all series have had theirs.
        let series = self.plan.series[self.turn % self.plan.series.len()].clone();
        let question = QUESTIONS[self.turn / self.plan.series.len() % QUESTIONS.len()];
        self.turn += 1;
        match card {
            Card::ListSeries => self.get(SERIES, &[], &[]),
            Card::Points => self.get(POINTS, &[&series], &[("limit", "50")]),
            Card::Daily => self.get(DAILY, &[&series], &[]),
            Card::UnknownSeries => self.get(DAILY, &["no_such_series"], &[]),
            Card::BadRange => self.get(POINTS, &[&series], &[("from", "yesterday")]),
            Card::Flaky => self.get(FLAKY, &[], &[]),
            Card::SlowQuery => self.get(SLOW, &[], &[("ms", "200")]),
            Card::LostPatience => {
                let wait = SLOW_QUERY.as_millis().to_string();
                Request { patience: LITTLE_PATIENCE, ..self.get(SLOW, &[], &[("ms", &wait)]) }
            }
            Card::AddPoint => {
                let latency = self.line.latency.load(Ordering::Relaxed);
                self.post(POINTS, &[OWN_SERIES], json!({ "value": latency }))
            }
            Card::Ask => self.post(ASK, &[], json!({ "series": series, "question": question })),
        }
    }

    fn get(&self, route: &'static str, names: &[&str], query: &[(&str, &str)]) -> Request {
        let mut url = self.url(route, names);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Request { method: Method::GET, route, url, body: None, patience: PATIENCE }
    }

    fn post(&self, route: &'static str, names: &[&str], body: Value) -> Request {
        Request { method: Method::POST, route, url: self.url(route, names), body: Some(body), patience: PATIENCE }
    }

    /// The route with a name in each of its places; a name may hold anything.
    fn url(&self, route: &str, names: &[&str]) -> Url {
        let mut names = names.iter();
        let mut url = self.plan.url.clone();
        // Only an address like `mailto:` has no path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear();
            for part in route.split('/').skip(1) {
                path.push(if part.starts_with('{') { names.next().unwrap_or(&part) } else { part });
            }
        }
        url
    }
}

impl Line {
    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Sends a request and remembers what was seen of it.
    async fn play(mut self, request: Request) {
        let (method, route) = (name(&request.method), request.route);
        let answer = send(&self.http, request);
        let begin = Instant::now();
        let seen = tokio::select! {
            seen = answer => seen,
            _ = self.phase.wait_for(|&phase| phase == Phase::Abandoning) => "abandoned".to_owned(),
        };
        let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.latency.store(millis, Ordering::Relaxed);
        self.seen.add(method, route, seen);
    }
}

/// Sends a request and says what came back: a status, `timeout` or `connection error`.
async fn send(http: &reqwest::Client, request: Request) -> String {
    let mut builder = http.request(request.method, request.url).timeout(request.patience);
    if let Some(body) = request.body {
        builder = builder.json(&body);
    }
    let answer = async {
        let response = builder.send().await?;
        let status = response.status();
        // An answer is one when it was read to its end.
        response.bytes().await?;
        Ok::<_, reqwest::Error>(status)
    };
    match answer.await {
        Ok(status) => status.as_str().to_owned(),
        Err(error) if error.is_timeout() => "timeout".to_owned(),
        Err(_) => "connection error".to_owned(),
    }
}

fn name(method: &Method) -> &'static str {
    if *method == Method::POST { "POST" } else { "GET" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_paths() {
        let plan = Plan {
            url: Url::parse("http://127.0.0.1:1").expect("a URL"),
            series: vec!["a b/c".to_owned()],
            clients: 1,
            requests: None,
        };
        let phase = watch::Sender::new(Phase::Going).subscribe();
        let client = Client::new(0, Arc::new(plan), reqwest::Client::new(), Arc::default(), phase);
        assert_eq!(client.url(POINTS, &["a b/c"]).as_str(), "http://127.0.0.1:1/series/a%20b%2Fc/points");
        assert_eq!(client.url(SERIES, &[]).as_str(), "http://127.0.0.1:1/series");
    }
}
