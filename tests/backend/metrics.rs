//! Prometheus text, read back.

use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// All samples of one scrape.
#[derive(Debug)]
pub(crate) struct Scrape(Vec<Sample>);

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Labels,
    value: f64,
}

impl Scrape {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line}"))).collect())
    }

    /// The sum of all samples of that name that have these labels, and maybe others.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let fits = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|v| v == value))
        };
        whole(self.0.iter().filter(fits).map(|sample| sample.value).sum())
    }

    /// The labels and values of a metric.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Labels, u64)> {
        self.0.iter().filter(move |sample| sample.name == name).map(|sample| (&sample.labels, whole(sample.value)))
    }

    /// The names that end so, without that ending.
    pub(crate) fn names_with(&self, ending: &str) -> BTreeSet<&str> {
        self.0.iter().filter_map(|sample| sample.name.strip_suffix(ending)).collect()
    }

    /// Every gauge of things in flight, by name and labels.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = (&str, &Labels, u64)> {
        let gauges =
            self.0.iter().filter(|sample| sample.name.ends_with("_in_flight") || sample.name == "mcp_active_workflows");
        gauges.map(|sample| (sample.name.as_str(), &sample.labels, whole(sample.value)))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract() == 0.0, "{value} is no count");
    value as u64
}

/// `name{label="value",..} 12`; a value may hold braces, commas and escaped quotes.
fn sample(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, mut rest) = head.split_once('{').unwrap_or((head, "}"));
    let mut labels = Labels::new();
    while rest != "}" {
        let (label, after) = rest.split_once("=\"")?;
        let end = closing_quote(after)?;
        let value = after[..end].replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\");
        labels.insert(label.to_owned(), value);
        rest = after[end + 1..].trim_start_matches(',');
    }
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, char)| {
        let closes = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        closes.then_some(index)
    })
}
