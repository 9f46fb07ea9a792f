//! `notify`: channels by which people are told of alerts.

use super::{FINE, HOLDS};
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::table::Table;
use serde::Deserialize;
use serde_json::json;

/// The answer of `GET /api/v1/notify`.
#[derive(Debug, Deserialize)]
pub(super) struct Notified {
    pub(super) off: Option<String>,
    pub(super) channels: Vec<Channel>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) waiting: u64,
    pub(super) delivered_at: Option<String>,
    pub(super) failing_since: Option<String>,
    pub(super) error: Option<String>,
}

/// The answer of a receiver.
#[derive(Debug, Deserialize)]
struct Receipt {
    delivered: bool,
    status: Option<u16>,
    text: String,
}

pub(super) fn list(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = client.get("/api/v1/notify", &[])?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let notified: Notified = answer.read()?;
    let mut table = Table::new(&["=CHANNEL", "=TYPE", "#WAITING", "=LAST DELIVERED", "=FAILING SINCE", "ERROR"]);
    for channel in notified.channels {
        let look = if channel.failing_since.is_some() { Look::Bad } else { Look::Plain };
        table.row([
            Cell::from(channel.name),
            Cell::from(channel.kind),
            Cell::count(channel.waiting),
            Cell::known(channel.delivered_at.as_deref()),
            Cell::known(channel.failing_since.as_deref()).look(look),
            Cell::known(channel.error.as_deref()),
        ]);
    }
    let none =
        notified.off.map_or("Nobody is told: there is no channel.".to_owned(), |off| format!("Nobody is told: {off}."));
    output.table(&table, &none)?;
    Ok(FINE)
}

pub(super) fn test(client: &Client, channel: &str, output: &mut Output<'_>) -> Result<u8, Failure> {
    if channel.is_empty() {
        return Err(Failure::Usage("CHANNEL is empty; `perf-cli notify list` lists them".to_owned()));
    }
    // A channel's name goes into the path as one part of it.
    let encoded: String = form_urlencoded::byte_serialize(channel.as_bytes()).collect::<String>().replace('+', "%20");
    let answer = client.post(&format!("/api/v1/notify/channels/{encoded}/test"), &[], &json!({}))?;
    let receipt: Receipt = answer.read()?;
    let code = if receipt.delivered { FINE } else { HOLDS };
    if output.json(&answer)? {
        return Ok(code);
    }
    let status = receipt.status.map_or(String::new(), |status| format!(" ({status})"));
    let (look, word) = if receipt.delivered { (Look::Good, "took") } else { (Look::Bad, "did not take") };
    let text = format!("{channel} {word} the message{status}: {}", receipt.text);
    let state = if receipt.delivered { "delivered" } else { "refused" };
    output.told(look, &text, [channel, state, &receipt.text].map(Cell::from))?;
    Ok(code)
}
