//! The annotated function, its body kept as the tokens that they are: a body that does not parse yet is still there for
//! the editor.

use crate::canonical::is_canonical;
use crate::shape::takes_anonymous_impl;
use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Brace;
use syn::{AttrStyle, Attribute, Error, Result, Signature, Token, Visibility, braced};

pub(crate) struct Function {
    /// All other attributes, those inside the body too.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: Brace,
    pub(crate) body: TokenStream,
}

impl Function {
    /// Reads what the attribute stands on.
    pub(crate) fn read(item: TokenStream, attribute: &str) -> Result<Self> {
        let read = |input: ParseStream<'_>| {
            let ahead = input.fork();
            let attrs = ahead.call(Attribute::parse_outer);
            let vis = ahead.parse::<Visibility>();
            if attrs.is_err() || vis.is_err() || ahead.fork().parse::<Signature>().is_err() {
                return Err(not_a_function(&ahead, attribute));
            }
            input.parse()
        };
        read.parse2(item)
    }
}

fn not_a_function(at: ParseStream<'_>, attribute: &str) -> Error {
    let hint = if at.peek(Token![impl]) { ": put it on the methods, or `#[monitor]` on the block" } else { "" };
    at.error(format!("`#[{attribute}]` can only be used on functions{hint}"))
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let message = "a function without a body has nothing to measure: put the attribute on the implementations, or on what calls it";
            return Err(Error::new(sig.ident.span(), message));
        }
        let content;
        let brace = braced!(content in input);
        // `#![..]` inside the body is the same as `#[..]` on the function.
        attrs.extend(
            content.call(Attribute::parse_inner)?.into_iter().map(|attr| Attribute { style: AttrStyle::Outer, ..attr }),
        );
        Ok(Self { attrs, vis, sig, brace, body: content.parse()? })
    }
}

/// Attributes that are no macros: for their sake nobody reads the function's tokens after us.
const INERT: [&str; 21] = [
    "allow",
    "automatically_derived",
    "cfg",
    "clippy",
    "cold",
    "coverage",
    "deny",
    "deprecated",
    "diagnostic",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "inline",
    "link_section",
    "no_mangle",
    "rustfmt",
    "target_feature",
    "track_caller",
    "unsafe",
    "warn",
];

fn is_inert(attr: &Attribute) -> bool {
    attr.path().segments.first().is_some_and(|first| INERT.iter().any(|name| first.ident == name))
}

/// Whether the attribute may be a macro.
pub(crate) fn may_be_macro(attr: &Attribute) -> bool {
    !is_inert(attr) && !attr.path().is_ident("must_use")
}

impl Function {
    /// Whether another attribute macro may read the function after us.
    pub(crate) fn is_read_by_others(&self) -> bool {
        self.attrs.iter().any(may_be_macro)
    }

    /// Whether an `async fn` may become a `fn` that returns what the `async fn` did.
    ///
    /// Other attribute macros would no longer find the `async fn` that they are for, and `#[must_use]` would no longer
    /// speak of what is awaited; and not all that an `async fn` may take, a `fn` may.
    pub(crate) fn may_stop_being_async(&self) -> bool {
        self.attrs.iter().all(is_inert) && !takes_anonymous_impl(&self.sig)
    }

    /// The attribute `#[track_caller]`, where it stands here.
    pub(crate) fn track_caller(&self) -> Option<&Attribute> {
        self.attrs.iter().find(|attr| attr.path().segments.last().is_some_and(|last| last.ident == "track_caller"))
    }

    /// The function as it was.
    pub(crate) fn unchanged(&self) -> TokenStream {
        self.with_braces(self.brace, &self.sig, &self.body)
    }

    /// The function with another body.
    pub(crate) fn with_body(&self, sig: &Signature, body: &TokenStream) -> TokenStream {
        let mut brace = self.brace;
        // Between braces of a macro's clippy looks for no canonical body; between the user's it would, and find ours.
        if is_canonical(self) {
            let mut group = Group::new(Delimiter::Brace, TokenStream::new());
            group.set_span(Span::mixed_site().located_at(brace.span.join()));
            brace.span = group.delim_span();
        }
        self.with_braces(brace, sig, body)
    }

    fn with_braces(&self, brace: Brace, sig: &Signature, body: &TokenStream) -> TokenStream {
        let Self { attrs, vis, .. } = self;
        let mut block = TokenStream::new();
        brace.surround(&mut block, |inside| body.to_tokens(inside));
        quote!(#(#attrs)* #vis #sig #block)
    }
}
