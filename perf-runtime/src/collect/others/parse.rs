//! Reads Prometheus text, format 0.0.4, or OpenMetrics, which ends with `# EOF`, into families.
//!
//! A counter is known by its name with `_total`, and an info by its name with `_info`, in whichever format it came. The times at
//! which OpenMetrics says that counters began (`_created`) are left out: they are no numbers of a metric.
//!
//! Lines that are not of the format are left out, each for itself, and told of: one bad line is no reason to lose a scrape.
//! Names that are quoted, as newer servers take them, are not read.

use super::lines::{Labels, exemplar, labels, millis, number, token, unescape};
use super::merged::{Family, Parsed, Sample};
use crate::collect::model::FamilyType;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
    /// Reads a line; `None` where it, or a part of it, is not of the format, or says something a second time.
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
        let (mut labels, rest) = match rest.trim_ascii_start().strip_prefix('{') {
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
        let kind = read.family.kind;
        let fits = match (kind, suffix) {
            (FamilyType::Histogram | FamilyType::GaugeHistogram, "_bucket") => {
                with_number(&mut labels, "le", |le| le != "NaN")
            }
            (FamilyType::Summary, "") => with_number(&mut labels, "quantile", |_| true),
            (kind, suffix) => kind.suffixes().contains(&suffix),
        };
        let may_have_exemplar = kind == FamilyType::Counter || suffix == "_bucket";
        let has_more = exemplar.is_some() && !may_have_exemplar;
        let sample = Sample { suffix, labels, value, timestamp, exemplar: exemplar.filter(|_| may_have_exemplar) };
        (fits && read.is_new(&sample)).then(|| read.family.samples.push(sample))?;
        (!has_more).then_some(())
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

/// Whether one of the labels is a number that is taken. It is written as the formats write numbers.
fn with_number(labels: &mut Labels<'_>, wanted: &str, is_taken: impl Fn(&str) -> bool) -> bool {
    let label = labels.iter_mut().find(|(name, _)| *name == wanted);
    label.is_some_and(|(_, value)| {
        let Some(written) = number(value).map(str::to_owned) else { return false };
        if written != **value {
            *value = Cow::Owned(written.clone());
        }
        is_taken(&written)
    })
}

#[cfg(test)]
mod tests;
