//! The sorts of errors that a signature shows, so that all of them are exported at zero before the first call.
//!
//! The site is a `static`, which knows nothing of generics: neither of the function's nor of the `impl` block's around it, which
//! an attribute does not see. To name one of them there is an error. So a type is named
//!
//! - as it is written, where it cannot be a generic parameter: a path that begins with a module;
//! - as it is written, where the function is none of a block that says `self` or `Self`, and the name is not one of its own
//!   parameters, nor one that parameters go by;
//! - else in a module of its own, which does not see any parameters, but what the module around it names. There a type of the same
//!   name stands by for what is not found.
//!
//! Sorts of what is not named so are known from their first error on.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{
    FnArg, GenericArgument, GenericParam, Ident, Path, PathArguments, PathSegment, ReturnType, Signature, Type,
    TypeParamBound,
};

/// How the site gets at the sorts of a function's errors.
pub(crate) enum Sorts {
    /// By the type that may be a `Result`, as it is written.
    Of(TokenStream),
    /// By the name of the error's type, in a module of its own.
    Named {
        error: Ident,
        runtime: Path,
    },
    Unknown,
}

impl Sorts {
    /// `runtime` is where perf-runtime is.
    pub(crate) fn of(sig: &Signature, runtime: &Path) -> Self {
        let ReturnType::Type(_, ty) = &sig.output else { return Self::Unknown };
        let Some(result) = result_in(ty) else { return Self::Unknown };
        let last = result.segments.last();
        match last.map(|last| types_in(last).collect::<Vec<_>>()).as_deref() {
            Some([_, error]) => Self::of_error(error, sig, runtime),
            // `Result<T>` is an alias: what it is of says nothing of the error.
            Some([_]) if last.is_some_and(|last| last.ident == "Result") => Self::of_alias(result, true, sig),
            Some([]) if last.is_some_and(|last| last.arguments.is_none()) => Self::of_alias(result, false, sig),
            _ => Self::Unknown,
        }
    }

    fn of_error(error: &Type, sig: &Signature, runtime: &Path) -> Self {
        let Type::Path(error) = error else { return Self::Unknown };
        let path = &error.path;
        if error.qself.is_some() || path.segments.iter().any(|segment| !segment.arguments.is_none()) {
            return Self::Unknown;
        }
        if is_concrete(path, sig) {
            return Self::Of(quote!(::core::result::Result<(), #path>));
        }
        let may_be_named = is_sure(runtime) && path.get_ident().is_some_and(|error| !is_parameter_like(error));
        match path.get_ident() {
            Some(error) if may_be_named && !is_parameter(error, sig) => {
                Self::Named { error: error.clone(), runtime: runtime.clone() }
            }
            _ => Self::Unknown,
        }
    }

    fn of_alias(alias: &Path, takes_value: bool, sig: &Signature) -> Self {
        let mut path = alias.clone();
        if let Some(last) = path.segments.last_mut() {
            last.arguments = PathArguments::None;
        }
        // Nobody calls a parameter `Result`.
        let is_named = is_concrete(&path, sig) || path.is_ident("Result");
        if path.segments.iter().any(|segment| !segment.arguments.is_none()) || !is_named {
            return Self::Unknown;
        }
        Self::Of(if takes_value { quote!(#path<()>) } else { path.into_token_stream() })
    }

    /// The sorts as a constant of the site's; `None` where they are not known.
    pub(crate) fn value(&self, runtime: &TokenStream) -> Option<TokenStream> {
        match self {
            Self::Of(ty) => Some(quote!({
                use #runtime::NoSorts as _;
                <#runtime::SortsIn<#ty>>::SORTS
            })),
            Self::Named { error, runtime } => {
                let error = Ident::new(&error.to_string(), Span::mixed_site().located_at(error.span()));
                let module = format_ident!("__perf_sorts", span = Span::mixed_site());
                Some(quote!({
                    mod #module {
                        struct #error;
                        pub(super) const SORTS: &#runtime::__private::Sorts = {
                            use super::*;
                            use #runtime::__private::NoSorts as _;
                            <#runtime::__private::SortsIn<::core::result::Result<(), #error>>>::SORTS
                        };
                    }
                    #module::SORTS
                }))
            }
            Self::Unknown => None,
        }
    }
}

/// The first path in a type whose name ends as that of a `Result`.
fn result_in(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Group(ty) => result_in(&ty.elem),
        Type::Paren(ty) => result_in(&ty.elem),
        Type::ImplTrait(ty) => ty.bounds.iter().find_map(result_in_bound),
        Type::TraitObject(ty) => ty.bounds.iter().find_map(result_in_bound),
        Type::Path(ty) => {
            let last = ty.path.segments.last()?;
            if ty.qself.is_none() && last.ident.to_string().ends_with("Result") {
                return Some(&ty.path);
            }
            types_in(last).find_map(result_in)
        }
        _ => None,
    }
}

fn result_in_bound(bound: &TypeParamBound) -> Option<&Path> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assigned) => result_in(&assigned.ty),
        _ => None,
    })
}

