//! `#[monitor]` on an `impl` block: every method becomes a site named `Type::method`.
//!
//! Each method gets the attribute itself, and is expanded by it in turn. Left alone are methods marked `#[monitor(skip)]`,
//! methods with an attribute of ours already, and `const fn`, which cannot be measured.

use crate::args::{Args, IN_BLOCK, combine};
use crate::function::{Function, may_be_macro};
use crate::kind::Kind;
use crate::labels::unraw;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::Brace;
use syn::{
    Attribute, Error, Generics, Ident, ImplItem, Meta, Path, Result, Signature, Token, Type, TypeParamBound,
    Visibility, braced, parse_quote, parse_quote_spanned,
};

/// An `impl` block whose methods' bodies are kept as the tokens that they are.
pub(crate) struct Block {
    attrs: Vec<Attribute>,
    header: TokenStream,
    self_type: Type,
    brace: Brace,
    items: Vec<Item>,
}

enum Item {
    Method(Box<Function>),
    Other(Box<ImplItem>),
}

impl Block {
    /// Reads an `impl` block; `None` where something else stands there.
    pub(crate) fn read(item: &TokenStream) -> Result<Option<Self>> {
        let read = |input: ParseStream<'_>| {
            let ahead = input.fork();
            let attrs = ahead.call(Attribute::parse_outer);
            let safety = ahead.parse::<Option<Token![unsafe]>>();
            if attrs.is_ok() && safety.is_ok() && ahead.peek(Token![impl]) {
                return input.parse().map(Some);
            }
            // Another item, which is not for here.
            input.parse::<TokenStream>().map(|_| None)
        };
        read.parse2(item.clone())
    }

    /// The block with an attribute on each method that is to be measured. `args` are the attribute's own, passed on.
    pub(crate) fn expand(self, args: &TokenStream) -> Result<TokenStream> {
        let (read, errors) = Args::read(args.clone());
        if let Some(errors) = errors {
            return Err(errors);
        }
        if let Some(label) = read.positional.first() {
            let message = "on an `impl` block each method is labelled with its own name, `Type::method`";
            return Err(Error::new_spanned(label, message));
        }
        let name = self.type_name()?;
        // The span has the same name as the series, unless the block says another for all.
        let named = read.name.is_none();
        let runtime = read.krate.unwrap_or_else(|| parse_quote!(::perf_runtime));
        let Self { attrs, header, brace, items, .. } = self;
        let (mut block, mut unseen) = (TokenStream::new(), None);
        brace.surround(&mut block, |inside| {
            for item in items {
                match item {
                    Item::Method(method) => annotate(*method, &name, named, &runtime, args).to_tokens(inside),
                    Item::Other(mut item) => {
                        check_macro(&mut item).unwrap_or_else(|error| combine(&mut unseen, error));
                        item.to_tokens(inside);
                    }
                }
            }
        });
        if let Some(error) = unseen {
            return Err(error);
        }
        Ok(quote!(#(#attrs)* #header #block))
    }

    fn type_name(&self) -> Result<String> {
        name_of(&self.self_type).ok_or_else(|| {
            let message = "this type has no name to label its methods with: put the attribute on the methods";
            Error::new_spanned(&self.self_type, message)
        })
    }
}

/// The type as a label shows it, without its generics: `Cart`, `[u8]`, `(Cart,u8)`, and of `dyn Shop` the trait.
fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Array(ty) => Some(format!("[{}]", name_of(&ty.elem)?)),
        Type::Group(ty) => name_of(&ty.elem),
        Type::Paren(ty) => name_of(&ty.elem),
        Type::Path(path) => path.path.segments.last().map(|last| unraw(&last.ident)),
        Type::Ptr(ty) => name_of(&ty.elem),
        Type::Reference(ty) => name_of(&ty.elem),
        Type::Slice(ty) => Some(format!("[{}]", name_of(&ty.elem)?)),
        Type::TraitObject(ty) => ty.bounds.iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last().map(|last| unraw(&last.ident)),
            _ => None,
        }),
        Type::Tuple(ty) => Some(format!("({})", ty.elems.iter().map(name_of).collect::<Option<Vec<_>>>()?.join(","))),
        _ => None,
    }
}

