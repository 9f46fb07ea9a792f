//! Functions that return a stream: the stream is what is measured, from its first poll to its end or its drop.

use crate::support::{calls, finish, poll_once, yield_once};
use futures::stream::{self, BoxStream, FusedStream, LocalBoxStream, Stream, StreamExt, TryStream, TryStreamExt};
use perf_runtime::{monitor, monitor_db_operation, monitor_llm_call};
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

fn next<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn all<S: Stream>(stream: S) -> Vec<S::Item> {
    finish(stream.collect())
}

#[test]
fn work_before_the_stream_is_done_at_once_and_the_stream_is_measured() {
    #[monitor("stream_plain")]
    fn numbers(seen: &Cell<u8>) -> impl Stream<Item = u8> + '_ {
        seen.set(1);
        stream::iter([1, 2]).chain(stream::once(async {
            yield_once().await;
            seen.set(2);
            3
        }))
    }
    let seen = Cell::new(0);
    let mut numbers = Box::pin(numbers(&seen));
    assert_eq!((seen.get(), calls("stream_plain")), (1, "none".into()));
    assert_eq!(numbers.size_hint(), (3, Some(3)));
    assert_eq!((next(&mut numbers), calls("stream_plain")), (Poll::Ready(Some(1)), "1 in flight".into()));
    assert_eq!((next(&mut numbers), next(&mut numbers)), (Poll::Ready(Some(2)), Poll::Pending));
    assert_eq!((next(&mut numbers), seen.get()), (Poll::Ready(Some(3)), 2));
    assert_eq!((next(&mut numbers), calls("stream_plain")), (Poll::Ready(None), "1 ok".into()));
    drop(numbers);
    assert_eq!(calls("stream_plain"), "1 ok");
}

#[test]
fn boxed_streams_under_their_usual_names() {
    #[monitor("stream_box")]
    fn boxed(text: &str) -> BoxStream<'_, char> {
        stream::iter(text.chars()).boxed()
    }
    #[monitor("stream_local_box")]
    fn local<'a>(shared: &'a Rc<u8>) -> LocalBoxStream<'a, u8> {
        stream::once(async move { **shared }).boxed_local()
    }
    #[monitor("stream_full_path")]
    fn full() -> ::core::pin::Pin<::std::boxed::Box<dyn Stream<Item = u8> + Send + Sync + 'static>> {
        Box::pin(stream::empty())
    }
    #[monitor("stream_unpin_box")]
    fn unpinned() -> Box<dyn Stream<Item = u8> + Unpin + Send> {
        Box::new(stream::iter([1]))
    }
    #[monitor("stream_plain_box")]
    fn to_be_pinned() -> Box<dyn Stream<Item = u8>> {
        Box::new(stream::iter([1]))
    }
    #[monitor("stream_early")]
    fn early(n: u8) -> Pin<Box<dyn Stream<Item = u8> + Send>> {
        if n == 0 {
            return Box::pin(stream::empty());
        }
        stream::iter(0..n).boxed()
    }
    assert_eq!((all(boxed("ab")), all(local(&Rc::new(1))), all(full())), (vec!['a', 'b'], vec![1], vec![]));
    assert_eq!((all(unpinned()), all(Box::into_pin(to_be_pinned())), all(early(2))), (vec![1], vec![1], vec![0, 1]));
    for label in ["box", "local_box", "full_path", "unpin_box", "plain_box", "early"] {
        assert_eq!(calls(&format!("stream_{label}")), "1 ok", "{label}");
    }
}

