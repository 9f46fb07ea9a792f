//! How parameters reach the body, which runs in a closure or async block of ours.
//!
//! Each parameter is bound anew at the head of the body, used or not, in order: so all of them move in, are dropped as the
//! language says, the last one first, and an unused one is still reported where the user wrote it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Receiver, Signature};

/// The parameters of a function, made ready to move into its body.
pub(crate) struct Params {
    /// The signature to be written.
    pub(crate) sig: Signature,
    /// Statements for the head of the body.
    pub(crate) head: TokenStream,
    /// Statements that borrow, outside the body, what only patterns inside it take apart: for the span's fields.
    pub(crate) borrowed: TokenStream,
}

impl Params {
    pub(crate) fn as_they_are(sig: &Signature) -> Self {
        Self { sig: sig.clone(), head: TokenStream::new(), borrowed: TokenStream::new() }
    }

    /// `keep_patterns`: another attribute may yet look at the parameters, so all patterns must stay where they are.
    /// `used`: names that the attribute's arguments use, so that nobody need be told that the body does not.
    pub(crate) fn of(sig: &Signature, keep_patterns: bool, used: &BTreeSet<String>) -> Self {
        let mut params = Self::as_they_are(sig);
        let mut inputs = std::mem::take(&mut params.sig.inputs);
        for (place, input) in inputs.iter_mut().enumerate() {
            match input {
                FnArg::Receiver(receiver) => params.head.extend(capture(receiver)),
                FnArg::Typed(parameter) if keep_patterns || is_taken_whole(&parameter.pat) => {
                    params.head.extend(rebind(parameter, used));
                }
                FnArg::Typed(parameter) => params.take_apart_inside(parameter, place, used),
            }
        }
        params.sig.inputs = inputs;
        params
    }

