//! The parameters of a query: read, checked, and refused with what is allowed.

use super::problem::{Problem, ProblemKind};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use perf_runtime::text::{parse_duration, parse_rfc3339};
use perf_runtime::{Kind, Window};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const LABEL: &str = "label";
const MOMENT: &str = "a time such as 2026-11-21T03:05:00Z, seconds since 1970, or a span before now such as -2h";
/// The most labels that entries may be chosen by.
pub(crate) const MAX_LABELS: usize = 32;
/// Parameters that may be given several times.
const SEVERAL: [&str; 2] = [LABEL, "series"];

/// Labels that entries of a list must have.
#[derive(Clone, Debug)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// Whether any entry is meant.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether an entry with these labels is meant.
    pub fn fit<N: AsRef<str>, V: AsRef<str>>(&self, labels: impl IntoIterator<Item = (N, V)>) -> bool {
        let mut missing: Vec<&(String, String)> = self.0.iter().collect();
        for (name, value) in labels {
            missing.retain(|(own, wanted)| own != name.as_ref() || wanted != value.as_ref());
        }
        missing.is_empty()
    }
}

/// The parameters of a query, by their names: an extractor.
#[derive(Clone, Debug)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(ProblemKind::InvalidQuery, error.body_text()))?;
        Ok(Self(pairs))
    }
}

impl Params {
    /// Refuses parameters that are not known, and those that are given twice. `label` and `series` alone may be given several
    /// times.
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter.
    pub fn only(self, known: &[&str]) -> Result<Self, Problem> {
        for (place, (name, value)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let allowed = if known.is_empty() { "no parameter".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(name, value, allowed));
            }
            if !SEVERAL.contains(&name.as_str()) && self.0.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(Problem::invalid(name, value, "one value"));
            }
        }
        Ok(self)
    }

    /// The value of a parameter, as it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be given several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The parameter `window`, such as `5m`.
    ///
    /// # Errors
    /// A [`Problem`] that names the windows that there are.
    pub fn window(&self, default: Window) -> Result<Window, Problem> {
        let Some(text) = self.get("window") else { return Ok(default) };
        let found = Window::ALL.into_iter().find(|window| window.to_string() == text);
        found.ok_or_else(|| Problem::invalid("window", text, Window::ALL.map(|window| window.to_string()).join(", ")))
    }

    /// A parameter that is a moment: RFC 3339, seconds since 1970, `now`, or a span before now such as `-2h`. `now` is
    /// [`Monitor::time_of_day`](perf_runtime::Monitor::time_of_day).
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter.
    pub fn moment(&self, name: &str, now: SystemTime) -> Result<Option<SystemTime>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let before_now = || now.checked_sub(parse_duration(text.strip_prefix('-')?)?);
        let unix = || UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(text.parse().ok()?).ok()?);
        let found = if text == "now" { Some(now) } else { parse_rfc3339(text).or_else(before_now).or_else(unix) };
        found.map(Some).ok_or_else(|| Problem::invalid(name, text, MOMENT))
    }

    /// The parameter `kind`: a kind of calls.
    ///
    /// # Errors
    /// A [`Problem`] that names the kinds that there are.
    pub fn kind(&self) -> Result<Option<Kind>, Problem> {
        self.choice("kind", Kind::ALL.map(|kind| (kind.as_str(), kind)))
    }

    /// A parameter that is one of some words: the value that belongs to it.
    ///
    /// # Errors
    /// A [`Problem`] that names the words.
    pub fn choice<T>(
        &self,
        name: &str,
        choices: impl IntoIterator<Item = (&'static str, T)>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let mut words = Vec::new();
        for (word, value) in choices {
            if word == text {
                return Ok(Some(value));
            }
            words.push(word);
        }
        Err(Problem::invalid(name, text, words.join(", ")))
    }

    /// The parameters `label`, each a name and a value, such as `label=table=users`. An entry is meant that has all of them.
    ///
    /// # Errors
    /// A [`Problem`] where one has no `=`, or there are more than 32.
    pub fn labels(&self) -> Result<Labels, Problem> {
        let labels = self.0.iter().filter(|(name, _)| name == LABEL);
        let split = |(_, text): &(String, String)| {
            let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
            let pair = pair.map(|(name, value)| (name.to_owned(), value.to_owned()));
            pair.ok_or_else(|| Problem::invalid(LABEL, text, "a name, =, and a value, such as table=users"))
        };
        let labels: Vec<_> = labels.map(split).collect::<Result<_, _>>()?;
        if labels.len() > MAX_LABELS {
            return Err(Problem::invalid(LABEL, &format!("{} labels", labels.len()), format!("at most {MAX_LABELS}")));
        }
        Ok(Labels(labels))
    }

    /// The parameter `limit`: a whole number from 1 to `most`.
    ///
    /// # Errors
    /// A [`Problem`] that names the range.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| Problem::invalid("limit", text, format!("a whole number from 1 to {most}")))
    }
}
