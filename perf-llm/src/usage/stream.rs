use super::reading::{Reading, Shape, read_value};
use super::{Class, UsageError, fields};
use serde_json::{Map, Value};

/// The longest event of a stream that is read, in bytes.
const MAX_EVENT: usize = 4 << 20;

/// The usage of an answer that comes in pieces: server-sent events, or a line of JSON each (Ollama).
///
/// Providers tell running totals, so that the last count of a class stands; a sum of them would grow with the stream. A stream without
/// usage (OpenAI tells it where `stream_options.include_usage` is set) leaves it unknown. Of one that was cut off, before the event that ends an
/// answer of its shape, what was generated is unknown, whatever it told until then ([`Reading::is_cut`]).
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
    /// Whether an event came that carries a token of the answer.
    has_token: bool,
    /// Whether the event came that ends an answer.
    has_ended: bool,
}

impl UsageStream {
    /// The stream of an answer, from its beginning.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            body: Map::new(),
            line: Vec::new(),
            skipping: false,
            skipped: 0,
            has_token: false,
            has_ended: false,
        }
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
        let words: &[&[u8]] = match self.shape {
            Shape::Ollama => &[b"eval_count"],
            Shape::Gemini => &[b"usageMetadata", b"finishReason"],
            // A piece of text has `"finish_reason": null`.
            Shape::OpenAiChat => &[b"usage", b"service_tier", b"finish_reason\":\"", b"finish_reason\": \""],
            _ => &[b"usage", b"service_tier"],
        };
        self.has_token = self.has_token || carries_token(self.shape, data);
        self.has_ended |= self.shape == Shape::OpenAiChat && data == b"[DONE]";
        if !words.iter().any(|word| holds(data, word)) {
            return;
        }
        if let Ok(Value::Object(event)) = serde_json::from_slice(data) {
            self.has_ended |= ends(self.shape, &event);
            self.merge(event);
        }
    }

    /// Whether a token of the answer has come: text, reasoning, or a part of a tool's call. What comes before it (`message_start`, a role) is none.
    pub fn has_token(&self) -> bool {
        self.has_token
    }

    /// Whether the event has come that ends an answer of this shape.
    pub fn has_ended(&self) -> bool {
        self.has_ended
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
        let mut reading = read_value(self.shape, &Value::Object(self.body))?;
        if !self.has_ended {
            reading.is_cut = true;
            for class in
                Class::ALL.iter().filter(|class| **class == Class::Output || class.wholes().contains(&Class::Output))
            {
                reading.usage.set(*class, None);
            }
        }
        Ok(reading)
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
            Shape::Genai => event.remove("End"),
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
            Shape::Genai => &["usage", "captured_usage", "model_iden", "provider_model_iden"],
            Shape::Rig => &["usage", "origin", "raw"],
        };
        for (key, value) in event {
            if keys.contains(&key.as_str()) {
                let place = self.body.entry(key).or_insert(Value::Null);
                fields::overlay(place, value);
            }
        }
    }
}

/// Whether an event carries a token. Events are searched and not parsed, for most of them are pieces of text.
fn carries_token(shape: Shape, data: &[u8]) -> bool {
    let words: &[&[u8]] = match shape {
        Shape::OpenAiChat => &[b"content", b"reasoning", b"tool_calls", b"text"],
        Shape::OpenAiResponses => return holds(data, b".delta\""),
        Shape::Anthropic => return holds(data, b"content_block_delta"),
        Shape::Bedrock => return holds(data, b"contentBlockDelta") || holds(data, b"\"delta\""),
        Shape::Gemini => return holds(data, b"\"parts\""),
        Shape::Ollama => &[b"content", b"response", b"thinking", b"tool_calls"],
        Shape::Genai | Shape::Rig => &[b"content"],
    };
    words.iter().any(|word| has_value(data, word))
}

fn holds(data: &[u8], word: &[u8]) -> bool {
    data.windows(word.len()).any(|window| window == word)
}

/// Whether some field whose name ends with `name` has a text that is not empty, or a list.
fn has_value(data: &[u8], name: &[u8]) -> bool {
    let ends =
        data.windows(name.len()).enumerate().filter(|(_, window)| *window == name).map(|(at, _)| at + name.len());
    ends.filter_map(|end| data.get(end..)?.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b":")).any(|value| {
        match value.trim_ascii_start() {
            [b'"', next, ..] => *next != b'"',
            [first, ..] => *first == b'[',
            [] => false,
        }
    })
}

/// Whether an event ends an answer: it has what its shape tells at the end alone.
fn ends(shape: Shape, event: &Map<String, Value>) -> bool {
    let has = |path: &[&str]| {
        let mut keys = path.iter();
        let first = keys.next().and_then(|key| event.get(*key));
        keys.try_fold(first.unwrap_or(&Value::Null), |value, key| value.get(key)).is_some_and(|value| !value.is_null())
    };
    let any = |list: &str, key: &str| {
        let items = event.get(list).and_then(Value::as_array);
        items.into_iter().flatten().any(|item| item.get(key).is_some_and(|value| !value.is_null()))
    };
    match shape {
        Shape::OpenAiChat => any("choices", "finish_reason"),
        Shape::OpenAiResponses => has(&["response", "usage"]),
        // The usage that `message_start` tells stands inside of it.
        Shape::Anthropic | Shape::Rig => has(&["usage"]),
        Shape::Gemini => any("candidates", "finishReason"),
        Shape::Ollama => has(&["eval_count"]),
        Shape::Bedrock => has(&["metadata", "usage"]) || has(&["usage"]),
        Shape::Genai => has(&["End"]) || has(&["usage"]) || has(&["captured_usage"]),
    }
}
