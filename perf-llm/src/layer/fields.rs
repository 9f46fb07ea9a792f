//! The values of a span's fields; the last one that is recorded stands.

use super::names::{Meaning, Role, meaning, role_of_name, role_of_operation, tells_answers, tells_tool_outcomes};
use crate::Money;
use crate::conventions::CHAT;
use crate::meter::hash_of;
use crate::usage::{Class, MAX_COUNT, Usage};
use perf_runtime::Outcome;
use perf_runtime::extend::{TellsUsage, ToldUsage};
use std::fmt;
use std::time::Duration;
use tracing::Metadata;
use tracing::field::{Field, Visit};

/// The longest name that is kept, in bytes: of a provider, a model, an agent.
const LONGEST_NAME: usize = 128;

#[derive(Debug)]
pub(super) struct Fields {
    span: &'static str,
    /// Whether it tells something of each answer.
    tells_answers: bool,
    is_answered: bool,
    usage: Usage,
    total: Option<u64>,
    cost: Option<f64>,
    provider: Option<String>,
    requested: Option<String>,
    answering: Option<String>,
    operation: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) tool: Option<String>,
    /// The hash of a tool's arguments.
    pub(super) arguments: Option<u64>,
    is_error: bool,
    first_token: Option<Duration>,
    fault: Option<String>,
}

impl Fields {
    pub(super) fn of(metadata: &'static Metadata<'static>) -> Self {
        Self {
            span: metadata.name(),
            tells_answers: tells_answers(metadata) || tells_tool_outcomes(metadata),
            is_answered: false,
            usage: Usage::UNKNOWN,
            total: None,
            cost: None,
            provider: None,
            requested: None,
            answering: None,
            operation: None,
            agent: None,
            tool: None,
            arguments: None,
            is_error: false,
            first_token: None,
            fault: None,
        }
    }

    pub(super) fn role(&self) -> Role {
        match &self.operation {
            Some(operation) => role_of_operation(operation),
            None => role_of_name(self.span),
        }
    }

    /// The operation: of a crate that tells none, a chat.
    pub(super) fn operation(&self) -> &str {
        self.operation.as_deref().unwrap_or(if self.span == "genai.embeddings" { "embeddings" } else { CHAT })
    }

