//! Bodies in pieces. An allocator keeps free memory for each of its threads, and glibc's keeps ever more of it, the larger the largest stretch was
//! that ever came back: after one text of a megabyte in one stretch, two megabytes for each thread (`M_TRIM_THRESHOLD` of mallopt(3)).

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

/// The most bytes of a piece: less than those of which glibc makes a mapping of its own, 128 KiB.
const PIECE: usize = 64 << 10;

/// A body while it is written.
#[derive(Default)]
pub(crate) struct Pieces {
    full: Vec<Bytes>,
    last: Vec<u8>,
    bytes: u64,
    /// Of the full ones.
    hasher: DefaultHasher,
}

impl Pieces {
    /// A tag of what was written.
    pub(super) fn tag(&self) -> String {
        let mut hasher = self.hasher.clone();
        hasher.write(&self.last);
        tag(&hasher, self.bytes)
    }

    /// The body, of a length that is known.
    pub(crate) fn into_body(mut self) -> Body {
        if self.full.is_empty() {
            return Body::from(self.last);
        }
        self.full.push(Bytes::from(self.last));
        Body::new(Whole { pieces: self.full.into_iter(), left: self.bytes })
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(PIECE - self.last.len()));
        self.last.extend_from_slice(taken);
        self.bytes += taken.len() as u64;
        if self.last.len() == PIECE {
            // Where one was filled, the next one is likely to be.
            let full = std::mem::replace(&mut self.last, Vec::with_capacity(PIECE));
            self.hasher.write(&full);
            self.full.push(Bytes::from(full));
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The tag of a body of so many bytes. Weak, for what is compressed on the way is the same to us.
pub(super) fn tag(hasher: &DefaultHasher, bytes: u64) -> String {
    format!("W/\"{:016x}-{bytes:x}\"", hasher.finish())
}

/// A body that is there as a whole.
struct Whole {
    pieces: vec::IntoIter<Bytes>,
    left: u64,
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.find(|piece| !piece.is_empty());
        if let Some(piece) = &piece {
            self.left -= piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(parts: &[&[u8]]) -> Pieces {
        let mut pieces = Pieces::default();
        for part in parts {
            pieces.write_all(part).unwrap();
        }
        pieces
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_body_is_what_was_written_in_pieces_of_a_bounded_length(
            parts in prop::collection::vec(prop_oneof![0..100_usize, 65_530..65_540_usize, Just(200_000)], 0..6),
        ) {
            let parts: Vec<Vec<u8>> = parts.into_iter().zip(1_u8..).map(|(length, byte)| vec![byte; length]).collect();
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let whole = parts.concat();
            let pieces = written(&parts);
            prop_assert_eq!(pieces.tag(), written(&[&whole]).tag(), "however it is cut");
            prop_assert!(pieces.full.iter().all(|piece| piece.len() == PIECE) && pieces.last.capacity() <= PIECE);
            let body = pieces.into_body();
            prop_assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
            let read = futures::executor::block_on(axum::body::to_bytes(body, usize::MAX)).unwrap();
            prop_assert_eq!(&read[..], &whole[..]);
        }
    }
}