#[test]
fn an_impl_stream_keeps_its_bounds() {
    #[monitor("stream_bounds")]
    fn sends<'a>(text: &'a str) -> impl Stream<Item = char> + Send + Sync + Unpin + 'a {
        stream::iter(text.chars())
    }
    #[monitor("stream_fused")]
    fn fused() -> impl FusedStream<Item = u8> {
        stream::iter([1]).fuse()
    }
    #[monitor("stream_try")]
    fn tried() -> impl TryStream<Ok = u8, Error = String> {
        stream::iter(["1", "x"]).map(|text| text.parse().map_err(|_| text.to_owned()))
    }
    #[monitor("stream_unsend")]
    fn stays(shared: Rc<u8>) -> impl Stream<Item = Rc<u8>> {
        stream::iter([Rc::clone(&shared), shared])
    }
    fn is_send<T: Send + Sync + Unpin>(value: T) -> T {
        value
    }
    assert_eq!(all(is_send(sends("ab"))), ['a', 'b']);
    let mut fused = Box::pin(fused());
    assert!(!fused.is_terminated());
    assert_eq!(
        (next(&mut fused), next(&mut fused), fused.is_terminated()),
        (Poll::Ready(Some(1)), Poll::Ready(None), true)
    );
    assert_eq!((next(&mut fused), calls("stream_fused")), (Poll::Ready(None), "1 ok".into()));
    assert_eq!(all(tried().into_stream()), [Ok(1), Err("x".to_owned())]);
    assert_eq!(calls("stream_try"), "1 error");
    assert_eq!(all(stays(Rc::new(1))).len(), 2);
    assert_eq!((calls("stream_bounds"), calls("stream_unsend")), ("1 ok".into(), "1 ok".into()));
}

#[test]
fn inference_goes_by_the_signature() {
    // As of futures: whatever the error's type, and where the body alone leaves the item's type open.
    #[monitor("stream_inferred")]
    fn numbers() -> impl Stream<Item = u32> {
        stream::iter(["1", "2"]).map(|text| text.parse().unwrap())
    }
    #[monitor("stream_inferred_results")]
    fn results() -> impl Stream<Item = Result<u8, String>> {
        stream::iter(["1"]).map(|text| {
            let number = text.parse::<u8>().map_err(|error| error.to_string())?;
            Ok(number)
        })
    }
    #[monitor("stream_inferred_errors")]
    fn errors() -> impl Stream<Item = Result<(), Rc<u8>>> {
        stream::iter([Ok(())])
    }
    assert_eq!((all(numbers()), all(results()), all(errors())), (vec![1, 2], vec![Ok(1)], vec![Ok(())]));
}

#[test]
fn a_generic_function_adds_to_one_series_whatever_its_stream() {
    #[monitor("stream_generic")]
    fn doubled<S>(stream: S) -> impl Stream<Item = (S::Item, S::Item)>
    where
        S: Stream<Item: Clone>,
    {
        stream.map(|item| (item.clone(), item))
    }
    #[monitor("stream_generic_box")]
    fn boxed<'a, T: Send + 'a>(items: Vec<T>) -> BoxStream<'a, T> {
        stream::iter(items).boxed()
    }
    let text = "a".to_owned();
    assert_eq!((all(doubled(stream::iter([1]))), all(doubled(stream::iter(["a"])))), (vec![(1, 1)], vec![("a", "a")]));
    assert_eq!((all(boxed(vec![1])), all(boxed(vec![&text]))), (vec![1], vec![&text]));
    assert_eq!((calls("stream_generic"), calls("stream_generic_box")), ("2 ok".into(), "2 ok".into()));
}

#[test]
fn an_error_in_place_of_a_stream_is_a_call_that_failed() {
    #[monitor("stream_or_error")]
    fn plain(n: i8) -> Result<impl Stream<Item = i8>, String> {
        if n < 0 {
            return Err(format!("{n}"));
        }
        Ok(stream::iter(0..n))
    }
    #[monitor("stream_or_io_error", err)]
    fn boxed(text: &str) -> io::Result<BoxStream<'_, char>> {
        if text.is_empty() {
            Err(io::ErrorKind::InvalidInput)?;
        }
        Ok(stream::iter(text.chars()).boxed())
    }
    #[monitor("stream_or_box_error")]
    fn any(good: bool) -> Result<Pin<Box<dyn Stream<Item = u8> + Send>>, Box<dyn std::error::Error>> {
        if good { Ok(Box::pin(stream::iter([1]))) } else { Err("no".into()) }
    }
    assert!(plain(-1).is_err());
    assert_eq!(calls("stream_or_error"), "1 error");
    let stream = plain(2).unwrap();
    assert_eq!(calls("stream_or_error"), "1 error");
    assert_eq!((all(stream), calls("stream_or_error")), (vec![0, 1], "1 ok, 1 error".into()));
    assert!(boxed("").is_err());
    assert_eq!((all(boxed("a").unwrap()), calls("stream_or_io_error")), (vec!['a'], "1 ok, 1 error".into()));
    assert!(any(false).is_err());
    assert_eq!((all(any(true).unwrap()), calls("stream_or_box_error")), (vec![1], "1 ok, 1 error".into()));
}

