//! The span of a call: what a subscriber sees, in which order.

use perf_runtime::{monitor, monitor_db_operation};
use std::cell::Cell;
use std::fmt::{Debug, Write};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down all that it is told.
#[derive(Clone, Default)]
struct Notebook {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Notebook {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    /// The lines that were written while `act` ran.
    fn during(act: impl FnOnce()) -> Vec<String> {
        let notebook = Self::default();
        tracing::subscriber::with_default(notebook.clone(), act);
        let lines = notebook.lines.lock().unwrap();
        lines.clone()
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Notebook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "unwanted"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields(String::new());
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        self.note(format!("new {} {}{}", metadata.level(), metadata.name(), fields.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut fields = Fields("record".to_owned());
        values.record(&mut fields);
        self.note(fields.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields("event".to_owned());
        // Those of the application say nothing more; ours say whose they are.
        if event.metadata().fields().field("error").is_some() {
            write!(fields.0, " {}", event.metadata().level()).unwrap();
            if let Some(parent) = event.parent() {
                write!(fields.0, " of {}", parent.into_u64()).unwrap();
            }
        }
        event.record(&mut fields);
        self.note(fields.0);
    }

    fn enter(&self, _: &Id) {
        self.note("enter".to_owned());
    }

    fn exit(&self, _: &Id) {
        self.note("exit".to_owned());
    }

    fn try_close(&self, _: Id) -> bool {
        self.note("close".to_owned());
        true
    }
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending once.
async fn one_wait() {
    let waited = Cell::new(false);
    poll_fn(|_| if waited.replace(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[monitor_db_operation("select", "users", err)]
async fn find_user(id: u64) -> Result<u64, String> {
    one_wait().await;
    tracing::info!("looking");
    if id == 0 { Err("no such user".to_owned()) } else { Ok(id) }
}

#[test]
fn it_is_entered_at_each_poll_and_says_how_the_call_ended() {
    let seen = Notebook::during(|| {
        let mut call = pin!(find_user(0));
        assert!(poll_once(call.as_mut()).is_pending());
        assert!(poll_once(call.as_mut()).is_ready());
    });
    let expected = [
        r#"new INFO find_user kind="db_operation" operation="select" table="users""#,
        "enter",
        "exit",
        "enter",
        "event message=looking",
        "exit",
        "record error=no such user",
        r#"record outcome="error""#,
        "close",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_cancelled_call_says_so() {
    let seen = Notebook::during(|| {
        let mut call = pin!(find_user(1));
        assert!(poll_once(call.as_mut()).is_pending());
    });
    assert_eq!(seen[1..], ["enter", "exit", r#"record outcome="cancelled""#, "close"]);
}

#[test]
fn a_panicked_call_says_so() {
    #[monitor("panics")]
    fn panics() {
        panic!("on purpose")
    }
    let seen = Notebook::during(|| assert!(std::panic::catch_unwind(panics).is_err()));
    assert_eq!(seen[1..], ["enter", "exit", r#"record outcome="panicked""#, "close"]);
}

#[test]
fn its_name_level_target_and_fields_are_the_users() {
    #[monitor(
        "checkout",
        name = "check out",
        level = "debug",
        target = "shop",
        fields(cart.id = %cart, items = items.len(), note = ?items, paid)
    )]
    fn checkout(cart: &str, items: Vec<u8>) {
        tracing::Span::current().record("paid", items.len() * 2);
        drop(items);
    }
    let seen = Notebook::during(|| checkout("c7", vec![1, 2]));
    let expected = [
        r#"new DEBUG check out kind="operation" operation="checkout" cart.id=c7 items=2 note=[1, 2]"#,
        "enter",
        "exit",
        "close",
    ];
    assert_eq!(seen, expected, "the notebook does not track the current span, so `paid` is not seen here");
}

#[test]
fn arguments_are_never_recorded_unasked() {
    #[monitor("login", err)]
    fn login(user: &str, password: &str) -> Result<(), String> {
        if user == password { Ok(()) } else { Err("wrong".to_owned()) }
    }
    let seen = Notebook::during(|| login("ada", "s3cret").unwrap_err().clear()).join("\n");
    assert!(!seen.contains("s3cret") && !seen.contains("ada"), "{seen}");
}

#[test]
fn there_is_none_where_nobody_wants_it() {
    #[monitor("silent", span = false)]
    fn silent() {}
    #[monitor("filtered", target = "unwanted", fields(costly = unreachable()))]
    fn filtered() {}
    fn unreachable() -> u8 {
        unreachable!("nobody listens, so nobody asks")
    }
    let seen = Notebook::during(|| {
        silent();
        filtered();
    });
    assert!(seen.is_empty(), "{seen:?}");
    filtered();
}

#[test]
fn under_a_block_it_is_named_as_the_series_is() {
    struct Cart;
    #[monitor]
    impl Cart {
        fn add(&self) {}
    }
    let seen = Notebook::during(|| Cart.add());
    assert_eq!(seen[0], "new INFO Cart::add", "and has no field for what its name says");
}

/// A subscriber that formats takes as long for a field as for all else of a span.
#[test]
fn it_has_no_field_for_what_its_name_or_a_good_end_says() {
    #[derive(Clone, Copy, perf_runtime::Label)]
    enum Tier {
        Paid,
    }
    #[monitor("spans_named", labels(tier = tier), fields("http.method" = "GET"))]
    fn named(tier: Tier) {
        let _ = tier;
    }
    #[monitor("spans_renamed", name = NAME, target = TARGET)]
    fn renamed() {}
    const NAME: &str = "another";
    const TARGET: &str = "unwanted";
    #[monitor_db_operation("insert", "users", name = NAME)]
    fn insert() {}
    let seen = Notebook::during(|| {
        named(Tier::Paid);
        renamed();
        insert();
    });
    let expected = [
        r#"new INFO spans_named tier="paid" http.method="GET""#,
        "enter",
        "exit",
        "close",
        r#"new INFO another kind="db_operation" operation="insert" table="users""#,
        "enter",
        "exit",
        "close",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_error_is_an_event_too_where_a_level_is_given() {
    #[monitor("spans_event", err = "warn")]
    async fn fails(id: u64) -> Option<Result<u64, String>> {
        one_wait().await;
        Some(if id == 0 { Err("no such user".to_owned()) } else { Ok(id) })
    }
    #[monitor("spans_event_alone", err = "error", span = false)]
    fn fails_without_a_span(id: u64) -> Result<u64, String> {
        if id == 0 { Err("none".to_owned()) } else { Ok(id) }
    }
    let seen = Notebook::during(|| {
        for id in [0, 1] {
            let mut call = pin!(fails(id));
            while poll_once(call.as_mut()).is_pending() {}
            let _ = fails_without_a_span(id);
        }
    });
    let expected = [
        "new INFO spans_event",
        "enter",
        "exit",
        "enter",
        "exit",
        "record error=no such user",
        "event WARN of 1 error=no such user",
        r#"record outcome="error""#,
        "close",
        "event ERROR error=none",
        "new INFO spans_event",
        "enter",
        "exit",
        "enter",
        "exit",
        "close",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn that_of_a_stream_is_entered_at_each_poll_and_has_the_error_of_each_item() {
    use futures::stream::{self, Stream, StreamExt};

    #[monitor("spans_stream", err = "warn", fields(shard))]
    fn items(shard: u8) -> impl Stream<Item = Result<u8, String>> {
        stream::once(one_wait()).filter_map(async |()| None).chain(stream::iter([Err("odd".to_owned()), Ok(2)]))
    }
    #[monitor("spans_no_stream", err)]
    fn none() -> Result<impl Stream<Item = u8>, String> {
        if true { Err("none".to_owned()) } else { Ok(stream::empty()) }
    }
    let seen = Notebook::during(|| {
        let mut items = pin!(items(3));
        tracing::info!("made");
        assert!(poll_once(pin!(items.next())).is_pending());
        for place in 0..2 {
            assert_eq!(
                poll_once(pin!(items.next())).map(|item| item.map(|item| item.is_err())),
                Poll::Ready(Some(place == 0))
            );
        }
        assert!(none().is_err());
    });
    let expected = [
        // The arguments are there only as it is made.
        "new INFO spans_stream shard=3",
        "event message=made",
        "enter",
        "exit",
        "enter",
        "exit",
        "record error=odd",
        "event WARN of 1 error=odd",
        "enter",
        "exit",
        "new INFO spans_no_stream",
        "record error=none",
        r#"record outcome="error""#,
        "close",
        r#"record outcome="cancelled""#,
        "close",
    ];
    assert_eq!(seen, expected);
}

/// A block says for all of its methods what errors are to be shown; those that cannot fail are left alone.
#[test]
fn err_on_a_block_is_for_the_methods_that_can_fail() {
    struct Cart;
    #[monitor(err, level = "debug")]
    impl Cart {
        fn len(&self) -> usize {
            0
        }
        fn add(&self) -> Result<(), String> {
            Err("full".to_owned())
        }
        async fn pay(&self) -> Option<u8> {
            None
        }
    }
    let seen = Notebook::during(|| {
        assert_eq!(Cart.len(), 0);
        Cart.add().unwrap_err().clear();
        assert!(poll_once(pin!(Cart.pay())).is_ready());
    });
    let errors: Vec<_> = seen.iter().filter(|line| line.starts_with("record error=")).collect();
    assert_eq!(errors, ["record error=full"]);
}

/// The file and the line of a span.
type Place = (Option<&'static str>, u32);

/// Notes where the spans' functions are.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Vec<Place>>>);

impl Subscriber for Places {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let metadata = attributes.metadata();
        self.0.lock().unwrap().push((metadata.file(), metadata.line().unwrap_or_default()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

mod placed {
    use super::monitor;

    pub(super) const FIRST: u32 = line!();

    #[monitor("spans_place_sync")]
    pub(super) fn sync() {}

    #[monitor("spans_place_async")]
    pub(super) async fn at_once() {}

    #[monitor("spans_place_fields", fields(number))]
    pub(super) async fn with_fields(number: u8) {
        let _ = number;
    }

    #[monitor("spans_place_made")]
    pub(super) fn made() -> impl Future<Output = ()> {
        std::future::ready(())
    }

    pub(super) const LAST: u32 = line!();
}

#[test]
fn a_span_is_at_its_function_wherever_its_future_is_polled() {
    let places = Places::default();
    tracing::subscriber::with_default(places.clone(), || {
        let mut context = Context::from_waker(Waker::noop());
        placed::sync();
        assert!(pin!(placed::at_once()).poll(&mut context).is_ready());
        assert!(pin!(placed::with_fields(1)).poll(&mut context).is_ready());
        assert!(pin!(placed::made()).poll(&mut context).is_ready());
    });
    let places = places.0.lock().unwrap();
    assert_eq!(places.len(), 4);
    for (file, line) in places.iter() {
        assert!(file.is_some_and(|file| file.ends_with("spans.rs")), "{file:?}");
        assert!((placed::FIRST..placed::LAST).contains(line), "line {line}");
    }
}

#[test]
fn a_field_that_panics_leaves_no_call_and_no_span() {
    struct Unshown;
    impl std::fmt::Display for Unshown {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("not to be shown")
        }
    }
    #[monitor("spans_unshown", fields(what = what.to_string()))]
    async fn show(what: Unshown) -> usize {
        size_of_val(&what)
    }
    let seen = Notebook::during(|| {
        let mut future = Box::pin(show(Unshown));
        let mut context = Context::from_waker(Waker::noop());
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        assert!(polled.is_err());
        assert!(future.as_mut().poll(&mut context).is_pending(), "there is nothing to go on with");
    });
    assert_eq!(seen, [""; 0]);
    let summary = monitor().summary(perf_runtime::Window::LastHour);
    let series = summary.find(perf_runtime::Kind::Operation, &["spans_unshown"]).expect("a series");
    assert_eq!((series.total.finished(), series.in_flight), (0, 0));
}
