//! Notices: short texts that one part has told to people through the channels of another.

use crate::measure::cells::failures::cut;
use std::error::Error;
use std::fmt;
use std::net::Ipv6Addr;

/// The end of what was cut.
const CUT: char = '…';
/// The most bytes of a value that an error shows.
const MAX_SHOWN: usize = 100;

/// A way to people: tells a short text through channels such as mail, provided with
/// [`Monitor::provide`](crate::Monitor::provide) as `dyn Deliver`, and asked for with [`Monitor::ask`](crate::Monitor::ask).
///
/// Alerts do not go this way: they have routes of their own. A notice is news that nobody need act on at once, such as a report
/// of the week.
pub trait Deliver: Send + Sync {
    /// Takes a notice, and returns at once: it is sent afterwards, and tried again where a receiver does not answer. One whose
    /// [key](Notice::key) was taken before is not sent again, and is no error.
    ///
    /// # Errors
    /// It was not taken, and nothing of it is sent: no channel takes notices, too many wait, or the provider has ended.
    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError>;

    /// Whether a notice would be taken now, for a part that says so at its start and not a week later.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    fn ready(&self) -> Result<(), DeliverError> {
        Ok(())
    }

    /// Whether a notice that was taken under this key needs nobody to remember it any more: it was sent, or lies where it outlives the process.
    fn is_settled(&self, key: &str) -> bool {
        let _ = key;
        true
    }
}

/// A short text for people. Its bounds always hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    title: String,
    text: String,
    link: Option<String>,
    key: String,
}

impl Notice {
    /// The most characters of a title.
    pub const MAX_TITLE: usize = 200;
    /// The most bytes of a text.
    pub const MAX_TEXT: usize = 8 * 1_024;
    /// The most bytes of a link.
    pub const MAX_LINK: usize = 2_000;
    /// The most bytes of a key.
    pub const MAX_KEY: usize = 200;

    /// A notice without a link. A title of more than [`MAX_TITLE`](Self::MAX_TITLE) characters and a text of more than
    /// [`MAX_TEXT`](Self::MAX_TEXT) bytes are cut, and end in `…` then. The text is plain: receivers show its lines without markup. Of
    /// empty lines one after the other they show one, and none at either end; tabs become spaces, spaces at the end of a line are left
    /// out, and characters that act or cannot be seen are written out. One with room for less shows the beginning and says so.
    ///
    /// The key tells a notice from all others of the service, also after a restart: each key is told once. A part begins it with
    /// its name, such as `report.weekly.2026-W48`.
    ///
    /// # Errors
    /// The key is empty, longer than [`MAX_KEY`](Self::MAX_KEY) bytes or has control characters, or the title is empty.
    pub fn new(key: impl Into<String>, title: impl Into<String>, text: impl Into<String>) -> Result<Self, NoticeError> {
        let (key, mut title, mut text) = (key.into(), title.into(), text.into());
        if key.trim().is_empty() || key.len() > Self::MAX_KEY || key.contains(char::is_control) {
            return Err(NoticeError::new("key", &key, "1 to 200 bytes, not all spaces, without control characters"));
        }
        if title.trim().is_empty() {
            return Err(NoticeError::new("title", &title, "a text that is not empty"));
        }
        if title.chars().nth(Self::MAX_TITLE).is_some() {
            title = title.chars().take(Self::MAX_TITLE - 1).chain([CUT]).collect();
        }
        if text.len() > Self::MAX_TEXT {
            text.truncate(cut(&text, Self::MAX_TEXT - CUT.len_utf8()).len());
            text.push(CUT);
        }
        Ok(Self { title, text, link: None, key })
    }

    /// The same with an address where more is to be seen.
    ///
    /// # Errors
    /// No address of http or https with a host and without a user's name, longer than [`MAX_LINK`](Self::MAX_LINK) bytes, or with
    /// characters that are to be encoded there. Half of an address leads nowhere, so that none is cut.
    pub fn with_link(self, link: impl Into<String>) -> Result<Self, NoticeError> {
        let link = link.into();
        if link.len() > Self::MAX_LINK || !is_address(&link) {
            let allowed = "an address of http or https without a user's name, of at most 2,000 bytes, with everything encoded that is to be";
            return Err(NoticeError::new("link", &link, allowed));
        }
        Ok(Self { link: Some(link), ..self })
    }