fn types_in(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter()),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a path cannot be a generic parameter of anything around the function, as far as that can be seen.
fn is_concrete(path: &Path, sig: &Signature) -> bool {
    match path.get_ident() {
        Some(name) => !is_of_a_block(sig) && !is_parameter(name, sig) && !is_parameter_like(name) && name != "Error",
        None => is_sure(path),
    }
}

/// Whether a path begins with a module, or at the root.
fn is_sure(path: &Path) -> bool {
    let begins_with_module =
        || path.segments.first().is_some_and(|first| first.ident.to_string().starts_with(char::is_lowercase));
    path.leading_colon.is_some() || (path.segments.len() > 1 && begins_with_module())
}

/// Whether the function says that it stands in an `impl` block.
fn is_of_a_block(sig: &Signature) -> bool {
    sig.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_))) || says_self(sig.to_token_stream())
}

fn says_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => says_self(group.stream()),
        _ => false,
    })
}

fn is_parameter(name: &Ident, sig: &Signature) -> bool {
    sig.generics.params.iter().any(|parameter| match parameter {
        GenericParam::Type(parameter) => parameter.ident == *name,
        GenericParam::Const(parameter) => parameter.ident == *name,
        GenericParam::Lifetime(_) => false,
    })
}

/// Whether parameters go by such names: `E`, `E2`, `Err`.
fn is_parameter_like(name: &Ident) -> bool {
    let name = name.to_string();
    name == "Self" || name == "Err" || name.chars().skip(1).all(|char| char.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn told(sig: &Signature) -> String {
        match Sorts::of(sig, &parse_quote!(::perf_runtime)) {
            Sorts::Of(ty) => ty.to_string().replace(' ', ""),
            Sorts::Named { error, .. } => format!("named {error}"),
            Sorts::Unknown => String::new(),
        }
    }

    #[test]
    fn a_type_is_named_as_it_is_written_only_where_it_is_no_parameter() {
        let direct = "::core::result::Result<(),StoreError>";
        assert_eq!(told(&parse_quote!(fn f() -> Result<u8, StoreError>)), direct);
        assert_eq!(told(&parse_quote!(async fn f<T>(x: T) -> Option<Result<T, StoreError>>)), direct);
        assert_eq!(told(&parse_quote!(fn f() -> impl Future<Output = Result<u8, StoreError>>)), direct);
        assert_eq!(
            told(&parse_quote!(fn f(&self) -> Result<T, store::Error>)),
            "::core::result::Result<(),store::Error>"
        );
        assert_eq!(told(&parse_quote!(fn f(&self) -> Result<u8, StoreError>)), "named StoreError");
        assert_eq!(told(&parse_quote!(fn f() -> Result<Self, StoreError>)), "named StoreError");
        assert_eq!(told(&parse_quote!(fn f() -> Result<u8, Error>)), "named Error");
    }

    #[test]
    fn aliases_are_looked_into_and_parameters_are_not() {
        assert_eq!(told(&parse_quote!(fn f() -> Result<Vec<u8>>)), "Result<()>");
        assert_eq!(told(&parse_quote!(fn f(&self) -> Result<T>)), "Result<()>");
        assert_eq!(told(&parse_quote!(fn f(&self) -> crate::Result<T>)), "crate::Result<()>");
        assert_eq!(told(&parse_quote!(fn f() -> StoreResult)), "StoreResult");
        for unknown in [
            parse_quote!(fn f()),
            parse_quote!(fn f() -> u8),
            parse_quote!(fn f() -> StoreResult<u8>),
            parse_quote!(fn f<Failure>() -> Result<u8, Failure>),
            parse_quote!(fn f() -> Result<u8, E>),
            parse_quote!(fn f() -> Result<u8, E2>),
            parse_quote!(fn f(&self) -> Result<u8, Self::Error>),
            parse_quote!(fn f(&self) -> Result<u8, S::Error>),
            parse_quote!(fn f() -> Result<u8, Store<T>>),
            parse_quote!(fn f() -> Result<u8, &'static str>),
            parse_quote!(fn f() -> Result<u8, <S as Service>::Error>),
        ] {
            assert_eq!(told(&unknown), "");
        }
    }
}
