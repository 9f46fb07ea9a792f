//! The traits that every guard has, and every lock of a value.

/// `Deref`, `Debug` and `Display` of a guard by what it guards.
macro_rules! reads {
    ([$($generics:tt)*] $guard:ty, $target:ident, |$this:ident| $value:expr) => {
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $target;

            fn deref(&self) -> &$target {
                let $this = self;
                $value
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $target: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $target: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    };
}

/// The same, and `DerefMut`.
macro_rules! writes {
    ([$($generics:tt)*] $guard:ty, $target:ident, |$this:ident| $value:expr, $value_mut:expr) => {
        crate::guards::reads!([$($generics)*] $guard, $target, |$this| $value);

        impl<$($generics)*> std::ops::DerefMut for $guard {
            fn deref_mut(&mut self) -> &mut $target {
                let $this = self;
                $value_mut
            }
        }
    };
}

/// `From`, `Default` and `Debug` of a lock as the original's are, with the name of the place where it is made.
macro_rules! made_of_values {
    ($lock:ident) => {
        impl<T> From<T> for $lock<T> {
            #[track_caller]
            fn from(value: T) -> Self {
                Self::new(value)
            }
        }

        impl<T: Default> Default for $lock<T> {
            #[track_caller]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T: ?Sized + std::fmt::Debug> std::fmt::Debug for $lock<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

pub(crate) use {made_of_values, reads, writes};
