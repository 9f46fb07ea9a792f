//! Reads Prometheus text, format 0.0.4, or OpenMetrics, which ends with `# EOF`, into families.
//!
//! A counter is known by its name with `_total`, and an info by its name with `_info`, in whichever format it came. The times at
//! which OpenMetrics says that counters began (`_created`) are left out: they are no numbers of a metric.
//!
//! Lines that are not of the format are left out, each for itself, and told of: one bad line is no reason to lose a scrape.
//! Names that are quoted, as newer servers take them, are not read.

use crate::collect::model::FamilyType;
use crate::observe::series::lookup::hash_of;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The families of a text, and its bad lines.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parsed<'a> {
    /// Families that have samples, in the order in which they came.
    pub(super) families: Vec<Family<'a>>,
    /// Lines that were left out.
    pub(super) left_out: usize,
    /// The first of them.
    pub(super) first_left_out: Option<&'a str>,
}

/// One family.
#[derive(Debug, PartialEq)]
pub(super) struct Family<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: FamilyType,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) unit: Option<&'a str>,
    pub(super) samples: Vec<Sample<'a>>,
}

/// Names and values.
type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The part of its name that follows the family's.
    pub(super) suffix: &'static str,
    pub(super) labels: Labels<'a>,
    /// The number as it was written, or as the format writes it where it is none.
    pub(super) value: &'a str,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
    /// The exemplar as it was written, behind the `#`.
    pub(super) exemplar: Option<&'a str>,
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    let mut reader = Reader { is_open_metrics: text.trim_ascii_end().ends_with("# EOF"), ..Reader::default() };
    let mut parsed = Parsed::default();
    for line in text.split('\n').map(str::trim_ascii).filter(|line| !line.is_empty()) {
        if reader.line(line).is_none() {
            parsed.left_out += 1;
            parsed.first_left_out.get_or_insert(line);
        }
    }
    let is_open_metrics = reader.is_open_metrics;
    let families = reader.families.into_iter().map(|read| read.family);
    parsed.families =
        families.filter(|family| !family.samples.is_empty()).map(|family| named(family, is_open_metrics)).collect();
    parsed
}

/// The family by its name with the end that OpenMetrics declares it without.
fn named(family: Family<'_>, is_open_metrics: bool) -> Family<'_> {
    let suffix = if is_open_metrics { family.kind.stem_suffix() } else { "" };
    Family { name: family.name + suffix, ..family }
}

#[derive(Debug, Default)]
struct Reader<'a> {
    is_open_metrics: bool,
    families: Vec<Read<'a>>,
    by_name: HashMap<&'a str, usize>,
    /// The last sample's name, its family's place and what the name has behind the family's: for the next is mostly like it.
    last: Option<(&'a str, usize, &'static str)>,
}

#[derive(Debug)]
struct Read<'a> {
    family: Family<'a>,
    is_typed: bool,
    /// The first sample of each hash.
    by_hash: HashMap<u64, usize>,
}

impl<'a> Reader<'a> {
    /// Reads a line; `None` where it is not of the format, or says something a second time.
    fn line(&mut self, line: &'a str) -> Option<()> {
        let Some(comment) = line.strip_prefix('#') else { return self.sample(line) };
        self.last = None;
        let (word, rest) = token(comment);
        match word {
            "HELP" => self.help(rest),
            "TYPE" => self.typed(rest),
            "UNIT" if self.is_open_metrics => self.unit(rest),
            _ => Some(()),
        }
    }

    fn help(&mut self, rest: &'a str) -> Option<()> {
        let (name, text) = token(rest);
        let help = unescape(text, self.is_open_metrics)?;
        let family = &mut self.family(name)?.family;
        family.help.is_none().then(|| family.help = Some(help))
    }

    fn unit(&mut self, rest: &'a str) -> Option<()> {
        let (name, unit) = token(rest);
        let family = &mut self.family(name)?.family;
        (family.unit.is_none() && !unit.is_empty()).then(|| family.unit = Some(unit))
    }

    fn typed(&mut self, rest: &'a str) -> Option<()> {
        let (name, word) = token(rest);
        let kind = match word {
            "info" if self.is_open_metrics => FamilyType::Info,
            "stateset" if self.is_open_metrics => FamilyType::StateSet,
            "gaugehistogram" if self.is_open_metrics => FamilyType::GaugeHistogram,
            "unknown" if self.is_open_metrics => FamilyType::Unknown,
            "counter" => FamilyType::Counter,
            "gauge" => FamilyType::Gauge,
            "histogram" => FamilyType::Histogram,
            "summary" => FamilyType::Summary,
            "untyped" => FamilyType::Unknown,
            _ => return None,
        };
        let read = self.family(name)?;
        // The format wants it once, before the first sample.
        (!read.is_typed && read.family.samples.is_empty()).then(|| {
            read.is_typed = true;
            read.family.kind = kind;
        })
    }

