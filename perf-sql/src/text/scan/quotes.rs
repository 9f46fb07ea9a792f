//! Quotes, square brackets and dollar quotes: what they hold is a literal, or a name that can be shown.

use super::{Doubtful, Inside, Scanner, Step, Word, has_comment, is_word_byte};
use crate::text::DoubleQuotes;
use crate::text::write::Last;

/// The longest quoted name that is shown, in bytes.
const LONGEST_NAME: usize = 128;

impl Scanner<'_> {
    /// The end of what stands in quotes, of which the first is at `start`.
    pub(super) fn quoted_end(&self, start: usize, has_escapes: bool) -> Result<usize, Doubtful> {
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
            match (run % 2 == 1, has_escapes) {
                (true, true) => at += 1,
                (true, false) => return Err(Doubtful),
                (false, _) if self.bytes.get(at + 1) == Some(&quote) => at += 2,
                (false, _) => return Ok(at + 1),
            }
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

    pub(super) fn string(&mut self, has_escapes: bool) -> Step {
        let end = self.quoted_end(self.at, has_escapes)?;
        self.leave_start();
        self.literal(end);
        // No dialect has a word there: the quotes are not what they seem.
        if self.byte(0).is_some_and(is_word_byte) { Err(Doubtful) } else { Ok(()) }
    }

    pub(super) fn double_quoted(&mut self) -> Step {
        let end = self.quoted_end(self.at, false)?;
        let is_plain = is_name(self.slice(self.at + 1, end - 1));
        let is_before_dot = self.bytes.get(end) == Some(&b'.');
        let is_assigned = self.to.last() == Last::Comma
            && self.assigns_at == Some(self.to.depth())
            && self.next_byte(end - self.at) == Some(b'=');
        let is_for_sure = is_assigned
            || self.quotes == DoubleQuotes::Names
            || is_before_dot
            || matches!(self.word, Word::Table | Word::Into | Word::Alias)
            || self.inside().is_some_and(|inside| *inside == Inside::Columns);
        if is_plain && is_for_sure {
            self.name(end, ("\"", "\""));
        } else {
            self.leave_start();
            self.literal(end);
        }
        Ok(())
    }

    pub(super) fn backtick(&mut self) -> Step {
        let end = self.name_end(b'`')?;
        if is_name(self.slice(self.at + 1, end - 1)) {
            self.name(end, ("`", "`"));
        } else {
            self.leave_start();
            self.literal(end);
        }
        Ok(())
    }

    pub(super) fn bracket(&mut self) -> Step {
        if self.word == Word::Array || self.inside().is_some_and(|inside| *inside == Inside::Array) {
            self.open_bracket(Inside::Array);
            return Ok(());
        }
        let content = self.rest(1);
        let content = content.get(..content.len().min(super::LONGEST_LOOK)).unwrap_or_default();
        let end = content.iter().position(|byte| *byte == b']').ok_or(Doubtful)?;
        let content = content.get(..end).unwrap_or_default();
        let is_name = content.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && content.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_ $".contains(byte))
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
        let tag = self.rest(1).iter().take_while(|byte| is_word_byte(**byte)).count();
        let starts_well = self.byte(1).is_some_and(|byte| !byte.is_ascii_digit());
        if self.byte(1 + tag) == Some(b'$') && (tag == 0 || starts_well) {
            let delimiter = self.rest(0).get(..tag + 2).ok_or(Doubtful)?;
            let content = self.rest(tag + 2);
            let length = content.windows(delimiter.len()).position(|part| part == delimiter).ok_or(Doubtful)?;
            let end = self.at + 2 * (tag + 2) + length;
            self.leave_start();
            self.literal(end);
        } else {
            self.parameter(1 + tag);
        }
        Ok(())
    }
}

/// Whether a text in quotes can be shown as a name.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte))
}
