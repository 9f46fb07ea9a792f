//! The backlog of messages that were sent lately: each client reads on from its own place.

use super::text::Text;
use super::watch::Watch;
use std::collections::VecDeque;
use std::sync::Arc;

/// So much is kept, and not more: half a minute of a service with hundreds of busy series.
const MAX_BYTES: usize = 8 << 20;
const MAX_MESSAGES: usize = 4_096;
/// So many messages are handed out at once.
const BATCH: usize = 32;

/// The last messages.
#[derive(Debug, Default)]
pub(super) struct Log {
    messages: VecDeque<Message>,
    bytes: usize,
    seq: u64,
    /// The last message that is no longer kept.
    forgotten: u64,
}

#[derive(Debug)]
struct Message {
    seq: u64,
    /// Whom it concerns: those who watch this, or everybody.
    watch: Option<Arc<Watch>>,
    text: Text,
}

/// The messages that a client has yet to read.
#[derive(Debug)]
pub(super) enum Unread {
    /// These, and how far it has read then.
    Messages(Vec<Text>, u64),
    /// It missed some.
    Gone,
}

impl Log {
    /// The number of the last message.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Adds a message, which is made with its number.
    pub(super) fn push(&mut self, watch: Option<Arc<Watch>>, make: impl FnOnce(u64) -> String) -> u64 {
        self.seq += 1;
        let text = Text::new(make(self.seq));
        self.bytes += text.len();
        self.messages.push_back(Message { seq: self.seq, watch, text });
        while self.messages.len() > 1 && (self.bytes > MAX_BYTES || self.messages.len() > MAX_MESSAGES) {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.text.len();
            self.forgotten = oldest.seq;
        }
        self.seq
    }

    /// Keeps none of the messages. Their numbers go on.
    pub(super) fn forget_all(&mut self) {
        (self.messages, self.bytes, self.forgotten) = (VecDeque::new(), 0, self.seq);
    }

    /// Whether all messages after this one are still there.
    pub(super) fn covers(&self, seq: u64) -> bool {
        (self.forgotten..=self.seq).contains(&seq)
    }

    /// The next messages after `seq` for those who watch this.
    pub(super) fn after(&self, seq: u64, watch: &Watch) -> Unread {
        if !self.covers(seq) {
            return Unread::Gone;
        }
        let first = self.messages.partition_point(|message| message.seq <= seq);
        let (mut texts, mut read) = (Vec::new(), seq);
        for message in self.messages.range(first..) {
            if texts.len() == BATCH {
                break;
            }
            read = message.seq;
            if message.watch.as_deref().is_none_or(|wanted| wanted == watch) {
                texts.push(message.text.clone());
            }
        }
        Unread::Messages(texts, read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::topic::{Subject, Topic};
    use super::*;
    use perf_runtime::Window;

    fn topic(window: Window) -> Arc<Watch> {
        let topic = Arc::new(Topic { window, subject: Subject::Calls });
        Arc::new(Watch { topic, without: super::super::watch::Without::default() })
    }

    fn texts(unread: Unread) -> (Vec<String>, u64) {
        match unread {
            Unread::Messages(texts, read) => (texts.iter().map(ToString::to_string).collect(), read),
            Unread::Gone => panic!("gone"),
        }
    }

    #[test]
    fn each_reads_what_concerns_it_from_its_own_place() {
        let (minute, hour) = (topic(Window::LastMinute), topic(Window::LastHour));
        let mut log = Log::default();
        log.push(Some(Arc::clone(&minute)), |seq| format!("minute {seq}"));
        log.push(Some(Arc::clone(&hour)), |seq| format!("hour {seq}"));
        log.push(None, |seq| format!("all {seq}"));
        assert_eq!(texts(log.after(0, &minute)), (vec!["minute 1".into(), "all 3".into()], 3));
        assert_eq!(texts(log.after(1, &hour)), (vec!["hour 2".into(), "all 3".into()], 3));
        assert_eq!(texts(log.after(3, &hour)), (vec![], 3));
    }

    #[test]
    fn whoever_is_too_slow_finds_that_it_missed_some_and_memory_is_bounded() {
        let minute = topic(Window::LastMinute);
        let mut log = Log::default();
        for _ in 0..100 {
            log.push(Some(Arc::clone(&minute)), |_| "x".repeat(1 << 20));
        }
        assert!(log.bytes <= MAX_BYTES);
        assert!(matches!(log.after(5, &minute), Unread::Gone));
        assert!(matches!(log.after(101, &minute), Unread::Gone), "a place of another process");
        assert_eq!(texts(log.after(99, &minute)).1, 100);
        for _ in 0..2 * MAX_MESSAGES {
            log.push(None, |_| String::new());
        }
        assert_eq!(log.messages.len(), MAX_MESSAGES);
        let seq = log.seq();
        log.forget_all();
        assert_eq!((log.bytes, log.messages.capacity(), log.seq()), (0, 0, seq));
        assert!(log.covers(seq) && !log.covers(seq - 1));
    }
}
