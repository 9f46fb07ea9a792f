//! Errors are told from other results by types and predicates, never by how a type is spelled.

use crate::support::{calls, finish};
use perf_runtime::monitor;

mod elsewhere {
    pub(super) type Answer<T> = Result<T, String>;
    pub(super) type Done = std::io::Result<()>;
}

#[test]
fn an_alias_of_result_is_seen_through() {
    use elsewhere::Answer as R;
    #[monitor("outcome_alias")]
    fn f(fail: bool) -> R<u8> {
        if fail { Err("no".into()) } else { Ok(1) }
    }
    #[monitor("outcome_foreign_alias")]
    async fn g(fail: bool) -> std::fmt::Result {
        if fail { Err(std::fmt::Error) } else { Ok(()) }
    }
    #[monitor("outcome_alias_of_alias")]
    fn h(fail: bool) -> elsewhere::Done {
        if fail { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
    }
    for fail in [true, false, false] {
        let _ = (f(fail), finish(g(fail)), h(fail));
    }
    for label in ["outcome_alias", "outcome_foreign_alias", "outcome_alias_of_alias"] {
        assert_eq!(calls(label), "2 ok, 1 error", "{label}");
    }
}

#[test]
fn an_associated_type_that_is_a_result_counts() {
    trait Answers {
        type Answer;
        fn answer(&self) -> Self::Answer;
    }
    struct Fails;
    impl Answers for Fails {
        type Answer = Result<(), ()>;
        #[monitor("outcome_associated")]
        fn answer(&self) -> Self::Answer {
            Err(())
        }
    }
    assert!(Fails.answer().is_err());
    assert_eq!(calls("outcome_associated"), "1 error");
}

#[test]
fn a_type_of_the_users_named_result_is_no_result() {
    mod own {
        pub(super) enum Result {
            Err,
        }
    }
    use own::Result;
    #[monitor("outcome_own_result")]
    fn f() -> Result {
        Result::Err
    }
    assert!(matches!(f(), Result::Err));
    assert_eq!(calls("outcome_own_result"), "1 ok");
}

#[test]
fn predicates_decide_where_there_are_some() {
    #[monitor("outcome_error_if", error_if = Option::is_none)]
    fn find(key: u8) -> Option<u8> {
        (key > 0).then_some(key)
    }
    #[monitor("outcome_error_if_async", error_if = Option::is_none)]
    async fn find_later(key: u8) -> Option<u8> {
        find(key)
    }
    #[monitor("outcome_ok_if", ok_if = |status: &u16| *status < 500)]
    fn status(code: u16) -> u16 {
        code
    }
    // A predicate overrules the type: not found is an answer.
    #[monitor("outcome_ok_if_on_result", ok_if = not_found_is_fine)]
    async fn lookup(answer: Result<u8, &'static str>) -> Result<u8, &'static str> {
        answer
    }
    fn not_found_is_fine(answer: &Result<u8, &'static str>) -> bool {
        !matches!(answer, Err("broken"))
    }
    let _ = (find(0), finish(find_later(0)), finish(find_later(3)));
    let _ = (status(200), status(503), finish(lookup(Err("not found"))), finish(lookup(Err("broken"))));
    assert_eq!(calls("outcome_error_if"), "1 ok, 2 error");
    assert_eq!(calls("outcome_error_if_async"), "1 ok, 1 error");
    assert_eq!(calls("outcome_ok_if"), "1 ok, 1 error");
    assert_eq!(calls("outcome_ok_if_on_result"), "1 ok, 1 error");
}

#[test]
fn a_result_that_only_a_type_parameter_stands_for_is_not_seen() {
    // Inside a generic function nothing tells that `T` is a `Result`; `error_if` is for that.
    #[monitor("outcome_generic")]
    fn pass<T>(value: T) -> T {
        value
    }
    assert_eq!(pass(Err::<u8, u8>(1)), Err(1));
    assert_eq!(calls("outcome_generic"), "1 ok");
}

#[test]
fn an_error_inside_an_option_or_a_poll_is_an_error() {
    use std::task::Poll;

    #[monitor("outcome_in_option")]
    fn next(n: u8) -> Option<Result<u8, String>> {
        [None, Some(Ok(1)), Some(Err("two".to_owned()))].into_iter().nth(n.into()).flatten()
    }
    #[monitor("outcome_in_poll")]
    fn poll(n: u8) -> Poll<Result<u8, String>> {
        match n {
            0 => Poll::Pending,
            1 => Poll::Ready(Ok(1)),
            _ => Poll::Ready(Err("two".to_owned())),
        }
    }
    for n in 0..3 {
        let _ = (next(n), poll(n));
    }
    assert_eq!(calls("outcome_in_option"), "2 ok, 1 error");
    assert_eq!(calls("outcome_in_poll"), "2 ok, 1 error");
}
