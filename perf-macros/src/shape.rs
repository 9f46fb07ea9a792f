//! The signature's word on how a function runs, and on the type that it returns.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    AngleBracketedGenericArguments, Error, FnArg, GenericArgument, Path, PathArguments, PathSegment, ReceiverKind,
    Result, ReturnType, Signature, Token, Type, TypeParamBound, parse_quote,
};

/// How a function runs.
pub(crate) enum Shape {
    Sync,
    Async,
    /// A sync function that returns a future, which is what is measured. `boxed`: in a `Pin<Box<..>>`.
    Future {
        boxed: bool,
    },
    /// A sync function that returns a stream, which is what is measured.
    Stream(Held),
}

/// The place of a stream in the type that a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) by: Holder,
    /// Whether it is what a `Result` holds.
    pub(crate) in_result: bool,
}

/// The pointer to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// `impl Stream<..>`
    Nothing,
    /// `Pin<Box<dyn Stream<..>>>`, and the names for it that the crate `futures` has.
    Pin,
    /// `Box<dyn Stream<..> + Unpin>`
    Box,
}

/// The type of a body's value.
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
        if let Some((held, made)) = stream_in(ty) {
            if names_bound(&made, "Future") {
                let message = "this is a future and a stream at once, and only one of them could be measured: return one of them, or \
                               measure what this one is made of; in a `#[monitor]` block, `#[monitor(skip)]` leaves it out";
                return Err(Error::new_spanned(ty, message));
            }
            return Ok(Self::Stream(held));
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
    Plain(&'a Punctuated<TypeParamBound, Token![+]>),
    /// `Pin<Box<dyn Future<..>>>`
    Boxed(&'a Punctuated<TypeParamBound, Token![+]>),
    /// `BoxFuture<..>` and `LocalBoxFuture<..>`, as the crate `futures` names them.
    Alias,
    /// `BoxStream<..>` and `LocalBoxStream<..>`.
    StreamAlias,
    /// `Box<dyn ..>`
    UnpinBox(&'a Punctuated<TypeParamBound, Token![+]>),
    Else,
}

/// The names of the traits of streams, as the crates `futures` and `futures-core` have them.
const STREAMS: [&str; 3] = ["Stream", "FusedStream", "TryStream"];

/// The stream in a return type, also within a `Result`, also that of a module. Another name may be of any type, and is looked at by type.
fn stream_in(ty: &Type) -> Option<(Held, Made<'_>)> {
    let made = made_of(ty);
    if let Some(by) = holder(&made) {
        return Some((Held { by, in_result: false }, made));
    }
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let made = made_of(only_type_in(last)?);
    Some((Held { by: holder(&made)?, in_result: true }, made))
}

fn holder(made: &Made<'_>) -> Option<Holder> {
    let is_stream = matches!(made, Made::StreamAlias) || STREAMS.iter().any(|name| names_bound(made, name));
    Some(match made {
        Made::Plain(_) => Holder::Nothing,
        Made::UnpinBox(_) => Holder::Box,
        _ => Holder::Pin,
    })
    .filter(|_| is_stream)
}

fn made_of(ty: &Type) -> Made<'_> {
    match bare(ty) {
        Type::ImplTrait(ty) => Made::Plain(&ty.bounds),
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" => Made::Alias,
            Some(last) if last.ident == "BoxStream" || last.ident == "LocalBoxStream" => Made::StreamAlias,
            Some(last) if last.ident == "Pin" => boxed_in(last).map_or(Made::Else, Made::Boxed),
            Some(last) if last.ident == "Box" => match only_type_in(last) {
                Some(Type::TraitObject(object)) => Made::UnpinBox(&object.bounds),
                _ => Made::Else,
            },
            _ => Made::Else,
        },
        _ => Made::Else,
    }
}

/// The bounds of the `dyn` in `Pin<Box<dyn ..>>`.
fn boxed_in(pin: &PathSegment) -> Option<&Punctuated<TypeParamBound, Token![+]>> {
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
    let (Made::Plain(bounds) | Made::Boxed(bounds) | Made::UnpinBox(bounds)) = made else { return false };
    bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    })
}

