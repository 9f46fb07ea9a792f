//! One client of the traffic: which requests it sends, and in what order.
//!
//! Every client plays the same deck of cards, each beginning at another place. So a run can be repeated, and the rare
//! cards (a failure, a lost patience) come at an even pace instead of in clusters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::analyst::QUESTIONS;
use crate::service::{ASK, DAILY, FLAKY, POINTS, SERIES, SLOW};
use crate::traffic::{OWN_SERIES, Phase, Plan, Seen};

/// Longer than any answer takes, faults included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Less than the slow query takes.
const LITTLE_PATIENCE: Duration = Duration::from_millis(300);
const SLOW_QUERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    ListSeries,
    Points,
    Daily,
    AddPoint,
    Ask,
    UnknownSeries,
    BadRange,
    SlowQuery,
    LostPatience,
    Flaky,
}

/// How often each card is in the deck. One request in two hundred fails, one is given up: a service in good health.
const CARDS: [(Card, usize); 7] = [
    (Card::Points, 60),
    (Card::Daily, 40),
    (Card::AddPoint, 40),
    (Card::ListSeries, 30),
    (Card::Ask, 20),
    (Card::UnknownSeries, 4),
    (Card::BadRange, 3),
];
/// The rare ones, at places where the first client meets them soon.
const RARE: [(usize, Card); 3] = [
    (20, Card::SlowQuery),
    (30, Card::LostPatience),
    (45, Card::Flaky),
];

fn deck() -> Vec<Card> {
    let mut deck: Vec<Card> = CARDS
        .iter()
        .flat_map(|&(card, times)| std::iter::repeat_n(card, times))
        .collect();
    let mut dice = Dice(0);
    for last in (1..deck.len()).rev() {
        deck.swap(last, dice.below(last + 1));
    }
    for (place, card) in RARE {
        deck.insert(place, card);
    }
    deck
}

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
    http: reqwest::Client,
    seen: Arc<Seen>,
    deck: Vec<Card>,
    /// Where in the deck it is; also chooses among series and questions.
    turn: usize,
    dice: Dice,
    /// How long its last request took.
    latency: Duration,
}

impl Client {
    pub(crate) fn new(
        number: u16,
        plan: Arc<Plan>,
        http: reqwest::Client,
        seen: Arc<Seen>,
    ) -> Self {
        let deck = deck();
        let turn = usize::from(number) * deck.len() / usize::from(plan.clients.max(1));
        Self {
            plan,
            http,
            seen,
            deck,
            turn,
            dice: Dice(u64::from(number)),
            latency: Duration::ZERO,
        }
    }

    pub(crate) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        let mut left = self.plan.requests.unwrap_or(u64::MAX);
        while left > 0 && *phase.borrow() == Phase::Going {
            let request = self.next_request();
            let (method, route) = (name(&request.method), request.route);
            let seen = tokio::select! {
                seen = self.send(request) => seen,
                _ = phase.wait_for(|&phase| phase == Phase::Abandoning) => "abandoned".to_owned(),
            };
            self.seen.add(method, route, seen);
            left -= 1;
            tokio::time::sleep(self.think()).await;
        }
    }

    /// Time to think, so that a laptop stays cool: 10 to 50 ms.
    fn think(&mut self) -> Duration {
        Duration::from_millis(10 + self.dice.below(41) as u64)
    }

    async fn send(&mut self, request: Request) -> String {
        let Request {
            method,
            url,
            body,
            patience,
            ..
        } = request;
        let mut builder = self.http.request(method, url).timeout(patience);
        if let Some(body) = body {
            builder = builder.json(&body);
        }
        let begin = Instant::now();
        let result = async {
            let response = builder.send().await?;
            let status = response.status();
            // An answer is one when it was read to its end.
            response.bytes().await?;
            Ok::<_, reqwest::Error>(status)
        };
        let seen = match result.await {
            Ok(status) => status.as_str().to_owned(),
            Err(error) if error.is_timeout() => "timeout".to_owned(),
            Err(_) => "connection error".to_owned(),
        };
        self.latency = begin.elapsed();
        seen
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
                Request {
                    patience: LITTLE_PATIENCE,
                    ..self.get(SLOW, &[], &[("ms", &wait)])
                }
            }
            Card::AddPoint => self.post(
                POINTS,
                &[OWN_SERIES],
                json!({ "value": self.latency.as_secs_f64() * 1e3 }),
            ),
            Card::Ask => self.post(ASK, &[], json!({ "series": series, "question": question })),
        }
    }

    fn get(&self, route: &'static str, names: &[&str], query: &[(&str, &str)]) -> Request {
        let mut url = self.url(route, names);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Request {
            method: Method::GET,
            route,
            url,
            body: None,
            patience: PATIENCE,
        }
    }

    fn post(&self, route: &'static str, names: &[&str], body: Value) -> Request {
        Request {
            method: Method::POST,
            route,
            url: self.url(route, names),
            body: Some(body),
            patience: PATIENCE,
        }
    }

    /// The route with a name in each of its places; a name may hold anything.
    fn url(&self, route: &str, names: &[&str]) -> Url {
        let mut names = names.iter();
        let mut url = self.plan.url.clone();
        // Only an address like `mailto:` has no path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear();
            for part in route.split('/').skip(1) {
                path.push(if part.starts_with('{') {
                    names.next().unwrap_or(&part)
                } else {
                    part
                });
            }
        }
        url
    }
}

fn name(method: &Method) -> &'static str {
    if *method == Method::POST {
        "POST"
    } else {
        "GET"
    }
}

/// A generator of numbers that look random and can be repeated (a linear congruence with Knuth's constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The high bits are the good ones; the remainder is smaller than `limit` and so fits.
        usize::try_from((self.0 >> 33) % limit as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deck_is_the_same_each_time_and_mixed() {
        let deck = deck();
        assert_eq!(deck.len(), 200);
        assert_eq!(deck, super::deck());
        assert_eq!(deck[45], Card::Flaky);
        let first: Vec<Card> = deck[..20].to_vec();
        assert!(first.contains(&Card::Points) && first.contains(&Card::Daily));
    }

    #[test]
    fn names_are_escaped_in_paths() {
        let plan = Plan {
            url: Url::parse("http://127.0.0.1:1").expect("a URL"),
            series: vec!["a b/c".to_owned()],
            clients: 1,
            requests: None,
        };
        let client = Client::new(0, Arc::new(plan), reqwest::Client::new(), Arc::default());
        assert_eq!(
            client.url(POINTS, &["a b/c"]).as_str(),
            "http://127.0.0.1:1/series/a%20b%2Fc/points"
        );
        assert_eq!(
            client.url(SERIES, &[]).as_str(),
            "http://127.0.0.1:1/series"
        );
    }
}
