//! Tokens: what one shows to be let in.

use crate::error::ServeError;
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The shortest and the longest token, in bytes: what nobody guesses, and what fits into a header.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=512;
const ALLOWED: &str = "16 to 512 visible ASCII characters, without quotes, commas, semicolons and backslashes";

/// The rights of a caller.
///
/// A middleware of your own that knows who asks can say so: what it puts into the request's
/// [extensions](http::Request::extensions_mut) goes before any token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// May see everything.
    Read,
    /// May change things as well: acknowledge, silence, reset.
    Admin,
}

impl Access {
    /// The word for it: `read` or `admin`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// A secret. It is never shown: not in logs, not in errors, not by `Debug`.
#[derive(Clone)]
pub(crate) struct Token(Box<[u8]>);

impl Token {
    /// Checks a token; `field` is where it was given. What is around it in a file (a line's end) does not count.
    pub(crate) fn new(field: &str, text: &str) -> Result<Self, ServeError> {
        let text = text.trim();
        // The bytes that may stand in a cookie as they are (RFC 6265, section 4.1.1).
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
        if LENGTHS.contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.as_bytes().into()));
        }
        Err(ServeError::setting(field, format!("a token of {} bytes, not shown", text.len()), ALLOWED))
    }

    /// Takes as long wherever the two differ; only their lengths can be told apart.
    fn is(&self, given: &[u8]) -> Choice {
        self.0.ct_eq(given)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The tokens that let somebody in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) read: Option<Token>,
    pub(crate) admin: Option<Token>,
}

impl Tokens {
    /// Whether anybody needs a token.
    pub(crate) fn is_any(&self) -> bool {
        self.read.is_some() || self.admin.is_some()
    }

    /// The rights that this token gives. Both are looked at whatever the first says.
    pub(crate) fn access(&self, given: &[u8]) -> Option<Access> {
        let is = |token: &Option<Token>| token.as_ref().map_or(Choice::from(0), |token| token.is(given));
        let found = u8::conditional_select(&u8::conditional_select(&0, &1, is(&self.read)), &2, is(&self.admin));
        match found {
            0 => None,
            1 => Some(Access::Read),
            _ => Some(Access::Admin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "0123456789abcdef";

    #[test]
    fn a_token_that_is_short_or_no_part_of_a_header_is_refused_and_not_shown() {
        for bad in ["", "hunter2", "0123456789abcde;", "0123456789 abcdef", "0123456789abcdeé", &"x".repeat(513)] {
            let error = Token::new("read_token", bad).unwrap_err().to_string();
            assert!(error.contains("read_token") && error.contains("16 to 512"), "{error}");
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        assert_eq!(format!("{:?}", Token::new("read_token", GOOD).unwrap()), "Token(..)");
    }

    #[test]
    fn each_token_allows_what_it_is_for() {
        let token = |text| Token::new("token", text).ok();
        let tokens = Tokens { read: token(GOOD), admin: token("fedcba9876543210\n") };
        assert_eq!(tokens.access(GOOD.as_bytes()), Some(Access::Read));
        assert_eq!(tokens.access(b"fedcba9876543210"), Some(Access::Admin));
        for wrong in ["", "0123456789abcdeX", "0123456789abcdef0", "Token(..)"] {
            assert_eq!(tokens.access(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(Tokens::default().access(b""), None);
    }
}