    /// The title: not empty, at most [`MAX_TITLE`](Self::MAX_TITLE) characters.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The text: at most [`MAX_TEXT`](Self::MAX_TEXT) bytes, in lines.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The address where more is to be seen: http or https, at most [`MAX_LINK`](Self::MAX_LINK) bytes.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// The key, by which a notice is told once: at most [`MAX_KEY`](Self::MAX_KEY) bytes.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Whether a text is an address that every receiver can link to as it is.
fn is_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?#@!$&+,;=:%".contains(&byte);
    is_authority(host) && rest.bytes().skip(host.len()).all(is_plain)
}

/// Whether a text is a name or an address, and a port where it has one (RFC 3986, section 3.2, without a user).
fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').map(|text| text.split_once(']')) {
        Some(Some((address, port))) => (address.parse::<Ipv6Addr>().is_ok(), port.strip_prefix(':').ok_or(port)),
        Some(None) => return false,
        None => {
            let (name, port) = text.split_once(':').map_or((text, Err("")), |(name, port)| (name, Ok(port)));
            let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            (!name.is_empty() && name.bytes().all(is_of_name), port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_host && port.map_or_else(str::is_empty, is_port)
}

/// A part of a notice that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoticeError {
    /// The part: `key`, `title` or `link`.
    pub field: &'static str,
    /// The beginning of its value.
    pub value: String,
    /// The values that are allowed.
    pub allowed: &'static str,
}

impl NoticeError {
    fn new(field: &'static str, value: &str, allowed: &'static str) -> Self {
        Self { field, value: cut(value, MAX_SHOWN).to_owned(), allowed }
    }
}

impl fmt::Display for NoticeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} is not allowed; it takes {}", self.field, self.value, self.allowed)
    }
}

impl Error for NoticeError {}

/// A notice that was not taken. Nothing of it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliverError {
    /// No channel takes notices.
    NoChannel,
    /// So many notices wait already. Later there may be room.
    Full {
        /// The most that wait.
        most: usize,
    },
    /// The provider has ended.
    Ended,
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChannel => f.write_str("no channel takes notices: name some in the setting notices of [notify]"),
            Self::Full { most } => write!(f, "{most} notices wait to be sent already: try again later"),
            Self::Ended => f.write_str("notifications have ended"),
        }
    }
}

impl Error for DeliverError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_where_that_can_be_seen() {
        let notice = Notice::new("a", "é".repeat(Notice::MAX_TITLE), "x".repeat(Notice::MAX_TEXT)).unwrap();
        assert!(!notice.title().contains('…') && !notice.text().contains('…'));
        let notice = Notice::new("a", "é".repeat(Notice::MAX_TITLE + 1), "é".repeat(Notice::MAX_TEXT)).unwrap();
        assert_eq!((notice.title().chars().count(), notice.title().chars().last()), (Notice::MAX_TITLE, Some('…')));
        assert!(notice.text().ends_with("é…") && notice.text().len() > Notice::MAX_TEXT - 4);
        assert!(notice.text().len() <= Notice::MAX_TEXT);
    }

    #[test]
    fn what_cannot_be_cut_is_refused_by_its_name() {
        let long = "k".repeat(Notice::MAX_KEY + 1);
        for key in ["", " ", "a\nb", &long] {
            let error = Notice::new(key, "Title", "").unwrap_err();
            assert_eq!((error.field, error.value.as_str()), ("key", cut(key, MAX_SHOWN)), "{key:?}");
        }
        assert_eq!(Notice::new("a", " \n", "text").unwrap_err().field, "title");
        let notice = Notice::new("k".repeat(Notice::MAX_KEY), "Title", "").unwrap();
        for link in ["http://a", "https://a_b.example:8443?x=1", "https://[::1]:443/a", "https://[::1]#b"] {
            assert_eq!(notice.clone().with_link(link).unwrap().link(), Some(link));
        }
        let long = format!("https://a/{}", "b".repeat(Notice::MAX_LINK));
        for link in [
            "javascript:alert(1)",
            "https://",
            "https://:443/",
            "https://a:b:c/",
            "https://a:70000/",
            "https://a:/",
            "https://[a]/",
            "https://[::1/",
            "https://[::1]443/",
            "https://name@host/",
            "http://a/<b>",
            "http://a/b c",
            "http://é/",
            &long,
        ] {
            let error = notice.clone().with_link(link).unwrap_err();
            assert_eq!((error.field, error.value.as_str()), ("link", cut(link, MAX_SHOWN)), "{link:?}");
        }
        let link = "https://ops.example:8443/perf?a=b&c=%20#/reports";
        assert_eq!(notice.with_link(link).unwrap().link(), Some(link));
    }
}
