//! The scanner: one pass over the bytes of a statement.

mod names;
mod quotes;
mod signs;

use super::DoubleQuotes;
use super::words;
use super::write::{Last, Writer};

/// Text between square brackets, and the name of a parameter, is looked at so far.
const LONGEST_LOOK: usize = 1_024;
/// Brackets inside brackets, of which it is known what they are.
const MOST_LEVELS: usize = 64;

/// A place at which the dialects disagree, or that none of them takes: what follows is left out.
#[derive(Clone, Copy, Debug)]
struct Doubtful;

type Step = Result<(), Doubtful>;

/// Where in a statement the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first word.
    Start,
    Shown,
    /// After the first word of a statement in which bare words are values.
    Guarded,
    /// After the first word of a statement in which the next word may be a value already.
    Kind,
    Silent,
}

/// The content of a bracket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    /// Nothing yet.
    #[default]
    Unknown,
    Query,
    /// The columns of an `INSERT`.
    Columns,
    /// The elements of an array.
    Array,
    Other,
}

/// The last words, as far as they matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Word {
    #[default]
    Other,
    /// The name of a table follows.
    Table,
    /// The same, and then columns in brackets.
    Into,
    /// The name of a column follows, and a `=` behind it.
    Column,
    /// Another name follows.
    Alias,
    Distinct,
    Array,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    to: Writer<'a>,
    quotes: DoubleQuotes,
    phase: Phase,
    operation: Option<&'static str>,
    /// Whether the first word is that of a query or a change, where `AS` gives a name.
    is_query: bool,
    word: Word,
    /// Whether the name of a table of `INTO` was the last thing.
    is_target: bool,
    /// The depth of a list of assignments, while it is sure that it goes on.
    assigns_at: Option<usize>,
    /// Whether all dialects have read the same tokens so far. Where one of them may be in another bracket, no `"..."` is a name for sure.
    is_sure: bool,
    inside: [Inside; MOST_LEVELS],
}

/// Writes the normalised text of a statement, and says its operation.
pub(super) fn scan(statement: &str, is_cut: bool, quotes: DoubleQuotes, text: &mut String) -> &'static str {
    let mut scanner = Scanner {
        text: statement,
        bytes: statement.as_bytes(),
        at: 0,
        to: Writer::new(text),
        quotes,
        phase: Phase::Start,
        operation: None,
        is_query: false,
        word: Word::Other,
        is_target: false,
        assigns_at: None,
        is_sure: true,
        inside: [Inside::Unknown; MOST_LEVELS],
    };
    scanner.inside[0] = Inside::Query;
    let whole = scanner.run();
    if whole.is_err() || is_cut {
        scanner.to.cut();
    }
    scanner.to.finish();
    scanner.operation.unwrap_or(words::OTHER)
}

