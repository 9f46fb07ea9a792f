//! Finds errors by type, so that an alias of `Result`, from whatever crate, is seen through.

use super::profiled::Ends;
use crate::measure::model::error_type::{ErrorType, Sorts};
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::Deref;
use std::task::Poll;

/// The value that a body returned, by which its call ends.
///
/// Where the error is an [`ErrorType`] that can be shown, the method `finish` of the type itself is found. Else the language looks further,
/// behind [`Deref`]: at [`Sorted`], [`Shown`], [`MaybeResult`] (any other `Result`) and at last [`NoResult`]. No trait need be in scope.
#[derive(Debug)]
pub struct Returned<'a, T>(Sorted<'a, T>);

/// As [`Returned`], where the error has a sort.
#[derive(Debug)]
pub struct Sorted<'a, T>(Shown<'a, T>);

/// As [`Returned`], where the error can be shown.
#[derive(Debug)]
pub struct Shown<'a, T>(MaybeResult<'a, T>);

/// A `Result`, or not.
#[derive(Debug)]
pub struct MaybeResult<'a, T>(&'a T);

/// A value that is not a `Result`.
#[derive(Debug)]
pub struct NoResult;

/// Looks at the value that a body returned.
#[inline]
pub const fn returned<T>(value: &T) -> Returned<'_, T> {
    Returned(Sorted(Shown(MaybeResult(value))))
}

/// A value that may be an error, or hold one: a `Result`, also inside an `Option` or a `Poll`. `None` and `Pending` are no errors.
pub trait MayFail {
    /// The error's type.
    type Error;

    /// The error, where there is one.
    fn error(&self) -> Option<&Self::Error>;
}

impl<T, E> MayFail for Result<T, E> {
    type Error = E;

    #[inline]
    fn error(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

impl<T: MayFail> MayFail for Option<T> {
    type Error = T::Error;

    #[inline]
    fn error(&self) -> Option<&T::Error> {
        self.as_ref()?.error()
    }
}

impl<T: MayFail> MayFail for Poll<T> {
    type Error = T::Error;

    #[inline]
    fn error(&self) -> Option<&T::Error> {
        match self {
            Self::Ready(value) => value.error(),
            Self::Pending => None,
        }
    }
}

/// The sorts of the errors of a type that may be a `Result`: a constant of the type itself where they are known, else that of
/// [`NoSorts`].
#[derive(Debug)]
pub struct SortsIn<T>(PhantomData<T>);

impl<T: MayFail<Error: ErrorType>> SortsIn<T> {
    /// The sorts.
    pub const SORTS: &'static Sorts = &Sorts::of::<T::Error>();
}

/// The empty list of sorts, of a type whose errors have none that are known.
pub trait NoSorts {
    /// The empty list.
    const SORTS: &'static Sorts = &Sorts::NONE;
}

impl<T> NoSorts for SortsIn<T> {}

/// Two ways to end a call, by types whose errors tell something of themselves.
macro_rules! finishes {
    ($($type:ident: ($($bound:path),*), $error:ident => $failed:expr;)+) => {$(
        impl<T: MayFail<Error: $($bound +)*>> $type<'_, T> {
            /// Ends the call: an `Err` is an error.
            #[inline]
            pub fn finish(&self, call: &mut impl Ends) {
                match self.value().error() {
                    None => call.finish(Outcome::Ok),
                    Some($error) => call.finish_failed(&$failed),
                }
            }

            /// Ends the call with the outcome that the user's predicate gave. An error is told as what it is.
            #[inline]
            pub fn finish_as(&self, outcome: Outcome, call: &mut impl Ends) {
                match self.value().error().filter(|_| outcome == Outcome::Error) {
                    None => call.finish(outcome),
                    Some($error) => call.finish_failed(&$failed),
                }
            }
        }
    )+};
}

finishes! {
    Returned: (ErrorType, Display), error => Failed::of(error).sorted(SortsIn::<T>::SORTS, error).shown(error);
    Sorted: (ErrorType), error => Failed::of(error).sorted(SortsIn::<T>::SORTS, error);
    Shown: (Display), error => Failed::of(error).shown(error);
    MaybeResult: (), error => Failed::of(error);
}

impl<'a, T> Deref for Returned<'a, T> {
    type Target = Sorted<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for Sorted<'a, T> {
    type Target = Shown<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for Shown<'a, T> {
    type Target = MaybeResult<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> MaybeResult<'a, T> {
    #[inline]
    fn value(&self) -> &'a T {
        self.0
    }
}

impl<T: MayFail> MaybeResult<'_, T> {
    /// The error to show, where there is one.
    #[inline]
    pub fn error(&self) -> Option<&dyn Display>
    where
        T: Fallible,
    {
        self.0.shown()
    }
}

impl<T> Deref for MaybeResult<'_, T> {
    type Target = NoResult;

    #[inline]
    fn deref(&self) -> &NoResult {
        &NoResult
    }
}

impl NoResult {
    /// Ends the call with the outcome that the user's predicate gave.
    #[inline]
    pub fn finish_as(&self, outcome: Outcome, call: &mut impl Ends) {
        call.finish(outcome);
    }

    /// Ends the call: it is ok.
    #[inline]
    pub fn finish(&self, call: &mut impl Ends) {
        call.finish(Outcome::Ok);
    }

