//! How parameters reach the body, which runs in a closure or async block of ours.
//!
//! Each parameter is bound anew at the head of the body, used or not, in order: so all of them move in, are dropped as the
//! language says, the last one first, and an unused one is still reported where the user wrote it.

use crate::labels::unraw;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use syn::{Attribute, FnArg, Pat, PatIdent, PatType, Receiver, ReceiverKind, Signature, Type};

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

    /// `keep`: another attribute may yet look at the parameters, so all patterns must stay as they are.
    /// `used`: names that the attribute's arguments use.
    /// `body`: the body, by which a reference that it does not use is left where it is when another attribute makes of
    /// the function what it likes: a future of its may promise to hold no more than what is used.
    pub(crate) fn of(sig: &Signature, keep: bool, used: &BTreeSet<String>, body: &TokenStream) -> Self {
        let stays = |name: &str| keep && !used.contains(name) && !mentions(body, name);
        let mut params = Self::as_they_are(sig);
        let mut inputs = std::mem::take(&mut params.sig.inputs);
        let mut names = Names { keep, used, twins: BTreeSet::new() };
        for (place, input) in inputs.iter_mut().enumerate() {
            match input {
                FnArg::Receiver(receiver) if matches!(receiver.kind, ReceiverKind::Reference(..)) && stays("self") => {}
                FnArg::Typed(parameter) if is_reference(parameter).is_some_and(|name| stays(&name)) => {}
                FnArg::Receiver(receiver) => params.head.extend(capture(receiver)),
                FnArg::Typed(parameter) if keep || is_taken_whole(&parameter.pat) => {
                    params.head.extend(names.rebind(parameter));
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
            each_name(&mut pattern.clone(), &mut |name| names.push(name.ident.clone()));
            let use_them = uses(&names, used, &cfg);
            self.head.extend(quote!(#(#cfg)* #(#lints)* let #pattern = #ours; #use_them));
            let borrowing = borrowing(pattern);
            self.borrowed.extend(quote!(#(#cfg)* let #borrowing = &#ours; #(#cfg)* let _ = (#(&#names),*);));
        }
        *parameter.pat =
            Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: ours, subpat: None });
    }
}

/// The name of a parameter that is a reference, which nobody has to drop.
fn is_reference(parameter: &PatType) -> Option<String> {
    match (&*parameter.pat, &*parameter.ty) {
        (Pat::Ident(name), Type::Reference(_)) => Some(unraw(&name.ident)),
        _ => None,
    }
}

/// Whether a name stands in tokens: alone, or in a text that may be a format's.
fn mentions(tokens: &TokenStream, name: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => unraw(&ident) == name,
        TokenTree::Literal(literal) => literal.to_string().contains(name),
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Punct(_) => false,
    })
}

/// Makes the body take `self`, used or not.
fn capture(receiver: &Receiver) -> TokenStream {
    let (this, cfg) = (receiver.self_token, conditions(&receiver.attrs));
    quote!(#(#cfg)* let _ = &#this;)
}

/// How the names of parameters are bound anew.
struct Names<'a> {
    keep: bool,
    used: &'a BTreeSet<String>,
    /// Those that are spelled as the user did, but are ours.
    twins: BTreeSet<String>,
}

impl Names<'_> {
    /// Binds the names of a pattern anew. A name that was `mut` is so inside only.
    fn rebind(&mut self, parameter: &mut PatType) -> TokenStream {
        let (mut inside, mut outside, mut mutability) = (Vec::new(), Vec::new(), Vec::new());
        each_name(&mut parameter.pat, &mut |name| {
            // On the other side of an or-pattern the same names stand again.
            let known = inside.iter().position(|known| *known == name.ident);
            let own = name.ident.clone();
            match known {
                Some(place) => name.ident = Ident::clone(&outside[place]),
                None => name.ident = self.twin(&name.ident),
            }
            let mutable = if name.by_ref.is_none() { name.mutability.take() } else { None };
            if known.is_none() {
                inside.push(own);
                outside.push(name.ident.clone());
                mutability.push(mutable);
            }
        });
        if inside.is_empty() {
            return TokenStream::new();
        }
        let lints = take_lints(&mut parameter.attrs);
        let cfg = conditions(&parameter.attrs);
        let use_them = uses(&inside, self.used, &cfg);
        let shadows = self.keep || inside.iter().any(|name| self.used.contains(&name.to_string()));
        let allow = shadows.then(allow_shadows);
        // In `let _a = b` clippy sees a binding without an effect, in `let (_a,) = (b,)` it does not.
        if let ([inside], [outside], [mutability]) = (&*inside, &*outside, &*mutability)
            && !inside.to_string().starts_with('_')
        {
            return quote!(#(#cfg)* #allow #(#lints)* let #mutability #inside = #outside; #use_them);
        }
        quote!(#(#cfg)* #allow #(#lints)* let (#(#mutability #inside,)*) = (#(#outside,)*); #use_them)
    }

    /// A name for the signature that is spelled the same but is ours: so that no lint thinks that the user shadows a name,
    /// or uses one that begins with an underscore. The attribute's arguments and other attributes need the user's own.
    fn twin(&mut self, name: &Ident) -> Ident {
        let mut twin = name.clone();
        let like_ours = name.to_string().starts_with("__perf");
        let free = !self.keep && !like_ours && !self.used.contains(&name.to_string());
        // Names that only a macro's hygiene tells apart would be the same one.
        if free && self.twins.insert(name.to_string()) {
            let span = Span::mixed_site().located_at(name.span());
            // A keyword to the edition that is ours, and a name in the user's.
            twin = if name == "gen" { Ident::new_raw("gen", span) } else { twin };
            twin.set_span(span);
        }
        twin
    }
}

fn allow_shadows() -> TokenStream {
    quote! {
        #[allow(
            clippy::no_effect_underscore_binding,
            clippy::shadow_reuse,
            clippy::shadow_same,
            clippy::shadow_unrelated,
            clippy::used_underscore_binding
        )]
    }
}

/// Uses the names that the attribute's arguments use, whether the body does so or not.
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

/// Whether a parameter of this name reaches the body.
pub(crate) fn is_parameter(name: &Ident, sig: &Signature) -> bool {
    let mut found = false;
    for input in &sig.inputs {
        if let FnArg::Typed(parameter) = input {
            each_name(&mut parameter.pat.clone(), &mut |bound| found |= bound.ident == *name);
        }
    }
    found
}

/// Visits the names that a pattern binds, in order.
fn each_name(pattern: &mut Pat, visit: &mut dyn FnMut(&mut PatIdent)) {
    match pattern {
        Pat::Ident(name) if !may_be_constant(name) => visit(name),
        _ => {}
    }
    each_part(pattern, &mut |part| each_name(part, visit));
}

/// Whether all that a pattern is given ends up in what it binds by value.
fn is_taken_whole(pattern: &Pat) -> bool {
    match pattern {
        // `x @ (a, ..)` binds all of it; the rest are copies.
        Pat::Ident(name) => name.by_ref.is_none() && !may_be_constant(name),
        // The value behind a reference is not ours to drop.
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