    /// A pattern that leaves something behind (`_`, `..`) or borrows (`ref`) moves inside, and the parameter gets a name of
    /// ours: for what is left behind is dropped where the pattern stands.
    fn take_apart_inside(&mut self, parameter: &mut PatType, place: usize, used: &BTreeSet<String>) {
        let ours = format_ident!("__perf_arg{place}", span = Span::mixed_site());
        let lints = take_lints(&mut parameter.attrs);
        let cfg = conditions(&parameter.attrs);
        let pattern = &*parameter.pat;
        let mutability = borrows_mutably(pattern).then(|| quote!(mut));
        self.head.extend(quote!(#(#cfg)* let #mutability #ours = #ours;));
        if !matches!(pattern, Pat::Wild(_)) {
            let mut names = Vec::new();
            collect(&mut pattern.clone(), &mut names);
            let (name, _): (Vec<_>, Vec<_>) = names.into_iter().unzip();
            let (allow, mention) = (allowance(&name), uses(&name, used, &cfg));
            self.head.extend(quote!(#(#cfg)* #allow #(#lints)* let #pattern = #ours; #mention));
            let borrowing = borrowing(pattern);
            self.borrowed.extend(quote!(#(#cfg)* let #borrowing = &#ours; #(#cfg)* let _ = (#(&#name),*);));
        }
        *parameter.pat =
            Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: ours, subpat: None });
    }
}

/// Makes the body take `self`, used or not.
fn capture(receiver: &Receiver) -> TokenStream {
    let (this, cfg) = (receiver.self_token, conditions(&receiver.attrs));
    quote!(#(#cfg)* let _ = &#this;)
}

/// Binds the names of a pattern anew. What was `mut` is so inside only.
fn rebind(parameter: &mut PatType, used: &BTreeSet<String>) -> TokenStream {
    let mut names = Vec::new();
    collect(&mut parameter.pat, &mut names);
    if names.is_empty() {
        return TokenStream::new();
    }
    let lints = take_lints(&mut parameter.attrs);
    let cfg = conditions(&parameter.attrs);
    let (name, mutability): (Vec<_>, Vec<_>) = names.into_iter().unzip();
    let (allow, mention) = (allowance(&name), uses(&name, used, &cfg));
    let shadows = quote!(#[allow(clippy::shadow_same, clippy::shadow_reuse, clippy::shadow_unrelated)]);
    if let ([name], [mutability]) = (&*name, &*mutability) {
        return quote!(#(#cfg)* #shadows #allow #(#lints)* let #mutability #name = #name; #mention);
    }
    quote!(#(#cfg)* #shadows #allow #(#lints)* let (#(#mutability #name),*) = (#(#name),*); #mention)
}

/// A name that begins with an underscore is used here, but not by the user.
fn allowance(names: &[Ident]) -> Option<TokenStream> {
    let underscored = names.iter().any(|name| name.to_string().starts_with('_'));
    underscored.then(|| quote!(#[allow(clippy::no_effect_underscore_binding, clippy::used_underscore_binding)]))
}

/// What the attribute's arguments use is used, whether the body does so or not.
fn uses(names: &[Ident], used: &BTreeSet<String>, cfg: &[Attribute]) -> TokenStream {
    let names = names.iter().filter(|name| used.contains(&name.to_string()));
    names.map(|name| quote!(#(#cfg)* let _ = &#name;)).collect()
}

/// Whether a pattern has a `ref mut` in it.
fn borrows_mutably(pattern: &Pat) -> bool {
    let mut found = matches!(pattern, Pat::Ident(name) if name.by_ref.is_some() && name.mutability.is_some());
    each_part(&mut pattern.clone(), &mut |part| found |= borrows_mutably(part));
    found
}

/// The names that a pattern binds, in order. Takes `mut` from them.
fn collect(pattern: &mut Pat, names: &mut Vec<(Ident, Option<syn::Token![mut]>)>) {
    if let Pat::Ident(name) = pattern {
        let by_ref = name.by_ref.is_some();
        let known = names.iter().any(|(known, _)| *known == name.ident);
        if !may_be_constant(name) && !known {
            let mutability = if by_ref { None } else { name.mutability.take() };
            names.push((name.ident.clone(), mutability));
        } else if known && !by_ref {
            // The other side of an or-pattern.
            name.mutability = None;
        }
    }
    each_part(pattern, &mut |part| collect(part, names));
}

/// Whether all that a pattern is given ends up in what it binds by value.
fn is_taken_whole(pattern: &Pat) -> bool {
    match pattern {
        // `x @ (a, ..)` binds all of it; the rest are copies.
        Pat::Ident(name) => name.by_ref.is_none() && !may_be_constant(name),
        // What is behind a reference is not ours to drop.
        Pat::Reference(_) => true,
        Pat::Wild(_) | Pat::Rest(_) | Pat::Macro(_) | Pat::Verbatim(_) => false,
        Pat::Struct(pattern) => pattern.rest.is_none() && pattern.fields.iter().all(|field| is_taken_whole(&field.pat)),
        _ => {
            let mut whole = true;
            each_part(&mut pattern.clone(), &mut |part| whole &= is_taken_whole(part));
            whole
        }
    }
}

/// A name alone may be that of a unit struct or constant, such as `PhantomData`, which binds nothing.
fn may_be_constant(name: &PatIdent) -> bool {
    name.by_ref.is_none()
        && name.mutability.is_none()
        && name.subpat.is_none()
        && syn::ext::IdentExt::unraw(&name.ident).to_string().starts_with(char::is_uppercase)
}

/// The pattern as it is matched against a reference: each name is bound by reference.
fn borrowing(pattern: &Pat) -> Pat {
    let mut pattern = pattern.clone();
    strip(&mut pattern);
    pattern
}

fn strip(pattern: &mut Pat) {
    while let Pat::Reference(reference) = pattern {
        *pattern = (*reference.pat).clone();
    }
    if let Pat::Ident(name) = pattern {
        name.by_ref = None;
        name.mutability = None;
    }
    each_part(pattern, &mut strip);
}

/// Goes through the patterns that a pattern is made of.
fn each_part(pattern: &mut Pat, visit: &mut dyn FnMut(&mut Pat)) {
    match pattern {
        Pat::Ident(pattern) => pattern.subpat.iter_mut().for_each(|(_, part)| visit(part)),
        Pat::Or(pattern) => pattern.cases.iter_mut().for_each(visit),
        Pat::Paren(pattern) => visit(&mut pattern.pat),
        Pat::Reference(pattern) => visit(&mut pattern.pat),
        Pat::Slice(pattern) => pattern.elems.iter_mut().for_each(visit),
        Pat::Struct(pattern) => pattern.fields.iter_mut().for_each(|field| visit(&mut field.pat)),
        Pat::Tuple(pattern) => pattern.elems.iter_mut().for_each(visit),
        Pat::TupleStruct(pattern) => pattern.elems.iter_mut().for_each(visit),
        Pat::Type(pattern) => visit(&mut pattern.pat),
        _ => {}
    }
}

/// The attributes that decide whether the parameter is there at all.
fn conditions(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| is_one_of(attr, &["cfg", "cfg_attr"])).cloned().collect()
}

/// Takes the lint levels from a parameter: it is what is bound inside that the user may leave unused.
fn take_lints(attrs: &mut Vec<Attribute>) -> Vec<Attribute> {
    let (lints, others) = std::mem::take(attrs)
        .into_iter()
        .partition(|attr| is_one_of(attr, &["allow", "expect", "warn", "deny", "forbid"]));
    *attrs = others;
    lints
}

fn is_one_of(attr: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attr.path().is_ident(name))
}
