//! A family that another library wrote.

/// One family of metrics, written by somebody else: the application's own metrics of the `metrics` facade, or a text that
/// is served together with ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The family's name, as in its TYPE line: with the namespace, without `_bucket` and its like.
    pub(crate) name: String,
    /// The family's whole text in the format that is asked for, in pieces: HELP and TYPE where it has them, then its samples,
    /// each line with its newline.
    pub(crate) texts: Vec<String>,
}

#[cfg(test)]
impl Block {
    pub(crate) fn text(&self) -> String {
        self.texts.concat()
    }
}
