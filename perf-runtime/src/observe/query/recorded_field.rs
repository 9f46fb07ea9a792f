//! Values of the fields of a recorded call.

use crate::measure::cells::recorder::values::{KeptValue, KeptValues, Shown};
use serde::{Deserialize, Serialize};

/// A field that the option `fields(..)` of an attribute names, of a recorded call: as its value was when the call began.
///
/// Values are kept as the text that the span would show. Those that are recorded later (`fields(rows)`, and then `Span::record`) are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedField {
    /// The name of the field.
    pub name: String,
    /// The value; `None` where it is [withheld](crate::series::RecordedCall::fields_withheld). Of a text the first 256 bytes, and less where all of the call are more than
    /// 1,024; nothing of those behind them, and of those after the sixteenth. It is as the program gave it, which may be as strangers did.
    pub value: Option<String>,
    /// Whether there was more of the value: all of it, where the value is empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

/// The values, as they are shown.
pub(super) fn shown(values: Option<&KeptValues>) -> Vec<RecordedField> {
    values.into_iter().flat_map(KeptValues::iter).map(RecordedField::of).collect()
}

/// Takes the values away, and says whether there were any.
pub(super) fn withhold(fields: &mut [RecordedField]) -> bool {
    for field in fields.iter_mut() {
        (field.value, field.is_cut) = (None, false);
    }
    !fields.is_empty()
}

impl RecordedField {
    fn of(Shown { name, value }: Shown<'_>) -> Self {
        let is_cut = matches!(value, KeptValue::Text { is_cut: true, .. });
        Self { name: name.to_owned(), value: Some(value.to_string()), is_cut }
    }
}
