//! The trace that a request belongs to: the headers `traceparent` and `tracestate` of W3C Trace Context,
//! <https://www.w3.org/TR/trace-context/>.

use http::{HeaderMap, HeaderName, HeaderValue};
use perf_runtime::extend::TraceContext;

/// The headers' names.
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// So many names are looked at in less time than it takes to hash the one that is wanted.
const FEW: usize = 12;

/// The trace context of a request; `None` where its `traceparent` is missing, malformed, or there more than once.
#[inline]
pub(crate) fn of(headers: &HeaderMap) -> Option<TraceContext> {
    let has_none = headers.keys_len() <= FEW && headers.keys().all(|name| *name != TRACEPARENT);
    if has_none { None } else { look_up(headers) }
}

fn look_up(headers: &HeaderMap) -> Option<TraceContext> {
    let value = headers.get(&TRACEPARENT)?;
    if headers.get_all(&TRACEPARENT).iter().nth(1).is_some() {
        return None;
    }
    let context = TraceContext::parse(value.to_str().ok()?)?;
    Some(match state(headers) {
        Some(state) => context.with_state(&state),
        None => context,
    })
}

/// The `tracestate` of a request, its lines joined into one; `None` where there is none, or a line is no text.
fn state(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(&TRACESTATE).iter().map(|line| line.to_str().ok());
    let mut joined = lines.next()??.to_owned();
    for line in lines {
        joined.push(',');
        joined.push_str(line?);
    }
    Some(joined)
}

/// Puts the headers of the current trace among others, unless there are any of another. A `tracestate` alone says
/// nothing, and gives way.
pub(crate) fn pass_on(headers: &mut HeaderMap) {
    if headers.contains_key(&TRACEPARENT) {
        return;
    }
    let Some(current) = TraceContext::current() else { return };
    let Ok(parent) = HeaderValue::try_from(current.to_string()) else { return };
    headers.insert(&TRACEPARENT, parent);
    match current.state().and_then(|state| HeaderValue::try_from(state).ok()) {
        Some(state) => _ = headers.insert(&TRACESTATE, state),
        None => _ = headers.remove(&TRACESTATE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_that_is_there_twice_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(&TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_eq!(of(&headers).unwrap().to_string(), GOOD);
        headers.append(&TRACEPARENT, HeaderValue::from_static(GOOD));
        assert_eq!(of(&headers), None);
    }

    #[test]
    fn the_state_comes_with_a_parent_alone() {
        let headers = |parent: &'static str, state: &'static str| {
            HeaderMap::from_iter([
                (TRACEPARENT.clone(), HeaderValue::from_static(parent)),
                (TRACESTATE.clone(), HeaderValue::from_static(state)),
            ])
        };
        let state = |parent, state| of(&headers(parent, state)).map(|own| own.state().map(str::to_owned));
        assert_eq!(state(GOOD, "a=1"), Some(Some("a=1".to_owned())));
        assert_eq!(state(GOOD, "A=1"), Some(None), "the parent is as good without it");
        assert_eq!(state("00-", "a=1"), None);
    }

    #[test]
    fn lines_are_one_list() {
        let mut headers = HeaderMap::from_iter([(TRACEPARENT.clone(), HeaderValue::from_static(GOOD))]);
        let state = |headers: &HeaderMap| of(headers).and_then(|own| own.state().map(str::to_owned));
        assert_eq!(state(&headers), None);
        headers.append(&TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(&TRACESTATE, HeaderValue::from_static("b=2,c=3"));
        assert_eq!(state(&headers).as_deref(), Some("a=1,b=2,c=3"));
        headers.append(&TRACESTATE, HeaderValue::from_static("B=2"));
        assert_eq!(state(&headers), None);
    }
}
