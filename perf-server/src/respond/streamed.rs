//! Answers that are written piece by piece, while the client reads: the memory that they take does not grow with their length.

use super::lane::EXPORTS;
use super::problem::{Problem, ProblemKind};
use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The length of a piece, in bytes.
const PIECE: usize = 64 << 10;
/// Pieces that are written before the client has read them.
const AHEAD: usize = 4;
/// A client that reads nothing for so long is given up: it holds a place that others wait for.
const STALLED: Duration = Duration::from_secs(30);
/// So is one that is waited for longer than this in all, and longer than this for each piece that it read: less than 128 KiB a second.
const IN_ALL: Duration = Duration::from_secs(60);
const EACH: Duration = Duration::from_millis(500);

/// Answers with a body that is written off the runtime while the client reads, by what `prepare` returns beside the head of the answer.
/// Two are written at a time in a process; others wait, and beyond 16 that wait they are refused. A client that goes away, reads
/// nothing for 30 seconds, or is waited for longer than a minute at less than 128 KiB a second, ends it: `out` gives an error then. Where the writing fails or panics in the middle, the body ends as broken,
/// never as if it were whole.
///
/// ```
/// use perf_server::axum::http::{HeaderValue, header};
/// use perf_server::axum::response::Response;
/// use perf_server::respond::{self, Problem};
///
/// async fn numbers() -> Result<Response, Problem> {
///     let prepare = || {
///         let write = |out: &mut dyn std::io::Write| (0..1_000_000).try_for_each(|number| writeln!(out, "{number}"));
///         Ok(("text/plain", write))
///     };
///     let (content_type, body) = respond::streamed(prepare).await?;
///     let mut response = Response::new(body);
///     response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
///     Ok(response)
/// }
/// ```
///
/// # Errors
/// The problem that `prepare` gives; one where it panics, or where too much waits already.
pub async fn streamed<H, W>(
    prepare: impl FnOnce() -> Result<(H, W), Problem> + Send + 'static,
) -> Result<(H, Body), Problem>
where
    H: Send + 'static,
    W: FnOnce(&mut dyn Write) -> io::Result<()>,
{
    let (tell, told) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let work = tokio::spawn(EXPORTS.run(move || {
        let (head, write) = match prepare() {
            Ok(prepared) => prepared,
            Err(problem) => return drop(tell.send(Err(problem))),
        };
        if tell.send(Ok(head)).is_err() {
            return;
        }
        let piece = Vec::with_capacity(PIECE);
        let mut pieces = Pieces { piece, sender, runtime: Handle::current(), patience: Patience::default() };
        // Without its end the body is broken: whoever reads it is told so.
        if write(&mut pieces).is_ok() && pieces.flush().is_ok() {
            let _ = pieces.give(Piece::End);
        }
    }));
    match told.await {
        Ok(head) => Ok((head?, Body::new(Written { receiver, is_over: false }))),
        Err(_) => Err(match work.await {
            Ok(Err(problem)) => problem,
            _ => Problem::new(ProblemKind::Internal, "the answer could not be made"),
        }),
    }
}

enum Piece {
    Of(Bytes),
    End,
}

/// The writing end.
struct Pieces {
    piece: Vec<u8>,
    sender: mpsc::Sender<Piece>,
    runtime: Handle,
    patience: Patience,
}

/// The time for which a client has been waited for.
#[derive(Debug, Default)]
struct Patience {
    waited: Duration,
    pieces: u32,
}

impl Patience {
    /// The time that it may take to read the next piece.
    fn left(&self) -> Duration {
        let in_all = IN_ALL.saturating_add(EACH.saturating_mul(self.pieces));
        in_all.saturating_sub(self.waited).min(STALLED)
    }

    fn is_given(&mut self, after: Duration) {
        self.waited = self.waited.saturating_add(after);
        self.pieces = self.pieces.saturating_add(1);
    }
}

