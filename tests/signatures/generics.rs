//! Type, lifetime and const parameters, bounds, and functions of other kinds.

use crate::support::{calls, finish, yield_once};
use perf_runtime::monitor;
use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::ops::Add;

#[test]
fn one_generic_function_is_one_series() {
    #[monitor("generic_one_series")]
    fn show<T: Display + ?Sized>(value: &T) -> String {
        value.to_string()
    }
    assert_eq!((show(&1), show("two")), ("1".into(), "two".into()));
    assert_eq!(calls("generic_one_series"), "2 ok");
}

#[test]
fn bounds_constants_and_lifetimes_stay() {
    #[monitor("generic_everything")]
    fn sum<'a, 'b: 'a, T, const N: usize>(values: &'a [T; N], zero: &'b T) -> Cow<'a, [T]>
    where
        T: Copy + Add<Output = T> + PartialEq + 'static,
        [T; N]: Sized,
    {
        if values.iter().any(|value| value == zero) {
            return Cow::Borrowed(values);
        }
        Cow::Owned(vec![values.iter().copied().fold(*zero, |sum, value| sum + value); N])
    }
    #[monitor("generic_higher_ranked")]
    async fn apply<F>(f: F, text: &str) -> usize
    where
        F: for<'x> Fn(&'x str) -> &'x str,
    {
        yield_once().await;
        f(text).len()
    }
    assert_eq!(sum(&[1, 2], &0).into_owned(), [3, 3]);
    assert!(matches!(sum(&[0, 2], &0), Cow::Borrowed(_)));
    assert_eq!(finish(apply(|text| text.trim(), " four ")), 4);
    assert_eq!(calls("generic_everything"), "2 ok");
    assert_eq!(calls("generic_higher_ranked"), "1 ok");
}

#[test]
fn impl_trait_stands_in_arguments() {
    #[monitor("generic_impl_argument")]
    fn join(parts: impl IntoIterator<Item = impl AsRef<str>>, by: &(impl Display + ?Sized)) -> String {
        parts.into_iter().map(|part| part.as_ref().to_owned() + &by.to_string()).collect()
    }
    #[monitor("generic_impl_argument_async")]
    async fn show<T: Debug>(one: T, other: impl Debug) -> (impl Debug, T) {
        yield_once().await;
        (format!("{one:?}{other:?}"), one)
    }
    assert_eq!(join(["a", "b"], "-"), "a-b-");
    assert_eq!(format!("{:?}", finish(show(1, "x"))), r#"("1\"x\"", 1)"#);
    assert_eq!(calls("generic_impl_argument"), "1 ok");
    assert_eq!(calls("generic_impl_argument_async"), "1 ok");
}

#[test]
#[allow(unsafe_op_in_unsafe_fn)]
fn unsafe_and_foreign_functions_stay_what_they_are() {
    /// # Safety
    /// `pointer` must be readable.
    #[monitor("generic_unsafe")]
    unsafe fn read(pointer: *const u8) -> u8 {
        // Without a block of its own: the body of an unsafe function may do this, so must the same body inside.
        *pointer
    }
    /// # Safety
    /// `pointer` must be readable.
    #[monitor("generic_unsafe_async")]
    async unsafe fn read_later(pointer: *const u8) -> u8 {
        yield_once().await;
        *pointer
    }
    #[monitor("generic_extern")]
    extern "C" fn callback(n: i32) -> i32 {
        n + 1
    }
    /// # Safety
    /// As for [`read`].
    #[monitor("generic_unsafe_extern")]
    unsafe extern "C" fn call(f: Option<unsafe extern "C" fn(i32) -> i32>) -> i32 {
        f.map_or(0, |f| f(1))
    }
    // SAFETY: the pointers are of live values.
    unsafe {
        assert_eq!((read(&1), finish(read_later(&2)), call(Some(callback))), (1, 2, 2));
    }
    for label in ["generic_unsafe", "generic_unsafe_async", "generic_extern", "generic_unsafe_extern"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
}

#[test]
fn functions_are_still_function_items() {
    #[monitor("generic_pointer")]
    fn double(n: &u8) -> u8 {
        n * 2
    }
    let pointer: for<'a> fn(&'a u8) -> u8 = double;
    assert_eq!([1, 2].iter().map(double).map(|n| pointer(&n)).collect::<Vec<_>>(), [4, 8]);
    assert_eq!(calls("generic_pointer"), "4 ok");
}

#[test]
fn methods_of_generic_blocks_are_sites_too() {
    struct Cache<'a, K, const N: usize>([Option<(&'a str, K)>; N]);
    impl<'a, K: Clone + PartialEq, const N: usize> Cache<'a, K, N> {
        const SIZE: usize = N;
        #[monitor("generic_block")]
        fn get<Q>(&self, key: &Q) -> Option<&'a str>
        where
            K: PartialEq<Q>,
        {
            assert!(Self::SIZE > 0);
            self.0.iter().flatten().find(|(_, own)| own == key).map(|(value, _)| *value)
        }
        #[monitor("generic_block_async")]
        async fn set(&mut self, value: &'a str, key: K) -> Result<&mut Self, (&'a str, K)> {
            yield_once().await;
            let Some(free) = self.0.iter_mut().find(|slot| slot.is_none()) else { return Err((value, key)) };
            *free = Some((value, key));
            Ok(self)
        }
    }
    let mut cache = Cache([None]);
    assert!(finish(cache.set("a", 1)).is_ok());
    assert!(finish(cache.set("b", 2)).is_err());
    assert_eq!(cache.get(&1), Some("a"));
    assert_eq!(calls("generic_block"), "1 ok");
    assert_eq!(calls("generic_block_async"), "1 ok, 1 error");
}
