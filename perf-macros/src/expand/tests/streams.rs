//! Sync functions that return a stream: the stream is what is measured.

use super::*;

/// The expansion without what it begins with, up to the end of the site.
fn written(args: TokenStream, item: &TokenStream) -> String {
    attribute(Kind::Operation, args, item).to_string()
}

#[test]
fn a_stream_is_made_at_once_and_measured_from_its_first_poll() {
    let written = monitored(
        quote!("rows"),
        &quote! {
            fn rows(all: Vec<u8>) -> impl Stream<Item = u8> {
                iter(all)
            }
        },
    );
    let expected = quote! {
        fn rows(all: Vec<u8>) -> impl Stream<Item = u8> {
            let __perf_call = ::perf_runtime::__private::prepare(&__PERF_SITE);
            let __perf_stream = ::perf_runtime::__private::stream_body::<u8, _>(move || {
                let all = all;
                let __perf_value = '__perf_body: {
                    if false {
                        let __perf_value = ::perf_runtime::__private::unreached();
                        break '__perf_body __perf_value;
                    }
                    '__perf_monitor: {
                        iter(all)
                    }
                };
                __perf_value
            });
            {
                ::perf_runtime::__private::watch_stream(
                    __perf_call,
                    __perf_stream,
                    ::perf_runtime::__private::ItemErrors::Last,
                    |__perf_value, __perf_call| {
                        ::perf_runtime::__private::returned(__perf_value).finish(__perf_call);
                    },
                )
            }
        }
    };
    assert_written(&written, expected);
}

#[test]
fn streams_are_found_wherever_they_are_held_and_keep_their_pointer() {
    for (item, says) in [
        (
            quote!(
                fn f() -> BoxStream<'static, u8> {}
            ),
            "Box :: pin (:: perf_runtime :: __private :: watch_stream",
        ),
        (
            quote!(
                fn f() -> Pin<Box<dyn Stream<Item = u8> + Send>> {}
            ),
            "Box :: pin (:: perf_runtime :: __private :: watch_stream",
        ),
        (
            quote!(
                fn f() -> Box<dyn Stream<Item = u8> + Unpin> {}
            ),
            "Box :: into_pin (__perf_stream)",
        ),
        (
            quote!(
                fn f() -> impl FusedStream<Item = u8> {}
            ),
            "stream_body :: < u8 , _ >",
        ),
        (
            quote!(
                fn f() -> impl TryStream<Ok = u8, Error = E> {}
            ),
            "stream_body :: < :: core :: result :: Result < u8 , E > , _ >",
        ),
        (
            quote!(
                fn f() -> io::Result<impl Stream<Item = u8>> {}
            ),
            "try_stream_body :: < u8 , _ , _ >",
        ),
        (
            quote!(
                fn f() -> sqlx::Result<BoxStream<'_, u8>> {}
            ),
            "no_stream",
        ),
    ] {
        let written = written(quote!("f"), &item);
        assert!(written.contains(says) && written.contains(". streams ()"), "{says} in {written}");
    }
    // An async function is measured while it makes the stream, and a type that only holds streams is none.
    for item in [
        quote!(
            async fn f() -> impl Stream<Item = u8> {}
        ),
        quote!(
            fn f() -> Vec<BoxStream<'static, u8>> {}
        ),
    ] {
        assert!(!written(quote!("f"), &item).contains("watch_stream"), "{item}");
    }
}

#[test]
fn options_of_streams_are_checked() {
    let stream = quote!(
        fn f() -> impl Stream<Item = u8> {}
    );
    assert!(written(quote!("f", item_error = "any"), &stream).contains("ItemErrors :: Any"));
    assert!(written(quote!("f", item_error = "ignored"), &stream).contains("ItemErrors :: Ignored"));
    for (args, item, says) in [
        (quote!("f", item_error = "first"), &stream, "the option `item_error` takes"),
        (
            quote!("f", item_error = "any"),
            &quote!(
                fn f() {}
            ),
            "is for sync functions that return a stream",
        ),
        (quote!("f", profile, units = 3), &stream, "leave `units` out"),
        (
            quote!("f"),
            &quote!(
                fn f() -> impl Future + Stream {}
            ),
            "a future and a stream at once",
        ),
    ] {
        let written = written(args, item);
        assert!(written.contains("compile_error") && written.contains(says), "{says} in {written}");
    }
    // Of a block it is for the methods that return one.
    let block = quote!(impl S { fn f(&self) {} fn g(&self) -> BoxStream<'_, u8> {} });
    assert!(!written(quote!(item_error = "any"), &block).contains("compile_error"));
}

#[test]
fn only_a_result_by_that_name_is_taken_for_one() {
    for (item, is_one) in [
        (
            quote!(
                fn f() -> Result<impl Stream<Item = u8>, E> {}
            ),
            true,
        ),
        (
            quote!(
                fn f() -> anyhow::Result<impl Stream<Item = u8>> {}
            ),
            true,
        ),
        (
            quote!(
                fn f() -> QueryResult<impl Stream<Item = u8>> {}
            ),
            false,
        ),
    ] {
        let written = written(quote!("rows"), &item);
        assert_eq!(written.contains("try_stream_body"), is_one, "{item}");
        assert_eq!(written.contains("returned_at_once"), !is_one, "{item}");
    }
}

#[test]
fn what_is_made_at_once_is_asked_whether_it_is_a_stream_unless_it_is_one_by_the_way() {
    let error_if = written(
        quote!("rows", error_if = bad),
        &quote!(
            fn f() -> Rows {}
        ),
    );
    let probe =
        "if false { :: perf_runtime :: __private :: returned_at_once (& __perf_value) . finish (__perf_call) ; }";
    assert!(error_if.contains(probe) && error_if.contains("finish_as"), "{error_if}");
    for (item, is_asked) in [
        (
            quote!(
                fn new() -> Self {}
            ),
            false,
        ),
        (
            quote!(
                fn new() -> Result<Self, E> {}
            ),
            false,
        ),
        (
            quote!(
                fn bounded(self) -> Subscription {}
            ),
            false,
        ),
        (
            quote!(
                fn bounded(self: Box<Self>) -> Subscription {}
            ),
            true,
        ),
        (
            quote!(
                fn last(&self) -> &Subscription {}
            ),
            false,
        ),
        (
            quote!(
                fn subscribe(&self) -> Subscription {}
            ),
            true,
        ),
        (
            quote!(
                fn subscribe(self: Pin<&mut Self>) -> Subscription {}
            ),
            true,
        ),
        (
            quote!(
                fn subscribe(topic: &str) -> Subscription {}
            ),
            true,
        ),
    ] {
        let written = written(quote!("rows"), &item);
        assert_eq!(written.contains("returned_at_once"), is_asked, "{item}");
        assert_eq!(
            written.contains("returned_unless_future"),
            !is_asked,
            "a boxed future is refused in any case: {item}"
        );
    }
}
