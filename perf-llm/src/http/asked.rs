//! The part of a request's body that matters before it is sent.

use serde::Deserialize;
use serde_json::Value;

/// The tokens that an answer can have where neither the request nor the program says it.
pub(super) const MOST: u64 = 16_384;

/// The fields of a request's body that matter. One of another form than it should have hides no other.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    model: Value,
    max_tokens: Value,
    max_completion_tokens: Value,
    max_output_tokens: Value,
    n: Value,
    #[serde(rename = "generationConfig")]
    gemini: Value,
    #[serde(rename = "inferenceConfig")]
    bedrock: Value,
    options: Value,
}

impl Asked {
    /// Reads it; a body that is not understood tells nothing.
    pub(super) fn read(body: Option<&[u8]>) -> Self {
        body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
    }

    /// The model that it names.
    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_str()
    }

    /// The most tokens that all answers to it can have together; `default` for each where the request sets no bound.
    pub(super) fn most(&self, default: u64) -> u64 {
        let inside = |value: &Value, key: &str| value.get(key).and_then(whole);
        let each = [
            whole(&self.max_completion_tokens),
            whole(&self.max_tokens),
            whole(&self.max_output_tokens),
            inside(&self.gemini, "maxOutputTokens"),
            inside(&self.bedrock, "maxTokens"),
            inside(&self.options, "num_predict"),
        ];
        let each = each.into_iter().flatten().max().unwrap_or(default);
        let answers = whole(&self.n).or_else(|| inside(&self.gemini, "candidateCount")).unwrap_or(1).max(1);
        each.saturating_mul(answers)
    }
}

/// A number that is whole, however it is written; `None` for all else.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked, and cut off at the largest")]
fn whole(value: &Value) -> Option<u64> {
    let of_float =
        || value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0).map(|number| number as u64);
    value.as_u64().or_else(of_float)
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_an_answer_is_the_requests() {
        for (body, most) in [
            (r#"{"model": "m", "max_tokens": 5}"#, 5),
            (r#"{"max_completion_tokens": 7, "max_tokens": 5, "n": 3}"#, 21),
            (r#"{"max_output_tokens": 8}"#, 8),
            (r#"{"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}}"#, 18),
            (r#"{"inferenceConfig": {"maxTokens": 4}}"#, 4),
            (r#"{"options": {"num_predict": 3}}"#, 3),
            (r#"{"options": {"num_predict": -1}}"#, 100),
            (r#"{"max_tokens": 18446744073709551615, "n": 2}"#, u64::MAX),
            (r#"{"n": 0}"#, 100),
            (r#"{"model": 5, "max_tokens": 1e3, "n": 2.0, "options": 7}"#, 2_000),
            ("no JSON", 100),
        ] {
            assert_eq!(Asked::read(Some(body.as_bytes())).most(100), most, "{body}");
        }
        assert_eq!(Asked::read(None).most(100), 100);
        assert_eq!(Asked::read(Some(br#"{"model": "m", "max_tokens": "many"}"#)).model(), Some("m"));
    }
}
