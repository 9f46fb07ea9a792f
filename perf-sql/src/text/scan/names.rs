//! Words: keywords, which decide how a statement is read, and names.

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
        if length > LONGEST_WORD || dollars > 1 {
            return Err(Doubtful);
        }
        let is_before_quote = self.bytes.get(end) == Some(&b'\'');
        let first = self.byte(0).unwrap_or_default().to_ascii_lowercase();
        if length == 1 && is_before_quote && matches!(first, b'e' | b'n' | b'b' | b'x') {
            self.at = end;
            return self.string(first == b'e');
        }
        let text = self.text;
        let word = text.get(self.at..end).unwrap_or_default();
        match self.phase {
            Phase::Start => self.first_word(word),
            Phase::Guarded => {
                self.to.word(word);
                self.to.be_silent();
                self.phase = Phase::Silent;
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
            Head::Execute => {
                self.to.word(word);
                self.to.be_silent();
                self.phase = Phase::Silent;
            }
            Head::Unknown => {
                self.to.be_silent();
                self.phase = Phase::Silent;
            }
        }
    }

    pub(super) fn further_word(&mut self, word: &str) {
        let is = |words: &[&str]| is_one_of(word, words);
        let is_before_operand = matches!(self.to.last(), Last::Open | Last::Comma | Last::Operator);
        if is_before_operand && is(&["NULL", "TRUE", "FALSE", "DEFAULT"]) {
            let end = self.at + word.len();
            return self.literal(end);
        }
        if self.is_query && is(&["SET"]) {
            self.assigns_at = Some(self.to.depth());
        } else if is(&["WHERE", "FROM", "RETURNING", "SELECT", "ON"]) {
            self.assigns_at = None;
        }
        let before = self.word;
        let is_name = matches!(before, Word::Into) || (self.is_target && self.to.last() == Last::Dot);
        let is_at_query = self.inside().is_none_or(|inside| *inside == Inside::Query);
        self.note_inside(is(&["SELECT", "WITH", "VALUES", "DELETE"]));
        self.to.word(word);
        (self.word, self.is_target) = (self.kind_of(word, before, is_at_query), is_name && !is(&["TABLE"]));
        if words::is_execute(word) {
            self.to.be_silent();
            self.phase = Phase::Silent;
        }
    }

    pub(super) fn kind_of(&self, word: &str, before: Word, is_at_query: bool) -> Word {
        let is = |words: &[&str]| is_one_of(word, words);
        let is_clause = is(&["FROM"]) && before != Word::Distinct && is_at_query;
        if is(&["JOIN", "UPDATE", "TABLE"]) || (self.is_query && (is(&["SET"]) || is_clause)) {
            Word::Table
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

    /// Notes whether a bracket whose first word this is holds a query.
    pub(super) fn note_inside(&mut self, is_query: bool) {
        if let Some(inside) = self.inside().filter(|inside| **inside == Inside::Unknown) {
            *inside = if is_query { Inside::Query } else { Inside::Other };
        }
    }
}