#[test]
fn the_last_item_decides_unless_something_else_is_said() {
    fn items() -> impl Stream<Item = Result<u8, &'static str>> {
        stream::iter([Ok(1), Err("two"), Ok(3), Err("four")])
    }
    #[monitor("stream_item_last")]
    fn last() -> impl Stream<Item = Result<u8, &'static str>> {
        items()
    }
    #[monitor("stream_item_any", item_error = "any")]
    fn any() -> impl Stream<Item = Result<u8, &'static str>> {
        items()
    }
    #[monitor("stream_item_ignored", item_error = "ignored")]
    fn ignored() -> BoxStream<'static, Result<u8, &'static str>> {
        items().boxed()
    }
    #[monitor("stream_item_odd", error_if = |n: &u8| n % 2 == 1)]
    fn odd(upto: u8) -> impl Stream<Item = u8> {
        stream::iter(1..=upto)
    }
    for (take, [of_last, of_any, of_ignored]) in [
        (1, ["cancelled", "cancelled", "cancelled"]),
        (2, ["error", "error", "cancelled"]),
        (3, ["cancelled", "error", "cancelled"]),
        (9, ["error", "error", "ok"]),
    ] {
        let ended = |label: &str, stream: BoxStream<'_, Result<u8, &'static str>>, outcome: &str| {
            let before = calls(label);
            let mut stream = stream;
            for _ in 0..take {
                let _ = next(&mut stream);
            }
            drop(stream);
            let count = |text: &str| {
                text.split(", ")
                    .find_map(|part| part.strip_suffix(&format!(" {outcome}"))?.parse::<u8>().ok())
                    .unwrap_or(0)
            };
            assert_eq!(count(&calls(label)), count(&before) + 1, "{label} after {take}: {outcome}");
        };
        ended("stream_item_last", last().boxed(), of_last);
        ended("stream_item_any", any().boxed(), of_any);
        ended("stream_item_ignored", ignored(), of_ignored);
    }
    assert_eq!((all(odd(2)).len(), all(odd(3)).len(), calls("stream_item_odd")), (2, 3, "1 ok, 1 error".into()));
}

#[test]
fn a_stream_ends_as_what_became_of_it() {
    #[monitor("stream_ends")]
    fn numbers(upto: u8) -> impl Stream<Item = u8> {
        stream::iter(0..upto).map(|n| {
            assert!(n < 2, "too many");
            n
        })
    }
    drop(numbers(1));
    assert_eq!(calls("stream_ends"), "none", "never polled");
    let mut dropped = Box::pin(numbers(1));
    assert_eq!(next(&mut dropped), Poll::Ready(Some(0)));
    drop(dropped);
    assert!(catch_unwind(AssertUnwindSafe(|| all(numbers(9)))).is_err());
    assert_eq!(calls("stream_ends"), "1 panicked, 1 cancelled");
    let mut forgotten = Box::pin(numbers(1));
    assert_eq!(next(&mut forgotten), Poll::Ready(Some(0)));
    std::mem::forget(forgotten);
    assert_eq!(calls("stream_ends"), "1 panicked, 1 cancelled, 1 in flight");
}

