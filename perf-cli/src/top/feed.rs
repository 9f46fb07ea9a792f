//! The thread that asks the service.

use crate::client::Client;
use crate::commands::{Alerts, AllSeries, Health, Info, Running};
use crate::failure::Failure;
use serde::Deserialize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

/// The most series that are asked for: more than a screen can show.
const SERIES: &str = "200";
/// The most running calls.
const CALLS: &str = "50";

/// Everything that one screen shows.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) info: Info,
    pub(crate) health: Health,
    pub(crate) series: AllSeries,
    pub(crate) running: Running,
    pub(crate) firing: Alerts,
    pub(crate) kinds: Kinds,
}

/// The calls of each kind: the answer of `GET /api/v1/metrics/report`.
#[derive(Debug, Deserialize)]
pub(crate) struct Kinds {
    pub(crate) metrics: Vec<OfKind>,
}

/// The calls of a kind: counts since the start, and the rest of the last hour.
#[derive(Debug, Deserialize)]
pub(crate) struct OfKind {
    pub(crate) kind: String,
    pub(crate) total: u64,
    pub(crate) errors: u64,
    pub(crate) in_flight: u64,
    pub(crate) error_rate: Option<f64>,
    pub(crate) average_latency_seconds: Option<f64>,
    pub(crate) slowest: Option<String>,
}

/// The looks that come, and the order in which series are wanted.
pub(super) struct Feed {
    pub(super) looks: Receiver<Result<Look, Failure>>,
    wanted: Sender<String>,
}

impl Feed {
    /// Asks anew at once, with the series in another order.
    pub(super) fn sort(&self, order: String) {
        // The thread that has ended is told of by its looks.
        let _ = self.wanted.send(order);
    }
}

/// Asks once.
pub(super) fn look(client: &Client, order: &str) -> Result<Look, Failure> {
    let series = [("window", "1m"), ("sort", order), ("limit", SERIES)];
    Ok(Look {
        health: client.get("/health/performance", &[])?.read()?,
        info: client.get("/api/v1/info", &[])?.read()?,
        series: client.get("/api/v1/series", &series)?.read()?,
        running: client.get("/api/v1/calls", &[("limit", CALLS)])?.read()?,
        firing: client.get("/api/v1/alerts", &[("state", "firing")])?.read()?,
        kinds: client.get("/api/v1/metrics/report", &[])?.read()?,
    })
}

/// Asks again and again: an interval after each answer, so that a slow link is not asked faster than it answers.
pub(super) fn start(client: Client, interval: Duration, order: String) -> Feed {
    // One look may wait: a screen that is slow gets the newest but one at worst.
    let (sender, looks) = sync_channel(1);
    let (wanted, orders) = channel();
    std::thread::spawn(move || {
        let mut order = order;
        loop {
            match orders.recv_timeout(interval) {
                Ok(other) => order = other,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Of several wishes the last counts.
            order = orders.try_iter().last().unwrap_or(order);
            if sender.send(look(&client, &order)).is_err() {
                return;
            }
        }
    });
    Feed { looks, wanted }
}