/// The type that the future which a function returns makes, as far as `impl Future<Output = ..>` says it: each `impl
/// Trait` in it is left to inference.
pub(crate) fn output_of(sig: &Signature) -> Option<Type> {
    let ReturnType::Type(_, ty) = &sig.output else { return None };
    let Made::Plain(bounds) = made_of(ty) else { return None };
    assigned(bounds, "Future", "Output")
}

/// The type of a stream's items, as far as `impl Stream<Item = ..>` says it.
pub(crate) fn item_of(sig: &Signature) -> Option<Type> {
    let ReturnType::Type(_, ty) = &sig.output else { return None };
    let (_, Made::Plain(bounds)) = stream_in(ty)? else { return None };
    let said = STREAMS.iter().find_map(|name| assigned(bounds, name, "Item"));
    said.or_else(|| {
        let [ok, error] = ["Ok", "Error"].map(|name| assigned(bounds, "TryStream", name));
        let (ok, error) = (ok?, error?);
        Some(parse_quote!(::core::result::Result<#ok, #error>))
    })
}

/// The type that a bound on a trait assigns, with each `impl Trait` in it left to inference.
fn assigned(bounds: &Punctuated<TypeParamBound, Token![+]>, name: &str, of: &str) -> Option<Type> {
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == name)?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assigned) if assigned.ident == of => {
                let mut assigned = assigned.ty.clone();
                each_impl(&mut assigned, &mut |found| *found = parse_quote!(_));
                Some(assigned)
            }
            _ => None,
        })
    })
}

/// Whether a function makes what it returns in order that it be used as it is: so that a stream or a future is what it is about. What a
/// reference points to was made before, a constructor returns `Self`, and a method that takes `self` returns what it was given.
pub(crate) fn makes_its_value(sig: &Signature) -> bool {
    let takes_self = sig.receiver().is_some_and(|receiver| match &receiver.kind {
        ReceiverKind::Reference(..) => false,
        ReceiverKind::Typed(_, ty) => match bare(ty) {
            // A method that takes `Box<Self>`, `Rc<Self>`, `Arc<Self>` or `Pin<..>` makes something of what was made before.
            Type::Path(path) => path.path.is_ident("Self"),
            _ => false,
        },
        _ => true,
    });
    let ReturnType::Type(_, ty) = &sig.output else { return !takes_self };
    !takes_self && !matches!(bare(ty), Type::Reference(_)) && !is_self(ty)
}

/// Whether it is `Self`, or a `Result` or `Option` of it.
fn is_self(ty: &Type) -> bool {
    let Type::Path(path) = bare(ty) else { return false };
    path.path.is_ident("Self")
        || path.path.segments.last().is_some_and(|last| {
            (last.ident == "Result" || last.ident == "Option") && only_type_in(last).is_some_and(is_self)
        })
}

impl Returns {
    pub(crate) fn of(sig: &Signature) -> Self {
        match &sig.output {
            ReturnType::Default => Self::Value(Some(Box::new(unit()))),
            ReturnType::Type(_, ty) => match bare(ty) {
                Type::Never(_) => Self::Never,
                // A macro may stand for any type.
                Type::ImplTrait(_) | Type::Macro(_) => Self::Value(None),
                _ => {
                    let mut ty = ty.clone();
                    // A `let` cannot name an `impl Trait`.
                    each_impl(&mut ty, &mut |found| *found = parse_quote!(_));
                    Self::Value(Some(ty))
                }
            },
        }
    }
}

/// Whether what is returned is `impl Fn..`: only what stands in the function itself takes its parameters' types from that.
pub(crate) fn returns_closure(sig: &Signature) -> bool {
    let ReturnType::Type(_, ty) = &sig.output else { return false };
    let Type::ImplTrait(ty) = bare(ty) else { return false };
    ty.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
        }
        _ => false,
    })
}

/// Whether what is returned can be told to be no error, because it is nothing, a reference or a plain value of the language.
pub(crate) fn cannot_fail(sig: &Signature) -> bool {
    const PLAIN: [&str; 18] = [
        "String", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "u128", "u16", "u32",
        "u64", "u8", "usize", "Vec",
    ];
    let ReturnType::Type(_, ty) = &sig.output else { return true };
    match bare(ty) {
        Type::Reference(_) | Type::Never(_) => true,
        Type::Tuple(ty) => ty.elems.is_empty(),
        Type::Path(ty) => ty.path.segments.last().is_some_and(|last| PLAIN.iter().any(|plain| last.ident == plain)),
        _ => false,
    }
}

