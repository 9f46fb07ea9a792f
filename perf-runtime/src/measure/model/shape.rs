//! The shape of an error's text: the words that its kind of failure always has, without numbers, ids and quoted values.
//!
//! Two texts with the same shape are taken for one failure. A shape is only ever hashed, so it is made piece by piece and kept nowhere:
//!
//! - a value between `'`, `"` or `` ` `` is one mark, whatever it holds; one that does not end reaches to the end of the text;
//! - a word that begins with a digit is one mark with the separators that follow between numbers: `1.5ms`, `10.0.0.1:5432`, `12:30:01`;
//! - a UUID is one mark, and so is a word of hexadecimal digits with a decimal one among them (`e29b`, `0x1f`) or at least eight long
//!   (`deadbeef`), and a word of at least eight letters and digits (`9s6XKzkNRiz8`);
//! - in other words a run of digits is one mark: `user7`, `utf8`;
//! - white space is one blank.
//!
//! An id without any digit that is not hexadecimal is a word like others.

/// The 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same in every process and after each restart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds a text and a mark behind it, so that no two lists of texts are one.
    pub(crate) fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.byte(byte));
        self.byte(0xff);
    }

    /// Adds the shape of a text and a mark behind it.
    pub(crate) fn shape(&mut self, text: &str) {
        shape(text, |byte| self.byte(byte));
        self.byte(0xff);
    }

    pub(crate) const fn finish(self) -> u64 {
        self.0
    }
}

/// The mark of anything that differs from one failure to the next.
const MARK: u8 = b'#';
/// Hexadecimal words without a decimal digit are ids from this length on, and so are other words with one.
const ID_LENGTH: usize = 8;
/// The lengths of the parts of a UUID (RFC 9562, section 4).
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// Gives the bytes of a text's shape.
fn shape(text: &str, mut give: impl FnMut(u8)) {
    let mut rest = text;
    // Whether the last thing was a number, and the separator that waits to see whether another one follows.
    let (mut after_number, mut separator) = (false, None);
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let number_goes_on = separator.is_some() && first.is_ascii_digit();
        if let (Some(waiting), false) = (separator.take(), number_goes_on) {
            give(waiting);
            after_number = false;
        }
        let length = if is_word {
            let length = word_length(rest);
            if let Some(uuid) = uuid_length(rest) {
                give(MARK);
                (after_number, before) = (false, '0');
                rest = rest.get(uuid..).unwrap_or_default();
                continue;
            }
            after_number = first.is_ascii_digit();
            if !after_number {
                shape_of_word(rest.get(..length).unwrap_or_default(), &mut give);
            } else if !number_goes_on {
                give(MARK);
            }
            length
        } else if let ('\'' | '"' | '`', false) = (first, before.is_alphanumeric()) {
            give(MARK);
            after_number = false;
            quoted_length(rest, first)
        } else if first.is_whitespace() {
            give(b' ');
            after_number = false;
            rest.len() - rest.trim_start().len()
        } else if let ('.' | ',' | ':', true) = (first, after_number) {
            separator = u8::try_from(first).ok();
            1
        } else {
            let mut bytes = [0; 4];
            first.encode_utf8(&mut bytes).bytes().for_each(&mut give);
            after_number = false;
            first.len_utf8()
        };
        before = rest.get(..length).and_then(|part| part.chars().next_back()).unwrap_or(' ');
        rest = rest.get(length..).unwrap_or_default();
    }
    if let Some(waiting) = separator {
        give(waiting);
    }
}

fn word_length(text: &str) -> usize {
    text.find(|one: char| !one.is_alphanumeric()).unwrap_or(text.len())
}

/// The length of a UUID at the beginning of a text, where there is one.
fn uuid_length(text: &str) -> Option<usize> {
    let mut at = 0;
    for (place, length) in UUID.into_iter().enumerate() {
        if place > 0 {
            at += text.get(at..)?.strip_prefix('-').map(|_| 1)?;
        }
        let is_part = text.get(at..at + length)?.bytes().all(|byte| byte.is_ascii_hexdigit());
        at += if is_part { length } else { return None };
    }
    let ends = !text.get(at..)?.starts_with(char::is_alphanumeric);
    ends.then_some(at)
}