fn annotate(mut method: Function, type_name: &str, named: bool, runtime: &Path, args: &TokenStream) -> TokenStream {
    let before = method.attrs.len();
    method.attrs.retain(|attr| !is_skip(&attr.meta));
    let skipped = method.attrs.len() < before;
    if !skipped && method.sig.constness.is_none() && !method.attrs.iter().any(|attr| is_ours(&attr.meta)) {
        // Under these conditions the method has an attribute of ours, or is left out.
        let unless: Vec<Meta> = method.attrs.iter_mut().filter_map(take_condition).collect();
        let label = format!("{type_name}::{}", unraw(&method.sig.ident));
        let name = named.then(|| quote!(name = #label,));
        // Errors of the method are told at its name.
        let at = Span::call_site().located_at(method.sig.ident.span());
        let in_block = Ident::new(IN_BLOCK, at);
        let measured = quote_spanned!(at=> #runtime::monitor(#label, #in_block, #name #args));
        let ours: Attribute = if unless.is_empty() {
            parse_quote_spanned!(at=> #[#measured])
        } else {
            parse_quote_spanned!(at=> #[cfg_attr(not(any(#(#unless),*)), #measured)])
        };
        // After `cfg` and what the language itself reads, so that it has its say first; before other macros, which may
        // take what stands above them for all there is.
        let place = method.attrs.iter().position(|attr| may_be_macro(attr) && !attr.path().is_ident("cfg_attr"));
        method.attrs.insert(place.unwrap_or(method.attrs.len()), ours);
    }
    method.unchanged()
}

/// Refuses a macro inside the block: its methods are not there yet to be looked at.
fn check_macro(item: &mut ImplItem) -> Result<()> {
    let ImplItem::Macro(made) = item else { return Ok(()) };
    let before = made.attrs.len();
    made.attrs.retain(|attr| !is_skip(&attr.meta));
    if made.attrs.len() < before {
        return Ok(());
    }
    let message = "methods that a macro makes cannot be seen from here, so they would not be measured: put the attribute \
                   on the methods inside the macro, and `#[monitor(skip)]` on its call";
    Err(Error::new_spanned(&made.mac.path, message))
}

/// The condition of a `cfg_attr` that brings an attribute of ours. `skip` is taken out of it: it was for us alone.
fn take_condition(attr: &mut Attribute) -> Option<Meta> {
    if !attr.path().is_ident("cfg_attr") {
        return None;
    }
    let parts = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.into_iter();
    let condition = parts.next()?;
    let (ours, others): (Vec<Meta>, Vec<Meta>) = parts.partition(is_ours);
    if ours.is_empty() {
        return None;
    }
    let kept = ours.iter().filter(|meta| !is_skip(meta)).chain(&others);
    *attr = parse_quote!(#[cfg_attr(#condition, #(#kept),*)]);
    Some(condition)
}

fn is_skip(meta: &Meta) -> bool {
    let Meta::List(list) = meta else { return false };
    last_is(meta, Kind::Operation.attribute()) && list.tokens.to_string() == "skip"
}

fn is_ours(meta: &Meta) -> bool {
    Kind::ALL.iter().any(|kind| last_is(meta, kind.attribute()))
}

fn last_is(meta: &Meta, name: &str) -> bool {
    meta.path().segments.last().is_some_and(|last| last.ident == name)
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let safety: Option<Token![unsafe]> = input.parse()?;
        let token: Token![impl] = input.parse()?;
        let generics: Generics = input.parse()?;
        let first: Type = input.parse()?;
        let implemented: Option<Token![for]> = input.parse()?;
        let self_type = if implemented.is_some() { input.parse()? } else { first.clone() };
        let bounds: Option<syn::WhereClause> = input.parse()?;
        let target = implemented.is_some().then(|| quote!(#implemented #self_type));
        let header = quote!(#safety #token #generics #first #target #bounds);
        let content;
        let brace = braced!(content in input);
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        Ok(Self { attrs, header, self_type, brace, items })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if ahead.parse::<Signature>().is_ok() {
            return Ok(Self::Method(input.parse()?));
        }
        Ok(Self::Other(input.parse()?))
    }
}
