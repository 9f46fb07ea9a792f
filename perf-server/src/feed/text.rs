//! The text of a message, as it goes to clients.

use crate::respond::low_priority;
use axum::extract::ws::{Message, Utf8Bytes};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// A shorter text is sent as it is: compressed it is hardly shorter.
const PACKED_FROM: usize = 1 << 10;
/// A longer text takes milliseconds to compress: not on the runtime.
const ASIDE_FROM: usize = 64 << 10;

/// The text of a message; the same compressed, once somebody takes it so. A cheap handle.
#[derive(Clone, Debug)]
pub(super) struct Text(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plain: Utf8Bytes,
    packed: OnceLock<Bytes>,
}

impl Text {
    pub(super) fn new(plain: String) -> Self {
        Self(Arc::new(Inner { plain: plain.into(), packed: OnceLock::new() }))
    }

    pub(super) fn len(&self) -> usize {
        self.0.plain.len()
    }

    /// The frame for a client: a text, or its bytes in the format gzip for one that takes them.
    pub(super) async fn frame(&self, is_packed: bool) -> Message {
        if !is_packed || self.len() < PACKED_FROM {
            return Message::Text(self.0.plain.clone());
        }
        let known = self.0.packed.get().cloned();
        let packed = match known {
            None if self.len() >= ASIDE_FROM => {
                let this = self.clone();
                low_priority::run(move || this.packed()).await.unwrap_or_default()
            }
            None => self.packed(),
            Some(packed) => packed,
        };
        // Compressing into memory does not fail.
        if packed.is_empty() { Message::Text(self.0.plain.clone()) } else { Message::Binary(packed) }
    }

    fn packed(&self) -> Bytes {
        let pack = || {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.len() / 4), Compression::fast());
            let packed = encoder.write_all(self.0.plain.as_bytes()).and_then(|()| encoder.finish());
            packed.unwrap_or_default().into()
        };
        self.0.packed.get_or_init(pack).clone()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.plain)
    }
}
