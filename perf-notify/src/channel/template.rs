//! Bodies by template: what a template sees, and how far it gets.

use super::payload::{Payload, reason};
use crate::hex::hex;
use crate::message::Message;
use crate::words::{Count, Style, Words};
use minijinja::value::{Rest, Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use perf_runtime::text::rfc3339;
use ring::digest::{SHA256, digest};
use std::io::{self, Write};
use std::sync::Arc;

/// The most steps of a template: some tenths of a second.
const FUEL: u64 = 1_000_000;
/// The most bytes that a template gives.
const MOST: usize = 1 << 20;
const NAME: &str = "template";

/// A template that parses.
pub(super) struct Template {
    environment: Environment<'static>,
    is_json: bool,
}

impl Template {
    /// Parses a template. `Err`: where it does not parse, and why.
    pub(super) fn parse(source: String, content_type: &str) -> Result<Self, String> {
        let content_type = content_type.to_ascii_lowercase();
        let is_json = content_type.contains("json");
        let escape = match content_type.as_str() {
            _ if is_json => AutoEscape::Json,
            other if other.contains("html") || other.contains("xml") => AutoEscape::Html,
            _ => AutoEscape::None,
        };
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(move |_| escape.clone());
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("cut", |text: &str, most: usize| Style::Plain.fitted(text, most, Count::Characters));
        environment.add_filter("cut_bytes", |text: &str, most: usize| Style::Plain.fitted(text, most, Count::Bytes));
        environment.add_filter("escape_for", |text: &str, name: &str, most: usize| {
            Ok::<_, minijinja::Error>(style(name)?.fitted(text, most, Count::Characters))
        });
        environment.add_filter("key", key);
        environment.add_template_owned(NAME, source).map_err(|error| error.to_string())?;
        Ok(Self { environment, is_json })
    }

    /// The body for a message. `settings` are values that the channel's settings give.
    pub(super) fn body(&self, receiver: &str, message: &Message, settings: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let template = self.environment.get_template(NAME).map_err(|error| error.to_string())?;
        let mut body = Bounded(Vec::new());
        template
            .render_captured_to(context(receiver, message, settings), &mut body)
            .map_err(|error| error.to_string())?;
        let Bounded(body) = body;
        if self.is_json
            && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&body)
        {
            return Err(format!("it gives no JSON: {error}"));
        }
        Ok(body)
    }
}

/// The names that a template sees.
fn context(receiver: &str, message: &Message, settings: &[(&str, &str)]) -> Value {
    let words = Arc::new(Words::of(message));
    let about = Value::from_pairs([
        ("id", Value::from(message.id.clone())),
        ("group", Value::from(message.group.clone())),
        ("reason", Value::from(reason(message.reason))),
        ("at", Value::from(rfc3339(message.at))),
    ]);
    let written = |whole: bool| {
        let words = Arc::clone(&words);
        Value::from_function(move |name: &str, most: usize, rest: Rest<String>| {
            let (style, count) = (style(name)?, count(rest.first().map(String::as_str))?);
            let text = if whole { words.text(style, count, most) } else { words.body(style, count, most) };
            Ok::<_, minijinja::Error>(text)
        })
    };
    let settings = settings.iter().map(|(name, value)| (*name, Value::from(*value)));
    let own = [
        ("message", about),
        ("text", written(true)),
        ("body", written(false)),
        ("settings", Value::from_pairs(settings)),
    ];
    let mut names: Vec<(String, Value)> = Vec::new();
    for object in [Value::from(Serde(Payload::of(receiver, message))), Value::from(Serde(&*words))] {
        let keys = object.try_iter().into_iter().flatten();
        names.extend(keys.map(|key| (key.to_string(), object.get_item(&key).unwrap_or_default())));
    }
    names.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Value::from_pairs(names)
}

fn style(name: &str) -> Result<Style, minijinja::Error> {
    let known = Style::NAMES.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, style)| style).ok_or_else(|| {
        let names = Style::NAMES.map(|(name, _)| name).join(", ");
        minijinja::Error::new(ErrorKind::InvalidOperation, format!("no style {name:?}: there are {names}"))
    })
}

fn count(name: Option<&str>) -> Result<Count, minijinja::Error> {
    match name {
        None | Some("characters") => Ok(Count::Characters),
        Some("bytes") => Ok(Count::Bytes),
        Some("json") => Ok(Count::Json),
        Some(other) => {
            let allowed = format!("no count {other:?}: there are characters, bytes and json");
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, allowed))
        }
    }
}

/// A text as a key of at most so many bytes: itself, or where that is too long or not of printable ASCII, its SHA-256.
fn key(text: &str, most: usize) -> String {
    if text.len() <= most && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// A writer that refuses what is too much.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST {
            return Err(io::Error::other(format!("a body of more than {MOST} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
