//! The topics and cards that other parts add to the feed: sent when they changed.

use super::message::{Body, Written};
use crate::card::{Card, MOST_CARDS};
use perf_runtime::Monitor;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest value that is sent, in bytes of JSON: an eighth of the backlog.
const MAX_BYTES: usize = 1 << 20;

/// A topic of a part.
#[derive(Clone)]
pub(crate) struct PartTopic {
    pub(crate) name: String,
    pub(crate) part: String,
    pub(crate) make: Arc<dyn Fn(&Monitor) -> Value + Send + Sync>,
    pub(crate) faults: Faults,
}

/// Gives the cards of a part.
pub(crate) type MakeCards = Arc<dyn Fn(&Monitor) -> Vec<Card> + Send + Sync>;

/// The cards of a part on the first page.
#[derive(Clone)]
pub(crate) struct PartCards {
    pub(crate) part: String,
    pub(crate) make: MakeCards,
    pub(crate) faults: Faults,
}

/// Whether the last answer of a part was a fault: parts are asked at each tick, and a fault that lasts is told once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<AtomicBool>);

impl Faults {
    /// Notes an answer that is right.
    fn none(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Notes a fault. Says whether it is to be told.
    fn begin(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// A card, with the part that it is of.
#[derive(Serialize)]
struct PartCard<'a> {
    part: &'a str,
    #[serde(flatten)]
    card: Card,
}

/// The cards of all parts, in the order of the parts.
pub(super) fn written_cards(all: &[PartCards], monitor: &Monitor) -> Written {
    let mut cards = Vec::new();
    for one in all {
        cards.extend(one.ask(monitor).into_iter().take(MOST_CARDS).map(|card| PartCard { part: &one.part, card }));
    }
    Written::new(&cards)
}

impl PartCards {
    /// Asks the part; none where it panics: nobody else's numbers wait for that.
    fn ask(&self, monitor: &Monitor) -> Vec<Card> {
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(monitor)));
        if made.is_ok() {
            self.faults.none();
        } else if self.faults.begin() {
            tracing::warn!(target: "perf::server", part = self.part, "the cards of a part panicked");
        }
        made.unwrap_or_default()
    }
}

impl fmt::Debug for PartCards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartCards").field("part", &self.part).finish_non_exhaustive()
    }
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
            Ok(value) if value.text().len() <= MAX_BYTES => {
                self.faults.none();
                value
            }
            Ok(value) => self.refuse(&format!("has {} bytes and may have {MAX_BYTES}", value.text().len())),
            Err(_) => self.refuse("panicked"),
        }
    }

    fn refuse(&self, reason: &str) -> Written {
        let Self { name, part, .. } = self;
        if self.faults.begin() {
            tracing::warn!(target: "perf::server", topic = name, part, "the topic of the live feed {reason}");
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_lasts_is_told_once_and_again_after_it_was_over() {
        let faults = Faults::default();
        assert_eq!([faults.begin(), faults.begin(), faults.clone().begin()], [true, false, false]);
        faults.none();
        assert!(faults.begin());
    }

    #[test]
    fn each_answer_of_a_part_says_whether_it_was_a_fault() {
        let monitor = Monitor::builder().build().unwrap();
        let wrong = Arc::new(AtomicBool::new(true));
        let theirs = Arc::clone(&wrong);
        let make: MakeCards = Arc::new(move |_| {
            assert!(!theirs.load(Ordering::Relaxed), "on purpose");
            vec![Card::new("Now")]
        });
        let cards = PartCards { part: "mine".to_owned(), make, faults: Faults::default() };
        assert!(cards.ask(&monitor).is_empty());
        assert!(!cards.faults.begin(), "it was told");
        wrong.store(false, Ordering::Relaxed);
        assert_eq!(cards.ask(&monitor).len(), 1);
        assert!(cards.faults.begin(), "a later one is told again");
    }
}
