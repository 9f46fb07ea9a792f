//! Messages: members that are written once, however many clients and topics they go to.

use super::watch::{For, Without};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use std::time::SystemTime;

/// A value as JSON, written once. `null` before anything is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<Box<RawValue>>);

impl Written {
    pub(super) fn new<T: Serialize + ?Sized>(value: &T) -> Self {
        // A tree of texts and numbers can always be written.
        Self(Arc::new(to_raw_value(value).unwrap_or_default()))
    }

    pub(super) fn text(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The members of a message, without its type, number and time.
#[derive(Clone, Debug, Default)]
pub(super) struct Body(Vec<(For, &'static str, Written)>);

impl Body {
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.put_written(name, Written::new(value));
    }

    pub(super) fn put_written(&mut self, name: &'static str, value: Written) {
        self.put_for(For::All, name, value);
    }

    /// Puts a member that is not for all.
    pub(super) fn put_for(&mut self, whom: For, name: &'static str, value: Written) {
        self.0.push((whom, name, value));
    }

    /// The members for those who go without some.
    pub(super) fn to(&self, without: Without) -> Self {
        Self(self.0.iter().filter(|(whom, ..)| without.takes(*whom)).cloned().collect())
    }

    /// The members that some went without up to now.
    pub(super) fn more(&self, now: Without, before: Without) -> Self {
        let is_more = |whom: &For| now.takes(*whom) && !before.takes(*whom);
        Self(self.0.iter().filter(|(whom, ..)| is_more(whom)).cloned().collect())
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}

struct Message<'a> {
    kind: &'static str,
    seq: u64,
    body: &'a Body,
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3 + self.body.0.len()))?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("timestamp", &perf_runtime::text::rfc3339(SystemTime::now()))?;
        for (_, name, value) in &self.body.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A message with everything in it.
pub(super) fn message(kind: &'static str, seq: u64, body: &Body) -> String {
    let length: usize = body.0.iter().map(|(_, name, value)| name.len() + value.text().len() + 4).sum();
    let mut text = Vec::with_capacity(length + 128);
    // A tree of texts and numbers can always be written, and is UTF-8.
    let written = serde_json::to_writer(&mut text, &Message { kind, seq, body });
    written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
}
