//! The traits that every guard has.

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

pub(crate) use {reads, writes};