/// Of a word that begins with a letter.
fn shape_of_word(word: &str, give: &mut impl FnMut(u8)) {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id =
        if is_hexadecimal { has_digit || word.len() >= ID_LENGTH } else { has_digit && word.len() >= ID_LENGTH };
    if is_id {
        return give(MARK);
    }
    let mut after_digit = false;
    for byte in word.bytes() {
        let is_digit = byte.is_ascii_digit();
        if !is_digit {
            give(byte);
        } else if !after_digit {
            give(MARK);
        }
        after_digit = is_digit;
    }
}

/// The length of a quoted value with its marks: to the mark that ends it, or to the end of the text.
fn quoted_length(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, one)) = chars.next() {
        let ends_word = chars.peek().is_none_or(|(_, next)| !next.is_alphanumeric());
        match one {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // An apostrophe inside the value is followed by a letter.
            one if one == mark && (mark != '\'' || ends_word) => return at + one.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn shown(text: &str) -> String {
        let mut bytes = Vec::new();
        shape(text, |byte| bytes.push(byte));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn numbers_ids_and_quoted_values_are_not_seen() {
        for (text, expected) in [
            ("no user 17", "no user #"),
            ("took 1.5ms, not 10.25s", "took #, not #"),
            ("connect 10.0.0.1:5432: refused", "connect #: refused"),
            ("at 2026-11-28 12:30:01.", "at #-#-# #."),
            ("order 550e8400-e29b-41d4-a716-446655440000 is gone", "order # is gone"),
            ("order abcdefab-cdef-abcd-efab-cdefabcdefab is gone", "order # is gone"),
            ("object deadbeef, 0x1f, a3f9c2", "object #, #, #"),
            ("customer cus_9s6XKzkNRiz8i3", "customer cus_#"),
            ("user7 sent utf8 to v2", "user# sent utf# to v#"),
            ("table \"users of \\\"x\\\"\" is `gone`", "table # is #"),
            ("it's 'ada's cat' again", "it's # again"),
            ("unexpected 'token that does not", "unexpected #"),
            ("two\n\tlines  of   it", "two lines of it"),
            ("a facade is a decade", "a facade is a decade"),
            ("größe 5 µs", "größe # µs"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn ids_of_all_usual_forms_make_one_shape(number in any::<u64>(), other in any::<u64>(), uuid in any::<[u8; 16]>()) {
            let hex = format!("{:032x}", u128::from_be_bytes(uuid));
            let dashed = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
            let other_hex = "1".repeat(32);
            let ids = |number: u64, hex: &str, dashed: &str| {
                [number.to_string(), format!("'{number:x}'"), hex.to_owned(), dashed.to_owned(), format!("{number:016x}")]
            };
            let forms = ids(number, &hex, &dashed).into_iter().zip(ids(other, &other_hex, "00000000-0000-4000-8000-000000000000"));
            for (one, another) in forms {
                let texts = [one, another].map(|id| format!("no row {id} in t"));
                assert_eq!(shown(&texts[0]), shown(&texts[1]), "{texts:?}");
            }
        }

        #[test]
        fn any_text_has_a_shape_no_longer_than_itself(text in any::<String>()) {
            assert!(shown(&text).len() <= text.len());
        }
    }

    #[test]
    fn texts_in_a_list_are_told_apart() {
        let hash = |texts: &[&str]| {
            let mut hash = Fnv::new();
            for text in texts {
                hash.text(text);
            }
            hash.finish()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        // The reference value of the empty text with the mark behind it would differ from that of no text at all.
        assert_eq!(Fnv::new().finish(), 0xcbf2_9ce4_8422_2325);
    }
}
