//! The parameters of a query: read, checked, and refused with what is allowed.

use super::problem::{Problem, ProblemKind};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use perf_runtime::Window;

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
    /// Refuses parameters that are not known, and those that are given twice.
    ///
    /// # Errors
    /// A [`Problem`] that names the parameter.
    pub fn only(self, known: &[&str]) -> Result<Self, Problem> {
        for (place, (name, value)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let allowed = if known.is_empty() { "no parameter".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(name, value, allowed));
            }
            if self.0.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(Problem::invalid(name, value, "one value"));
            }
        }
        Ok(self)
    }

    /// The value of a parameter, as it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
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