#[test]
fn streams_inside_streams_and_of_methods() {
    struct Tree(Vec<Tree>, u8);
    #[monitor]
    impl Tree {
        fn walk(&self) -> BoxStream<'_, u8> {
            stream::iter([self.1]).chain(stream::iter(&self.0).flat_map(Self::walk)).boxed()
        }
        fn leaves(self) -> impl Stream<Item = u8> {
            stream::iter(self.0).map(|tree| tree.1)
        }
        fn deep(&self) -> usize {
            1 + self.0.iter().map(Tree::deep).max().unwrap_or(0)
        }
    }
    trait Walks {
        fn walked<'a>(&'a mut self) -> Pin<Box<dyn Stream<Item = u8> + 'a>>;
    }
    impl Walks for Tree {
        #[monitor_db_operation("select", "trees")]
        fn walked<'a>(&'a mut self) -> Pin<Box<dyn Stream<Item = u8> + 'a>> {
            self.1 += 1;
            self.walk()
        }
    }
    let mut tree = Tree(vec![Tree(vec![], 2), Tree(vec![], 3)], 1);
    assert_eq!((tree.deep(), all(tree.walk())), (2, vec![1, 2, 3]));
    assert_eq!((calls("Tree::walk"), calls("Tree::deep")), ("3 ok".into(), "3 ok".into()));
    assert_eq!(all(tree.walked()), [2, 2, 3]);
    assert_eq!((all(tree.leaves()), calls("Tree::leaves")), (vec![2, 3], "1 ok".into()));
}

#[test]
fn options_of_streams() {
    #[monitor("stream_profiled", profile, fields(n, of = %n), slow = "1h", err)]
    fn profiled(n: u8) -> impl Stream<Item = Result<u8, String>> {
        stream::iter((0..n).map(Ok))
    }
    #[monitor_llm_call("stream_provider", "stream-model")]
    fn answer(text: &str) -> impl Stream<Item = char> + '_ {
        stream::iter(text.chars())
    }
    #[monitor_llm_call("stream_provider", "stream-model", profile, usage = |letter| letter.1.clone())]
    fn told<'a>(text: &'a str) -> BoxStream<'a, (char, Option<perf_runtime::extend::ToldUsage>)> {
        stream::iter(text.chars().map(|letter| (letter, None))).boxed()
    }
    let mut last = Box::pin(profiled(2));
    while let Poll::Ready(Some(_)) = next(&mut last) {}
    assert_eq!((calls("stream_profiled"), next(&mut last)), ("1 ok".into(), Poll::Ready(None)));
    assert_eq!((all(answer("ab")).len(), all(told("ab")).len()), (2, 2));
    assert_eq!(crate::support::calls_of(perf_runtime::Kind::LlmCall, &["stream_provider", "stream-model"]), "2 ok");
}

#[test]
fn an_async_function_or_a_future_that_makes_a_stream_is_measured_while_it_makes_it() {
    #[monitor("stream_async_boxed")]
    async fn boxed() -> Result<BoxStream<'static, u8>, String> {
        yield_once().await;
        Ok(stream::iter([1]).boxed())
    }
    let mut making = pin!(boxed());
    assert!(poll_once(making.as_mut()).is_pending());
    let stream = finish(making).unwrap();
    assert_eq!(calls("stream_async_boxed"), "1 ok");
    assert_eq!((all(stream), calls("stream_async_boxed")), (vec![1], "1 ok".into()));
}

/// A stream by the way: its constructors and builders are functions like others.
struct Subscription(u8);

impl Stream for Subscription {
    type Item = u8;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(left))
    }
}

#[monitor]
impl Subscription {
    fn of(items: u8) -> Self {
        Self(items)
    }

    fn tried(items: u8) -> Result<Self, String> {
        if items > 0 { Ok(Self(items)) } else { Err("none".into()) }
    }

    fn longer(self, items: u8) -> Subscription {
        Subscription(self.0 + items)
    }
}

/// No `Result`, whatever its name says.
struct QueryResult<S>(S);

#[test]
fn types_that_are_streams_by_the_way_are_made_by_calls_like_others() {
    #[monitor("stream_query_result")]
    fn query(items: u8) -> QueryResult<impl Stream<Item = u8>> {
        QueryResult(Subscription(items))
    }
    assert!(Subscription::tried(0).is_err());
    assert_eq!(all(Subscription::of(1).longer(1)), [1, 0]);
    assert_eq!((calls("Subscription::of"), calls("Subscription::longer")), ("1 ok".into(), "1 ok".into()));
    assert_eq!(calls("Subscription::tried"), "1 error");
    assert_eq!((all(query(1).0), calls("stream_query_result")), (vec![0], "1 ok".into()));
}
