//! What the signature says of how a function runs, and how its parameters reach its body.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{
    AngleBracketedGenericArguments, Attribute, Error, FnArg, GenericArgument, Pat, PatIdent, PatType, PathArguments,
    PathSegment, Result, ReturnType, Signature, Type, TypeParamBound,
};

/// How a function runs.
pub(crate) enum Shape {
    Sync,
    Async,
    /// A sync function that returns a future, which is what is measured. `boxed`: in a `Pin<Box<..>>`.
    Future {
        boxed: bool,
    },
}

/// What a body returns.
pub(crate) enum Returns {
    /// `!`
    Never,
    /// A type, with each `impl Trait` in it left to inference; `None` where all of it is.
    Value(Option<Box<Type>>),
}

impl Shape {
    pub(crate) fn of(sig: &Signature) -> Result<Self> {
        if sig.asyncness.is_some() {
            return Ok(Self::Async);
        }
        let ReturnType::Type(_, ty) = &sig.output else { return Ok(Self::Sync) };
        let made = made_of(ty);
        if names_bound(&made, "Stream") {
            let message = "a stream runs after the function has returned, so its duration would be a lie: make the \
                           function `async` to measure the making, or measure what consumes the stream";
            return Err(Error::new_spanned(ty, message));
        }
        Ok(match made {
            Made::Boxed(_) if names_bound(&made, "Future") => Self::Future { boxed: true },
            Made::Plain(_) if names_bound(&made, "Future") => Self::Future { boxed: false },
            Made::Alias => Self::Future { boxed: true },
            _ => Self::Sync,
        })
    }
}

/// A return type, as far as it tells of futures.
enum Made<'a> {
    /// `impl Future<..>`
    Plain(&'a Punctuated<TypeParamBound, syn::Token![+]>),
    /// `Pin<Box<dyn Future<..>>>`
    Boxed(&'a Punctuated<TypeParamBound, syn::Token![+]>),
    /// `BoxFuture<..>` and `LocalBoxFuture<..>`, as the crate `futures` names them.
    Alias,
    Else,
}

fn made_of(ty: &Type) -> Made<'_> {
    match ty {
        Type::ImplTrait(ty) => Made::Plain(&ty.bounds),
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" => Made::Alias,
            Some(last) if last.ident == "Pin" => boxed_in(last).map_or(Made::Else, Made::Boxed),
            _ => Made::Else,
        },
        Type::Paren(ty) => made_of(&ty.elem),
        Type::Group(ty) => made_of(&ty.elem),
        _ => Made::Else,
    }
}

/// The bounds of the `dyn` in `Pin<Box<dyn ..>>`.
fn boxed_in(pin: &PathSegment) -> Option<&Punctuated<TypeParamBound, syn::Token![+]>> {
    let Type::Path(inner) = only_type_in(pin)? else { return None };
    let last = inner.path.segments.last().filter(|last| last.ident == "Box")?;
    match only_type_in(last)? {
        Type::TraitObject(object) => Some(&object.bounds),
        _ => None,
    }
}

fn only_type_in(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. }) = &segment.arguments else {
        return None;
    };
    args.iter().find_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn names_bound(made: &Made<'_>, name: &str) -> bool {
    let (Made::Plain(bounds) | Made::Boxed(bounds)) = made else { return false };
    bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    })
}

impl Returns {
    pub(crate) fn of(sig: &Signature) -> Self {
        match &sig.output {
            ReturnType::Default => Self::Value(Some(Box::new(unit()))),
            ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => Self::Never,
            ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => Self::Value(None),
            ReturnType::Type(_, ty) => {
                let mut ty = ty.clone();
                erase_impl(&mut ty);
                Self::Value(Some(ty))
            }
        }
    }
}

fn unit() -> Type {
    Type::Tuple(syn::TypeTuple {
        attrs: Vec::new(),
        paren_token: syn::token::Paren::default(),
        elems: Punctuated::new(),
    })
}

/// Puts `_` for each `impl Trait`, at any depth: a `let` cannot name one.
fn erase_impl(ty: &mut Type) {
    match ty {
        Type::ImplTrait(_) => {
            *ty = Type::Infer(syn::TypeInfer { attrs: Vec::new(), underscore_token: <syn::Token![_]>::default() });
        }
        Type::Array(ty) => erase_impl(&mut ty.elem),
        Type::Group(ty) => erase_impl(&mut ty.elem),
        Type::Paren(ty) => erase_impl(&mut ty.elem),
        Type::Ptr(ty) => erase_impl(&mut ty.elem),
        Type::Reference(ty) => erase_impl(&mut ty.elem),
        Type::Slice(ty) => erase_impl(&mut ty.elem),
        Type::Tuple(ty) => ty.elems.iter_mut().for_each(erase_impl),
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    if let GenericArgument::Type(ty) = argument {
                        erase_impl(ty);
                    }
                }
            }
        }
        _ => {}
    }
}

/// Makes the parameters ready to be moved into the body's closure or async block: gives the signature to be written, and
/// the statements for the head of the body.
///
/// Each parameter is bound anew at the head of the body, used or not, in order: so all of them move in, and are dropped
/// as the language says, the last one first. A pattern is taken apart inside; outside it has a name of ours.
pub(crate) fn rebind(sig: &Signature) -> (Signature, TokenStream) {
    let mut outer = sig.clone();
    let mut head = TokenStream::new();
    for (place, input) in outer.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Receiver(receiver) => {
                let this = receiver.self_token;
                head.extend(quote!(let _ = &#this;));
            }
            FnArg::Typed(parameter) => head.extend(rebind_one(parameter, place)),
        }
    }
    (outer, head)
}

fn rebind_one(parameter: &mut PatType, place: usize) -> TokenStream {
    let cfg: Vec<&Attribute> = parameter.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
    if let Pat::Ident(PatIdent { by_ref: None, subpat: None, mutability, ident, .. }) = &mut *parameter.pat {
        let mutability = mutability.take();
        // A name that begins with an underscore is used here, but not by the user.
        let allow = ident.to_string().starts_with('_').then(|| quote!(#[allow(clippy::used_underscore_binding)]));
        return quote!(#(#cfg)* #allow let #mutability #ident = #ident;);
    }
    let ours = format_ident!("__perf_arg{place}", span = Span::mixed_site());
    let taken_apart = match &*parameter.pat {
        Pat::Wild(_) => None,
        pattern => Some(quote!(#(#cfg)* let #pattern = #ours;)),
    };
    let tokens = quote!(#(#cfg)* let #ours = #ours; #taken_apart);
    *parameter.pat =
        Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: ours, subpat: None });
    tokens
}
