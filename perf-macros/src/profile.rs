//! The profiler's options: `profile`, and what a call did in `units`.

use crate::params::is_parameter;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, Expr, Result, ReturnType, Signature, Type};

/// The option `profile`, with the units of work that a call does.
pub(crate) struct Profile {
    pub(crate) units: Option<Units>,
}

/// How many units of work a call did.
pub(crate) enum Units {
    /// An expression over the arguments, taken as the call starts.
    OfArguments(Expr),
    /// A function or closure of a reference to what was returned.
    OfReturned(Expr),
}

impl Profile {
    pub(crate) fn new(profile: Option<&Ident>, units: Option<Expr>, sig: &Signature) -> Result<Option<Self>> {
        match (profile, units) {
            (None, None) => Ok(None),
            (None, Some(units)) => {
                let message = "`units` are counted by the profiler: add the option `profile`";
                Err(Error::new_spanned(units, message))
            }
            (Some(_), Some(units)) if matches!(&sig.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_))) =>
            {
                let message = "this function never returns, so its units are never done";
                Err(Error::new_spanned(units, message))
            }
            (Some(_), units) => Ok(Some(Self { units: units.map(|units| Units::new(units, sig)) })),
        }
    }

    /// The part of the site's targets.
    pub(crate) fn target(&self) -> TokenStream {
        let units = self.units.as_ref().map(|_| quote!(.units()));
        quote!(.profile() #units)
    }
}

impl Units {
    /// A path that names no parameter is a function's.
    fn new(units: Expr, sig: &Signature) -> Self {
        let is_function = match &units {
            Expr::Closure(_) => true,
            Expr::Path(path) => !path.path.get_ident().is_some_and(|name| name == "self" || is_parameter(name, sig)),
            _ => false,
        };
        if is_function { Self::OfReturned(units) } else { Self::OfArguments(units) }
    }
}
