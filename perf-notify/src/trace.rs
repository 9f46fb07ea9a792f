//! Traces in messages: their ids, and where they are shown.

use crate::words::link::http_only;

/// The part of the setting that stands for an id.
const PLACE: &str = "{trace_id}";

/// The id of a trace as W3C Trace Context has it: 32 hexadecimal digits, which are not all zero. `None` for any other text: an
/// application may call anything its trace.
pub(crate) fn trace_id(text: &str) -> Option<String> {
    let is_id =
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte != b'0');
    is_id.then(|| text.to_ascii_lowercase())
}

/// Where traces are shown: an address with a place for the id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TraceUrl(String);

impl TraceUrl {
    /// Reads the setting; `None` where it is no address of http or https, or has no place for the id after the host.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (before, _) = text.split_once(PLACE)?;
        let has_host = before.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']));
        let url = Self(text.to_owned());
        url.of(&"0123456789abcdef".repeat(2)).filter(|_| has_host).map(|_| url)
    }

    /// The address of a trace.
    pub(crate) fn of(&self, id: &str) -> Option<String> {
        http_only(&self.0.replace(PLACE, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_of_32_digits_is_one() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(id).as_deref(), Some(id));
        assert_eq!(trace_id(&id.to_uppercase()).as_deref(), Some(id));
        for other in
            ["", "4bf9", &"0".repeat(32), &format!("{id}0"), &id.replace('4', "/"), &id.replace("4b", "\u{e9}")]
        {
            assert_eq!(trace_id(other), None, "{other}");
        }
    }

    #[test]
    fn an_address_has_a_place_for_the_id_behind_its_host() {
        let url = TraceUrl::parse("https://tempo.example.com/explore?left={\"query\":\"{trace_id}\"}").unwrap();
        let shown = url.of("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(
            shown,
            "https://tempo.example.com/explore?left=%7B%22query%22:%224bf92f3577b34da6a3ce929d0e0e4736%22%7D"
        );
        for wrong in [
            "https://tempo.example.com/trace/",
            "javascript:alert({trace_id})",
            "https://{trace_id}/",
            "https://{trace_id}.example.com/",
            "{trace_id}",
            "https://a b/{trace_id}",
        ] {
            assert_eq!(TraceUrl::parse(wrong), None, "{wrong}");
        }
    }
}
