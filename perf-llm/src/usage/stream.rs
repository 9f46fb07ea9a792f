use super::reading::{Reading, Shape, read_value};
use super::{UsageError, fields};
use serde_json::{Map, Value};

/// The longest event of a stream that is read, in bytes.
const MAX_EVENT: usize = 4 << 20;

/// The usage of an answer that comes in pieces: server-sent events, or a line of JSON each (Ollama).
///
/// Providers tell running totals, so that the last count of a class stands; a sum of them would grow with the stream. A stream without
/// usage (OpenAI tells it where `stream_options.include_usage` is set) leaves it unknown. One that was cut off is not told from a whole one: what
/// it told until then stands.
///
/// Bedrock's streams come in frames of their own (`application/vnd.amazon.eventstream`), which [`push`](Self::push) does not read: take them apart
/// with a client, and hand each event's JSON to [`event`](Self::event).
///
/// ```
/// use perf_llm::usage::{Class, Shape, UsageStream};
///
/// let mut stream = UsageStream::new(Shape::Anthropic);
/// stream.push(b"event: message_start\ndata: {\"message\": {\"usage\": {\"input_tokens\": 25, \"output_tokens\": 1}}}\n\n");
/// stream.push(b"data: {\"usage\": {\"output_tokens\": 15}}\n\n");
/// let usage = stream.finish()?.usage;
/// assert_eq!((usage.get(Class::Input), usage.get(Class::Output)), (Some(25), Some(15)));
/// # Ok::<(), perf_llm::usage::UsageError>(())
/// ```
#[derive(Debug)]
pub struct UsageStream {
    shape: Shape,
    /// The events so far, in the form of a whole answer.
    body: Map<String, Value>,
    /// The beginning of a line whose end is still to come.
    line: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    skipping: bool,
    skipped: u64,
}

impl UsageStream {
    /// The stream of an answer, from its beginning.
    pub fn new(shape: Shape) -> Self {
        Self { shape, body: Map::new(), line: Vec::new(), skipping: false, skipped: 0 }
    }

    /// Takes the next bytes of the body, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            self.hold(head);
            let line = std::mem::take(&mut self.line);
            if !std::mem::take(&mut self.skipping) {
                self.take_line(&line);
            }
            rest = tail.get(1..).unwrap_or_default();
        }
        self.hold(rest);
    }

    /// Takes one event's data, as a client hands it over that parses events itself. Data that is no JSON (`[DONE]`) is passed over.
    pub fn event(&mut self, data: &[u8]) {
        // Most events are pieces of text: those are not parsed.
        let tells = |word: &[u8]| data.windows(word.len()).any(|window| window == word);
        let words: &[&[u8]] = match self.shape {
            Shape::Ollama => &[b"eval_count"],
            Shape::Gemini => &[b"usageMetadata"],
            _ => &[b"usage", b"service_tier"],
        };
        if !words.iter().any(|word| tells(word)) {
            return;
        }
        if let Ok(Value::Object(event)) = serde_json::from_slice(data) {
            self.merge(event);
        }
    }

    /// Events that were passed over because they are longer than 4 MiB.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The usage that the stream told; unknown where it told none.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn finish(mut self) -> Result<Reading, UsageError> {
        let line = std::mem::take(&mut self.line);
        if !self.skipping {
            self.take_line(&line);
        }
        read_value(self.shape, &Value::Object(self.body))
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.line.len() + bytes.len() > MAX_EVENT {
            self.line.clear();
            self.skipping = true;
            self.skipped += 1;
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        match line.strip_prefix(b"data:") {
            Some(data) => self.event(data.trim_ascii()),
            None if line.starts_with(b"{") => self.event(line),
            None => {}
        }
    }

    fn merge(&mut self, mut event: Map<String, Value>) {
        // Where an event carries the answer: at its root, or inside.
        let inside = match self.shape {
            Shape::OpenAiResponses => event.remove("response"),
            Shape::Anthropic => event.remove("message"),
            Shape::Bedrock => event.remove("metadata"),
            _ => None,
        };
        let event = match inside {
            Some(Value::Object(inside)) => inside,
            _ => event,
        };
        let keys: &[&str] = match self.shape {
            Shape::OpenAiChat => &["model", "service_tier", "usage"],
            Shape::OpenAiResponses => &["model", "service_tier", "usage", "output"],
            Shape::Anthropic | Shape::Bedrock => &["model", "usage"],
            Shape::Gemini => &["modelVersion", "usageMetadata"],
            Shape::Ollama => &["model", "prompt_eval_count", "eval_count"],
        };
        for (key, value) in event {
            if keys.contains(&key.as_str()) {
                let place = self.body.entry(key).or_insert(Value::Null);
                fields::overlay(place, value);
            }
        }
    }
}
