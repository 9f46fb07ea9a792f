//! The JSON of messages: Alertmanager's payload for alerts, and one of our own for notices, which it has none for.

use super::payload::Payload;
use crate::message::{Message, MessageNotice};
use crate::words::clean::{lines, short};
use crate::words::link;
use perf_runtime::extend::{Notice, Service};
use perf_runtime::text::rfc3339;
use serde::Serialize;

/// The most characters of a name.
const MAX_NAME: usize = 200;

/// The payload of a notice. Texts are cleaned: nothing in them steers a terminal.
#[derive(Serialize)]
struct NoticePayload {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    receiver: String,
    /// The same at each attempt.
    id: String,
    /// The same for the same news: it is told once.
    key: String,
    at: String,
    service: Option<NoticeService>,
    title: String,
    /// In lines.
    text: String,
    link: Option<String>,
}

/// The service that it is of.
#[derive(Serialize)]
struct NoticeService {
    name: String,
    version: Option<String>,
    instance: Option<String>,
}

impl NoticeService {
    fn of(service: &Service) -> Self {
        let some = |text: &Option<String>| text.as_ref().map(|text| short(text, MAX_NAME));
        Self {
            name: short(&service.name, MAX_NAME),
            version: some(&service.version),
            instance: some(&service.instance),
        }
    }
}

impl NoticePayload {
    fn of(receiver: &str, message: &Message, notice: &MessageNotice) -> Self {
        Self {
            kind: "notice",
            version: "1",
            receiver: receiver.to_owned(),
            id: message.id.clone(),
            key: short(&notice.key, Notice::MAX_KEY),
            at: rfc3339(message.at),
            service: message.service.as_ref().map(NoticeService::of),
            title: short(&notice.title, Notice::MAX_TITLE * 2),
            text: lines(&notice.text),
            link: message.link.as_deref().and_then(link::http_only),
        }
    }
}

/// The JSON of a message for this receiver.
pub(super) fn body(receiver: &str, message: &Message) -> serde_json::Result<Vec<u8>> {
    match &message.notice {
        Some(notice) => serde_json::to_vec(&NoticePayload::of(receiver, message, notice)),
        None => serde_json::to_vec(&Payload::of(receiver, message)),
    }
}
