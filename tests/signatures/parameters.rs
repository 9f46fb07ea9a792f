//! Patterns, and what else may stand in a list of parameters.

use crate::support::{calls, finish, yield_once};
use perf_runtime::monitor;
use std::marker::PhantomData;

struct Foo {
    x: u8,
    #[allow(dead_code)]
    y: u8,
}

#[test]
fn patterns_are_taken_apart_as_ever() {
    #[monitor("params_patterns")]
    fn f((a, mut b): (u32, u32), [c, ..]: [u32; 3], Foo { x, .. }: Foo, &d: &u32, _: String) -> u32 {
        b += 1;
        a + b + c + d + u32::from(x)
    }
    #[monitor("params_patterns_async")]
    async fn g((a, mut b): (u32, u32), [c, ..]: [u32; 3], Foo { x, .. }: Foo, &d: &u32, _: String) -> u32 {
        b += 1;
        yield_once().await;
        a + b + c + d + u32::from(x)
    }
    assert_eq!(f((1, 2), [4, 0, 0], Foo { x: 8, y: 0 }, &16, String::new()), 32);
    assert_eq!(finish(g((1, 2), [4, 0, 0], Foo { x: 8, y: 0 }, &16, String::new())), 32);
    assert_eq!(calls("params_patterns"), "1 ok");
    assert_eq!(calls("params_patterns_async"), "1 ok");
}

#[test]
fn patterns_borrow_and_bind_the_whole() {
    #[monitor("params_ref")]
    fn f(ref name: String, ref mut count: u8, all @ (first, _): (u8, u8), (Ok(n) | Err(n)): Result<u8, u8>) -> String {
        *count += 1;
        format!("{name}{count}{}{first}{n}", all.1)
    }
    #[monitor("params_ref_async")]
    async fn g(ref name: String, ref mut count: u8) -> String {
        yield_once().await;
        *count += 1;
        format!("{name}{count}")
    }
    assert_eq!(f("n".into(), 1, (3, 4), Err(5)), "n2435");
    assert_eq!(finish(g("n".into(), 1)), "n2");
    assert_eq!(calls("params_ref"), "1 ok");
    assert_eq!(calls("params_ref_async"), "1 ok");
}

#[test]
fn a_name_may_be_that_of_a_unit_struct() {
    // `PhantomData` binds nothing here, so there is nothing to bind anew: as an expression its type would be open.
    struct Marker;
    #[monitor("params_unit")]
    fn f<T>(PhantomData: PhantomData<T>, Marker: Marker, (Marker, n): (Marker, u8)) -> u8 {
        n
    }
    #[monitor("params_unit_async")]
    async fn g<T>(PhantomData: PhantomData<T>, Marker: Marker) {}
    assert_eq!(f(PhantomData::<String>, Marker, (Marker, 2)), 2);
    finish(g(PhantomData::<u8>, Marker));
    assert_eq!(calls("params_unit"), "1 ok");
    assert_eq!(calls("params_unit_async"), "1 ok");
}

#[test]
fn underscored_and_unused_parameters_cause_no_lint() {
    #![deny(clippy::used_underscore_binding, clippy::no_effect_underscore_binding, unused)]
    #[monitor("params_underscored")]
    fn f(_bar: u8, (_baz, _): (u8, String)) {}
    #[monitor("params_underscored_async")]
    async fn g(_bar: u8, (_baz, _): (u8, String)) {}
    f(1, (2, String::new()));
    finish(g(1, (2, String::new())));
    assert_eq!(calls("params_underscored"), "1 ok");
}

#[test]
fn arguments_need_not_be_debug_nor_anything_else() {
    struct Secret;
    #[monitor("params_opaque")]
    async fn f(_password: Secret, callback: impl FnOnce() -> u8, text: &mut dyn FnMut(u8)) -> Secret {
        yield_once().await;
        text(callback());
        Secret
    }
    let mut seen = 0;
    let Secret = finish(f(Secret, || 3, &mut |n| seen = n));
    assert_eq!((seen, calls("params_opaque")), (3, "1 ok".into()));
}

#[test]
fn parameters_may_be_conditional_and_have_lint_levels() {
    #![deny(unused_variables, unfulfilled_lint_expectations)]
    #[monitor("params_conditional")]
    fn f(#[cfg(not(test))] gone: Missing, #[cfg(test)] n: u8, #[allow(unused_variables)] spare: u8) -> u8 {
        n
    }
    #[monitor("params_conditional_async")]
    async fn g(
        #[cfg(not(test))] (gone, _): Missing,
        #[cfg(test)] (n, _): (u8, u8),
        #[expect(unused_variables)] spare: u8,
        #[expect(unused_variables)] (pair, pair2): (u8, u8),
    ) -> u8 {
        n
    }
    assert_eq!((f(1, 2), finish(g((3, 3), 4, (5, 5)))), (1, 3));
    assert_eq!(calls("params_conditional"), "1 ok");
    assert_eq!(calls("params_conditional_async"), "1 ok");
}

#[test]
fn raw_identifiers_are_names_like_others() {
    #[monitor]
    fn r#match(r#type: u8, mut r#loop: u8) -> u8 {
        r#loop += r#type;
        r#loop
    }
    #[monitor("params_raw", fields(r#type = r#type))]
    async fn r#try(r#type: u8) -> u8 {
        r#type
    }
    assert_eq!((r#match(1, 2), finish(r#try(4))), (3, 4));
    assert_eq!(calls("match"), "1 ok", "without a label, the function's name, as it is meant");
    assert_eq!(calls("params_raw"), "1 ok");
}

#[test]
fn fields_see_what_patterns_bind() {
    // Also what a pattern binds inside, and what the body moves away.
    struct Path<T>(T);
    struct State {
        db: String,
        #[allow(dead_code)]
        rest: u8,
    }
    #[monitor("params_fields", fields(id = %id, db = %db, first = first))]
    async fn handler(
        Path(id): Path<u64>,
        State { db, .. }: State,
        [first, ..]: [u8; 2],
        (_, mut n): (u8, u8),
    ) -> String {
        n += 1;
        yield_once().await;
        drop(db);
        format!("{id}{first}{n}")
    }
    #[monitor("params_fields_sync", fields(id = id + 1, db = ?db.len(), by_ref = *by_ref))]
    fn sync((id, _): (u64, String), State { db, rest: _ }: State, ref by_ref: u8) -> (u64, String, u8) {
        (id, db, *by_ref)
    }
    let state = || State { db: "main".into(), rest: 0 };
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    let (later, now) = tracing::subscriber::with_default(subscriber, || {
        (finish(handler(Path(1), state(), [2, 2], (0, 2))), sync((1, String::new()), state(), 3))
    });
    assert_eq!((&*later, now), ("123", (1, "main".into(), 3)));
    assert_eq!((calls("params_fields"), calls("params_fields_sync")), ("1 ok".into(), "1 ok".into()));
}

#[test]
fn names_like_ours_do_not_meet_ours() {
    #[allow(non_snake_case)]
    #[monitor("params_hygiene")]
    fn f(__perf_call: u8, __perf_value: u8, __perf_arg2: u8, (__perf_arg3, _): (u8, u8)) -> u8 {
        let __perf_typed = 8;
        __perf_call + __perf_value + __perf_arg2 + __perf_arg3 + __perf_typed
    }
    assert_eq!(f(1, 2, 3, (4, 0)), 18);
    assert_eq!(calls("params_hygiene"), "1 ok");
}
