//! Cards of parts on the dashboard's first page: something that is so now, in a few words, and where there is more of it.

use perf_runtime::alert::Severity;
use perf_runtime::text::rfc3339;
use serde::{Serialize, Serializer};
use std::time::SystemTime;

/// The most cards of one part that are shown at once; further ones are left out.
pub(crate) const MOST_CARDS: usize = 5;
/// The most lines of a card, and the most characters of its title and of each line.
const MOST_LINES: usize = 5;
const MOST_CHARACTERS: usize = 400;

/// A card on the first page of the dashboard, as a part gives it: [`Extension::cards`](crate::Extension::cards).
///
/// It is for what somebody has to know now, such as an incident that lasts; a part with nothing of the kind gives none. The
/// dashboard draws it, so that all cards look alike and read well aloud: texts are shown as texts, whatever is in them.
///
/// ```
/// use perf_runtime::alert::Severity;
/// use perf_server::Card;
///
/// let card = Card::new("Requests are slow")
///     .severity(Severity::Critical)
///     .line("Likely cause: select on points takes 1.5 s")
///     .since(std::time::SystemTime::now())
///     .page("incidents", "All incidents");
/// # let _ = card;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use = "a card is shown where an extension gives it"]
pub struct Card {
    title: String,
    severity: Option<Severity>,
    lines: Vec<String>,
    #[serde(serialize_with = "moment")]
    since: Option<SystemTime>,
    page: Option<CardPage>,
}

/// The page that a card leads to.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct CardPage {
    id: String,
    title: String,
}

impl Card {
    /// A card with this heading: at most 400 characters are shown.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: shortened(title.into()), severity: None, lines: Vec::new(), since: None, page: None }
    }

    /// Sets how bad it is: shown as a word and as a colour.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Adds a line below the heading: five at most, of at most 400 characters each; further ones are left out.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        if self.lines.len() < MOST_LINES {
            self.lines.push(shortened(line.into()));
        }
        self
    }

    /// Sets since when it is so: shown as the time, and as how long it has lasted.
    pub fn since(mut self, since: SystemTime) -> Self {
        self.since = Some(since);
        self
    }

    /// Sets the page of the dashboard that has more of it, by its id, and the words of the link.
    pub fn page(mut self, id: impl Into<String>, title: impl Into<String>) -> Self {
        self.page = Some(CardPage { id: id.into(), title: shortened(title.into()) });
        self
    }
}

/// A text with its end left out where it is too long.
fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn moment<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(&rfc3339(*at)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_card_is_bounded_whatever_a_part_puts_into_it() {
        let long = "ä".repeat(1_000);
        let card = (0..20).fold(Card::new(long.clone()), |card, _| card.line(long.clone()));
        let written = serde_json::to_value(card).unwrap();
        assert_eq!(written["title"].as_str().unwrap().chars().count(), MOST_CHARACTERS + 1);
        let lines = written["lines"].as_array().unwrap();
        assert_eq!((lines.len(), lines[0].as_str().unwrap().chars().count()), (MOST_LINES, MOST_CHARACTERS + 1));
        let short = Card::new("a").severity(Severity::Warning).since(SystemTime::UNIX_EPOCH).page("notes", "All");
        let expected = json!({
            "title": "a", "severity": "warning", "lines": [], "since": rfc3339(SystemTime::UNIX_EPOCH),
            "page": { "id": "notes", "title": "All" },
        });
        assert_eq!(serde_json::to_value(short).unwrap(), expected);
    }
}
