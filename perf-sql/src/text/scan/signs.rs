//! Parameters, numbers, operators and comments.

use super::{Doubtful, LONGEST_LOOK, Scanner, Step, Word, has_comment, is_word_byte};
use crate::text::write::Last;

impl Scanner<'_> {
    /// Writes a parameter of so many bytes and the word bytes after them.
    pub(super) fn parameter(&mut self, bytes: usize) {
        let more = self.rest(bytes).iter().take_while(|byte| is_word_byte(**byte)).count();
        self.leave_start();
        self.literal(self.at + bytes + more);
    }

    /// Writes a parameter with a name. SQLite takes all that stands in brackets just behind one for a part of it, quotes too
    /// (<https://www.sqlite.org/lang_expr.html#varparam>).
    pub(super) fn named_parameter(&mut self, bytes: usize) -> Step {
        let rest = self.rest(bytes);
        let is_of_name = |byte: &&u8| is_word_byte(**byte) || b"$:".contains(byte);
        let length = rest.iter().take(LONGEST_LOOK).take_while(is_of_name).count();
        let brackets = rest.get(length..).unwrap_or_default().strip_prefix(b"(").unwrap_or_default();
        let mut inside = brackets.iter().take_while(|byte| !(**byte == b')' || byte.is_ascii_whitespace()));
        let is_simple = |byte: &u8| is_word_byte(*byte) || b",.".contains(byte);
        if length == LONGEST_LOOK || !inside.all(is_simple) {
            return Err(Doubtful);
        }
        self.parameter(bytes);
        Ok(())
    }

    pub(super) fn colon(&mut self) -> Step {
        match self.byte(1) {
            Some(b':') => {
                self.to.cast();
                self.at += 2;
                self.word = Word::Other;
            }
            Some(next) if is_word_byte(next) => self.named_parameter(1)?,
            Some(b'=') => self.operator_of(2),
            _ => self.operator_of(1),
        }
        Ok(())
    }

    pub(super) fn at_sign(&mut self) -> Step {
        match self.byte(1) {
            Some(b'@') if self.byte(2).is_some_and(is_word_byte) => self.parameter(2),
            // A variable of MySQL with quotes is followed by them: they are a literal too.
            Some(b'\'' | b'"' | b'`') => self.parameter(1),
            Some(next) if is_word_byte(next) => self.named_parameter(1)?,
            _ => self.operator_of(1),
        }
        Ok(())
    }

    pub(super) fn number(&mut self) {
        let mut end = self.at;
        while let Some(byte) = self.bytes.get(end).copied() {
            let is_sign = matches!(byte, b'+' | b'-')
                && self.bytes.get(end - 1).is_some_and(|before| matches!(before, b'e' | b'E'))
                && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
                && !self.slice(self.at, end).starts_with("0x");
            if !(is_word_byte(byte) || byte == b'.' || (is_sign && end > self.at)) {
                break;
            }
            end += 1;
        }
        self.leave_start();
        self.literal(end);
    }

    pub(super) fn operator(&mut self) {
        let next_is_digit = |at: usize| self.bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
        let byte = self.byte(0).unwrap_or_default();
        let is_operand = matches!(self.to.last(), Last::Word | Last::Literal | Last::Close);
        if matches!(byte, b'+' | b'-') && !is_operand && next_is_digit(self.at + 1) {
            // A sign is a part of its number.
            self.at += 1;
            return;
        }
        if byte == b'*' && !is_operand {
            return self.star();
        }
        let mut length = 1;
        while let Some(next) = self.byte(length) {
            let after = self.byte(length + 1);
            let begins_comment = matches!((next, after), (b'-', Some(b'-')) | (b'/', Some(b'*')));
            let is_sign = matches!(next, b'+' | b'-') && next_is_digit(self.at + length + 1);
            if begins_comment || is_sign || !b"+-*/<>=~!%^&|".contains(&next) {
                break;
            }
            length += 1;
        }
        self.operator_of(length);
    }

    pub(super) fn operator_of(&mut self, length: usize) {
        self.leave_start();
        let operator = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.to.operator(operator);
        self.at += length;
        (self.word, self.is_target) = (Word::Other, false);
    }

    /// All columns.
    pub(super) fn star(&mut self) {
        self.to.word("*");
        self.step();
    }

    pub(super) fn line_comment(&mut self) -> Step {
        let line = self.rest(2);
        let line = line.get(..line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len())).unwrap_or_default();
        let is_one_everywhere = line.first().is_none_or(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
        let has_quotes = line.iter().any(|byte| b"'\"`$[#;".contains(byte)) || has_comment(line);
        // A lone carriage return ends the line for PostgreSQL alone.
        let inner = line.strip_suffix(b"\r").unwrap_or(line);
        if (!is_one_everywhere && has_quotes) || inner.contains(&b'\r') {
            return Err(Doubtful);
        }
        let length = 2 + line.len();
        // To MySQL they are two signs, but where a statement begins.
        let may_be_signs = !is_one_everywhere && !matches!(self.to.last(), Last::Start | Last::Semicolon);
        self.is_sure &= !may_be_signs;
        self.skip_space(length);
        Ok(())
    }

    pub(super) fn block_comment(&mut self) -> Step {
        let rest = self.rest(2);
        let end = rest.windows(2).position(|pair| pair == b"*/").ok_or(Doubtful)?;
        let content = rest.get(..end).unwrap_or_default();
        // MySQL runs `/*!`, MariaDB `/*M!`, and relatives of theirs have letters of their own.
        let runs = content.iter().take(2).any(|byte| *byte == b'!');
        // With the star of its end: `/*/` begins another one where they nest.
        let nests = rest.get(..=end).unwrap_or_default().windows(2).any(|pair| pair == b"/*");
        if runs || nests {
            return Err(Doubtful);
        }
        self.skip_space(end + 4);
        Ok(())
    }
}
