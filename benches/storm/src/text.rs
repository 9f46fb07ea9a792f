//! The contents of a scrape, and whether it agrees with itself.

use std::collections::HashMap;

/// The samples of a text: name with labels, and value.
pub(crate) fn samples(text: &str) -> impl Iterator<Item = (&str, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ')).filter_map(|(name, value)| Some((name, value.parse().ok()?)))
}

/// The sum of all samples whose name and labels begin so.
pub(crate) fn sum(text: &str, start: &str) -> f64 {
    samples(text).filter(|(name, _)| name.starts_with(start)).map(|(_, value)| value).sum()
}

/// The contradictions of a text: a histogram whose count is not its last bucket, or whose buckets do not rise.
pub(crate) fn contradictions(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut infinite: HashMap<String, f64> = HashMap::new();
    let mut last = ("", 0.0);
    for (name, value) in samples(text) {
        if let Some((series, bound)) = name.split_once("_bucket{").and_then(|_| name.rsplit_once("le=\"")) {
            if series == last.0 && value < last.1 {
                faults.push(format!("{name} is {value} after {}", last.1));
            }
            last = (series, value);
            if bound == "+Inf\"}" {
                infinite.insert(count_of(series), value);
            }
        }
    }
    for (name, value) in samples(text) {
        if let Some(infinite) = infinite.remove(name).filter(|infinite| (infinite - value).abs() > 0.0) {
            faults.push(format!("{name} is {value}, its last bucket {infinite}"));
        }
    }
    faults.extend(infinite.into_keys().map(|name| format!("{name} is missing")));
    faults
}

/// The name and labels of a histogram's count, from those of a bucket as far as its bound.
fn count_of(bucket: &str) -> String {
    let labels = bucket.trim_end_matches(',').replacen("_bucket{", "_count{", 1);
    if let Some(bare) = labels.strip_suffix('{') { bare.to_owned() } else { labels + "}" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agrees_is_not_blamed_and_what_does_not_is() {
        let good = "a_bucket{x=\"1\",le=\"1\"} 2\na_bucket{x=\"1\",le=\"+Inf\"} 3\na_sum{x=\"1\"} 1\na_count{x=\"1\"} 3\n\
                    b_bucket{le=\"+Inf\"} 4\nb_count 4\n";
        assert_eq!(contradictions(good), [""; 0]);
        assert_eq!(contradictions(&good.replace("_count{x=\"1\"} 3", "_count{x=\"1\"} 4")).len(), 1);
        assert_eq!(contradictions(&good.replace("b_count 4", "b_count 3")).len(), 1);
        assert_eq!(contradictions(&good.replace("le=\"1\"} 2", "le=\"1\"} 5")).len(), 1);
        assert_eq!(contradictions(&good.replace("b_count 4\n", "")).len(), 1);
        assert!((sum(good, "a_bucket{") - 5.0).abs() < 0.1);
    }
}
