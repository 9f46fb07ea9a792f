//! Tells an error from what is not, by type: so that an alias of `Result`, from whatever crate, is seen through.

use super::outcome::Outcome;
use std::ops::Deref;

/// What a body returned, to be asked for its outcome.
///
/// Where the type is a `Result`, the method `outcome` of the type itself is found. Where it is anything else, the language
/// looks further, behind [`Deref`], and finds that of [`NoResult`]. No trait need be in scope.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

impl<T, E> Returned<'_, Result<T, E>> {
    /// `Error` for an `Err`.
    #[inline]
    pub const fn outcome(&self) -> Outcome {
        Outcome::from_success(self.0.is_ok())
    }
}

/// Everything that is not a `Result`.
#[derive(Debug)]
pub struct NoResult;

impl NoResult {
    /// Always `Ok`.
    #[inline]
    #[expect(clippy::unused_self, reason = "found by method look-up")]
    pub const fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

impl<T> Deref for Returned<'_, T> {
    type Target = NoResult;

    #[inline]
    fn deref(&self) -> &NoResult {
        &NoResult
    }
}

/// The outcome by a predicate of the user's: `ok_if` says what is `Ok`.
#[inline]
pub fn ok_if<T>(value: &T, predicate: impl FnOnce(&T) -> bool) -> Outcome {
    Outcome::from_success(predicate(value))
}

/// The outcome by a predicate of the user's: `error_if` says what is an error.
#[inline]
pub fn error_if<T>(value: &T, predicate: impl FnOnce(&T) -> bool) -> Outcome {
    Outcome::from_success(!predicate(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias<T> = Result<T, String>;

    #[test]
    fn results_are_seen_through_aliases_and_nothing_else_is_an_error() {
        let failed: Alias<u8> = Err("no".into());
        assert_eq!(Returned(&failed).outcome(), Outcome::Error);
        assert_eq!(Returned(&Ok::<_, ()>(1)).outcome(), Outcome::Ok);
        assert_eq!(Returned(&None::<u8>).outcome(), Outcome::Ok);
        assert_eq!(Returned(&()).outcome(), Outcome::Ok);
    }

    #[test]
    fn predicates_decide() {
        assert_eq!(error_if(&None::<u8>, Option::is_none), Outcome::Error);
        assert_eq!(ok_if(&200, |&status| status < 500), Outcome::Ok);
    }
}
