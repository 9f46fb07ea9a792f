//! The address at which another system shows a trace.

/// The part of the address that stands for the id.
const PLACE: &str = "{trace_id}";
/// The length of an id in [W3C Trace Context](https://www.w3.org/TR/trace-context/#trace-id).
const ID_DIGITS: usize = 32;

/// An address of http or https with a place for the id of a trace behind its host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TraceUrl(String);

impl TraceUrl {
    /// The words for an address that is refused.
    pub(crate) const ALLOWED: &'static str = "an address of http or https, without password, with {trace_id} behind its host, such as https://tempo.example.com/trace/{trace_id}";

    /// Checks an address; `None` where it is not [allowed](Self::ALLOWED).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let host_end = rest.find(['/', '?', '#'])?;
        let (host, behind) = rest.split_at_checked(host_end)?;
        let is_whole = rest.bytes().all(|byte| byte.is_ascii_graphic());
        (is_web && is_host(host) && is_whole && behind.contains(PLACE)).then(|| Self(text.to_owned()))
    }

    /// The address of a trace; `None` where the id is none of W3C Trace Context: 32 hexadecimal digits that are not all zero.
    pub(crate) fn link(&self, trace_id: &str) -> Option<String> {
        let is_id = trace_id.len() == ID_DIGITS
            && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit())
            && trace_id.bytes().any(|byte| byte != b'0');
        is_id.then(|| escaped(&self.0.replace(PLACE, &trace_id.to_ascii_lowercase())))
    }
}

/// A name or an address with or without a port, and neither user nor password.
fn is_host(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[') && text.bytes().all(is_part)
}

/// Escapes the visible characters that no address has as they are ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2)).
fn escaped(address: &str) -> String {
    address.chars().fold(String::with_capacity(address.len()), |mut out, letter| {
        match letter {
            '"' => out.push_str("%22"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            '^' => out.push_str("%5E"),
            '`' => out.push_str("%60"),
            '{' => out.push_str("%7B"),
            '|' => out.push_str("%7C"),
            '}' => out.push_str("%7D"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_id_takes_its_place_in_the_address() {
        let url = TraceUrl::parse("https://tempo.example:3200/trace/{trace_id}?orgId=1").unwrap();
        assert_eq!(url.link(ID).unwrap(), format!("https://tempo.example:3200/trace/{ID}?orgId=1"));
        assert_eq!(url.link(&ID.to_uppercase()), url.link(ID));
        let grafana = TraceUrl::parse(r#"http://[::1]/explore?left={"query":"{trace_id}"}"#).unwrap();
        assert_eq!(grafana.link(ID).unwrap(), format!("http://[::1]/explore?left=%7B%22query%22:%22{ID}%22%7D"));
    }

    #[test]
    fn an_id_that_is_none_has_no_link() {
        let url = TraceUrl::parse("https://tempo.example/{trace_id}").unwrap();
        let zeros = "0".repeat(32);
        for id in ["", "4bf9", "../../admin", zeros.as_str(), "4bf92f3577b34da6a3ce929d0e0e473x"] {
            assert_eq!(url.link(id), None, "{id:?}");
        }
    }

    #[test]
    fn an_address_that_is_not_of_the_web_is_refused() {
        for wrong in [
            "",
            "{trace_id}",
            "https://tempo.example/trace/",
            "https://tempo.example{trace_id}",
            "https://{trace_id}.example/",
            "https://{trace_id}/",
            "https:///{trace_id}",
            "https://user:password@tempo.example/{trace_id}",
            "https://a b/{trace_id}",
            "https://tempo.example/a b/{trace_id}",
            "https://tempo.example/\n{trace_id}",
            "https://tempo.example/\u{202e}/{trace_id}",
            "javascript://x/{trace_id}",
            "javascript:alert({trace_id})",
            "data:text/html,//x/{trace_id}",
            "ftp://tempo.example/{trace_id}",
        ] {
            assert_eq!(TraceUrl::parse(wrong), None, "{wrong:?}");
        }
    }
}
