//! The marks that people put on alerts: acknowledgements and silences.

use super::alerts::{Id, number};
use crate::context::Context;
use crate::respond::{Payload, Problem, ProblemKind};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use perf_runtime::alert::{AcknowledgeError, Alert};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The longest name and comment, in characters.
pub(crate) const MAX_NAME: usize = 128;
pub(crate) const MAX_COMMENT: usize = 2_000;
/// The longest that a mark may last: a quarter of a year. For anything longer there are the settings of the rule.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3_600);

/// So many silences may be in force, with texts of so many bytes in all, and so many labels may one have, with names and
/// values of so many characters: every client of the feed is sent all of them.
const MAX_SILENCES: usize = 200;
const MAX_TEXTS: usize = 128 << 10;
pub(crate) const MAX_LABELS: usize = 16;
pub(crate) const MAX_LABEL: usize = 256;

/// An acknowledgement: the name of the person, a comment, and how long it lasts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    by: String,
    #[serde(default)]
    comment: String,
    /// Such as `30m`. Without it the mark ends with the alert.
    #[serde(rename = "for")]
    lasts: Option<String>,
}

/// `POST /api/v1/alerts/{id}/acknowledge`: somebody takes notice of an alert.
pub(super) async fn acknowledge(
    State(context): State<Context>,
    id: Id,
    Payload(mark): Payload<Mark>,
) -> Result<Response, Problem> {
    let id = number(id, "the number of an alert")?;
    check(&mark.by, &mark.comment)?;
    let until = mark.lasts.as_deref().map(|span| until(&context, span)).transpose()?;
    let alert =
        context.monitor.alerts().acknowledge(id, &mark.by, &mark.comment, until).map_err(|error| refused(&error))?;
    Ok(axum::Json(alert).into_response())
}

/// An acknowledgement of several alerts: those of a rule, of a label, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkOfSeveral {
    rule: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    by: String,
    #[serde(default)]
    comment: String,
    /// Such as `30m`. Without it each mark ends with its alert.
    #[serde(rename = "for")]
    lasts: Option<String>,
}

#[derive(Serialize)]
struct Marked {
    alerts: Vec<Alert>,
}

/// `POST /api/v1/alerts/acknowledge`: somebody takes notice of all alerts that fire and fit, or of none where anything is wrong.
pub(super) async fn acknowledge_several(
    State(context): State<Context>,
    Payload(mark): Payload<MarkOfSeveral>,
) -> Result<Response, Problem> {
    check(&mark.by, &mark.comment)?;
    check_labels(&mark.labels)?;
    let until = mark.lasts.as_deref().map(|span| until(&context, span)).transpose()?;
    let alerts = context.monitor.alerts();
    let alerts = alerts
        .acknowledge_where(mark.rule.as_deref(), &pairs(&mark.labels), &mark.by, &mark.comment, until)
        .map_err(|error| refused(&error))?;
    Ok(axum::Json(Marked { alerts }).into_response())
}

/// Which alerts are to be kept quiet, and for how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    rule: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    by: String,
    #[serde(default)]
    comment: String,
    /// Such as `2h`.
    #[serde(rename = "for")]
    lasts: String,
}

/// `POST /api/v1/alerts/silence`: nobody is to be told of some alerts for a while.
pub(super) async fn silence(State(context): State<Context>, Payload(wish): Payload<Wish>) -> Result<Response, Problem> {
    check(&wish.by, &wish.comment)?;
    check_labels(&wish.labels)?;
    let labels = pairs(&wish.labels);
    let alerts = context.monitor.alerts();
    let kept = alerts.silences();
    let own = texts_of(wish.rule.as_deref(), labels.iter().copied(), &wish.by, &wish.comment);
    let size = kept.iter().fold(own, |size, one| {
        let labels = one.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        size + texts_of(one.rule.as_deref(), labels, &one.by, &one.comment)
    });
    if kept.len() >= MAX_SILENCES || size > MAX_TEXTS {
        let detail = format!(
            "{} silences are in force; there may be {MAX_SILENCES}, with texts of {MAX_TEXTS} bytes in all: end one first",
            kept.len()
        );
        return Err(Problem::new(ProblemKind::TooManySilences, detail));
    }
    let until = until(&context, &wish.lasts)?;
    let silence = alerts
        .silence(wish.rule.as_deref(), &labels, &wish.by, &wish.comment, until)
        .map_err(|error| refused(&error))?;
    Ok((StatusCode::CREATED, axum::Json(silence)).into_response())
}