    pub(super) fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or("unknown")
    }

    /// The model that was asked and, where nobody says it, the one that answered.
    pub(super) fn model(&self) -> &str {
        self.requested.as_deref().or(self.answering.as_deref()).unwrap_or("unknown")
    }

    /// The end of the call. One whose crate tells something of each answer, and told nothing of this one, was given up, or failed in silence: it is
    /// neither `ok` nor an error.
    pub(super) fn outcome(&self) -> Outcome {
        if self.is_error {
            return Outcome::Error;
        }
        let (_, is_answered) = self.end();
        if self.tells_answers && !is_answered { Outcome::Cancelled } else { Outcome::Ok }
    }

    /// Whether it tells an error, and an answer.
    pub(super) fn end(&self) -> (bool, bool) {
        let is_answered = self.is_answered || self.answering.is_some() || self.total.is_some() || self.tells_usage();
        (self.is_error, is_answered)
    }

    /// Whether it tells anything of what was used.
    pub(super) fn tells_usage(&self) -> bool {
        !self.usage.is_unknown() || self.cost.is_some() || self.fault.is_some()
    }

    /// The counts, with the cached tokens in the prompt's: genai leaves them outside where it speaks Bedrock's own protocol.
    fn counted(&self) -> Usage {
        let input =
            self.usage.get(Class::Input).filter(|_| self.span == "genai.chat" && self.provider() == "aws.bedrock");
        let cached = self.usage.sum(&[Class::CacheRead, Class::CacheWrite]);
        input.map_or(self.usage, |input| self.usage.with(Class::Input, input.saturating_add(cached)))
    }

    /// The usage, put right where its counts contradict each other.
    pub(super) fn told(&self) -> Option<ToldUsage> {
        if !self.tells_usage() {
            return None;
        }
        let (usage, repairs) = self.counted().repaired(self.total);
        let mut told = usage.told_usage().unwrap_or_default();
        told.model.clone_from(&self.answering);
        told.first_token = self.first_token;
        told.repairs = repairs.iter().map(|repair| repair.name()).collect();
        told.cost_picos = self.cost.and_then(Money::from_float).map(Money::picos).filter(|picos| *picos >= 0);
        told.invalid.clone_from(&self.fault);
        Some(told)
    }

    fn meaning(&self, field: &Field) -> Option<Meaning> {
        meaning(self.span, field.name())
    }

    fn count(&mut self, meaning: Meaning, field: &Field, count: Option<u64>, shown: &dyn fmt::Display) {
        let Some(count) = count.filter(|count| *count <= MAX_COUNT) else {
            self.fault = Some(format!("{}: {shown} is not allowed; a count is 0 to 2^53", field.name()));
            return;
        };
        match meaning {
            Meaning::Count(class) => self.set(class, count),
            Meaning::Total => self.total = Some(count),
            _ => {}
        }
    }

    fn set(&mut self, class: Class, count: u64) {
        self.usage.set(class, Some(count));
    }

    fn text(&mut self, field: &Field, text: &str) {
        let Some(meaning) = self.meaning(field) else { return };
        let name = || {
            let end = (0..=LONGEST_NAME.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            Some(text.get(..end).unwrap_or_default().to_owned()).filter(|name| !name.is_empty())
        };
        match meaning {
            Meaning::Provider => self.provider = name(),
            Meaning::RequestedModel => self.requested = name(),
            Meaning::AnsweringModel => self.answering = name(),
            Meaning::Operation => self.operation = name(),
            Meaning::Agent => self.agent = name(),
            Meaning::Tool => self.tool = name(),
            Meaning::Arguments => self.arguments = Some(hash_of(text)),
            Meaning::Error => self.is_error |= !text.is_empty() && text != "false" && text != "None",
            Meaning::Status => self.is_error |= text.eq_ignore_ascii_case("error"),
            Meaning::Answer => self.is_answered |= !text.is_empty(),
            Meaning::ToolOutcome => match text {
                "success" => self.is_answered = true,
                // It was never run.
                "skipped" => {}
                _ => self.is_error = true,
            },
            Meaning::Count(_) | Meaning::Total => self.count(meaning, field, text.parse().ok(), &format!("{text:.32}")),
            Meaning::Cost | Meaning::FirstToken => {
                if let Ok(number) = text.parse() {
                    self.number(meaning, number);
                }
            }
        }
    }

    fn number(&mut self, meaning: Meaning, number: f64) {
        match meaning {
            Meaning::Cost => self.cost = Some(number).filter(|cost| cost.is_finite() && *cost >= 0.0),
            Meaning::FirstToken => self.first_token = Duration::try_from_secs_f64(number).ok(),
            Meaning::Answer => self.is_answered = true,
            _ => {}
        }
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match self.meaning(field) {
            Some(meaning @ (Meaning::Count(_) | Meaning::Total)) => self.count(meaning, field, Some(value), &value),
            Some(meaning) => self.number(meaning, value as f64),
            None => {}
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        match self.meaning(field) {
            Some(meaning @ (Meaning::Count(_) | Meaning::Total)) => {
                self.count(meaning, field, u64::try_from(value).ok(), &value);
            }
            Some(meaning) => self.number(meaning, value as f64),
            None => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.meaning(field) {
            Some(meaning @ (Meaning::Count(_) | Meaning::Total)) => {
                // A whole number that was written as a float; what is none is refused.
                self.count(meaning, field, format!("{value}").parse().ok(), &value);
            }
            Some(meaning) => self.number(meaning, value),
            None => {}
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.meaning(field) == Some(Meaning::Error) {
            self.is_error |= value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, _: &(dyn std::error::Error + 'static)) {
        if self.meaning(field) == Some(Meaning::Error) {
            self.is_error = true;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.meaning(field).is_none() {
            return;
        }
        let text = format!("{value:?}");
        // As `?Some(5)` and `?"gpt-5"` are written.
        let text = text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&text);
        let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        if text != "None" {
            self.text(field, text);
        }
    }
}
