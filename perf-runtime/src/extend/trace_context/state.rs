//! `tracestate`: what other systems add to a trace. It is passed on as it came, for who leaves `traceparent` as
//! it is must not change it (<https://www.w3.org/TR/trace-context/#tracestate-header>).

/// The most members of the list, and the most bytes of a key and of a value: what the specification allows.
const MOST_MEMBERS: usize = 32;
const MOST_BYTES: usize = 256;
/// The most bytes of the whole: a full list has half of it, and between its members may be white space and commas.
const MOST_TEXT: usize = 32 << 10;

/// The text, where it is a list with at least one member.
pub(super) fn checked(text: &str) -> Option<Box<str>> {
    if text.len() > MOST_TEXT {
        return None;
    }
    let mut members = 0;
    for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        // Empty members are allowed, and say nothing.
        if !member.is_empty() {
            members += 1;
            let (key, value) = member.split_once('=')?;
            if members > MOST_MEMBERS || !is_key(key) || !is_value(value) {
                return None;
            }
        }
    }
    (members > 0).then(|| text.trim_matches([' ', '\t']).into())
}

fn is_key(key: &str) -> bool {
    let begins = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = |byte: u8| begins(&byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= MOST_BYTES && key.as_bytes().first().is_some_and(begins) && key.bytes().all(fits)
}

fn is_value(value: &str) -> bool {
    // Commas are gone already.
    (1..=MOST_BYTES).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_that_is_well_formed_stays_as_it_is() {
        let long = format!("{}={}", "k".repeat(256), "v".repeat(256));
        let full = (0..32).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        for good in [
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            "a@b=1",
            "0tenant@sys= x y",
            "a=1 ,\t b=2,,",
            "a=1,a=2",
            &long,
            &full,
        ] {
            assert_eq!(checked(good).as_deref(), Some(good));
        }
        assert_eq!(checked(" a=1\t").as_deref(), Some("a=1"));
    }

    #[test]
    fn what_is_not_well_formed_is_none_at_all() {
        let too_many = (0..33).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        let long_key = format!("{}=v", "k".repeat(257));
        let long_value = format!("k={}", "v".repeat(257));
        for bad in [
            "",
            " , ",
            "a",
            "a=",
            "=1",
            "A=1",
            "_a=1",
            "a b=1",
            "a=1=2",
            "a=1,b",
            "a=\u{e9}",
            "a=\t1",
            &too_many,
            &long_key,
            &long_value,
        ] {
            assert_eq!(checked(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_can_be_sent(text in "\\PC{0,40}|([a-z0-9@_=, \t]{0,12},){0,40}") {
            if let Some(kept) = checked(&text) {
                prop_assert!(kept.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')), "a header can carry it");
                prop_assert_eq!(checked(&kept), Some(kept));
            }
        }
    }
}
