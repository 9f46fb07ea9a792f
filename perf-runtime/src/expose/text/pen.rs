//! Writes lines: what they begin with, and numbers.
//!
//! A line is put together from parts that the processor has near at hand: what all lines of a series begin with, a short
//! text and a number. Short texts are copied at their full room, which is two or three instructions, and cut to length.

use crate::collect::short::{Short, escape};
use crate::measure::cells::exemplar::{Exemplar, RECORDED, TRACE_ID};
use crate::measure::cells::recorder::store::Shown;
use crate::measure::clock;
use std::time::UNIX_EPOCH;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Writes into a text.
pub(super) struct Pen<'a> {
    text: &'a mut Vec<u8>,
    /// The bytes that each line of one series begins with.
    head: Vec<u8>,
    /// The number that was written last, and its line's end: neighbouring buckets often have the same.
    last: u64,
    end: Short,
    /// The recorded calls that exemplars may name.
    recorded: Option<Shown>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(text: &'a mut String, recorded: Option<Shown>) -> Self {
        // SAFETY: only whole `&str`s are written, and `Short`s, which are ASCII. No more than the end of a `Short` is
        // ever cut off.
        let text = unsafe { text.as_mut_vec() };
        Self { text, head: Vec::new(), last: 0, end: Short::new("0\n"), recorded }
    }

    pub(super) fn write(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    pub(super) fn write_texts(&mut self, texts: &[String]) {
        for text in texts {
            self.write(text);
        }
    }

    fn write_all(&mut self, parts: &[&str]) {
        for part in parts {
            self.write(part);
        }
    }

    pub(super) fn escaped(&mut self, value: &str) {
        escape(value, |part| self.write(part));
    }

    /// Sets the begin of each following [`line`](Self::line): a name with its brace, and labels.
    pub(super) fn begin(&mut self, name: &str, labels: &str, rest: &Short) {
        self.head.clear();
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(labels.as_bytes());
        rest.write_to(&mut self.head);
    }

    /// Begins a line. A value is to follow.
    #[inline]
    pub(super) fn line(&mut self, rest: &Short) {
        self.text.extend_from_slice(&self.head);
        rest.write_to(self.text);
    }

    /// Begins a line of a series that has one line of this name.
    pub(super) fn sample(&mut self, name: &str, labels: &str, rest: &Short) {
        self.write(name);
        self.write(labels);
        rest.write_to(self.text);
    }

    /// Ends a line with a number.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        if self.last != number {
            let mut buffer = itoa::Buffer::new();
            self.last = number;
            self.end = Short::line(buffer.format(number));
        }
        self.end.write_to(self.text);
    }

    /// Ends a line with nanoseconds, as seconds: every digit, and no more.
    pub(super) fn seconds(&mut self, nanos: u64) {
        self.decimal(nanos);
        self.write("\n");
    }

    /// Ends a bucket's line with the number of its calls, and one of them.
    pub(super) fn number_of_which(&mut self, number: u64, exemplar: &Exemplar) {
        self.write_all(&[itoa::Buffer::new().format(number), " # {", TRACE_ID, "=\""]);
        self.escaped(&exemplar.trace_id);
        let name = self.recorded.zip(exemplar.kept_as).and_then(|(recorded, kept_as)| recorded.name_of(kept_as));
        if let Some(name) = name.filter(|name| exemplar.has_room_for(name)) {
            self.write_all(&["\",", RECORDED, "=\"", &name]);
        }
        self.write("\"} ");
        self.decimal(exemplar.nanos);
        self.write(" ");
        let since_epoch = exemplar.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.seconds(clock::nanos(since_epoch));
    }

    /// Nanoseconds as seconds.
    fn decimal(&mut self, nanos: u64) {
        let mut digits = itoa::Buffer::new();
        self.write(digits.format(nanos / NANOS_PER_SECOND));
        let rest = nanos % NANOS_PER_SECOND;
        if rest > 0 {
            // With a one before them, so that the zeros at the front are written.
            let fraction = digits.format(NANOS_PER_SECOND + rest).trim_end_matches('0');
            self.write_all(&[".", fraction.get(1..).unwrap_or_default()]);
        }
    }
}
