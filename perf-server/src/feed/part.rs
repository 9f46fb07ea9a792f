//! The topics that other parts add to the feed: each a value, sent when it changed.

use super::common::member;
use perf_runtime::Monitor;
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The longest value that is sent, in bytes of JSON: an eighth of the backlog.
const MAX_BYTES: usize = 1 << 20;

/// A topic of a part.
#[derive(Clone)]
pub(crate) struct PartTopic {
    pub(crate) name: String,
    pub(crate) part: String,
    pub(crate) make: Arc<dyn Fn(&Monitor) -> Value + Send + Sync>,
}

impl fmt::Debug for PartTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartTopic").field("name", &self.name).field("part", &self.part).finish_non_exhaustive()
    }
}

impl PartTopic {
    /// Asks the part; `null` where it panics or says too much: nobody else's numbers wait for that.
    fn ask(&self, monitor: &Monitor) -> String {
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(monitor).to_string()));
        match made {
            Ok(text) if text.len() <= MAX_BYTES => text,
            Ok(text) => self.refuse(&format!("has {} bytes and may have {MAX_BYTES}", text.len())),
            Err(_) => self.refuse("panicked"),
        }
    }

    fn refuse(&self, reason: &str) -> String {
        let Self { name, part, .. } = self;
        tracing::warn!(topic = name, part, "the topic of the live feed {reason}");
        "null".to_owned()
    }
}

/// The value that clients of a topic know.
#[derive(Debug)]
pub(super) struct PartFrame {
    topic: PartTopic,
    text: String,
}

impl PartFrame {
    pub(super) fn new(topic: PartTopic, monitor: &Monitor) -> Self {
        let text = topic.ask(monitor);
        Self { topic, text }
    }

    pub(super) fn write_all(&self, body: &mut String) {
        member(body, "data", &self.text);
    }

    /// Asks again, and writes the value where it changed.
    pub(super) fn update(&mut self, monitor: &Monitor, body: &mut String) {
        let text = self.topic.ask(monitor);
        if text != self.text {
            self.text = text;
            self.write_all(body);
        }
    }
}
