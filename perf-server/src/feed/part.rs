//! The topics that other parts add to the feed: each a value, sent when it changed.

use super::message::{Body, Written};
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
    fn ask(&self, monitor: &Monitor) -> Written {
        let made = catch_unwind(AssertUnwindSafe(|| Written::new(&(self.make)(monitor))));
        match made {
            Ok(value) if value.text().len() <= MAX_BYTES => value,
            Ok(value) => self.refuse(&format!("has {} bytes and may have {MAX_BYTES}", value.text().len())),
            Err(_) => self.refuse("panicked"),
        }
    }

    fn refuse(&self, reason: &str) -> Written {
        let Self { name, part, .. } = self;
        tracing::warn!(target: "perf::server", topic = name, part, "the topic of the live feed {reason}");
        Written::default()
    }
}

/// The value that clients of a topic know.
#[derive(Debug)]
pub(super) struct PartFrame {
    topic: PartTopic,
    value: Written,
}

impl PartFrame {
    pub(super) fn new(topic: PartTopic, monitor: &Monitor) -> Self {
        let value = topic.ask(monitor);
        Self { topic, value }
    }

    pub(super) fn write_all(&self, body: &mut Body) {
        body.put_written("data", self.value.clone());
    }

    /// Asks again, and writes the value where it changed.
    pub(super) fn update(&mut self, monitor: &Monitor, body: &mut Body) {
        let value = self.topic.ask(monitor);
        if value != self.value {
            self.value = value;
            self.write_all(body);
        }
    }
}