impl Pieces {
    fn give(&mut self, piece: Piece) -> io::Result<()> {
        let start = Instant::now();
        match self.runtime.block_on(timeout(self.patience.left(), self.sender.send(piece))) {
            Ok(Ok(())) => {
                self.patience.is_given(start.elapsed());
                Ok(())
            }
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads no more")),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.give(Piece::Of(piece.into()))
    }
}

/// The body as the client reads it.
struct Written {
    receiver: mpsc::Receiver<Piece>,
    is_over: bool,
}

impl HttpBody for Written {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(self.receiver.poll_recv(context));
        Poll::Ready(match piece {
            Some(Piece::Of(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => {
                self.is_over = true;
                None
            }
            None => {
                self.is_over = true;
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer could not be written to its end")))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// More than is ever ahead of the client.
    const LONG: usize = 10 << 20;

    fn numbers() -> impl Iterator<Item = u8> {
        (0..=u8::MAX).cycle().take(LONG)
    }

    type Answer = Result<(&'static str, Body), Problem>;

    async fn answer(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Answer {
        streamed(move || Ok(("head", write))).await
    }

    #[tokio::test]
    async fn a_long_answer_comes_whole() {
        let (head, body) = answer(|out| numbers().try_for_each(|at| out.write_all(&[at]))).await.unwrap();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        assert_eq!((head, body.len()), ("head", LONG));
        assert!(body.iter().copied().eq(numbers()));
        let (_, empty) = answer(|_| Ok(())).await.unwrap();
        assert!(to_bytes(empty, 1).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn no_more_is_written_than_the_client_is_about_to_read_and_nothing_once_it_is_gone() {
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        let (ended, end) = oneshot::channel();
        let write = move |out: &mut dyn Write| {
            let all = (0..LONG).try_for_each(|_| {
                count.fetch_add(1, Ordering::Relaxed);
                out.write_all(b"x")
            });
            let _ = ended.send(all.as_ref().map_err(io::Error::kind).err());
            all
        };
        let (_, body) = answer(write).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let ahead = written.load(Ordering::Relaxed);
        assert!(ahead <= ((AHEAD + 1) * PIECE) as u64, "{ahead} bytes");
        drop(body);
        assert_eq!(end.await.unwrap(), Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn a_client_that_reads_slowly_for_long_is_given_up() {
        let lasts = |each: Duration| {
            let mut patience = Patience::default();
            (0..100_000_u32)
                .take_while(|_| {
                    let is_in_time = each <= patience.left();
                    patience.is_given(each);
                    is_in_time
                })
                .count()
        };
        // 128 KiB a second and more may go on for ever, and a little less for a minute that is lost.
        assert_eq!(lasts(EACH), 100_000);
        assert_eq!(lasts(Duration::ZERO), 100_000);
        assert_eq!(lasts(EACH * 2), 119);
        assert_eq!(lasts(Duration::from_secs(29)), 2);
        assert_eq!(lasts(STALLED + EACH), 0);
    }

    #[tokio::test]
    async fn an_answer_that_fails_in_the_middle_never_looks_whole() {
        let (_, failed) = answer(|out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::Other.into())
        })
        .await
        .unwrap();
        assert!(to_bytes(failed, usize::MAX).await.is_err());
        let panicked = |out: &mut dyn Write| -> io::Result<()> {
            out.write_all(&vec![0; PIECE])?;
            panic!("on purpose")
        };
        let (_, panicked) = answer(panicked).await.unwrap();
        assert!(to_bytes(panicked, usize::MAX).await.is_err());
    }

    #[tokio::test]
    async fn before_the_first_byte_there_is_a_problem() {
        type Never = fn(&mut dyn Write) -> io::Result<()>;
        let refused = streamed(|| Err::<((), Never), _>(Problem::new(ProblemKind::InvalidQuery, "no"))).await;
        assert_eq!(refused.unwrap_err().type_uri(), ProblemKind::InvalidQuery.type_uri());
        let panicked = streamed(|| -> Result<((), Never), Problem> { panic!("on purpose") }).await;
        assert_eq!(panicked.unwrap_err().type_uri(), ProblemKind::Internal.type_uri());
    }
}
