//! "Did you mean ..?"

/// The one of `known` that `written` is nearest to, if it is near enough to be meant.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = written.to_lowercase();
    let near = known.iter().map(|&word| (distance(&written, word), word));
    near.filter(|&(distance, word)| distance <= 1 + word.len() / 5).min().map(|(_, word)| word)
}

/// How many letters must be changed, left out, put in, or swapped with their neighbour, to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(one[i - 1] != other[j - 1]);
                let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
                if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[one.len()][other.len()]
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
