//! Addresses that may stand in a message.

use std::fmt::Write;
use ureq::http::Uri;

/// The longest address that a message shows, in bytes. Buttons of receivers take no longer ones.
const MOST: usize = 2_000;

/// An address as it may stand in a link of any receiver: http or https, without a user's name, with everything encoded that
/// could end the link. `None` for any other.
pub(crate) fn http_only(address: &str) -> Option<String> {
    // An encoded address is never shorter, and a long text costs nothing.
    if address.len() > MOST {
        return None;
    }
    let scheme_end = address.find("://")?;
    let scheme = address[..scheme_end].to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let rest = &address[scheme_end + 3..];
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(is_host) || path.contains(char::is_control) {
        return None;
    }
    let mut safe = format!("{scheme}://{host}");
    for byte in path.bytes() {
        let is_safe = byte.is_ascii_alphanumeric() || b"-._~/?#@!$&+,;=:%".contains(&byte);
        if is_safe {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
        if safe.len() > MOST {
            return None;
        }
    }
    safe.parse::<Uri>().ok().map(|_| safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_http_is_linked_to() {
        assert_eq!(http_only("HTTPS://a.example/b?c=d&e#f").as_deref(), Some("https://a.example/b?c=d&e#f"));
        assert_eq!(http_only("http://[::1]:9090/").as_deref(), Some("http://[::1]:9090/"));
        assert_eq!(http_only("http://a/x|y>z)\"' é").as_deref(), Some("http://a/x%7Cy%3Ez%29%22%27%20%C3%A9"));
        for bad in [
            "javascript:alert(1)",
            "data://text/html,x",
            "file:///etc/passwd",
            "//a.example",
            "https://",
            "https://bank.example@evil.example/",
            "https://a\u{202e}b/",
            "https://a/\r\nX: y",
            "see the wiki",
            "",
        ] {
            assert_eq!(http_only(bad), None, "{bad:?}");
        }
        assert_eq!(http_only(&format!("https://a/{}", "b".repeat(2_000))), None);
    }

    proptest! {
        #[test]
        fn nothing_that_ends_a_link_is_left(path in "\\PC{0,100}") {
            if let Some(link) = http_only(&format!("https://a/{path}")) {
                prop_assert!(link.is_ascii() && !link.contains(['<', '>', '|', '"', '\'', '(', ')', ' ', '\\', '*', '`']));
            }
        }
    }
}
