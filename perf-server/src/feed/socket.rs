//! One client and its WebSocket.

use super::backlog::Unread;
use super::broadcast::Hub;
use super::client::Watcher;
use super::topic::{Request, Topic};
use crate::auth::{Access, Reader};
use crate::respond::{Problem, ProblemKind};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::future::pending;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// The longest message of a client, in bytes.
const MAX_MESSAGE: usize = 16 << 10;
/// A client that takes nothing for so long is gone.
const SEND_LIMIT: Duration = Duration::from_secs(20);

/// So many times in a while may a client ask for something else: more than anybody clicks.
const MAX_CHANGES: u32 = 20;
const A_WHILE: Duration = Duration::from_secs(10);
/// So many of them are heard at once, and each of the others so long after the one before: faster, nobody is heard.
const AT_ONCE: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(100);

/// How often a client asked for something else lately.
struct Changes {
    since: Instant,
    count: u32,
    last: Instant,
}

impl Changes {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, count: 0, last: now }
    }

    /// Returns when the next is heard. Messages that a client sends meanwhile stay in the socket.
    async fn pause(&self) {
        if self.count >= AT_ONCE {
            sleep_until(self.last + BETWEEN).await;
        }
    }

    /// Whether one more is not too much.
    fn may(&mut self) -> bool {
        if self.since.elapsed() >= A_WHILE {
            *self = Self::new();
        }
        self.count += 1;
        self.last = Instant::now();
        self.count <= MAX_CHANGES
    }
}

/// The query of the address: the topic, and the last message that the client has seen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    window: Option<String>,
    of: Option<String>,
    kind: Option<String>,
    /// A JSON array.
    labels: Option<String>,
    epoch: Option<String>,
    seq: Option<u64>,
}

impl Wanted {
    fn topic(&self, hub: &Hub) -> Result<Topic, String> {
        let labels = match &self.labels {
            None => Vec::new(),
            Some(text) => serde_json::from_str(text).map_err(|_| "labels: must be a JSON array of texts".to_owned())?,
        };
        Request { window: self.window.clone(), of: self.of.clone(), kind: self.kind.clone(), labels }
            .topic(hub.inner.monitor.uptime(), &hub.inner.topics)
    }
}

/// Refuses an address that asks for what there is not.
pub(crate) fn check(hub: &Hub, wanted: &Wanted) -> Result<(), Problem> {
    wanted.topic(hub).map(drop).map_err(|reason| Problem::new(ProblemKind::InvalidValue, reason))
}

/// Answers who wants to listen. Where the page is from, and that `reader` may read, was checked.
pub(crate) fn upgrade(
    hub: Hub,
    wanted: &Wanted,
    socket: WebSocketUpgrade,
    peer: Option<IpAddr>,
    reader: Option<Reader>,
) -> Response {
    let topic = match wanted.topic(&hub) {
        Ok(topic) => topic,
        Err(reason) => return Problem::new(ProblemKind::InvalidValue, reason).into_response(),
    };
    let Some(seat) = hub.inner.seats.take(peer) else {
        let detail = "too many are listening already, or too many of one address";
        return Problem::new(ProblemKind::TooManyClients, detail).into_response();
    };
    let since = wanted.seq.filter(|_| wanted.epoch.as_deref() == Some(&hub.inner.epoch));
    let socket = socket.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    let (access, session) = reader.map_or((Access::Read, None), |reader| (reader.access, reader.session));
    socket.on_upgrade(async move |mut socket| {
        let _seat = seat;
        let session_ended = async {
            match session {
                Some(end) => end.reached().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = serve(&mut socket, &hub, topic, since, access) => {}
            () = hub.closed() => {
                let _ = refuse(&mut socket, close_code::AWAY, "the server stops").await;
            }
            () = session_ended => {
                let _ = refuse(&mut socket, close_code::POLICY, "the session has ended").await;
            }
        }
    })
}

async fn serve(socket: &mut WebSocket, hub: &Hub, topic: Topic, since: Option<u64>, access: Access) {
    let Some(mut watcher) = watch(socket, hub, topic, since, access).await else { return };
    let mut changes = Changes::new();
    loop {
        let goes_on = tokio::select! {
            heard = async { changes.pause().await; socket.recv().await } => match heard {
                Some(Ok(Message::Text(_))) if !changes.may() => {
                    refuse(socket, close_code::POLICY, "too many changes: 20 in 10 s are allowed").await
                }
                Some(Ok(Message::Text(text))) => hear(socket, hub, &text, &mut watcher).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Some(()),
                Some(Ok(Message::Binary(_))) => {
                    refuse(socket, close_code::UNSUPPORTED, "a text of JSON is needed").await
                }
                // The answer to an orderly close waits to be sent.
                Some(Ok(Message::Close(_))) => {
                    let _ = timeout(SEND_LIMIT, socket.recv()).await;
                    None
                }
                Some(Err(_)) => refuse(socket, close_code::PROTOCOL, "not understood").await,
                None => None,
            },
            unread = watcher.unread() => send(socket, hub, unread, &mut watcher).await,
        };
        if goes_on.is_none() {
            return;
        }
    }
}

/// Begins to watch, and sends what is needed to understand what follows.
async fn watch(socket: &mut WebSocket, hub: &Hub, topic: Topic, since: Option<u64>, access: Access) -> Option<Watcher> {
    let (watcher, initial) = Watcher::join(hub, topic, since, access).await?;
    if let Some(text) = initial {
        put(socket, Message::Text(text)).await?;
    }
    Some(watcher)
}

/// A client asks for something else.
async fn hear(socket: &mut WebSocket, hub: &Hub, text: &str, watcher: &mut Watcher) -> Option<()> {
    let request = serde_json::from_str::<Request>(text).map_err(|error| error.to_string());
    match request.and_then(|request| request.topic(hub.inner.monitor.uptime(), &hub.inner.topics)) {
        Ok(topic) => *watcher = watch(socket, hub, topic, None, watcher.access).await?,
        Err(reason) => {
            // A close frame has room for 123 bytes of reason.
            let reason: String = reason.chars().take(25).collect();
            return refuse(socket, close_code::POLICY, format!("not watched: {reason}")).await;
        }
    }
    Some(())
}

/// Ends the conversation, and says why: `None`, as there is nothing to go on with.
async fn refuse(socket: &mut WebSocket, code: u16, reason: impl Into<Utf8Bytes>) -> Option<()> {
    let frame = CloseFrame { code, reason: reason.into() };
    // A client that does not take it is gone.
    let _ = put(socket, Message::Close(Some(frame))).await;
    None
}

async fn send(socket: &mut WebSocket, hub: &Hub, unread: Unread, watcher: &mut Watcher) -> Option<()> {
    match unread {
        Unread::Messages(texts, _) => {
            for text in texts {
                put(socket, Message::Text(text)).await?;
            }
        }
        // It was too slow: it begins anew, with what is true now.
        Unread::Gone => *watcher = watch(socket, hub, (*watcher.topic).clone(), None, watcher.access).await?,
    }
    Some(())
}

async fn put(socket: &mut WebSocket, message: Message) -> Option<()> {
    timeout(SEND_LIMIT, socket.send(message)).await.ok()?.ok()
}