/// The return type of an `async fn` as that of a `fn`, which does what it did.
///
/// `impl` says itself what it captures: by the rules of the edition of its token. Ours are those of 2024, which are the
/// same as those of `async fn`: everything.
pub(crate) fn future_of(output: &ReturnType) -> ReturnType {
    let mut value = match output {
        ReturnType::Default => Box::new(unit()),
        ReturnType::Type(_, ty) => ty.clone(),
    };
    each_impl(&mut value, &mut |found| {
        if let Type::ImplTrait(found) = found {
            found.impl_token.span = Span::mixed_site().located_at(found.impl_token.span);
        }
    });
    let token = Token![impl](Span::mixed_site());
    parse_quote!(-> #token ::core::future::Future<Output = #value>)
}

/// Whether a parameter is an `impl Trait` with a lifetime that has no name, such as `impl Trait<'_>`: that may stand in an
/// `async fn` only.
pub(crate) fn takes_anonymous_impl(sig: &Signature) -> bool {
    let mut found = false;
    for input in &sig.inputs {
        if let FnArg::Typed(parameter) = input {
            let mut look = |part: &mut Type| found |= names_no_lifetime(part.to_token_stream());
            each_impl(&mut parameter.ty.clone(), &mut look);
        }
    }
    found
}

/// Whether `'_`, or `&` alone, stands somewhere; but for `Fn(&T)`, where it means any lifetime.
fn names_no_lifetime(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    let mut after_name = false;
    while let Some(token) = tokens.next() {
        let found = match &token {
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                matches!(tokens.peek(), Some(TokenTree::Ident(name)) if name == "_")
            }
            TokenTree::Punct(mark) if mark.as_char() == '&' => {
                !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '\'')
            }
            TokenTree::Group(group) => {
                !(after_name && group.delimiter() == Delimiter::Parenthesis) && names_no_lifetime(group.stream())
            }
            _ => false,
        };
        if found {
            return true;
        }
        after_name = matches!(token, TokenTree::Ident(_));
    }
    false
}

fn unit() -> Type {
    parse_quote!(())
}

/// A type without the parentheses and invisible groups around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(ty) => bare(&ty.elem),
        Type::Group(ty) => bare(&ty.elem),
        ty => ty,
    }
}

/// Visits each `impl Trait` in a type, at any depth, the inner ones first.
fn each_impl(ty: &mut Type, visit: &mut dyn FnMut(&mut Type)) {
    match ty {
        Type::Array(ty) => each_impl(&mut ty.elem, visit),
        Type::Group(ty) => each_impl(&mut ty.elem, visit),
        Type::Paren(ty) => each_impl(&mut ty.elem, visit),
        Type::Ptr(ty) => each_impl(&mut ty.elem, visit),
        Type::Reference(ty) => each_impl(&mut ty.elem, visit),
        Type::Slice(ty) => each_impl(&mut ty.elem, visit),
        Type::Tuple(ty) => ty.elems.iter_mut().for_each(|ty| each_impl(ty, visit)),
        Type::Path(ty) => each_impl_in(&mut ty.path, visit),
        Type::TraitObject(ty) => each_impl_in_bounds(&mut ty.bounds, visit),
        Type::ImplTrait(inner) => {
            each_impl_in_bounds(&mut inner.bounds, visit);
            visit(ty);
        }
        _ => {}
    }
}

fn each_impl_in_bounds(bounds: &mut Punctuated<TypeParamBound, Token![+]>, visit: &mut dyn FnMut(&mut Type)) {
    for bound in bounds {
        if let TypeParamBound::Trait(bound) = bound {
            each_impl_in(&mut bound.path, visit);
        }
    }
}

fn each_impl_in(path: &mut Path, visit: &mut dyn FnMut(&mut Type)) {
    for segment in &mut path.segments {
        let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
        for argument in &mut arguments.args {
            match argument {
                GenericArgument::Type(ty) => each_impl(ty, visit),
                GenericArgument::AssocType(assigned) => each_impl(&mut assigned.ty, visit),
                _ => {}
            }
        }
    }
}
