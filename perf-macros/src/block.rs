//! `#[monitor]` on an `impl` block: every method becomes a site named `Type::method`.
//!
//! Each method gets the attribute itself, and is expanded by it in turn. Left alone are methods marked `#[monitor(skip)]`,
//! methods with an attribute of ours already, and `const fn`, which cannot be measured.

use crate::args::Args;
use crate::function::Function;
use crate::kind::Kind;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Brace;
use syn::{
    Attribute, Error, Generics, ImplItem, Meta, Path, Result, Signature, Token, Type, Visibility, braced, parse_quote,
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
            // Whatever it is, it is not for here.
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
        let mut block = TokenStream::new();
        brace.surround(&mut block, |inside| {
            for item in items {
                match item {
                    Item::Method(method) => annotate(*method, &name, named, &runtime, args).to_tokens(inside),
                    Item::Other(item) => item.to_tokens(inside),
                }
            }
        });
        Ok(quote!(#(#attrs)* #header #block))
    }

    fn type_name(&self) -> Result<String> {
        let mut ty = &self.self_type;
        while let Type::Reference(reference) = ty {
            ty = &reference.elem;
        }
        let last = match ty {
            Type::Path(path) => path.path.segments.last(),
            _ => None,
        };
        last.map(|last| last.ident.to_string()).ok_or_else(|| {
            let message = "this type has no name to label its methods with: put the attribute on the methods";
            Error::new_spanned(ty, message)
        })
    }
}

fn annotate(mut method: Function, type_name: &str, named: bool, runtime: &Path, args: &TokenStream) -> TokenStream {
    let before = method.attrs.len();
    method.attrs.retain(|attr| !is_skip(attr));
    let skipped = method.attrs.len() < before;
    if !skipped && method.sig.constness.is_none() && !method.attrs.iter().any(is_ours) {
        let label = format!("{type_name}::{}", syn::ext::IdentExt::unraw(&method.sig.ident));
        // Last, so that `cfg` and what else stands there has its say first.
        let name = named.then(|| quote!(name = #label,));
        method.attrs.push(parse_quote!(#[#runtime::monitor(#label, #name #args)]));
    }
    method.unchanged()
}

fn is_skip(attr: &Attribute) -> bool {
    let Meta::List(list) = &attr.meta else { return false };
    last_is(attr, Kind::Operation.attribute()) && list.tokens.to_string() == "skip"
}

fn is_ours(attr: &Attribute) -> bool {
    Kind::ALL.iter().any(|kind| last_is(attr, kind.attribute()))
}

fn last_is(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == name)
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
