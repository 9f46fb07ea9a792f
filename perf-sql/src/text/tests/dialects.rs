//! Lexers of the four dialects, each by its own rules alone, and what has to be hidden by them: each string and comment.
//!
//! Sources: `src/backend/parser/scan.l` of PostgreSQL, `sql/sql_lex.cc` of MySQL, `src/tokenize.c` of SQLite, and
//! <https://learn.microsoft.com/en-us/sql/relational-databases/databases/database-identifiers>.

use std::ops::Range;

/// A dialect, as far as it matters to what literals and comments look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
    SqlServer,
}

pub(super) const DIALECTS: [Dialect; 4] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite, Dialect::SqlServer];

struct Lexer<'a> {
    dialect: Dialect,
    text: &'a [u8],
    at: usize,
    /// Whether a comment that MySQL runs is open.
    is_running: bool,
    hidden: Vec<Range<usize>>,
}

/// The places of strings and comments; `None` where the dialect does not take the text.
pub(super) fn hidden(dialect: Dialect, text: &str) -> Option<Vec<Range<usize>>> {
    let mut lexer = Lexer { dialect, text: text.as_bytes(), at: 0, is_running: false, hidden: Vec::new() };
    while lexer.at < lexer.text.len() {
        let from = lexer.at;
        if lexer.token()? {
            lexer.hidden.push(from..lexer.at);
        }
    }
    Some(lexer.hidden)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn starts(&self, with: &str) -> bool {
        self.rest().starts_with(with.as_bytes())
    }

    fn skip(&mut self, is_of_it: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|byte| is_of_it(**byte)).count();
    }

    fn skip_past(&mut self, end: &[u8]) -> Option<()> {
        self.at += self.rest().windows(end.len()).position(|part| part == end)? + end.len();
        Some(())
    }

    /// Goes past a token, and says whether it is to be hidden.
    fn token(&mut self) -> Option<bool> {
        use Dialect::{MySql, Postgres, SqlServer, Sqlite};
        let (byte, next) = (self.text[self.at], self.text.get(self.at + 1).copied());

        let after = self.text.get(self.at + 2).copied();
        let is_comment = after.is_none_or(|after| after.is_ascii_whitespace() || after.is_ascii_control());

        match (self.dialect, byte) {
            (_, b'\'') => self.quoted(matches!(self.dialect, MySql)).map(|()| true),
            (Postgres, b'e' | b'E') if next == Some(b'\'') => {
                self.at += 1;
                self.quoted(true).map(|()| true)
            }
            (MySql, b'"') => self.quoted(true).map(|()| false),
            (_, b'"') | (MySql | Sqlite, b'`') => self.quoted(false).map(|()| false),
            (SqlServer, b'`') | (Postgres | Sqlite, b'\\') => None,
            (SqlServer, b'[') => loop {
                self.skip_past(b"]")?;
                if !self.starts("]") {
                    return Some(false);
                }
                self.at += 1;
            },
            (Sqlite, b'[') => self.skip_past(b"]").map(|()| false),
            (_, b'-') if next == Some(b'-') && (!matches!(self.dialect, MySql) || is_comment) => {
                let is_postgres = matches!(self.dialect, Postgres);
                self.skip(|byte| byte != b'\n' && !(is_postgres && byte == b'\r'));
                Some(true)
            }
            (MySql, b'#') => {
                self.skip(|byte| byte != b'\n');
                Some(true)
            }
            (_, b'/') if next == Some(b'*') => self.comment(),
            (MySql, b'*') if next == Some(b'/') && self.is_running => {
                (self.at, self.is_running) = (self.at + 2, false);
                Some(false)
            }
            (Postgres, b'$') => self.dollar(),
            (Sqlite, b'$' | b'@' | b':' | b'#') => self.variable(),
            (Postgres, b'0'..=b'9') => {
                self.skip(|byte| byte.is_ascii_digit());
                Some(false)
            }
            _ if is_letter(byte) || byte.is_ascii_digit() => {
                self.skip(|byte| is_letter(byte) || byte.is_ascii_digit() || byte == b'$');
                Some(false)
            }
            _ => {
                self.at += 1;
                Some(false)
            }
        }
    }

    fn quoted(&mut self, has_escapes: bool) -> Option<()> {
        let quote = self.text[self.at];
        self.at += 1;
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            if byte == b'\\' && has_escapes {
                self.text.get(self.at)?;
                self.at += 1;
            } else if byte == quote {
                if self.text.get(self.at) != Some(&quote) {
                    return Some(());
                }
                self.at += 1;
            }
        }
    }

    fn comment(&mut self) -> Option<bool> {
        self.at += 2;
        match self.dialect {
            Dialect::MySql if self.starts("!") || self.starts("M!") => {
                self.skip(|byte| matches!(byte, b'M' | b'!' | b'0'..=b'9'));
                self.is_running = true;
                Some(false)
            }
            Dialect::MySql => self.skip_past(b"*/").map(|()| true),
            Dialect::Sqlite => {
                if self.skip_past(b"*/").is_none() {
                    self.at = self.text.len();
                }
                Some(true)
            }
            Dialect::Postgres | Dialect::SqlServer => {
                let mut depth = 1;
                while depth > 0 {
                    let step = if self.starts("/*") { 1 } else { -i32::from(self.starts("*/")) };
                    self.text.get(self.at)?;
                    (depth, self.at) = (depth + step, self.at + if step == 0 { 1 } else { 2 });
                }
                Some(true)
            }
        }
    }

    fn dollar(&mut self) -> Option<bool> {
        let tag = self.rest()[1..].iter().take_while(|byte| is_letter(**byte) || byte.is_ascii_digit()).count();
        let is_tag = self.text.get(self.at + 1 + tag) == Some(&b'$') && !self.text[self.at + 1].is_ascii_digit();
        if !is_tag {
            self.at += 1;
            self.skip(|byte| byte.is_ascii_digit());
            return Some(false);
        }
        let delimiter = self.rest()[..tag + 2].to_vec();
        self.at += delimiter.len();
        self.skip_past(&delimiter).map(|()| true)
    }

    fn variable(&mut self) -> Option<bool> {
        self.at += 1;
        let mut has_name = false;
        loop {
            match self.text.get(self.at) {
                Some(byte) if is_letter(*byte) || byte.is_ascii_digit() || *byte == b'$' => has_name = true,
                Some(b':') if self.text.get(self.at + 1) == Some(&b':') => self.at += 1,
                Some(b'(') if has_name => {
                    self.skip(|byte| byte != b')' && !byte.is_ascii_whitespace());
                    return (self.text.get(self.at) == Some(&b')')).then(|| {
                        self.at += 1;
                        false
                    });
                }
                _ => return Some(false),
            }
            self.at += 1;
        }
    }
}
