//! Other attributes, macros and modules around an annotated function.

use crate::support::{calls, calls_of, finish, poll_once, yield_once};
use perf_runtime::{Kind, monitor, monitor_agent, monitor_db_operation, monitor_mcp_call, monitor_tool};
use std::fmt::Debug;
use tracing::instrument;

#[test]
fn two_different_attributes_of_ours_both_count() {
    #[monitor("place_two")]
    #[monitor_agent("place_two")]
    async fn f(n: u8) -> Result<u8, ()> {
        yield_once().await;
        if n == 0 { Err(()) } else { Ok(n) }
    }
    #[monitor_tool("place_two_sync")]
    #[monitor("place_two_sync", fields(n = n))]
    fn g((n, _): (u8, u8)) -> u8 {
        n
    }
    assert!(finish(f(0)).is_err() && finish(f(1)).is_ok());
    let _ = poll_once(Box::pin(f(1)).as_mut());
    assert_eq!(g((1, 2)), 1);
    assert_eq!(calls("place_two"), "1 ok, 1 error, 1 cancelled");
    assert_eq!(calls_of(Kind::Agent, &["place_two"]), "1 ok, 1 error, 1 cancelled");
    assert_eq!(calls("place_two_sync"), "1 ok");
    assert_eq!(calls_of(Kind::Tool, &["place_two_sync"]), "1 ok");
}

#[test]
fn tracings_instrument_stands_above_or_below() {
    // `skip` must find the names where the user wrote them, and nothing may be recorded that was not to be.
    struct Secret;
    #[instrument(skip(state), fields(extra = 1))]
    #[monitor("place_instrument_above")]
    async fn above((state, _): (Secret, u8), n: u8) -> Result<u8, String> {
        let _ = state;
        yield_once().await;
        if n == 0 { Err("zero".into()) } else { Ok(n) }
    }
    #[monitor("place_instrument_below")]
    #[instrument(skip(state), err)]
    async fn below((state, _): (Secret, u8), _: Secret, mut n: u8) -> Result<u8, String> {
        let _ = state;
        yield_once().await;
        n += 0;
        if n == 0 { Err("zero".into()) } else { Ok(n) }
    }
    #[monitor("place_instrument_sync")]
    #[instrument(ret, level = "debug")]
    fn sync(n: u8, (a, b): (u8, u8)) -> u8 {
        n + a + b
    }
    assert!(finish(above((Secret, 1), 0)).is_err() && finish(above((Secret, 1), 1)).is_ok());
    assert!(finish(below((Secret, 1), Secret, 0)).is_err() && finish(below((Secret, 1), Secret, 1)).is_ok());
    assert_eq!(sync(1, (2, 3)), 6);
    assert_eq!(calls("place_instrument_above"), "1 ok, 1 error");
    assert_eq!(calls("place_instrument_below"), "1 ok, 1 error");
    assert_eq!(calls("place_instrument_sync"), "1 ok");
}

#[test]
fn the_attributes_of_a_runtime_stand_above_or_below() {
    #[monitor("place_main_below")]
    #[tokio::main(flavor = "current_thread")]
    async fn below() -> Result<u8, String> {
        tokio::task::yield_now().await;
        Err("no".into())
    }
    #[tokio::main(flavor = "current_thread")]
    #[monitor("place_main_above")]
    async fn above() -> Result<u8, String> {
        tokio::task::yield_now().await;
        Err("no".into())
    }
    assert!(below().is_err() && above().is_err());
    assert_eq!((calls("place_main_below"), calls("place_main_above")), ("1 error".into(), "1 error".into()));
}

#[monitor("place_test_below")]
#[test]
fn test_functions_may_be_measured_from_above() {}

#[tokio::test]
#[monitor("place_test_above")]
async fn test_functions_may_be_measured_from_below() {
    yield_once().await;
}

