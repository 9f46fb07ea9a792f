//! Reads a text back, and accepts nothing that the format does not.

use crate::expose::text::Format;
use std::collections::{BTreeMap, BTreeSet};

/// Name and value, in the order in which they stand.
pub(super) type Labels = Vec<(String, String)>;

/// All of a text: its families in order, and every sample by its name and labels.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) families: Vec<Family>,
    pub(super) samples: BTreeMap<(String, Labels), Number>,
    pub(super) exemplars: BTreeMap<(String, Labels), Exemplar>,
}

#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) of: String,
    pub(super) unit: Option<String>,
}

/// A number with up to nine decimals, in billionths.
pub(super) type Number = u128;

#[derive(Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) labels: Labels,
    pub(super) value: Number,
    pub(super) at: Number,
}

impl Text {
    pub(super) fn parse(text: &str, format: Format) -> Self {
        let lines = match format {
            Format::Prometheus => text.strip_suffix('\n').expect("the last line ends"),
            Format::OpenMetrics => text.strip_suffix("\n# EOF\n").expect("EOF stands at the end"),
        };
        let mut this = Self { families: Vec::new(), samples: BTreeMap::new(), exemplars: BTreeMap::new() };
        let mut names = BTreeSet::new();
        let mut lines = lines.split('\n').peekable();
        while lines.peek().is_some() {
            let family = Family::parse(&mut lines);
            assert!(names.insert(family.name.clone()), "{} comes twice", family.name);
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                this.sample(line, &family, format);
            }
            this.families.push(family);
        }
        this
    }

    fn sample(&mut self, line: &str, family: &Family, format: Format) {
        let (name, labels, rest) = labelled(line);
        let (value, exemplar) = rest.split_once(" # ").map_or((&*rest, None), |(value, rest)| (value, Some(rest)));
        assert!(family.has_samples_named(&name, format), "{name} in {}", family.name);
        let at = (name, labels);
        if let Some(exemplar) = exemplar {
            assert!(at.0.ends_with("_bucket") && format == Format::OpenMetrics, "{line}");
            let (name, labels, numbers) = labelled(exemplar);
            assert_eq!(name, "", "{line}");
            let (value, when) = numbers.split_once(' ').expect("a value and a moment");
            let exemplar = Exemplar { labels, value: number(value), at: number(when) };
            self.exemplars.insert(at.clone(), exemplar);
        }
        let before = self.samples.insert(at, number(value));
        assert_eq!(before, None, "twice: {line}");
    }

    /// The sample of that name and those labels.
    pub(super) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<Number> {
        self.samples.get(&key(name, labels)).copied()
    }
}

pub(super) fn key(name: &str, labels: &[(&str, &str)]) -> (String, Labels) {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    (name.to_owned(), labels.iter().map(owned).collect())
}

impl Family {
    fn parse<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Self {
        let mut told = BTreeMap::new();
        let mut name = None;
        while let Some(line) = lines.next_if(|line| line.starts_with('#')) {
            let [_, word, of, rest] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert_eq!(*name.get_or_insert(of), of, "a family without samples: {line}");
            assert!(["HELP", "TYPE", "UNIT"].contains(&word) && told.insert(word, rest).is_none(), "{line}");
        }
        let name = name.expect("HELP and TYPE come before samples");
        let of = told["TYPE"];
        assert!(!told["HELP"].is_empty() && ["counter", "gauge", "histogram"].contains(&of), "{told:?}");
        Self { name: name.to_owned(), of: of.to_owned(), unit: told.get("UNIT").map(|unit| (*unit).to_owned()) }
    }

    fn has_samples_named(&self, name: &str, format: Format) -> bool {
        let suffix = name.strip_prefix(&self.name);
        match (self.of.as_str(), format) {
            ("histogram", _) => matches!(suffix, Some("_bucket" | "_sum" | "_count")),
            ("counter", Format::OpenMetrics) => suffix == Some("_total"),
            _ => suffix == Some(""),
        }
    }
}

/// `name{label="value",..} rest`.
fn labelled(text: &str) -> (String, Labels, String) {
    let (name, mut rest) = text.split_once('{').expect("labels");
    assert!(name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_'), "{text}");
    let mut labels = Labels::new();
    loop {
        let (label, value) = rest.split_once("=\"").expect("a label");
        assert!(label.chars().all(|char| char.is_ascii_lowercase() || char == '_'), "{label:?} in {text}");
        let (value, behind) = unescaped(value);
        assert!(labels.iter().all(|(known, _)| known != label), "{label} twice in {text}");
        labels.push((label.to_owned(), value));
        match behind.split_at(1) {
            (",", more) => rest = more,
            ("}", end) => return (name.to_owned(), labels, end.strip_prefix(' ').expect("a space").to_owned()),
            _ => panic!("{text}"),
        }
    }
}

/// A value up to its closing quote, and what stands behind that.
fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return (value, &text[place + 1..]),
            '\\' => value.push(match chars.next().expect("an escaped character").1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                other => panic!("\\{other} is no escape"),
            }),
            other => value.push(other),
        }
    }
    panic!("no closing quote: {text}")
}

fn number(text: &str) -> Number {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits(whole) && digits(decimals) && decimals.len() <= 9, "{text:?} is no number of ours");
    format!("{whole}{decimals:0<9}").parse().expect("digits")
}
