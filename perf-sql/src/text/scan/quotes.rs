//! Quotes, square brackets and dollar quotes: what they hold is a literal, or a name that can be shown.

use super::{Doubtful, Inside, Scanner, Step, Word, has_comment, is_word_byte};
use crate::text::DoubleQuotes;
use crate::text::write::Last;

/// The longest quoted name that is shown, in bytes.
const LONGEST_NAME: usize = 128;

impl Scanner<'_> {
    /// The end of what stands in quotes, of which the first is at `start`. A quote behind a backslash ends it for some dialects alone, in `E'..'`
    /// too: elsewhere that is a column and its alias.
    pub(super) fn quoted_end(&self, start: usize) -> Result<usize, Doubtful> {
        let quote = self.bytes.get(start).copied().ok_or(Doubtful)?;
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..).ok_or(Doubtful)?;
            at += rest.iter().position(|byte| *byte == quote || *byte == b'\\').ok_or(Doubtful)?;
            let run = self.bytes.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == b'\\').count();
            at += run;
            if self.bytes.get(at) != Some(&quote) {
                continue;
            }
            if run % 2 == 1 {
                return Err(Doubtful);
            }
            if self.bytes.get(at + 1) != Some(&quote) {
                return Ok(at + 1);
            }
            at += 2;
        }
    }

    /// The end of a name in quotes that have no escapes.
    pub(super) fn name_end(&self, close: u8) -> Result<usize, Doubtful> {
        let mut at = self.at + 1;
        loop {
            let rest = self.bytes.get(at..).ok_or(Doubtful)?;
            at += rest.iter().position(|byte| *byte == close).ok_or(Doubtful)? + 1;
            if self.bytes.get(at) != Some(&close) {
                return Ok(at);
            }
            at += 1;
        }
    }

    pub(super) fn string(&mut self) -> Step {
        let end = self.quoted_end(self.at)?;
        self.leave_start();
        self.literal(end);
        // No dialect has a word there: the quotes are not what they seem.
        if self.byte(0).is_some_and(is_word_byte) { Err(Doubtful) } else { Ok(()) }
    }

    pub(super) fn double_quoted(&mut self) -> Step {
        let end = self.quoted_end(self.at)?;
        let is_plain = is_name(self.slice(self.at + 1, end - 1));
        let is_before_dot =
            self.bytes.get(end) == Some(&b'.') && !self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let may_be_assigned = self.to.last() == Last::Comma && self.assigns_at == Some(self.to.depth());
        let is_assigned = (may_be_assigned || self.word == Word::Column) && self.next_byte(end - self.at) == Some(b'=');
        let is_for_sure = is_assigned
            || is_before_dot
            || matches!(self.word, Word::Table | Word::Into | Word::Alias)
            || self.inside().is_some_and(|inside| *inside == Inside::Columns);
        if is_plain && (self.quotes == DoubleQuotes::Names || (self.is_sure && is_for_sure)) {
            self.name(end, ("\"", "\""));
        } else {
            self.leave_start();
            self.literal(end);
        }
        Ok(())
    }

    pub(super) fn backtick(&mut self) -> Step {
        let end = self.name_end(b'`')?;
        let content = self.slice(self.at + 1, end - 1);
        if is_name(content) {
            self.name(end, ("`", "`"));
        } else if content.bytes().any(|byte| b"'\"$".contains(&byte)) || has_comment(content.as_bytes()) {
            // PostgreSQL has operators with backticks, and quotes and comments behind them.
            return Err(Doubtful);
        } else {
            self.leave_start();
            self.literal(end);
        }
        Ok(())
    }

    pub(super) fn bracket(&mut self) -> Step {
        let is_array = self.word == Word::Array || self.inside().is_some_and(|inside| *inside == Inside::Array);
        let content = self.rest(1);
        let content = content.get(..content.len().min(super::LONGEST_LOOK)).unwrap_or_default();
        let end = content.iter().position(|byte| *byte == b']').ok_or(Doubtful)?;
        // A name of SQL Server goes on behind two of them.
        let may_go_on = self.byte(end + 2) == Some(b']') && self.rest(end + 3).contains(&b']');
        if may_go_on {
            return Err(Doubtful);
        }
        let content = content.get(..end).unwrap_or_default();
        if is_array {
            // Whether it is an array or a name, what comes behind it is outside of quotes.
            if !closes_quotes(content, false) {
                return Err(Doubtful);
            }
            self.open_bracket(Inside::Array);
            return Ok(());
        }
        let is_name = content.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && content.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_ ".contains(byte))
            && content.len() <= LONGEST_NAME;
        if is_name {
            self.name(self.at + end + 2, ("[", "]"));
            return Ok(());
        }
        if content.iter().any(|byte| b"'\"`$[#".contains(byte)) || has_comment(content) {
            return Err(Doubtful);
        }
        self.open_bracket(Inside::Other);
        Ok(())
    }

    pub(super) fn dollar(&mut self) -> Step {
        // To some it is a part of the word, to others the word is a parameter or a number and ends there.
        let is_behind_word = self.at.checked_sub(1).and_then(|before| self.bytes.get(before));
        if is_behind_word.is_some_and(|before| is_word_byte(*before) || *before == b'$') {
            return Err(Doubtful);
        }
        let tag = self.rest(1).iter().take_while(|byte| is_word_byte(**byte)).count();
        let starts_well = self.byte(1).is_some_and(|byte| !byte.is_ascii_digit());
        if tag > LONGEST_NAME {
            return Err(Doubtful);
        }
        if self.byte(1 + tag) == Some(b'$') && (tag == 0 || starts_well) {
            let delimiter = self.rest(0).get(..tag + 2).ok_or(Doubtful)?;
            let content = self.rest(tag + 2);
            let length = content.windows(delimiter.len()).position(|part| part == delimiter).ok_or(Doubtful)?;
            let end = self.at + 2 * (tag + 2) + length;
            // The others take the delimiters for names or variables, and read on between them.
            let content = content.get(..length).unwrap_or_default();
            if !closes_quotes(content, false) || !closes_quotes(content, true) || has_quoting_variables(content) {
                return Err(Doubtful);
            }
            self.is_sure = false;
            self.leave_start();
            self.literal(end);
        } else {
            self.named_parameter(1)?;
        }
        Ok(())
    }
}

/// Whether a text in quotes can be shown as a name.
pub(super) fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte))
}

/// Whether it has quotes, and variables of SQLite that may take one of them for a part of their names.
fn has_quoting_variables(content: &[u8]) -> bool {
    let is_variable = |pair: &[u8]| matches!(pair, [b'$' | b'@' | b':', next] if is_word_byte(*next));
    let may_be_one = content.first() == Some(&b'(') || content.windows(2).any(is_variable);
    may_be_one && content.iter().any(|byte| b"'\"`[".contains(byte))
}

/// Whether each quote that begins in it ends in it, and none of it is a comment. Square brackets are quotes or not.
fn closes_quotes(content: &[u8], has_brackets: bool) -> bool {
    let mut open = None;
    for byte in content.iter().copied() {
        match (open, byte) {
            (None, b'\'' | b'"' | b'`') => open = Some(byte),
            (None, b'[') if has_brackets => open = Some(b']'),
            (Some(close), byte) if close == byte => open = None,
            _ => {}
        }
    }
    let has_others = content.iter().any(|byte| matches!(byte, b'\\' | b'#'));
    open.is_none() && !has_others && !has_comment(content)
}
