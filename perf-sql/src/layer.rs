//! Statements without any code: by the events of sqlx.

use crate::callers::{Around, Spans};
use crate::sql::{Inner, Statements, process};
use crate::store::{Execution, Found, Store, hash};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// The target of sqlx's events, one for each statement that ran.
const TARGET: &str = "sqlx::query";
/// The end of a summary that is not the whole statement.
const CUT: &str = " …";

/// A layer of `tracing-subscriber` that counts the statements of sqlx 0.8 and 0.9: made by [`layer`] and [`Statements::layer`].
pub struct SqlLayer {
    /// `None`: whatever the process has.
    to: Option<Arc<Inner>>,
    /// Of the subscriber that this layer is a part of: ids of spans mean nothing to another one.
    spans: Spans,
}

/// Lets the layer hear of sqlx's events, and of nothing else: all other spans and events cost it nothing.
struct Read;

/// A layer for a subscriber, which counts the statements of sqlx for the [`Sql`](crate::Sql) that the process has, now or later. Events that
/// come before there is one are counted ([`View::early_events`](crate::View::early_events)), and no more is known of them.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(perf_sql::layer());
/// # drop(subscriber);
/// ```
///
/// A filter in front of the whole subscriber that hides events of the target `sqlx::query` (they are of level debug) hides the statements:
/// [`View::is_hidden`](crate::View::is_hidden) and a warning tell of it. Filters of other layers do not matter.
pub fn layer<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    SqlLayer { to: None, spans: Spans::default() }.with_filter(Read)
}

impl Statements {
    /// As [`layer`], for these statements alone.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        SqlLayer { to: Some(Arc::clone(&self.inner)), spans: Spans::default() }.with_filter(Read)
    }
}

/// Whether a filter of a subscriber hides events of sqlx at the level that it has unless it is told otherwise.
pub(crate) fn is_hidden(dispatch: &Dispatch) -> bool {
    tracing::dispatcher::with_default(dispatch, || !tracing::enabled!(target: "sqlx::query", Level::DEBUG))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SqlLayer {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        #[cfg(feature = "sqlx")]
        crate::mark::note_layer();
        self.spans.register(dispatch);
        self.to.as_ref().map_or(&process::SUBSCRIBERS, |inner| &inner.subscribers).add(dispatch);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(_counting) = Counting::begin() else { return };
        // A layer that came late, by `reload`, was registered with no subscriber.
        #[cfg(feature = "sqlx")]
        crate::mark::note_layer();
        match self.to.clone().or_else(process::account) {
            Some(inner) => inner.count(event, &self.spans),
            None => drop(process::EARLY.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

thread_local! {
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// A mark on the thread that counts an event. What is told meanwhile, such as a label that is one too many, goes to layers of others: where one of
/// them executes a statement for it on this thread, our locks are taken already, so that statement is left out.
pub(crate) struct Counting;

impl Counting {
    /// `None` where the thread counts an event already.
    pub(crate) fn begin() -> Option<Self> {
        IS_COUNTING.with(|is_counting| if is_counting.replace(true) { None } else { Some(Self) })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        IS_COUNTING.with(|is_counting| is_counting.set(false));
    }
}

impl Inner {
    fn count(&self, event: &Event<'_>, spans: &Spans) {
        if !self.is_on() {
            return;
        }
        self.note_heard(event.metadata());
        #[cfg(feature = "sqlx")]
        if crate::mark::is_carried(|| spans.current()) {
            return;
        }
        let mut reading = Reading::new(&self.store);
        event.record(&mut reading);
        if reading.is_marked {
            return;
        }
        if reading.found.is_none() {
            // A statement that ends as a summary that was cut: it is the whole of it.
            reading.is_summary_whole = true;
            event.record(&mut reading);
        }
        let found = reading.found.unwrap_or_else(|| self.store.find(""));
        self.count_execution(found, &reading.execution, &spans.around(), false);
    }

    /// Counts an execution that is over, [begun](Store::begin) or not.
    pub(crate) fn count_execution(&self, found: Found, execution: &Execution, around: &Around, is_begun: bool) {
        let counted = self.store.count(found, execution, around, is_begun);
        if counted.is_near {
            self.note_near(around);
        }
        if let Some(repeated) = counted.repeated {
            self.note_repeated(&repeated, around);
        }
    }
}

/// Whether an event tells of a slow statement, which has another level than others have.
pub(crate) fn is_slow(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field("slow_threshold").is_some()
}

/// The fields of an event. The text is looked at while it is there, so that it is not copied.
struct Reading<'a> {
    store: &'a Store,
    found: Option<Found>,
    is_summary_whole: bool,
    /// Whether it is counted by a pool of perf's.
    is_marked: bool,
    execution: Execution,
}

impl<'a> Reading<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, found: None, is_summary_whole: false, is_marked: false, execution: Execution::default() }
    }
}

impl Visit for Reading<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let text = match field.name() {
            // Of more than four words, between line breaks.
            "db.statement" if !value.is_empty() => {
                let text = value.strip_prefix("\n\n").unwrap_or(value);
                text.strip_suffix('\n').unwrap_or(text)
            }
            "summary" if self.is_summary_whole || !value.ends_with(CUT) => value,
            _ => return,
        };
        let hash = hash(text);
        #[cfg(feature = "sqlx")]
        if crate::mark::is_polled(hash) {
            self.is_marked = true;
            return;
        }
        self.found = Some(self.store.find_hashed(text, hash));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows_returned" => self.execution.returned = value,
            "rows_affected" => self.execution.affected = value,
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            let nanos = Duration::try_from_secs_f64(value).ok().map(|elapsed| elapsed.as_nanos());
            self.execution.nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn is_statement(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && !metadata.is_span()
}

/// Statements, and the marks of those that a pool of perf's counts.
fn is_heard(metadata: &Metadata<'_>) -> bool {
    #[cfg(feature = "sqlx")]
    if metadata.target() == TARGET && crate::mark::is_mark(metadata) {
        return true;
    }
    is_statement(metadata)
}

impl<S> Filter<S> for Read {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_heard(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_heard(metadata) { Interest::always() } else { Interest::never() }
    }
}

impl fmt::Debug for SqlLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlLayer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_counts_one_event_at_a_time() {
        let counting = Counting::begin();
        assert!(counting.is_some() && Counting::begin().is_none());
        assert!(Counting::begin().is_none(), "until the first one is over");
        drop(counting);
        assert!(Counting::begin().is_some());
        assert!(Counting::begin().is_some());
    }
}