impl Scanner<'_> {
    fn run(&mut self) -> Step {
        while let Some(byte) = self.byte(0).filter(|_| !self.to.is_over()) {
            self.guard(byte);
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.skip_space(1),
                b'\'' => self.string()?,
                b'"' => self.double_quoted()?,
                b'`' => self.backtick()?,
                b'[' => self.bracket()?,
                b'(' => self.open(),
                b')' | b']' | b'}' => self.close()?,
                b'{' => self.open_bracket(Inside::Other),
                b',' => self.comma(),
                b';' => self.semicolon(),
                b'$' => self.dollar()?,
                b'?' => self.parameter(1),
                b':' => self.colon()?,
                b'@' => self.at_sign()?,
                b'-' if self.byte(1) == Some(b'-') => self.line_comment()?,
                b'/' if self.byte(1) == Some(b'*') => self.block_comment()?,
                b'.' => self.dot(),
                b'0'..=b'9' => self.number(),
                b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x80.. => self.bare_word()?,
                b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'%' | b'^' | b'&' | b'|' => {
                    self.operator();
                }
                // Among them `#`: a comment of MySQL, an operator of PostgreSQL, and a name of SQL Server.
                _ => return Err(Doubtful),
            }
        }
        Ok(())
    }

    /// Of a statement in which bare words are values only words are shown, up to the second one.
    fn guard(&mut self, byte: u8) {
        let is_more = !(byte.is_ascii_whitespace() || is_word_byte(byte) || matches!(byte, b'-' | b'/' | b';'));
        if matches!(self.phase, Phase::Guarded | Phase::Kind) && (is_more || byte.is_ascii_digit()) {
            self.hide_rest();
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// The first byte from here on that is no white space.
    fn next_byte(&self, ahead: usize) -> Option<u8> {
        self.rest(ahead).iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    fn rest(&self, ahead: usize) -> &[u8] {
        self.bytes.get(self.at + ahead..).unwrap_or_default()
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn skip_space(&mut self, bytes: usize) {
        self.at += bytes;
        self.to.has_gap = true;
    }

    fn inside(&mut self) -> Option<&mut Inside> {
        self.inside.get_mut(self.to.depth())
    }

    /// Goes on behind a byte that was written as a token.
    fn step(&mut self) {
        self.at += 1;
        (self.word, self.is_target) = (Word::Other, false);
    }

    /// Writes a bracket that opens.
    fn open_bracket(&mut self, content: Inside) {
        let bracket = self.text.get(self.at..=self.at).unwrap_or_default();
        self.to.open(bracket);
        self.step();
        if let Some(inside) = self.inside() {
            *inside = content;
        }
    }

    /// Writes a literal or a parameter that ends at a place.
    fn literal(&mut self, end: usize) {
        self.to.literal();
        self.at = end;
        (self.word, self.is_target) = (Word::Other, false);
    }

    /// Writes a name that ends at a place.
    fn name(&mut self, end: usize, quotes: (&str, &str)) {
        let (from, to) = (self.at + quotes.0.len(), end - quotes.1.len());
        self.leave_start();
        let name = self.text.get(from..to).unwrap_or_default();
        self.to.quoted_word(quotes.0, name, quotes.1);
        self.at = end;
        self.is_target = self.word == Word::Into;
        self.word = Word::Other;
    }

    /// Shows nothing of the rest of this statement.
    fn hide_rest(&mut self) {
        self.to.be_silent();
        self.phase = Phase::Silent;
    }

    /// Of a statement that begins with no word nobody knows what follows.
    fn leave_start(&mut self) {
        if self.phase == Phase::Start {
            self.hide_rest();
        }
    }

    fn open(&mut self) {
        let holds_names = self.is_target && self.is_list_of_names();
        self.open_bracket(if holds_names { Inside::Columns } else { Inside::Unknown });
    }

    fn close(&mut self) -> Step {
        if self.to.depth() == 0 {
            return Err(Doubtful);
        }
        let bracket = self.text.get(self.at..=self.at).unwrap_or_default();
        self.to.close(bracket);
        self.step();
        self.assigns_at = self.assigns_at.filter(|depth| *depth <= self.to.depth());
        Ok(())
    }

    fn comma(&mut self) {
        self.to.comma();
        self.step();
    }

    fn semicolon(&mut self) {
        self.to.semicolon();
        self.step();
        (self.phase, self.is_query, self.assigns_at) = (Phase::Start, false, None);
        self.inside[0] = Inside::Query;
    }

    fn dot(&mut self) {
        let is_number = self.byte(1).is_some_and(|byte| byte.is_ascii_digit());
        if is_number && !matches!(self.to.last(), Last::Word | Last::Close) {
            return self.number();
        }
        self.word = match self.to.last() {
            Last::Word if self.is_target => Word::Into,
            Last::Word | Last::Close => Word::Table,
            _ => Word::Other,
        };
        self.to.dot();
        self.at += 1;
    }
}

/// Bytes of words: those beyond ASCII are letters.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | 0x80..)
}

/// Whether a comment begins in it.
fn has_comment(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"/*" || pair == b"--")
}
