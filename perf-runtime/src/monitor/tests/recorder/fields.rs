//! Values of the fields of recorded calls: which are kept, and who sees them.

use super::{RecordedTree, all_buffers, kept, poll, recorded, sync_leaf, tree, yield_once};
use crate::series::{FieldAccess, RecordedField};
use crate::test_util::{ManualClock, isolated};
use crate::{Monitor, monitor};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Names and values; `None` of values that are withheld.
fn told(fields: &[RecordedField]) -> Vec<(&str, Option<&str>)> {
    fields.iter().map(|field| (field.name.as_str(), field.value.as_deref())).collect()
}

fn inside(tree: &RecordedTree) -> Vec<Vec<(&str, Option<&str>)>> {
    tree.inside.iter().map(|inside| told(&inside.fields)).collect()
}

#[monitor("rec_field_leaf", fields(id, name = %name))]
fn leaf(clock: &ManualClock, id: u64, name: &str) {
    clock.advance(SECOND);
}

#[monitor("rec_field_waits", fields(id))]
async fn waits(clock: &ManualClock, id: u64) {
    clock.advance(SECOND);
    leaf(clock, id + 1, "inner");
    yield_once().await;
}

#[monitor("rec_field_root", fields(order = ?order, "http.method" = "GET", rows))]
async fn root(clock: &ManualClock, order: Option<u32>) {
    leaf(clock, 1, "first");
    waits(clock, 7).await;
    sync_leaf(clock, 1);
}

#[test]
fn fields_are_kept_of_a_call_and_of_those_inside_it() {
    let (_alone, clock) = recorded();
    let mut future = pin!(root(&clock, Some(3)));
    assert!(poll(future.as_mut()).is_pending());
    assert!(poll(future).is_ready());
    let mut tree = tree("rec_field_root");
    assert_eq!(told(&tree.call.fields), [("order", Some("Some(3)")), ("http.method", Some("GET"))]);
    let all = [
        vec![("id", Some("1")), ("name", Some("first"))],
        vec![("id", Some("7"))],
        vec![("id", Some("8")), ("name", Some("inner"))],
        vec![],
    ];
    assert_eq!(inside(&tree), all);
    assert_eq!((tree.call.fields_withheld, tree.call.fields_missing), (false, 0));
    tree.withhold_fields();
    assert!(tree.call.fields_withheld);
    assert_eq!(told(&tree.call.fields), [("order", None), ("http.method", None)]);
    assert_eq!(inside(&tree)[2], [("id", None), ("name", None)]);
}

#[test]
fn fields_end_up_with_their_own_calls_whoever_ends_first_and_on_whatever_thread() {
    #[monitor("rec_field_joins", fields(id = 0))]
    async fn joins(clock: &ManualClock, handle: &crate::test_util::IsolationHandle) {
        let (mut one, mut other) = (pin!(waits(clock, 10)), pin!(waits(clock, 20)));
        assert!(poll(one.as_mut()).is_pending() && poll(other.as_mut()).is_pending());
        let mut elsewhere = Box::pin(waits(clock, 30));
        assert!(poll(elsewhere.as_mut()).is_pending());
        thread::scope(|scope| {
            scope.spawn(move || {
                let _joined = handle.enter();
                assert!(poll(elsewhere.as_mut()).is_ready());
            });
        });
        drop(Box::pin(waits(clock, 40)));
        assert!(poll(other.as_mut()).is_ready() && poll(one.as_mut()).is_ready());
    }
    let (alone, clock) = recorded();
    let handle = alone.alone.handle();
    assert!(poll(pin!(joins(&clock, &handle))).is_ready());
    let tree = tree("rec_field_joins");
    let ids: Vec<_> = inside(&tree).iter().map(|fields| fields[0].1.unwrap().to_owned()).collect();
    assert_eq!(ids, ["10", "11", "20", "21", "30", "31"]);
    assert_eq!(told(&tree.call.fields), [("id", Some("0"))]);
}

#[test]
fn values_are_not_looked_at_where_nobody_keeps_them() {
    thread_local!(static LOOKS: Cell<u32> = const { Cell::new(0) });
    fn look() -> u32 {
        LOOKS.set(LOOKS.get() + 1);
        LOOKS.get()
    }
    #[monitor("rec_field_looks", fields(look = look()))]
    fn looks() {}
    let _buffers = all_buffers();
    let (_alone, _clock) = (isolated(), ManualClock::hold());
    looks();
    assert_eq!(LOOKS.get(), 0);
    let off = Monitor::builder().recorder(true).recorded_fields(FieldAccess::Off).install().unwrap();
    looks();
    assert_eq!((LOOKS.get(), kept("rec_field_looks")[0].fields.len()), (0, 0));
    // Another monitor keeps them: the first does not show them.
    let on = Monitor::builder().recorder(true).recorded_fields(FieldAccess::Read).build().unwrap();
    assert_eq!((off.recorder_state().fields, on.recorder_state().fields), (FieldAccess::Off, FieldAccess::Read));
    looks();
    assert_eq!(LOOKS.get(), 1);
    let [last, ..] = &kept("rec_field_looks")[..] else { panic!("it is kept") };
    assert!(last.fields.is_empty());
    assert_eq!(told(&on.recorded_call(&last.id).unwrap().call.fields), [("look", Some("1"))]);
    drop(on);
    looks();
    assert_eq!(LOOKS.get(), 1);
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("as the test says")
    }
}

