//! The live feed: what the dashboard draws, pushed once a second over a WebSocket.
//!
//! While somebody listens, a worker waits for the monitor's ticks and makes one text of each, whatever the number of
//! clients: the numbers of those series that changed. Texts go into a log that is bounded; each client has a place in it
//! and reads on from there, so nothing is kept for a slow client. One whose place is gone, or who was away for too long,
//! is sent everything anew. When nobody listens any more, nothing is computed.
//!
//! # Messages
//!
//! Each is a JSON object with `type`, `seq` (ascending; a client sees those that concern it) and `timestamp` (RFC 3339).
//!
//! | type | what it brings |
//! |---|---|
//! | `initial_data` | everything: the `topic` that it is about, what is watched with its points over the window, health, alerts, the oldest calls in flight that wait and in `calls_total` how many wait, `cards` of parts for the first page |
//! | `metrics_update` | once a second, what changed of that; what is not there is as it was |
//! | `alert_triggered` | an alert that fires, or whose severity changed |
//! | `alert_resolved`, `alert_acknowledged` | the alert |
//! | `health_changed` | the health, when its status or the colour of an indicator is another |
//! | `heartbeat` | every five seconds, that all is well |
//!
//! Numbers come as arrays: `columns`, `point_columns` and `bucket_columns` of `initial_data` name them. Durations are in
//! seconds, shares 0 to 1, each rounded to four digits.
//!
//! # What a client may say
//!
//! The address names what is wanted: `window` (`1m`, `5m`, `15m`, `1h`), and `of`: `calls`, all series of calls, unless said
//! otherwise; `metrics`, the application's own metrics and what is sampled of the process and its host; or a topic that a part
//! added, whose value comes as `data`. For a series of
//! calls alone, `kind` and `labels` (a JSON array of the first labels' values); its own calls in flight come as `own_calls`. A client that was here before adds `epoch` and the last `seq` it saw, and gets
//! what it missed instead of everything, where that is still known. Later, `{"window":"1h","kind":"tool","labels":["web"]}`
//! asks for something else.
//!
//! A client that needs less says so, in its address and in each later request:
//!
//! | what it says | what is left out |
//! |---|---|
//! | `without=alert_history` | `alert_history` |
//! | `without=indicator_values` | of each indicator all but its name, kind, aspect, verdict, status and limits: they are sent when one of these changes |
//! | `without=row_points` | the points of series of calls, but of kinds as a whole. `{"points_of":[3,7]}` asks for those of at most 200 rows, by their ids: they come as `row_points`, `[[id, point, ..], ..]`, in a `metrics_update`, and go on in those that follow |
//!
//! Several are separated by commas in the address, and an array in a message. With `"goes_on":true` a client that goes on with
//! its topic is sent what it went without up to now, in a `metrics_update`, in place of everything. `compress=gzip` in the address: a message of 1 KiB or
//! more comes as a binary frame, its JSON compressed.

mod backlog;
mod broadcast;
mod client;
mod common;
mod encode;
mod message;
mod metrics;
mod number;
mod part;
mod producer;
mod seats;
mod socket;
mod state;
mod table;
mod text;
mod topic;
mod watch;

pub(crate) use broadcast::Hub;
pub(crate) use part::{Faults, MakeCards, PartCards, PartTopic};
pub(crate) use socket::{Wanted, check, upgrade};

#[cfg(test)]
mod tests;
