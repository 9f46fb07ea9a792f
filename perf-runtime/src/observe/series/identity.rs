//! The identity of a series: its site and labels.

use crate::measure::model::kind::Kind;
use crate::measure::site::annotated::Site;
use std::borrow::Cow;
use std::fmt;

/// The value that stands for all values of a label beyond those that are kept.
pub(crate) const OVERFLOW: &str = "__overflow__";

/// The longest label value, in bytes. Longer ones are cut between characters.
pub(crate) const MAX_LABEL_BYTES: usize = 128;

/// A kind and the values of its labels, compared as values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) kind: Kind,
    pub(crate) labels: Box<[Cow<'static, str>]>,
    /// The names of the labels beyond the kind's own.
    more: &'static [&'static str],
}

impl Identity {
    /// The state of one combination of a site's labels.
    pub(crate) fn of_site(site: &Site, index: usize) -> Self {
        let labels = site.label_values(index).into_iter().map(Cow::Borrowed).collect();
        Self { kind: site.kind(), labels, more: site.more_labels() }
    }

    pub(crate) fn of_values(kind: Kind, labels: &[&str]) -> Self {
        Self { kind, labels: labels.iter().map(|label| Cow::Owned((*label).to_owned())).collect(), more: &[] }
    }

    /// The labels' names and values.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> + Clone {
        self.names().zip(self.labels.iter().map(AsRef::as_ref))
    }

    /// Whether this is the series of a kind with these labels and no more.
    pub(crate) fn is(&self, kind: Kind, labels: &[&str]) -> bool {
        self.kind == kind
            && self.more.is_empty()
            && self.labels.len() == labels.len()
            && self.labels.iter().zip(labels).all(|(own, other)| is_same(own, other))
    }

    /// Whether this is a series of a kind whose first labels have these values.
    pub(crate) fn begins(&self, kind: Kind, labels: &[&str]) -> bool {
        let first = self.labels.iter().map(AsRef::as_ref).take(labels.len());
        self.kind == kind && self.labels.len() >= labels.len() && first.eq(labels.iter().copied())
    }

    /// Whether this is a series of a kind with these values of its own labels, whatever further labels it has.
    pub(crate) fn is_named(&self, kind: Kind, labels: &[&str]) -> bool {
        let (own, _) = self.labels.split_at(self.labels.len().saturating_sub(self.more.len()));
        self.kind == kind && own.len() == labels.len() && own.iter().zip(labels).all(|(own, other)| is_same(own, other))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.kind.label_names().iter().chain(self.more).copied()
    }
}

/// Shown as `db_operation{operation=select,table=users}`: each series otherwise, whatever its labels hold.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        write_labels(f, self.pairs())
    }
}

/// Writes labels as a part of a series' name: `{operation=select,table=users}`.
pub(crate) fn write_labels<'n, 'v>(
    f: &mut fmt::Formatter<'_>,
    labels: impl Iterator<Item = (&'n str, &'v str)>,
) -> fmt::Result {
    f.write_str("{")?;
    for (place, (name, value)) in labels.enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(f, "{comma}{name}={}", in_a_name(value))?;
    }
    f.write_str("}")
}

/// A label's value as part of a series' name: a comma in it does not look like the end of the value.
pub(crate) fn in_a_name(value: &str) -> Cow<'_, str> {
    if value.contains([',', '\\']) {
        return Cow::Owned(value.replace('\\', "\\\\").replace(',', "\\,"));
    }
    Cow::Borrowed(value)
}

/// A text that somebody may have named who wishes us ill, as a part of a line for people: what would begin another line,
/// steer a terminal or turn the direction of writing is escaped.
pub(crate) fn in_a_line(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(2 * text.len());
    for one in text.chars() {
        if acts(one) { line.extend(one.escape_default()) } else { line.push(one) }
    }
    Cow::Owned(line)
}

/// Whether two texts are the same. Empty ones are not left to `memcmp`: an empty `String` points to no memory, and where
/// that function loads under a mask, as in glibc for AVX-512, a load from there costs some 200 ns though it reads nothing.
#[inline]
fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

/// Cuts a value that is too long, between two characters.
pub(crate) fn shorten(value: &str) -> &str {
    let mut end = value.len().min(MAX_LABEL_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters_and_short_ones_are_shown() {
        let long = "é".repeat(100);
        assert_eq!(shorten(&long), "é".repeat(64));
        assert_eq!(Identity::of_values(Kind::Tool, &["short"]).to_string(), "tool{tool=short}");
    }

    #[test]
    fn nothing_in_a_line_begins_another() {
        assert_eq!(in_a_line("GET /näh\"e {id}"), "GET /näh\"e {id}");
        assert_eq!(in_a_line("a\nb\r\u{1b}[31m\u{85}\u{2028}\u{202e}"), r"a\nb\r\u{1b}[31m\u{85}\u{2028}\u{202e}");
    }

    #[test]
    fn no_two_series_have_the_same_name() {
        let name = |labels: &[&str]| Identity::of_values(Kind::DbOperation, labels).to_string();
        assert_eq!(name(&["select", "users"]), "db_operation{operation=select,table=users}");
        assert_ne!(name(&["a,table=b", "c"]), name(&["a", "b,table=c"]));
        assert_ne!(name(&["a\\", "b"]), name(&["a\\,table=b", ""]));
    }
}
