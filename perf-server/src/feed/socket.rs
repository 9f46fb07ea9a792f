//! One client and its WebSocket.

use super::backlog::Unread;
use super::broadcast::{Hub, Knows};
use super::client::Watcher;
use super::text::Text;
use super::topic::{MAX_ROWS, Request};
use super::watch::{Refusal, Watch};
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
    /// Points are asked for as often as one likes, one after the other.
    points: u32,
}

impl Changes {
    fn new() -> Self {
        let now = Instant::now();
        Self { since: now, count: 0, last: now, points: 0 }
    }

    /// Returns when the next is heard. Messages that a client sends meanwhile stay in the socket.
    async fn pause(&self) {
        if self.count + self.points >= AT_ONCE {
            sleep_until(self.last + BETWEEN).await;
        }
    }

    /// Whether one more is not too much.
    fn may(&mut self, is_of_points: bool) -> bool {
        if self.since.elapsed() >= A_WHILE {
            *self = Self::new();
        }
        *(if is_of_points { &mut self.points } else { &mut self.count }) += 1;
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
    /// Separated by commas.
    without: Option<String>,
    /// `gzip`.
    compress: Option<String>,
    epoch: Option<String>,
    seq: Option<u64>,
}

impl Wanted {
    fn watch(&self, hub: &Hub) -> Result<Watch, Refusal> {
        if let Some(other) = self.compress.as_deref().filter(|&format| format != "gzip") {
            return Err(Refusal::new("compress", other, "gzip"));
        }
        let labels = match &self.labels {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|_| Refusal::new("labels", text, "a JSON array of texts"))?
            }
        };
        let names = self.without.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty());
        let without = names.map(str::to_owned).collect();
        let (window, of, kind) = (self.window.clone(), self.of.clone(), self.kind.clone());
        Request { window, of, kind, labels, without, ..Request::default() }
            .watch(hub.inner.monitor.uptime(), &hub.inner.topics)
    }
}

/// Refuses an address that asks for what there is not.
pub(crate) fn check(hub: &Hub, wanted: &Wanted) -> Result<(), Problem> {
    wanted.watch(hub).map(drop).map_err(Refusal::problem)
}