#[test]
fn attributes_of_the_language_stay() {
    /// Documented.
    #[monitor("place_language")]
    #[inline]
    #[must_use]
    #[deprecated = "for the test's sake"]
    #[cold]
    #[allow(unused_mut, unused_variables)]
    fn f(mut n: u8) -> u8 {
        7
    }
    #[monitor("place_expect")]
    #[expect(unused_variables, reason = "it is")]
    fn g(n: u8) {}
    #[monitor("place_cfg_attr")]
    #[cfg_attr(test, allow(unused_variables))]
    #[cfg(test)]
    async fn h(n: u8) {}
    // Both expectations fail if the attribute they need was lost.
    #[expect(deprecated, unused_must_use)]
    {
        f(1);
    }
    g(1);
    finish(h(1));
    for label in ["place_language", "place_expect", "place_cfg_attr"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn target_features_reach_the_body() {
    #[target_feature(enable = "sse2")]
    fn needs_sse2() -> u8 {
        1
    }
    #[monitor("place_target_feature")]
    #[target_feature(enable = "sse2")]
    fn f() -> u8 {
        needs_sse2()
    }
    // SAFETY: every x86-64 processor has SSE2.
    #[allow(unused_unsafe)]
    let one = unsafe { f() };
    assert_eq!((one, calls("place_target_feature")), (1, "1 ok".into()));
}

mod made_by_macros {
    use super::{calls, finish, monitor, yield_once};

    // The parameter's name comes once from the caller and once from the macro: the two are different names to the
    // compiler, even where they are spelled alike.
    macro_rules! adds {
        ($(#[$attr:meta])* $vis:vis fn $name:ident($param:ident), $label:literal, $body:expr) => {
            $(#[$attr])*
            #[monitor($label)]
            $vis fn $name($param: u32, own: u32) -> u32 {
                let from_macro = own * 10;
                $body + from_macro
            }
        };
    }

    macro_rules! later {
        ($name:ident($self:ident, $param:ident: $ty:ty) -> $returned:ty $body:block, $label:expr) => {
            #[monitor($label)]
            async fn $name(&$self, $param: $ty, own: u32) -> $returned {
                yield_once().await;
                let value = $body;
                value.map(|value| value + own)
            }
        };
    }

    macro_rules! whole {
        ($item:item) => {
            #[monitor("place_macro_item")]
            $item
        };
    }

    adds!(
        /// Documented through the macro.
        #[inline]
        pub(super) fn with_own(n),
        "place_macro_caller",
        n + 1
    );
    adds!(fn alike(own), "place_macro_alike", own + 1);
    whole! { fn item((a, _): (u8, u8)) -> u8 { a } }

    struct Base(u32);
    impl Base {
        later!(add(self, n: u32) -> Result<u32, String> { self.0.checked_add(n).ok_or("too many".to_owned()) }, "place_macro_method");
    }

    #[test]
    fn names_from_the_macro_and_from_its_caller_do_not_mix() {
        assert_eq!((with_own(1, 2), alike(1, 2), item((3, 4))), (22, 22, 3));
        assert_eq!(finish(Base(1).add(2, 3)), Ok(6));
        assert!(finish(Base(1).add(u32::MAX, 3)).is_err());
        assert_eq!(calls("place_macro_caller"), "1 ok");
        assert_eq!(calls("place_macro_alike"), "1 ok");
        assert_eq!(calls("place_macro_item"), "1 ok");
        assert_eq!(calls("place_macro_method"), "1 ok, 1 error");
    }
}

#[test]
fn two_functions_with_the_same_labels_are_one_series() {
    #[monitor_db_operation("select", "place_shared")]
    fn one() {}
    #[monitor_db_operation("select", "place_shared")]
    async fn other() -> Result<(), ()> {
        Err(())
    }
    one();
    assert!(finish(other()).is_err());
    assert_eq!(calls_of(Kind::DbOperation, &["select", "place_shared"]), "1 ok, 1 error");
}

mod constants {
    pub(super) const SERVER: &str = "place_constant";
    pub(super) struct Tools;
    impl Tools {
        pub(super) const RESOLVE: &'static str = "resolve";
    }
}

#[test]
fn labels_are_given_by_constants() {
    #[monitor_mcp_call(constants::SERVER, constants::Tools::RESOLVE)]
    fn f() {}
    f();
    assert_eq!(calls_of(Kind::McpCall, &["place_constant", "resolve"]), "1 ok");
}

#[test]
fn whatever_the_user_has_in_scope_is_not_ours_to_use() {
    // Every path of ours is absolute: what shadows the usual names changes nothing.
    mod shadowed {
        #![allow(dead_code, unused_macros, non_camel_case_types)]
        use perf_runtime::monitor;
        mod std {}
        mod core {}
        struct Option;
        struct Box;
        struct Result;
        trait Future {}
        trait Debug {}
        fn drop() {}
        macro_rules! unreachable {
            () => {
                compile_error!("not this one")
            };
        }
        #[monitor("place_shadowed")]
        pub(super) async fn f(_: ::std::string::String, (a, _): (u8, u8)) -> ::std::result::Result<u8, ()> {
            ::std::result::Result::Ok(a)
        }
        #[monitor("place_shadowed_never")]
        pub(super) async fn g() -> ! {
            loop {
                ::std::future::pending::<()>().await;
            }
        }
        #[monitor("place_shadowed_boxed", level = "trace", fields(a = a))]
        pub(super) fn h(a: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = u8>>> {
            ::std::boxed::Box::pin(async move { a })
        }
    }
    assert_eq!(finish(shadowed::f(String::new(), (1, 2))), Ok(1));
    assert_eq!(finish(shadowed::h(2)), 2);
    let _ = poll_once(Box::pin(shadowed::g()).as_mut());
    assert_eq!(calls("place_shadowed"), "1 ok");
    assert_eq!(calls("place_shadowed_boxed"), "1 ok");
    assert_eq!(calls("place_shadowed_never"), "1 cancelled");
}

#[test]
fn an_impl_block_measures_all_its_methods() {
    struct Desk<T>(T);
    #[monitor]
    impl<T: Debug> Desk<T> {
        fn look(&self) -> String {
            format!("{:?}", self.0)
        }
        async fn take(self) -> T {
            yield_once().await;
            self.0
        }
        #[monitor(skip)]
        fn skipped(&self) {}
    }
    let desk = Desk(1);
    desk.skipped();
    assert_eq!((desk.look(), finish(desk.take())), ("1".into(), 1));
    assert_eq!((calls("Desk::look"), calls("Desk::take")), ("1 ok".into(), "1 ok".into()));
}

#[test]
fn callers_places_are_kept_where_the_body_ends_with_its_value() {
    use std::ops::{Index, IndexMut};
    use std::panic::Location;

    // An implementation inherits `#[track_caller]` from its trait, and its attribute does not see that.
    trait Where {
        #[track_caller]
        fn place(&self) -> &'static Location<'static>;
        #[track_caller]
        fn line(&self, early: bool) -> Result<u32, String>;
    }
    struct Here(Vec<u8>);
    struct Blocked;
    impl Where for Here {
        #[monitor("place_caller_trait")]
        fn place(&self) -> &'static Location<'static> {
            Location::caller()
        }
        #[monitor("place_caller_value")]
        fn line(&self, early: bool) -> Result<u32, String> {
            if early { Err("early".to_owned()) } else { Ok(Location::caller().line()) }
        }
    }
    impl Index<bool> for Here {
        type Output = Location<'static>;
        #[monitor("place_caller_index")]
        fn index(&self, early: bool) -> &Location<'static> {
            if early {
                return Location::caller();
            }
            Location::caller()
        }
    }
    // The block's options for errors are not for a method that cannot fail.
    #[monitor(err)]
    impl Index<u8> for Blocked {
        type Output = Location<'static>;
        fn index(&self, at: u8) -> &Location<'static> {
            assert!(at == 0, "there is nothing at {at}");
            Location::caller()
        }
    }
    #[monitor]
    impl IndexMut<usize> for Here {
        fn index_mut(&mut self, at: usize) -> &mut u8 {
            &mut self.0[at]
        }
    }
    impl Index<usize> for Here {
        type Output = u8;
        fn index(&self, at: usize) -> &u8 {
            &self.0[at]
        }
    }
    #[monitor("place_caller_function")]
    #[track_caller]
    fn function(early: bool) -> u32 {
        if early {
            return 0;
        }
        Location::caller().line()
    }
    #[monitor("place_caller_self")]
    #[track_caller]
    fn whole(here: Here, _: u8) -> (u32, usize) {
        (Location::caller().line(), here.0.len())
    }

    let mut here = Here(vec![1]);
    assert_eq!((here.place().file(), here.place().line()), (file!(), line!()));
    assert_eq!(here.line(false), Ok(line!()));
    assert!(here.line(true).is_err());
    assert_eq!((here[true].line(), here[false].line(), Blocked[0].line()), (line!(), line!(), line!()));
    assert_eq!((function(true), function(false)), (0, line!()));
    assert_eq!(whole(Here(vec![1]), 1), (line!(), 1));
    here[0] = 2;
    assert_eq!(here[0_usize], 2);
    assert!(std::panic::catch_unwind(|| Blocked[1].line()).is_err());
    assert_eq!(calls("place_caller_trait"), "2 ok");
    assert_eq!(calls("place_caller_value"), "1 ok, 1 error");
    assert_eq!(calls("place_caller_index"), "2 ok");
    assert_eq!(calls("Blocked::index"), "1 ok, 1 panicked");
    assert_eq!(calls("Here::index_mut"), "1 ok");
    assert_eq!(calls("place_caller_function"), "2 ok");
    assert_eq!(calls("place_caller_self"), "1 ok");
}

#[test]
fn a_block_follows_conditions_and_skips_as_if_they_were_not_conditional() {
    struct Basket;
    #[monitor]
    impl Basket {
        #[cfg_attr(all(), monitor(skip))]
        fn left_out() {}
        #[cfg_attr(any(), monitor(skip))]
        fn not_left_out() {}
        #[cfg_attr(all(), monitor_db_operation("select", "baskets"))]
        fn select() {}
        #[cfg_attr(any(), monitor_db_operation("select", "baskets"), allow(unused))]
        fn not_select() {}
    }
    Basket::left_out();
    Basket::not_left_out();
    Basket::select();
    Basket::not_select();
    let summary =
        perf_runtime::Monitor::builder().build().expect("no settings").summary(perf_runtime::Window::LastHour);
    for name in ["Basket::left_out", "Basket::select"] {
        assert!(summary.find(Kind::Operation, &[name]).is_none(), "{name}");
    }
    assert_eq!(calls("Basket::not_left_out"), "1 ok");
    assert_eq!(calls("Basket::not_select"), "1 ok");
    assert_eq!(calls_of(Kind::DbOperation, &["select", "baskets"]), "1 ok");
}

#[test]
fn a_block_for_a_type_without_a_name_of_its_own_is_labelled_by_its_shape() {
    trait Width {
        fn width(&self) -> usize;
    }
    trait Shop {}
    #[monitor]
    impl Width for () {
        fn width(&self) -> usize {
            0
        }
    }
    #[monitor]
    impl Width for (u8, String) {
        fn width(&self) -> usize {
            2
        }
    }
    #[monitor]
    impl Width for [u16] {
        fn width(&self) -> usize {
            self.len()
        }
    }
    #[monitor]
    impl Width for dyn Shop {
        fn width(&self) -> usize {
            1
        }
    }
    impl Shop for u8 {}
    let shop: &dyn Shop = &1;
    assert_eq!(().width() + (1, String::new()).width() + [1_u16][..].width() + shop.width(), 4);
    for name in ["()::width", "(u8,String)::width", "[u16]::width", "Shop::width"] {
        assert_eq!(calls(name), "1 ok");
    }
}
