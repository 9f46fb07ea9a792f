//! Short texts that are put together once and copied often.

/// An ASCII text of at most 24 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Short {
    const ROOM: usize = 24;

    /// A short text. A longer one is cut, and other characters than ASCII are replaced, so that a cut anywhere leaves a
    /// text.
    pub(crate) const fn new(text: &str) -> Self {
        let (mut bytes, mut len) = ([0; Self::ROOM], 0);
        while len < text.len() && len < Self::ROOM {
            bytes[len] = text.as_bytes()[len] & 0x7F;
            len += 1;
        }
        Self { bytes, len }
    }

    /// A number's digits and the line's end: 21 bytes at most.
    pub(crate) fn line(digits: &str) -> Self {
        let mut this = Self::new(digits);
        if let Some(end) = this.bytes.get_mut(this.len) {
            *end = b'\n';
            this.len += 1;
        }
        this
    }

    /// Copies 16 bytes or all 24, whichever is enough: lengths that are known when this is compiled, so that no function
    /// is called for it.
    #[inline]
    pub(crate) fn write_to(&self, text: &mut Vec<u8>) {
        let end = text.len() + self.len;
        match self.bytes.first_chunk::<16>() {
            Some(most) if self.len <= most.len() => text.extend_from_slice(most),
            _ => text.extend_from_slice(&self.bytes),
        }
        text.truncate(end);
    }
}

/// Writes a label's value with backslash, quote and newline escaped, as Prometheus' formats ask.
pub(crate) fn escape(value: &str, mut write: impl FnMut(&str)) {
    let mut rest = value;
    while let Some(place) = rest.find(['\\', '"', '\n']) {
        let (plain, special) = rest.split_at(place);
        write(plain);
        write(match special.as_bytes().first() {
            Some(b'\n') => "\\n",
            Some(b'"') => "\\\"",
            _ => "\\\\",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    write(rest);
}
