//! "Did you mean ..?"

/// The one of `known` that `written` is nearest to, if it is near enough to be meant.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = written.to_lowercase();
    let near = known.iter().map(|&word| (strsim::osa_distance(&written, word), word));
    near.filter(|&(distance, word)| distance <= 1 + word.len() / 5).min().map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_understood_and_far_ones_are_not() {
        let verbs = ["select", "insert", "update", "delete"];
        assert_eq!(nearest("slect", &verbs), Some("select"));
        assert_eq!(nearest("SELECT", &verbs), Some("select"));
        assert_eq!(nearest("udpate", &verbs), Some("update"));
        assert_eq!(nearest("aggregate", &verbs), None);
    }
}
