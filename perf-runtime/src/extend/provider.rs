//! Services that one part provides to others, by a trait.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The providers of a monitor: at most one for each trait.
#[derive(Clone, Default)]
pub(crate) struct Providers(Arc<RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>>);

/// The guard of a provider that [`Monitor::provide`](crate::Monitor::provide) registered.
#[must_use = "dropping the guard withdraws the provider"]
pub struct Provided {
    providers: Providers,
    of: TypeId,
    name: &'static str,
}

/// Another part provides this already: there is one provider for each trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvideError {
    /// The type that was to be provided, such as `dyn perf_runtime::extend::Past`.
    pub of: &'static str,
}

impl fmt::Display for ProvideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: there is a provider already; a monitor takes one, and the first stays", self.of)
    }
}

impl Error for ProvideError {}

impl Providers {
    pub(crate) fn provide<T: ?Sized + Send + Sync + 'static>(
        &self,
        provider: Arc<T>,
    ) -> Result<Provided, ProvideError> {
        let (of, name) = (TypeId::of::<T>(), type_name::<T>());
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.contains_key(&of) {
            return Err(ProvideError { of: name });
        }
        all.insert(of, Box::new(provider));
        Ok(Provided { providers: self.clone(), of, name })
    }

    pub(crate) fn ask<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&TypeId::of::<T>())?.downcast_ref::<Arc<T>>().cloned()
    }
}

impl Drop for Provided {
    fn drop(&mut self) {
        let provider = self.providers.0.write().unwrap_or_else(PoisonError::into_inner).remove(&self.of);
        // Dropped when nothing is locked: it may ask for another.
        drop(provider);
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").finish_non_exhaustive()
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provided").field("of", &self.name).finish_non_exhaustive()
    }
}