    /// No error to show.
    #[inline]
    pub fn error(&self) -> Option<&dyn Display> {
        None
    }
}

/// A value in which the option `err` finds an error to show: a `Result` whose error is `Display`, also inside an `Option` or a `Poll`.
#[diagnostic::on_unimplemented(
    message = "the option `err` needs a `Result` whose error is `Display`; this function returns `{Self}`",
    label = "there is no error here to show"
)]
pub trait Fallible {
    /// The error, where there is one.
    fn shown(&self) -> Option<&dyn Display>;
}

impl<T, E: Display> Fallible for Result<T, E> {
    fn shown(&self) -> Option<&dyn Display> {
        self.as_ref().err().map(|error| error as &dyn Display)
    }
}

impl<T: Fallible> Fallible for Option<T> {
    fn shown(&self) -> Option<&dyn Display> {
        self.as_ref()?.shown()
    }
}

impl<T: Fallible> Fallible for Poll<T> {
    fn shown(&self) -> Option<&dyn Display> {
        match self {
            Self::Ready(value) => value.shown(),
            Self::Pending => None,
        }
    }
}

/// The error to show in what a body returned.
#[inline]
pub fn error_of<T: Fallible>(value: &T) -> Option<&dyn Display> {
    value.shown()
}

/// The outcome by the user's `ok_if`: ok where it is true.
#[inline]
pub fn ok_if<T>(value: &T, predicate: impl FnOnce(&T) -> bool) -> Outcome {
    Outcome::from_success(predicate(value))
}

/// The outcome by the user's `error_if`: an error where it is true.
#[inline]
pub fn error_if<T>(value: &T, predicate: impl FnOnce(&T) -> bool) -> Outcome {
    Outcome::from_success(!predicate(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::call::execution::prepare;
    use crate::measure::model::label::LabelSpec;
    use crate::measure::site::annotated::{Site, Spec, State};

    type Alias<T> = Result<T, String>;

    struct Known;

    impl ErrorType for Known {
        const NAMES: &'static [&'static str] = &["known"];

        fn index(&self) -> usize {
            0
        }
    }

    #[test]
    fn results_are_seen_through_aliases_and_nothing_else_is_an_error() {
        static SITE: Site =
            Site { spec: Spec { labels: &[LabelSpec::Text("probe")], ..Spec::BLANK }, state: State::Operation };
        let failed: Alias<u8> = Err("no".into());
        returned(&failed).finish(&mut prepare(&SITE).start());
        returned(&Ok::<_, ()>(1)).finish(&mut prepare(&SITE).start());
        returned(&None::<u8>).finish(&mut prepare(&SITE).start());
        returned(&()).finish(&mut prepare(&SITE).start());
        returned(&Err::<u8, _>(Known)).finish(&mut prepare(&SITE).start());
        let meter = &SITE.meters()[0];
        assert_eq!(meter.read().finished(), [3, 2, 0, 0]);
        returned(&Some(Err::<u8, _>("no"))).finish(&mut prepare(&SITE).start());
        returned(&Poll::Ready(Err::<u8, _>("no"))).finish(&mut prepare(&SITE).start());
        returned(&Poll::Ready(Some(Err::<u8, _>("no")))).finish(&mut prepare(&SITE).start());
        assert_eq!(meter.read().finished(), [3, 5, 0, 0]);
        returned(&None::<Result<u8, ()>>).finish(&mut prepare(&SITE).start());
        returned(&Poll::<Result<u8, ()>>::Pending).finish(&mut prepare(&SITE).start());
        returned(&Some(Ok::<u8, Known>(1))).finish(&mut prepare(&SITE).start());
        assert_eq!(meter.read().finished(), [6, 5, 0, 0]);
        let sorts: Vec<_> = meter.errors.read().map(|sort| (sort.name, sort.count)).collect();
        assert_eq!(sorts, [("known", 1)]);
    }

    #[test]
    fn the_sorts_of_a_type_are_known_without_a_value() {
        assert_eq!(SortsIn::<Result<u8, Known>>::SORTS.name(0), Some("known"));
        assert_eq!(SortsIn::<Option<Alias<u8>>>::SORTS.len(), 0);
        assert_eq!(<SortsIn<u8>>::SORTS.len(), 0);
    }

    #[test]
    fn a_predicate_that_finds_an_error_leaves_it_its_sort() {
        static SITE: Site =
            Site { spec: Spec { labels: &[LabelSpec::Text("judged")], ..Spec::BLANK }, state: State::Operation };
        returned(&Err::<u8, _>(Known)).finish_as(Outcome::Error, &mut prepare(&SITE).start());
        returned(&Err::<u8, _>(Known)).finish_as(Outcome::Ok, &mut prepare(&SITE).start());
        returned(&Ok::<u8, Known>(3)).finish_as(Outcome::Error, &mut prepare(&SITE).start());
        returned(&3).finish_as(Outcome::Error, &mut prepare(&SITE).start());
        let meter = &SITE.meters()[0];
        assert_eq!(meter.read().finished(), [1, 3, 0, 0]);
        assert_eq!(meter.errors.read().map(|sort| sort.count).sum::<u64>(), 1);
    }

    #[test]
    fn predicates_decide() {
        assert_eq!(error_if(&None::<u8>, Option::is_none), Outcome::Error);
        assert_eq!(ok_if(&200, |&status| status < 500), Outcome::Ok);
    }
}