    fn sample(&mut self, line: &'a str) -> Option<()> {
        let (name, rest) = line.split_at(line.find([' ', '\t', '{'])?);
        let (labels, rest) = match rest.trim_ascii_start().strip_prefix('{') {
            Some(inside) => labels(inside)?,
            None => (Vec::new(), rest),
        };
        let (value, rest) = token(rest);
        let value = number(value)?;
        let (rest, exemplar) = if self.is_open_metrics { exemplar(rest)? } else { (rest, None) };
        let (timestamp, rest) = token(rest);
        let timestamp = match timestamp {
            "" => None,
            seconds if self.is_open_metrics => Some(millis(seconds)?),
            millis => Some(millis.parse().ok()?),
        };
        if !rest.is_empty() {
            return None;
        }
        if self.is_open_metrics && self.is_created(name) {
            return Some(());
        }
        let (read, suffix) = self.family_of_sample(name)?;
        let has = |wanted: &str| labels.iter().any(|(name, value)| *name == wanted && number(value).is_some());
        let fits = match (read.family.kind, suffix) {
            (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => has("le"),
            (FamilyType::Summary, "") => has("quantile"),
            (kind, suffix) => kind.suffixes().contains(&suffix),
        };
        let sample = Sample { suffix, labels, value, timestamp, exemplar };
        (fits && read.is_new(&sample)).then(|| read.family.samples.push(sample))
    }

    /// The family that a sample belongs to, and what its name has behind the family's: its own name's, where that has a
    /// type; else that of a histogram or a summary; else one of no type.
    fn family_of_sample(&mut self, name: &'a str) -> Option<(&mut Read<'a>, &'static str)> {
        let (place, suffix) = match self.last {
            Some((last, place, suffix)) if last == name => (place, suffix),
            _ => self.place_of_sample(name)?,
        };
        self.last = Some((name, place, suffix));
        Some((self.families.get_mut(place)?, suffix))
    }

    fn place_of_sample(&mut self, name: &'a str) -> Option<(usize, &'static str)> {
        let typed = |name: &str| {
            let place = *self.by_name.get(name)?;
            Some((place, self.families.get(place).filter(|read| read.is_typed)?.family.kind))
        };
        if self.is_open_metrics {
            // A counter is declared without what its samples' names end with.
            for suffix in [FamilyType::Counter, FamilyType::Info].map(FamilyType::stem_suffix) {
                let base = name.strip_suffix(suffix).and_then(typed);
                if let Some((place, _)) = base.filter(|(_, kind)| kind.stem_suffix() == suffix) {
                    return Some((place, ""));
                }
            }
            if typed(name).is_some_and(|(_, kind)| !kind.stem_suffix().is_empty()) {
                return None;
            }
        }
        if typed(name).is_none() {
            for suffix in ["_bucket", "_sum", "_count", "_gsum", "_gcount"] {
                let base = name.strip_suffix(suffix).and_then(typed);
                if let Some((place, _)) = base.filter(|(_, kind)| kind.suffixes().contains(&suffix)) {
                    return Some((place, suffix));
                }
            }
        }
        Some((self.place(name)?, ""))
    }

    /// Whether a sample says when a counter, a histogram or a summary began.
    fn is_created(&self, name: &str) -> bool {
        let of = name.strip_suffix("_created").and_then(|base| self.families.get(*self.by_name.get(base)?));
        let begins = [FamilyType::Counter, FamilyType::Histogram, FamilyType::Summary];
        of.is_some_and(|read| begins.contains(&read.family.kind))
    }

    /// The family of a name, made where there is none yet.
    fn family(&mut self, name: &'a str) -> Option<&mut Read<'a>> {
        let place = self.place(name)?;
        self.families.get_mut(place)
    }

    fn place(&mut self, name: &'a str) -> Option<usize> {
        let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) || !name.chars().all(is_name) {
            return None;
        }
        Some(match self.by_name.entry(name) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let family = Family {
                    name: name.into(),
                    kind: FamilyType::Unknown,
                    help: None,
                    unit: None,
                    samples: Vec::new(),
                };
                self.families.push(Read { family, is_typed: false, by_hash: HashMap::new() });
                *new.insert(self.families.len() - 1)
            }
        })
    }
}

