//! Clients that send real HTTP requests over loopback, and remember what they saw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Client;
use crate::error::Failure;
use crate::terminal::say;

/// The series to which the clients post: how long their requests took, in milliseconds.
pub(crate) const OWN_SERIES: &str = "client_latency_ms";

/// The load that the clients are to make.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where the service listens.
    pub(crate) url: Url,
    /// The series they ask for; not empty.
    pub(crate) series: Vec<String>,
    pub(crate) clients: u16,
    /// Requests of each client; without a number they go on until told to stop.
    pub(crate) requests: Option<u64>,
}

/// Whether the clients go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Send one request after the other.
    Going,
    /// Wait for the answer to the request in flight, then stop.
    Finishing,
    /// Stop waiting.
    Abandoning,
}

/// Counts of what all clients saw, by method, route and result.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<(&'static str, &'static str, String), u64>>);

/// The counts of all clients at the end.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct ClientView(pub(crate) Vec<SeenCount>);

/// How often one method and route ended in one way.
#[derive(Debug, Serialize)]
pub(crate) struct SeenCount {
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    /// The status code, or `timeout`, `connection error`, `abandoned`.
    pub(crate) seen: String,
    pub(crate) count: u64,
}

impl Seen {
    pub(crate) fn add(&self, method: &'static str, route: &'static str, seen: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((method, route, seen)).or_default() += 1;
    }

    fn view(&self) -> ClientView {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |((method, route, seen), &count): (&(&'static str, &'static str, String), &u64)| SeenCount {
            method,
            route,
            seen: seen.clone(),
            count,
        };
        ClientView(counts.iter().map(entry).collect())
    }
}

/// The clients at work.
pub(crate) struct Traffic {
    phase: watch::Sender<Phase>,
    clients: JoinHandle<()>,
    seen: Arc<Seen>,
}

impl Traffic {
    pub(crate) fn start(plan: Plan) -> Result<Self, Failure> {
        let seen = Arc::new(Seen::default());
        let phase = watch::Sender::new(Phase::Going);
        // A proxy set in the environment is not for loopback.
        let http = reqwest::Client::builder().no_proxy().build().map_err(Failure::Traffic)?;
        let plan = Arc::new(plan);
        let mut clients = JoinSet::new();
        for number in 0..plan.clients {
            let client = Client::new(number, Arc::clone(&plan), http.clone(), Arc::clone(&seen), phase.subscribe());
            clients.spawn(client.run());
        }
        let clients = tokio::spawn(wait_for(clients, plan, phase.subscribe()));
        Ok(Self { phase, clients, seen })
    }

    /// Lets the requests in flight finish for as long as `grace`, abandons the others, and tells what was seen.
    pub(crate) async fn finish(mut self, grace: Duration) -> ClientView {
        self.phase.send_replace(Phase::Finishing);
        if tokio::time::timeout(grace, &mut self.clients).await.is_err() {
            self.phase.send_replace(Phase::Abandoning);
            // The task only waits for others; were it lost, what was seen so far is still right.
            let _ = self.clients.await;
        }
        self.seen.view()
    }
}

/// Waits for all clients, and says when they have sent all that was planned.
async fn wait_for(mut clients: JoinSet<()>, plan: Arc<Plan>, phase: watch::Receiver<Phase>) {
    while clients.join_next().await.is_some() {}
    if let Some(requests) = plan.requests.filter(|_| *phase.borrow() == Phase::Going) {
        say!("load finished: {} requests by {} clients", requests * u64::from(plan.clients), plan.clients);
    }
}
