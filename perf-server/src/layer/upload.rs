//! The body of a request, and whether it broke off.

use axum::body::{Body, Bytes};
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// A thread keeps so many flags of bodies that are gone, for the next ones.
const MOST: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Arc<AtomicBool>>> = const { RefCell::new(Vec::new()) };
}

/// Whether the client left in the middle of a request's body. `None` where nobody watches.
#[derive(Debug, Default)]
pub(super) struct Upload(Option<Arc<AtomicBool>>);

impl Upload {
    /// Watches the body of a request that axum took, where it has one: of another type it could not be replaced. Costs a
    /// small allocation then, which axum's type asks for, and a question to the body where there is none.
    #[inline]
    pub(super) fn watch<B: 'static>(request: &mut Request<B>) -> Self {
        let body = (request.body_mut() as &mut dyn Any).downcast_mut::<Body>();
        let Some(body) = body.filter(|body| !body.is_end_stream()) else { return Self(None) };
        // None is to be had while the thread ends.
        let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
        let broke_off = spare.ok().flatten().unwrap_or_default();
        *body = Body::new(Watched { body: mem::take(body), broke_off: Arc::clone(&broke_off) });
        Self(Some(broke_off))
    }

    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(super) fn broke_off(&self) -> bool {
        self.0.as_ref().is_some_and(|broke_off| broke_off.load(Ordering::Relaxed))
    }
}

impl Drop for Upload {
    #[inline]
    fn drop(&mut self) {
        if let Some(flag) = self.0.take() {
            keep(flag);
        }
    }
}

/// Keeps a flag, where the body is gone.
#[inline(never)]
fn keep(mut flag: Arc<AtomicBool>) {
    let Some(broke_off) = Arc::get_mut(&mut flag) else { return };
    *broke_off.get_mut() = false;
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut()
            && spare.len() < MOST
        {
            spare.push(flag);
        }
    });
}

/// A body that notes where it breaks off.
struct Watched {
    body: Body,
    broke_off: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Err(error))) = &polled
            && has_left(error)
        {
            self.broke_off.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether an error says that the connection ended, or the stream in it. Others are about the body: it is not well formed, too
/// long, or too slow.
fn has_left(error: &(dyn Error + 'static)) -> bool {
    let mut causes = iter::successors(Some(error), |&error| error.source());
    causes.any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| {
            use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
            matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | NotConnected)
        }) || is_of_the_connection(error)
    })
}

/// Whether hyper gave a body up for a reason that is no error of reading: HTTP/2 ended the stream, or the connection is gone.
#[cfg(feature = "server")]
fn is_of_the_connection(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(|error| error.source().is_none_or(|cause| !cause.is::<io::Error>()))
}

#[cfg(not(feature = "server"))]
fn is_of_the_connection(_: &(dyn Error + 'static)) -> bool {
    false
}