/// `DELETE /api/v1/alerts/silences/{id}`: ends a silence.
pub(super) async fn unsilence(State(context): State<Context>, id: Id) -> Result<Response, Problem> {
    let id = number(id, "the number of a silence")?;
    if context.monitor.alerts().unsilence(id) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let detail = format!("there is no silence {id}: GET /api/v1/alerts/silences lists them");
    Err(Problem::new(ProblemKind::UnknownSilence, detail))
}

/// The bytes of a silence's texts.
fn texts_of<'a>(
    rule: Option<&str>,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    by: &str,
    comment: &str,
) -> usize {
    let labels: usize = labels.map(|(name, value)| name.len() + value.len()).sum();
    rule.map_or(0, str::len) + labels + by.len() + comment.len()
}

fn pairs(labels: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Problem> {
    if labels.len() > MAX_LABELS {
        let found = format!("{} labels", labels.len());
        return Err(Problem::invalid("labels", &found, format!("at most {MAX_LABELS} labels")));
    }
    match labels.iter().flat_map(|(name, value)| [name, value]).find(|text| length(text) > MAX_LABEL) {
        Some(long) => {
            let found = format!("{} characters", length(long));
            Err(Problem::invalid("labels", &found, format!("names and values of at most {MAX_LABEL} characters")))
        }
        None => Ok(()),
    }
}

/// The length as people count it, and as JSON Schema does.
fn length(text: &str) -> usize {
    text.chars().count()
}

fn check(by: &str, comment: &str) -> Result<(), Problem> {
    // Neither spaces nor marks without a width are a name.
    if !by.is_empty() && !by.chars().any(char::is_alphanumeric) {
        return Err(Problem::invalid("by", by, "a name with a letter or a digit"));
    }
    for (field, text, most) in [("by", by, MAX_NAME), ("comment", comment, MAX_COMMENT)] {
        if length(text) > most {
            return Err(Problem::invalid(field, text, format!("at most {most} characters")));
        }
        // A name stands in logs, one line each; a comment may have lines.
        let may_break = |letter: char| field == "comment" && matches!(letter, '\n' | '\t');
        if text.contains(|letter: char| letter.is_control() && !may_break(letter)) {
            return Err(Problem::invalid(field, text, "a text without control characters"));
        }
    }
    Ok(())
}

/// The moment that a span from now ends.
fn until(context: &Context, span: &str) -> Result<SystemTime, Problem> {
    let parsed =
        perf_runtime::text::parse_duration(span).filter(|span| (Duration::from_secs(1)..=LONGEST).contains(span));
    let end = parsed.and_then(|span| context.monitor.time_of_day().checked_add(span));
    end.ok_or_else(|| Problem::invalid("for", span, "a span from 1s to 90d, such as 30m or 2h"))
}

fn refused(error: &AcknowledgeError) -> Problem {
    match error {
        AcknowledgeError::NotActive { .. } => Problem::new(ProblemKind::UnknownAlert, error.to_string()),
        AcknowledgeError::NoName => Problem::invalid("by", "", "the name of the person"),
        AcknowledgeError::NoSuchRule { rule, rules } => {
            Problem::invalid("rule", rule, format!("the id of a rule: {}", rules.join(", ")))
        }
        AcknowledgeError::NoFilter => {
            Problem::invalid("labels", "", "a label here, or a `rule`: else every alert were meant")
        }
        AcknowledgeError::NoSuchLabel { label, labels } if labels.is_empty() => {
            Problem::invalid(format!("labels.{label}"), "", "a value: no alert has an empty one")
        }
        AcknowledgeError::NoSuchLabel { label, labels } => {
            Problem::invalid("labels", label, format!("labels that alerts may have: {}", labels.join(", ")))
        }
        _ => Problem::new(ProblemKind::InvalidValue, error.to_string()),
    }
}
