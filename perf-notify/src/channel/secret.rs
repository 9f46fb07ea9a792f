//! Secrets: values that are shown nowhere, and their removal from what others say.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use ureq::http::Uri;

/// A value that is shown nowhere: neither in `Debug` nor in an error.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

const NOT_SHOWN: &str = "(not shown)";

impl Secret {
    /// A secret of this value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NOT_SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NOT_SHOWN)
    }
}

/// The shortest part of an address that is taken for a secret: shorter ones are words.
const SHORTEST_PART: usize = 6;
/// The shortest beginning of a secret that is removed where a text was cut.
const SHORTEST_BEGINNING: usize = 4;

/// The secrets of one channel, for removing them from answers and errors.
#[derive(Clone, Default)]
pub(crate) struct Scrub {
    /// The longest first, so that a part is not removed from within a whole.
    secrets: Vec<String>,
}

impl Scrub {
    /// Secrets, and the path and the query of addresses with their parts.
    pub(crate) fn new<'a>(
        secrets: impl IntoIterator<Item = &'a str>,
        addresses: impl IntoIterator<Item = &'a Uri>,
    ) -> Self {
        let mut all: BTreeSet<String> = BTreeSet::new();
        for secret in secrets {
            all.extend([secret.to_owned(), decoded(secret), in_json(secret)]);
        }
        for address in addresses {
            let whole = address.path_and_query().map(|whole| whole.as_str().to_owned()).unwrap_or_default();
            let parts = whole.split(['/', '?', '&', '=', ':']).map(str::to_owned);
            let parts: Vec<String> = parts.chain([whole.clone(), address.path().to_owned()]).collect();
            let decoded = parts.iter().map(|part| decoded(part)).collect::<Vec<_>>();
            all.extend(parts.into_iter().chain(decoded).filter(|part| part.len() >= SHORTEST_PART));
        }
        let mut secrets: Vec<String> = all.into_iter().filter(|secret| !secret.is_empty()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// A text without the secrets, and without the beginning of one at its end, where it may have been cut. Neither has it signatures
    /// of links, by which whoever may read it could acknowledge: some receivers repeat the message.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(without_signatures(text), |text, secret| text.replace(secret, NOT_SHOWN));
        let cut_at = |secret: &String| {
            let ends = secret.char_indices().map(|(end, _)| end).filter(|end| *end >= SHORTEST_BEGINNING);
            ends.rev().find(|end| text.ends_with(&secret[..*end]))
        };
        match self.secrets.iter().filter_map(cut_at).max() {
            Some(length) => format!("{}{NOT_SHOWN}", &text[..text.len() - length]),
            None => text,
        }
    }
}

impl fmt::Debug for Scrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NOT_SHOWN)
    }
}

/// The fewest hexadecimal digits in a row that are taken for a signature, which has 64: one that was cut to fewer is of no use, and
/// the id of a trace has 32.
const SIGNATURE: usize = 33;

/// A text without long rows of hexadecimal digits.
fn without_signatures(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        clean.push_str(if digits < SIGNATURE { &rest[..digits] } else { NOT_SHOWN });
        let others = rest[digits..].find(|c: char| c.is_ascii_hexdigit()).unwrap_or(rest.len() - digits);
        clean.push_str(&rest[digits..digits + others]);
        rest = &rest[digits + others..];
    }
    clean
}

/// A text as it stands within a JSON text.
fn in_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// A text with its percent signs decoded.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A name and a password as basic authentication writes them.
pub(crate) fn basic(name: &str, password: &str) -> String {
    base64(format!("{name}:{password}").as_bytes())
}

/// Bytes in base64, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_usize {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret} {secret:?} {:?}", Some(&secret)).contains("hunter2"));
    }

    #[test]
    fn secrets_are_removed_from_what_others_say() {
        let address: Uri = "https://hooks.example/services/T000/B000/s3cr3tp%41th?key=qu3rys3cret".parse().unwrap();
        let scrub = Scrub::new(["hunter2", "a\"b"], [&address]);
        let said = "no service s3cr3tp%41th (s3cr3tpAth) for key qu3rys3cret, hunter2, a\\\"b at hooks.example";
        let clean = scrub.clean(said);
        for secret in ["s3cr3t", "qu3rys3cret", "hunter2", "a\\\"b"] {
            assert!(!clean.contains(secret), "{clean}");
        }
        assert!(clean.ends_with("at hooks.example"), "{clean}");
        assert_eq!(scrub.clean("cut: hunt"), "cut: (not shown)", "the beginning of a secret at the end");
        assert_eq!(scrub.clean("nothing of ours"), "nothing of ours");
    }

    #[test]
    fn a_signature_that_a_receiver_repeats_is_not_shown() {
        let signature = "0a1b2c3d".repeat(8);
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let said = format!("\u{e9}took ..&signature={signature}\\u0026x, trace {trace}, and {}", &signature[..40]);
        let clean = Scrub::default().clean(&said);
        assert_eq!(clean, format!("\u{e9}took ..&signature=(not shown)\\u0026x, trace {trace}, and (not shown)"));
    }

    #[test]
    fn a_name_and_a_password_are_encoded() {
        assert_eq!(basic("Aladdin", "open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("a", "b"), "YTpi");
        assert_eq!(basic("a", "bc"), "YTpiYw==");
        assert_eq!(decoded("a%40b%4"), "a@b%4");
    }

    proptest! {
        #[test]
        fn no_cut_shows_a_secret(before in "[a-z ]{0,20}", end in 0_usize..12) {
            let said = format!("{before}S3CR3T-TOKEN");
            let clean = Scrub::new(["S3CR3T-TOKEN"], []).clean(&said[..before.len() + end]);
            prop_assert!(!clean.contains("S3CR3"), "{clean}");
        }
    }
}
