//! The headers by which proxies tell about the client: `Forwarded` of RFC 7239, and the older `X-Forwarded-*`.
//!
//! A client can send them as well: nobody is let in by one. The proxies of a service add theirs at the end.

use axum::http::{HeaderMap, HeaderName, header};
use std::borrow::Cow;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// The headers that only a proxy has reason to send.
const OF_PROXIES: [HeaderName; 6] = [header::FORWARDED, header::VIA, FOR, PROTO, HOST, REAL_IP];
/// The longest part of a header that is written into the log, in characters.
const MOST: usize = 128;

/// Whether a proxy passed the request on, as far as it says so.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    OF_PROXIES.iter().any(|name| headers.contains_key(name))
}

/// Whether the browser spoke TLS with the first of the proxies, by either header.
pub(super) fn is_over_tls(headers: &HeaderMap) -> bool {
    let older = lines(headers, &PROTO).next().map(|line| line.split(',').next().unwrap_or_default().trim().to_owned());
    let standard = elements(headers).next().and_then(|element| parameter(&element, "proto"));
    [standard, older].iter().flatten().any(|proto| proto.eq_ignore_ascii_case("https"))
}

/// The addresses for which the request was passed on, as the headers say it, for the log: the client's first, those of one
/// header apart from the next by a semicolon. Of a long header the end, which is what the nearest proxy added.
pub(super) fn clients(headers: &HeaderMap) -> Option<String> {
    let list = |name| lines(headers, name).collect::<Vec<_>>().join(", ");
    let standard = elements(headers).filter_map(|element| parameter(&element, "for")).collect::<Vec<_>>().join(", ");
    let told: Vec<String> =
        [standard, list(&FOR), list(&REAL_IP)].iter().filter(|list| !list.is_empty()).map(|list| plain(list)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// A text of few characters, cut at its beginning: what is no part of an address becomes a question mark.
fn plain(list: &str) -> String {
    let is_plain =
        |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | ':' | '[' | ']' | '_' | '-' | ',' | ' ');
    let list: String = list.chars().map(|one| if is_plain(one) { one } else { '?' }).collect();
    match list.len().checked_sub(MOST).and_then(|from| list.get(from..)) {
        Some(end) if end.len() < list.len() => format!("..{end}"),
        _ => list,
    }
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Cow<'a, str>> {
    headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()))
}

/// The elements of `Forwarded`, one of each proxy, the nearest to the client first.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let elements = lines(headers, &header::FORWARDED)
        .flat_map(|line| outside_quotes(&line, ',').map(|element| element.trim().to_owned()).collect::<Vec<_>>());
    elements.filter(|element| !element.is_empty())
}

/// The value of a parameter in an element; `None` where it is not there, or not well formed.
fn parameter(element: &str, name: &str) -> Option<String> {
    let mut pairs = outside_quotes(element, ';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(own, _)| own.trim().eq_ignore_ascii_case(name))?;
    unquoted(value.trim())
}

/// The parts of a text between separators that stand outside of quotes.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |one| {
        if is_escaped {
            is_escaped = false;
        } else if one == '\\' {
            is_escaped = is_quoted;
        } else if one == '"' {
            is_quoted = !is_quoted;
        } else {
            return one == separator && !is_quoted;
        }
        false
    })
}

/// A token as it is, or the text of a quoted string.
fn unquoted(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        return (!value.is_empty() && !value.contains('"')).then(|| value.to_owned());
    };
    let (mut text, mut rest) = (String::new(), quoted.chars());
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(text),
            '\\' => text.push(rest.next()?),
            one => text.push(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn the_proxy_nearest_the_browser_says_whether_it_spoke_tls() {
        for secure in [
            &[("x-forwarded-proto", "https")][..],
            &[("x-forwarded-proto", "HTTPS, http")],
            &[("forwarded", "proto=https")],
            &[("forwarded", "For=\"[2001:db8::1]:4711\" ; PROTO=\"https\";by=_p, for=10.0.0.2;proto=http")],
            &[("forwarded", "for=\"a,b;proto=http\\\",\";proto=\"htt\\ps\"")],
            &[("forwarded", " , ,proto=https")],
            &[("forwarded", "for=10.0.0.1;proto=https"), ("forwarded", "proto=http")],
            &[("forwarded", "for=10.0.0.1"), ("x-forwarded-proto", "https")],
        ] {
            assert!(is_over_tls(&headers(secure)), "{secure:?}");
        }
        for other in [
            &[][..],
            &[("x-forwarded-proto", "http, https")],
            &[("x-forwarded-proto", "http"), ("x-forwarded-proto", "https")],
            &[("forwarded", "proto=http, proto=https")],
            &[("forwarded", "for=10.0.0.1, proto=https")],
            &[("forwarded", "for=\"proto=https\"")],
            &[("forwarded", "for=\";proto=https")],
            &[("forwarded", "proto=\"https")],
            &[("forwarded", "proto=\"https\"x")],
            &[("forwarded", "proto=")],
            &[("forwarded", "https")],
        ] {
            assert!(!is_over_tls(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn the_addresses_that_headers_tell_are_bounded_and_plain() {
        assert_eq!(clients(&headers(&[("x-forwarded-proto", "https")])), None);
        let both = [
            ("forwarded", "for=203.0.113.7;proto=https, for=\"[2001:db8::1]:47\", by=_p"),
            ("x-forwarded-for", "203.0.113.7, 10.0.0.2"),
            ("x-forwarded-for", "10.0.0.3"),
            ("x-real-ip", "10.0.0.3"),
        ];
        let told = "203.0.113.7, [2001:db8::1]:47; 203.0.113.7, 10.0.0.2, 10.0.0.3; 10.0.0.3";
        assert_eq!(clients(&headers(&both)).as_deref(), Some(told));
        let forged = format!("{}\u{1b}[31m\"ö, 203.0.113.7", "9.9.9.9, ".repeat(500)).replace('\u{1b}', "\\");
        let told = clients(&headers(&[("x-forwarded-for", &forged)])).unwrap();
        assert!(
            told.starts_with("..") && told.ends_with("?[31m??, 203.0.113.7"),
            "the end, which is the proxy's: {told}"
        );
        assert_eq!(told.len(), MOST + 2);
    }
}
