//! The kind of failure of a recorded call.

use serde::{Deserialize, Serialize};

/// The kind of failure of a recorded call: one of the groups of [`Monitor::errors`](crate::Monitor::errors).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedError {
    /// The fingerprint of the group.
    pub fingerprint: String,
    /// The sort of error: the name of a variant, the `type` of a problem document, or the status of an answer.
    pub error_type: Option<String>,
    /// The type of the error in the program.
    pub type_name: Option<String>,
    /// The text of the first failure of the group, which differs from this one's in numbers, ids and quoted values at most; redacted, and
    /// `None` where texts are not shown.
    pub text: Option<String>,
    /// Whether its function asks for the text to be shown: by the option `err`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_is_open: bool,
    /// Where the thread panicked.
    pub place: Option<String>,
}