impl Read<'_> {
    /// Whether no sample with the same labels, in whatever order, came before.
    fn is_new(&mut self, sample: &Sample<'_>) -> bool {
        let hash = sample.hash();
        let samples = &self.family.samples;
        match self.by_hash.entry(hash) {
            Entry::Vacant(new) => {
                new.insert(samples.len());
                true
            }
            // Compared by value, and where another has the hash by chance, with all of them.
            Entry::Occupied(first) => !samples.iter().skip(*first.get()).any(|other| other.is_same_series(sample)),
        }
    }
}

impl<'a> Family<'a> {
    /// Adds the samples of another text's family of this name and type, and says how many it has already. Costs a comparison
    /// for each pair of samples that begin alike.
    pub(super) fn join(&mut self, other: Self) -> usize {
        self.help = self.help.take().or(other.help);
        self.unit = self.unit.or(other.unit);
        let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
        for (place, sample) in self.samples.iter().enumerate() {
            by_hash.entry(sample.hash()).or_default().push(place);
        }
        let known = self.samples.len();
        let found = other.samples.len();
        let samples: &[Sample<'a>] = &self.samples;
        let is_new = |sample: &Sample<'a>| {
            let alike = by_hash.get(&sample.hash()).into_iter().flatten();
            !alike.filter_map(|place| samples.get(*place)).any(|one| one.is_same_series(sample))
        };
        let new: Vec<Sample<'a>> = other.samples.into_iter().filter(is_new).collect();
        self.samples.extend(new);
        found - (self.samples.len() - known)
    }
}

impl Sample<'_> {
    /// The same for the same series, whatever the order of its labels.
    fn hash(&self) -> u64 {
        let labels = self.labels.iter().map(|(name, value)| hash_of(0, [*name, &**value]));
        // The order does not matter to a sum.
        labels.fold(hash_of(0, [self.suffix]), u64::wrapping_add)
    }

    fn is_same_series(&self, other: &Sample<'_>) -> bool {
        self.suffix == other.suffix
            && self.labels.len() == other.labels.len()
            && self.labels.iter().all(|label| other.labels.contains(label))
    }
}

/// The text up to the next blank, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let text = text.trim_ascii_start();
    let (token, rest) = text.split_at(text.find([' ', '\t']).unwrap_or(text.len()));
    (token, rest.trim_ascii_start())
}

/// A number as it may stand in a text: what `f64` reads, but for the words. Those are written as the format does.
fn number(token: &str) -> Option<&str> {
    let value: f64 = token.parse().ok()?;
    let is_plain = token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    Some(match value {
        _ if is_plain && value.is_finite() => token,
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "+Inf",
        _ => "-Inf",
    })
}

/// Takes the exemplar off what follows a value: behind a `#` labels, a number, and perhaps a time. `None` where it is none.
fn exemplar(rest: &str) -> Option<(&str, Option<&str>)> {
    let Some((before, exemplar)) = rest.split_once('#') else { return Some((rest, None)) };
    let exemplar = exemplar.trim_ascii();
    let (_, after) = labels(exemplar.strip_prefix('{')?)?;
    let (value, at) = token(after);
    number(value)?;
    (at.is_empty() || number(at).is_some()).then_some((before, Some(exemplar)))
}

/// A time in seconds, in milliseconds.
fn millis(seconds: &str) -> Option<i64> {
    let millis = (number(seconds)?.parse::<f64>().ok()? * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "in bounds")]
    (millis.abs() < 1e18).then_some(millis as i64)
}

/// Reads what stands in the braces, and the brace that closes them. Labels without a value are none.
fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels: Labels<'_> = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(rest) = rest.strip_prefix('}') {
            labels.retain(|(_, value)| !value.is_empty());
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_ascii();
        let value = value.trim_ascii_start().strip_prefix('"')?;
        let (value, after) = value.split_at(end_of_quoted(value)?);
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if !is_name || name == "__name__" || labels.iter().any(|(known, _)| *known == name) {
            return None;
        }
        labels.push((name, unescape(value, true)?));
        rest = after.strip_prefix('"')?.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Where the quote is that ends a value.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Undoes what the format escapes; `None` where something else is escaped. In a help text a quote stands for itself, and a
/// backslash before anything else does, too.
fn unescape(text: &str, is_label: bool) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, if char == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('\\')) => plain.push('\\'),
            ('\\', Some('"')) if is_label => plain.push('"'),
            ('\\', _) if is_label => return None,
            ('\\', other) => plain.extend(std::iter::once('\\').chain(other)),
            (char, _) => plain.push(char),
        }
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests;
