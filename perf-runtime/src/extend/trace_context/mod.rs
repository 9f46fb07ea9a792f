//! The trace that work belongs to: `traceparent` and `tracestate` of W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

mod state;

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;

thread_local! {
    /// Of the work whose future is polled on this thread.
    static CURRENT: Cell<Option<Box<TraceContext>>> = const { Cell::new(None) };
}

/// The trace that work came with: read from `traceparent` and `tracestate`, and known to be well formed.
///
/// The part that receives the work (the HTTP layer of `perf-server`, the MCP server of `perf-llm`) makes it [`current`](Self::current) while the
/// work is polled; parts that send requests pass it on.
///
/// It is enough for exemplars, where no library for traces is there to say which trace a call belongs to:
///
/// ```
/// # use perf_runtime::extend::TraceContext;
/// let builder = perf_runtime::Monitor::builder()
///     .trace_id_of(|_| TraceContext::current().filter(|trace| trace.is_sampled()).map(|trace| trace.trace_id()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    state: Option<Box<str>>,
}

impl TraceContext {
    /// Reads the value of a `traceparent`; `None` where it is not well formed. Of a later version than 00 it reads what version 00 has,
    /// as the specification asks.
    ///
    /// ```
    /// use perf_runtime::extend::TraceContext;
    ///
    /// let context = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("well formed");
    /// assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    /// assert!(context.is_sampled());
    /// assert_eq!(TraceContext::parse("00-00000000000000000000000000000000-b7ad6b7169203331-01"), None);
    /// ```
    pub fn parse(value: &str) -> Option<Self> {
        let (own, rest) = value.split_at_checked(LENGTH)?;
        let mut parts = own.split('-');
        let version = hex::<2>(parts.next()?)?;
        let context = Self {
            trace_id: hex::<32>(parts.next()?)?,
            parent_id: u64::try_from(hex::<16>(parts.next()?)?).ok()?,
            flags: u8::try_from(hex::<2>(parts.next()?)?).ok()?,
            state: None,
        };
        let is_whole = parts.next().is_none() && context.trace_id != 0 && context.parent_id != 0;
        let fits_version = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        (is_whole && fits_version && version != 0xff).then_some(context)
    }

    /// Adds the value of a `tracestate`, to be passed on as it is. Where it is not well formed, or has more than the
    /// 32 members that are allowed, there is none: a part of it could mean something else.
    ///
    /// ```
    /// # use perf_runtime::extend::TraceContext;
    /// # let context = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect("well formed");
    /// assert_eq!(context.with_state("rojo=00f067aa0ba902b7").state(), Some("rojo=00f067aa0ba902b7"));
    /// ```
    #[must_use]
    pub fn with_state(self, value: &str) -> Self {
        Self { state: state::checked(value), ..self }
    }

    /// The trace of the work (a request, or the body of its answer) that is polled on this thread. A task that it spawns has none.
    pub fn current() -> Option<Self> {
        let look = |current: &Cell<Option<Box<Self>>>| {
            let found = current.take();
            let copy = found.as_deref().cloned();
            current.set(found);
            copy
        };
        CURRENT.try_with(look).ok().flatten()
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The id of the caller's span: 16 hexadecimal digits.
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent_id)
    }

    /// Whether the caller may have kept the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The entries of other tracing systems, as they came in `tracestate`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Makes this the current one of this thread, until the guard is dropped. Until then it is not where it was; `None` stands for no trace.
    ///
    /// A future is entered at each of its polls.
    ///
    /// ```
    /// # use perf_runtime::extend::TraceContext;
    /// let mut trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").map(Box::new);
    /// let entered = TraceContext::enter(&mut trace);
    /// assert!(TraceContext::current().is_some());
    /// drop(entered);
    /// assert!(TraceContext::current().is_none() && trace.is_some());
    /// ```
    #[inline]
    #[must_use = "dropping the guard leaves the trace"]
    pub fn enter(this: &mut Option<Box<Self>>) -> EnteredTrace<'_> {
        // Most work has no trace, nor has the work around it: nothing is to change, and nothing to change back.
        if this.is_none() && !is_any() {
            return EnteredTrace(None, PhantomData);
        }
        swap(this);
        EnteredTrace(Some(this), PhantomData)
    }
}

/// Whether there is a current one.
#[inline]
fn is_any() -> bool {
    let look = |current: &Cell<Option<Box<TraceContext>>>| {
        let found = current.take();
        let is_any = found.is_some();
        current.set(found);
        is_any
    };
    CURRENT.try_with(look).unwrap_or(false)
}

/// While the thread ends there is none.
#[inline(never)]
fn swap(this: &mut Option<Box<TraceContext>>) {
    let _ = CURRENT.try_with(|current| *this = current.replace(this.take()));
}

/// Shown as the value of `traceparent`, version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, parent_id, flags, .. } = self;
        write!(f, "00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")
    }
}

/// A number of exactly so many lower-case hexadecimal digits.
fn hex<const DIGITS: usize>(text: &str) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let fits = text.len() == DIGITS && text.bytes().all(is_hex);
    fits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// The guard of [`TraceContext::enter`]: it holds the trace that was current before, where anything changed. It stays on its thread, so no task
/// holds it while it waits.
///
/// ```compile_fail
/// fn goes_elsewhere(_: impl Send) {}
/// goes_elsewhere(perf_runtime::extend::TraceContext::enter(&mut None));
/// ```
#[derive(Debug)]
pub struct EnteredTrace<'a>(Option<&'a mut Option<Box<TraceContext>>>, PhantomData<*const ()>);

impl Drop for EnteredTrace<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = &mut self.0 {
            swap(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_not_well_formed_is_none() {
        for bad in [
            "",
            "00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes";
        assert_eq!(TraceContext::parse(later), TraceContext::parse(GOOD));
    }

    #[test]
    fn what_was_current_before_is_current_again() {
        let one = TraceContext::parse(GOOD);
        let mut own = one.clone().map(Box::new);
        let outer = TraceContext::enter(&mut own);
        let mut none = None;
        let inner = TraceContext::enter(&mut none);
        assert_eq!(TraceContext::current(), None);
        drop(inner);
        assert_eq!(TraceContext::current(), one);
        drop(outer);
        assert_eq!((TraceContext::current(), own.map(|own| *own)), (None, one));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not_and_what_is_read_is_written_the_same(text in "\\PC{0,60}|[0-9a-f-]{50,60}") {
            if let Some(context) = TraceContext::parse(&text) {
                prop_assert_eq!(&context.to_string()[2..], &text[2..LENGTH]);
            }
        }

        #[test]
        fn every_context_can_be_passed_on(trace_id in 1_u128.., parent_id in 1_u64.., flags in any::<u8>()) {
            let context = TraceContext { trace_id, parent_id, flags, state: None };
            prop_assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
        }
    }
}