/// Answers who wants to listen. Where the page is from, and that `reader` may read, was checked.
pub(crate) fn upgrade(
    hub: Hub,
    wanted: &Wanted,
    socket: WebSocketUpgrade,
    peer: Option<IpAddr>,
    reader: Option<Reader>,
) -> Response {
    let watch = match wanted.watch(&hub) {
        Ok(watch) => watch,
        Err(refusal) => return refusal.problem().into_response(),
    };
    let Some(seat) = hub.inner.seats.take(peer) else {
        let detail = "too many are listening already, or too many of one address";
        return Problem::new(ProblemKind::TooManyClients, detail).into_response();
    };
    let since = wanted.seq.filter(|_| wanted.epoch.as_deref() == Some(&hub.inner.epoch));
    let knows = since.map_or(Knows::Nothing, Knows::UpTo);
    let is_packed = wanted.compress.is_some();
    let socket = socket.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    let (access, session) = reader.map_or((Access::Read, None), |reader| (reader.access, reader.session));
    socket.on_upgrade(async move |socket| {
        let _seat = seat;
        let mut socket = Line { socket, is_packed };
        let session_ended = async {
            match session {
                Some(end) => end.reached().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = serve(&mut socket, &hub, watch, knows, access) => {}
            () = hub.closed() => {
                let _ = refuse(&mut socket, close_code::AWAY, "the server stops").await;
            }
            () = session_ended => {
                let _ = refuse(&mut socket, close_code::POLICY, "the session has ended").await;
            }
        }
    })
}

/// The socket of a client, and whether it takes long messages compressed.
struct Line {
    socket: WebSocket,
    is_packed: bool,
}

impl Line {
    async fn put(&mut self, message: Message) -> Option<()> {
        timeout(SEND_LIMIT, self.socket.send(message)).await.ok()?.ok()
    }

    async fn say(&mut self, text: &Text) -> Option<()> {
        let frame = text.frame(self.is_packed).await;
        self.put(frame).await
    }
}

async fn serve(socket: &mut Line, hub: &Hub, watch: Watch, knows: Knows, access: Access) {
    let Some(mut watcher) = begin(socket, hub, watch, knows, access).await else { return };
    let mut changes = Changes::new();
    loop {
        let goes_on = tokio::select! {
            heard = async { changes.pause().await; socket.socket.recv().await } => match heard {
                Some(Ok(Message::Text(text))) => hear(socket, hub, &text, &mut watcher, &mut changes).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Some(()),
                Some(Ok(Message::Binary(_))) => {
                    refuse(socket, close_code::UNSUPPORTED, "a text of JSON is needed").await
                }
                // The answer to an orderly close waits to be sent.
                Some(Ok(Message::Close(_))) => {
                    let _ = timeout(SEND_LIMIT, socket.socket.recv()).await;
                    None
                }
                Some(Err(error)) if is_no_text(&error) => {
                    refuse(socket, close_code::INVALID, "the text is not UTF-8").await
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
async fn begin(socket: &mut Line, hub: &Hub, watch: Watch, knows: Knows, access: Access) -> Option<Watcher> {
    let (watcher, initial) = Watcher::join(hub, watch, knows, access).await?;
    say_all(socket, initial.as_slice()).await?;
    Some(watcher)
}

async fn say_all(socket: &mut Line, texts: &[Text]) -> Option<()> {
    for text in texts {
        socket.say(text).await?;
    }
    Some(())
}

/// A client asks for something else, or for the points of some rows.
async fn hear(socket: &mut Line, hub: &Hub, text: &str, watcher: &mut Watcher, changes: &mut Changes) -> Option<()> {
    let request = serde_json::from_str::<Request>(text).map_err(|error| error.to_string());
    let rows = request.as_ref().ok().and_then(|request| request.points_of.clone());
    if !changes.may(rows.is_some()) {
        return refuse(socket, close_code::POLICY, "too many changes: 20 in 10 s are allowed").await;
    }
    let goes_on = request.as_ref().is_ok_and(|request| request.goes_on);
    let watch = match rows {
        Some(rows) if rows.len() <= MAX_ROWS => {
            let points = watcher.points_of(rows).await?;
            return socket.say(&points).await;
        }
        Some(_) => Err(format!("points_of: {MAX_ROWS} at most")),
        None => request.and_then(|request| {
            request.watch(hub.inner.monitor.uptime(), &hub.inner.topics).map_err(|refusal| refusal.to_string())
        }),
    };
    match watch {
        Ok(watch) => {
            let before = watcher.watch.without;
            let is_same = watch.topic == watcher.watch.topic && watch.without.points == before.points;
            let knows = if goes_on && is_same { Knows::AllBut(before) } else { Knows::Nothing };
            let (new, initial) = Watcher::join(hub, watch, knows, watcher.access).await?;
            if let Knows::AllBut(_) = knows {
                // All that it was to be sent up to here.
                while let Unread::Messages(texts, _) = watcher.unread_now()
                    && !texts.is_empty()
                {
                    say_all(socket, &texts).await?;
                }
            }
            say_all(socket, initial.as_slice()).await?;
            std::mem::replace(watcher, new).replaced();
        }
        Err(reason) => {
            // A close frame has room for 123 bytes of reason.
            let reason: String = reason.chars().take(25).collect();
            return refuse(socket, close_code::POLICY, format!("not watched: {reason}")).await;
        }
    }
    Some(())
}

/// Whether a message was to be a text and is none. The library's own type of error is not exported by axum, and its words are all
/// that tells it.
fn is_no_text(error: &axum::Error) -> bool {
    error.to_string().starts_with("UTF-8")
}

/// Ends the conversation, and says why: `None`, as there is nothing to go on with.
async fn refuse(socket: &mut Line, code: u16, reason: impl Into<Utf8Bytes>) -> Option<()> {
    let frame = CloseFrame { code, reason: reason.into() };
    // A client that does not take it is gone.
    let _ = socket.put(Message::Close(Some(frame))).await;
    None
}

async fn send(socket: &mut Line, hub: &Hub, unread: Unread, watcher: &mut Watcher) -> Option<()> {
    match unread {
        Unread::Messages(texts, _) => say_all(socket, &texts).await?,
        // It was too slow: it begins anew, with what is true now.
        Unread::Gone => {
            *watcher = begin(socket, hub, (*watcher.watch).clone(), Knows::Nothing, watcher.access).await?;
        }
    }
    Some(())
}
