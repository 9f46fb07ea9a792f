//! Words: keywords, which decide how a statement is read, and names.

use super::quotes::is_name;
use super::{Doubtful, Inside, Phase, Scanner, Step, Word, is_word_byte};
use crate::text::words::{self, Head, is_one_of};
use crate::text::write::Last;

/// The longest word that is shown, in bytes.
const LONGEST_WORD: usize = 128;

impl Scanner<'_> {
    pub(super) fn bare_word(&mut self) -> Step {
        let length = self.rest(0).iter().take_while(|byte| is_word_byte(**byte) || **byte == b'$').count();
        let end = self.at + length;
        let dollars = self.slice(self.at, end).bytes().filter(|byte| *byte == b'$').count();
        if length > LONGEST_WORD || dollars > 1 || has_signs(self.slice(self.at, end)) {
            return Err(Doubtful);
        }
        let is_before_quote = self.bytes.get(end) == Some(&b'\'');
        let first = self.byte(0).unwrap_or_default().to_ascii_lowercase();
        if length == 1 && is_before_quote && matches!(first, b'e' | b'n' | b'b' | b'x') {
            self.guard(b'\'');
            self.at = end;
            return self.string();
        }
        let text = self.text;
        let word = text.get(self.at..end).unwrap_or_default();
        match self.phase {
            Phase::Start => self.first_word(word),
            Phase::Kind if !words::is_kind(word) => self.hide_rest(),
            Phase::Guarded | Phase::Kind => {
                self.to.word(word);
                self.hide_rest();
            }
            Phase::Silent => self.to.word(word),
            Phase::Shown => self.further_word(word),
        }
        self.at = end;
        Ok(())
    }

    pub(super) fn first_word(&mut self, word: &str) {
        let head = words::head(word);
        self.operation.get_or_insert_with(|| words::operation(word));
        match head {
            Head::Shown(known) => {
                self.to.word(word);
                self.phase = Phase::Shown;
                let queries = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE", "MERGE", "VALUES"];
                self.is_query = queries.contains(&known);
                self.word = if known == "UPDATE" { Word::Table } else { Word::Other };
                self.note_inside(known == "SELECT" || known == "WITH");
            }
            Head::Guarded(_) => {
                self.to.word(word);
                self.phase = Phase::Guarded;
            }
            Head::OfKind(_) => {
                self.to.word(word);
                self.phase = Phase::Kind;
            }
            Head::Execute => {
                self.to.word(word);
                self.hide_rest();
            }
            Head::Unknown => self.hide_rest(),
        }
    }

    pub(super) fn further_word(&mut self, word: &str) {
        let is = |words: &[&str]| is_one_of(word, words);
        let is_before_operand = matches!(self.to.last(), Last::Open | Last::Comma | Last::Operator);
        if is_before_operand && is(&["NULL", "TRUE", "FALSE", "DEFAULT"]) {
            let end = self.at + word.len();
            return self.literal(end);
        }
        let (before, is_after_dot) = (self.word, self.to.last() == Last::Dot);
        self.note_assignments(word, before);
        let is_at_query = self.inside().is_some_and(|inside| *inside == Inside::Query);
        self.note_inside(is(&["SELECT", "WITH", "DELETE"]));
        self.to.word(word);
        let is_function = is(&["TABLE", "OPENROWSET", "OPENQUERY", "OPENDATASOURCE"]);
        self.is_target = before == Word::Into && !is_function;
        // Behind a dot MySQL takes keywords for names.
        self.word = if is_after_dot { Word::Other } else { self.kind_of(word, before, is_at_query) };
        if words::is_execute(word) {
            self.hide_rest();
        }
    }

    pub(super) fn kind_of(&self, word: &str, before: Word, is_at_query: bool) -> Word {
        let is = |words: &[&str]| is_one_of(word, words);
        let is_clause = is(&["FROM"]) && before != Word::Distinct && is_at_query;
        if is(&["JOIN", "UPDATE", "TABLE"]) || (self.is_query && is_clause) {
            Word::Table
        } else if is(&["SET"]) && self.is_query {
            Word::Column
        } else if is(&["INTO"]) && self.is_query {
            Word::Into
        } else if is(&["AS"]) && self.is_query {
            Word::Alias
        } else if is(&["DISTINCT"]) {
            Word::Distinct
        } else if is(&["ARRAY"]) {
            Word::Array
        } else {
            Word::Other
        }
    }

    /// Notes where a list of assignments begins, and where it may be over: at a word behind an operand, such as `ORDER` or `WHERE`.
    fn note_assignments(&mut self, word: &str, before: Word) {
        let is_behind_operand = matches!(self.to.last(), Last::Word | Last::Literal | Last::Close);
        if self.is_query && self.to.last() != Last::Dot && is_one_of(word, &["SET"]) {
            self.assigns_at = Some(self.to.depth());
        } else if is_behind_operand && before != Word::Column && self.assigns_at == Some(self.to.depth()) {
            self.assigns_at = None;
        }
    }

    /// Whether the bracket that opens here holds names alone, with commas between them.
    pub(super) fn is_list_of_names(&self) -> bool {
        let mut rest = self.rest(1).trim_ascii_start();
        while let Some(length) = name_length(rest) {
            rest = rest.get(length..).unwrap_or_default().trim_ascii_start();
            match rest.split_first() {
                Some((b',', more)) => rest = more.trim_ascii_start(),
                Some((b')', _)) => return true,
                _ => return false,
            }
        }
        false
    }

    /// Notes whether a bracket whose first word this is holds a query.
    pub(super) fn note_inside(&mut self, is_query: bool) {
        if let Some(inside) = self.inside().filter(|inside| **inside == Inside::Unknown) {
            *inside = if is_query { Inside::Query } else { Inside::Other };
        }
    }
}

/// Whether it has characters beyond ASCII that are no letters: the sign of a currency begins a number of SQL Server, and spaces are no part of a word
/// for all.
fn has_signs(word: &str) -> bool {
    let is_letter = |at: usize, char: char| if at == 0 { char.is_alphabetic() } else { char.is_alphanumeric() };
    !word.is_ascii() && word.char_indices().any(|(at, char)| !char.is_ascii() && !is_letter(at, char))
}

/// The bytes of the name that a text begins with, with its quotes.
fn name_length(text: &[u8]) -> Option<usize> {
    let close = match text.first()? {
        b'[' => b']',
        quote @ (b'"' | b'`') => *quote,
        _ => {
            let length = text.iter().take_while(|byte| is_word_byte(**byte)).count();
            return Some(length).filter(|length| *length > 0);
        }
    };
    let content = text.get(1..)?.iter().take(LONGEST_WORD + 1).take_while(|byte| **byte != close).count();
    let name = std::str::from_utf8(text.get(1..=content)?).ok()?;
    let is_closed = text.get(content + 1) == Some(&close);
    (is_closed && is_name(name)).then_some(content + 2)
}