#[test]
fn a_hostile_value_breaks_no_call_that_no_span_would_break() {
    fn fails() -> u32 {
        panic!("as the test says")
    }
    #[monitor("rec_field_hostile", fields(long = %"x".repeat(100_000), odd = "\u{1b}[2J\n\0\u{202e}", bad = ?Panics, id = 3))]
    fn hostile() -> u8 {
        7
    }
    #[monitor("rec_field_fails", fields(id = fails()))]
    fn with_failing_value() -> u8 {
        8
    }
    #[monitor("rec_field_hostile_async", fields(bad = ?Panics, id = 4))]
    async fn hostile_async() -> u8 {
        9
    }
    #[monitor("rec_field_panics", fields(id))]
    fn panics(id: u32) {
        std::panic::resume_unwind(Box::new(id));
    }
    let (_alone, _clock) = recorded();
    assert_eq!(hostile(), 7);
    assert_eq!(with_failing_value(), 8);
    assert!(matches!(poll(pin!(hostile_async())), std::task::Poll::Ready(9)));
    let tree = tree("rec_field_hostile");
    let fields = &tree.call.fields;
    assert_eq!((fields[0].value.as_ref().map(String::len), fields[0].is_cut), (Some(256), true));
    let expected =
        [("odd", Some("\u{1b}[2J\n\0\u{202e}")), ("bad", Some("(its Debug or Display panicked)")), ("id", Some("3"))];
    assert_eq!(told(&fields[1..]), expected);
    assert!(self::tree("rec_field_fails").call.fields.is_empty());
    assert_eq!(told(&self::tree("rec_field_hostile_async").call.fields)[1], ("id", Some("4")));
    // A body that panics keeps the fields that it began with.
    catch_unwind(AssertUnwindSafe(|| panics(5))).unwrap_err();
    assert_eq!(told(&self::tree("rec_field_panics").call.fields), [("id", Some("5"))]);
}

#[test]
fn the_fields_of_one_tree_are_bounded_and_the_rest_is_counted() {
    #[monitor("rec_field_long", fields(text))]
    fn long(text: &str) {}
    #[monitor("rec_field_many")]
    fn many(text: &str) {
        (0..200).for_each(|_| long(text));
    }
    let (_alone, clock) = recorded();
    // The boxes of short values are smaller, and more of them are kept.
    for (text, most) in [("y".repeat(200), 70), ("y".to_owned(), 200)] {
        clock.advance(60 * SECOND);
        many(&text);
        let [last, ..] = &kept("rec_field_many")[..] else { panic!("it is kept") };
        let tree = monitor().recorded_call(&last.id).unwrap();
        let with_fields = tree.inside.iter().filter(|inside| !inside.fields.is_empty()).count();
        assert_eq!((tree.inside.len(), with_fields as u64 + tree.call.fields_missing), (200, 200));
        assert!((40..=most).contains(&with_fields), "{with_fields}");
    }
}

#[test]
fn calls_that_outlive_their_tree_leave_no_fields_in_another() {
    #[monitor("rec_field_leaves")]
    fn leaves<'a>(clock: &'a ManualClock, left: &mut Vec<Pin<Box<dyn Future<Output = ()> + 'a>>>) {
        let mut one = Box::pin(waits(clock, 50));
        assert!(poll(one.as_mut()).is_pending());
        left.push(one);
    }
    let (_alone, clock) = recorded();
    let mut left = Vec::new();
    leaves(&clock, &mut left);
    let mut next = pin!(root(&clock, None));
    assert!(poll(next.as_mut()).is_pending());
    assert!(left.iter_mut().all(|left| poll(left.as_mut()).is_ready()));
    assert!(poll(next).is_ready());
    // Of a call that goes on nothing is shown, nor of those inside it.
    assert!(tree("rec_field_leaves").inside.is_empty());
    let tree = tree("rec_field_root");
    assert_eq!((tree.inside.len(), told(&tree.inside[0].fields)[0]), (4, ("id", Some("1"))));
    assert_eq!(told(&tree.inside[1].fields), [("id", Some("7"))]);
}
