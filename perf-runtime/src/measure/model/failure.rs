//! A failure, as the code that sees it tells it.

use super::error_type::{ErrorType, Sorts};
use std::any::type_name;
use std::fmt::{self, Display};

/// An error that a call returned, by what its type tells.
#[derive(Clone, Copy)]
pub struct Failed<'a> {
    /// The sorts of the error's type.
    pub(crate) sorts: &'static Sorts,
    /// The place of this error's sort among them.
    pub(crate) index: usize,
    /// The name of the error's type; asked for only once the call has failed.
    pub(crate) type_name: fn() -> &'static str,
    /// The error, where it can be shown.
    pub(crate) shown: Option<&'a dyn Display>,
}

impl<'a> Failed<'a> {
    /// An error of a type that tells nothing of itself.
    #[inline]
    pub fn of<E>(_: &E) -> Self {
        Self { sorts: &Sorts::NONE, index: 0, type_name: type_name::<E>, shown: None }
    }

    /// The same, of a sort that is known.
    #[inline]
    #[must_use]
    pub fn sorted<E: ErrorType>(self, sorts: &'static Sorts, error: &E) -> Self {
        Self { sorts, index: error.index(), ..self }
    }

    /// The same, with a text.
    #[inline]
    #[must_use]
    pub fn shown(self, error: &'a dyn Display) -> Self {
        Self { shown: Some(error), ..self }
    }
}

/// The error is not shown: it may hold what is private.
impl fmt::Debug for Failed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = self.sorts.name(self.index);
        f.debug_struct("Failed").field("type_name", &(self.type_name)()).field("sort", &sort).finish_non_exhaustive()
    }
}
