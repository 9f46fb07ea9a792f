//! The labels of a site: the kind's own, then those that the option `labels` adds.

use crate::args::{NamedLabel, combine};
use crate::kind::Kind;
use crate::label;
use crate::params::is_parameter;
use crate::place::shown_at;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, ExprLit, ExprPath, FnArg, GenericParam, Ident, Lit, LitInt, LitStr, Pat, Result, Signature, Type,
    parse_quote,
};

/// Names that mean something else in a series, or nothing good.
const RESERVED: [&str; 7] = ["error", "error_type", "expected", "kind", "le", "outcome", "quantile"];
/// As many labels as a call may bring.
const MAX_BROUGHT: usize = 8;

/// All labels of a site.
pub(crate) struct LabelSet {
    labels: Vec<Label>,
    /// The names of those beyond the kind's own.
    more: Vec<String>,
    /// The most series that they may make; `None` for the runtime's default.
    max_series: Option<LitInt>,
}

/// A label's value.
enum Label {
    Literal(LitStr),
    /// The path of a constant or of an enum's variant, or a macro that makes a text.
    Constant(Expr),
    /// Known with each call; its type is there if the signature shows it.
    Brought {
        value: Expr,
        ty: Option<Box<Type>>,
    },
}

impl LabelSet {
    pub(crate) fn new(
        kind: Kind,
        positional: Vec<Expr>,
        verb: Option<Expr>,
        more: Vec<NamedLabel>,
        max_series: Option<LitInt>,
        sig: &Signature,
    ) -> Result<Self> {
        let own_verb = verb.is_some();
        let positional = complete(kind, positional, verb, sig)?;
        let mut errors = None;
        let mut labels = Vec::with_capacity(positional.len() + more.len());
        let mut take = |name: &str, value: Expr, is_verb: bool| match read(name, value, sig) {
            Ok(label) => {
                if let (true, Label::Literal(verb)) = (is_verb, &label) {
                    label::check_verb(verb).unwrap_or_else(|error| combine(&mut errors, error));
                }
                labels.push(label);
            }
            Err(error) => combine(&mut errors, error),
        };
        for (place, (name, value)) in kind.labels().iter().zip(positional).enumerate() {
            take(name, value, kind == Kind::DbOperation && place == 0 && !own_verb);
        }
        let names = check_names(kind, &more);
        for label in more {
            take(&label.name.to_string(), label.value, false);
        }
        let brought = labels.iter().filter_map(|label| match label {
            Label::Brought { value, .. } => Some(value),
            _ => None,
        });
        if let Some(extra) = brought.clone().nth(MAX_BROUGHT) {
            let message = format!("a call brings at most {MAX_BROUGHT} labels");
            combine(&mut errors, Error::new_spanned(extra, message));
        }
        if let (Some(max_series), None) = (&max_series, brought.clone().next()) {
            let message = "without labels that a call brings there is one series, and no budget to raise";
            combine(&mut errors, Error::new_spanned(max_series, message));
        }
        match (names, errors) {
            (Ok(more), None) => Ok(Self { labels, more, max_series }),
            (Err(mut error), errors) => {
                error.extend(errors.into_iter().flatten());
                Err(error)
            }
            (Ok(_), Some(errors)) => Err(errors),
        }
    }

    /// The label of an operation, where it is a literal: by it the span is named, too.
    pub(crate) fn only_literal(&self, kind: Kind) -> Option<&LitStr> {
        match self.labels.first() {
            Some(Label::Literal(text)) if kind == Kind::Operation => Some(text),
            _ => None,
        }
    }

    /// The names of the labels beyond the kind's own, where there are any.
    pub(crate) fn more_tokens(&self) -> Option<TokenStream> {
        let names = &self.more;
        (!names.is_empty()).then(|| quote!(more_labels: &[#(#names),*],))
    }

    /// The values that each call brings.
    pub(crate) fn brought(&self) -> impl Iterator<Item = &Expr> {
        self.labels.iter().filter_map(|label| match label {
            Label::Brought { value, .. } => Some(value),
            _ => None,
        })
    }

    /// The most series that the labels may make.
    pub(crate) fn budget(&self, runtime: &TokenStream) -> TokenStream {
        self.max_series.as_ref().map_or_else(|| quote!(#runtime::DEFAULT_BUDGET), ToTokens::to_token_stream)
    }

    /// Each label as a `LabelSpec`.
    pub(crate) fn specs(&self, runtime: &TokenStream) -> impl Iterator<Item = TokenStream> {
        self.labels.iter().map(move |label| match label {
            Label::Literal(text) => quote!(#runtime::LabelSpec::Text(#text)),
            Label::Constant(path) => {
                // A mistake in the constant is told at its path.
                let at = Span::call_site().located_at(path.span());
                let runtime = shown_at(at, runtime);
                quote_spanned!(at=> #runtime::Constant(#path).spec())
            }
            Label::Brought { .. } => quote!(#runtime::LabelSpec::Variable),
        })
    }

    /// The first label that calls bring whose type the signature does not show, or whose type a `static` may not name.
    pub(crate) fn unseen(&self) -> Option<&Expr> {
        self.labels.iter().find_map(|label| match label {
            Label::Brought { value, ty: None } => Some(value),
            _ => None,
        })
    }

    /// The values of the labels that calls bring, where the signature shows all their types.
    pub(crate) fn seen_values(&self, runtime: &TokenStream) -> Option<TokenStream> {
        let mut types = Vec::new();
        for label in &self.labels {
            if let Label::Brought { ty, .. } = label {
                types.push(ty.as_ref()?);
            }
        }
        let budget = self.budget(runtime);
        let values = quote!(&[#(<#types as #runtime::Label>::VALUES),*]);
        let at = Span::call_site().located_at(self.brought().next()?.span());
        Some(quote_spanned!(at=> values: #runtime::within_budget(#values, #budget),))
    }
}

/// The kind's own labels, in order and as many as there must be.
fn complete(kind: Kind, mut given: Vec<Expr>, verb: Option<Expr>, sig: &Signature) -> Result<Vec<Expr>> {
    let names = kind.labels();
    if let Some(verb) = verb {
        if kind != Kind::DbOperation {
            let message = format!("the option `operation` is for `#[{}]` only", Kind::DbOperation.attribute());
            return Err(Error::new_spanned(verb, message));
        }
        given.insert(0, verb);
    }
    if given.is_empty() && kind == Kind::Operation {
        let name = LitStr::new(&unraw(&sig.ident), sig.ident.span());
        given.push(parse_quote!(#name));
    }
    if let (Kind::Operation, [Expr::Path(path)]) = (kind, given.as_slice())
        && path.path.is_ident("skip")
    {
        let message = "`skip` is for methods of an `impl` block that stands under `#[monitor]`";
        return Err(Error::new_spanned(path, message));
    }
    if let Some(extra) = given.get(names.len()) {
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("one label too many: {} takes {list}; more go into `labels(name = ..)`", kind.example());
        return Err(Error::new_spanned(extra, message));
    }
    if given.len() < names.len() {
        let message = format!("the label `{}` is missing: write {}", names[given.len()], kind.example());
        let at = given.last().map_or_else(Span::call_site, Spanned::span);
        return Err(Error::new(at, message));
    }
    Ok(given)
}

fn check_names(kind: Kind, more: &[NamedLabel]) -> Result<Vec<String>> {
    let mut seen: BTreeSet<&str> = kind.labels().iter().chain(&RESERVED).copied().collect();
    let names: Vec<String> = more.iter().map(|label| label.name.to_string()).collect();
    for (label, name) in more.iter().zip(&names) {
        let problem = if !name.trim_start_matches("r#").bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            "is no name to Prometheus, which takes ASCII letters, digits and `_`; choose another name"
        } else if name.starts_with("__") || name.starts_with("r#") {
            "is kept for others; choose another name"
        } else if !seen.insert(name) {
            "is there already; choose another name"
        } else {
            continue;
        };
        return Err(Error::new(label.name.span(), format!("the label `{name}` {problem}")));
    }
    Ok(names)
}

fn read(name: &str, value: Expr, sig: &Signature) -> Result<Label> {
    match value {
        // Arguments of a `macro_rules!` stand in an invisible group.
        Expr::Group(group) => read(name, *group.expr, sig),
        Expr::Paren(paren) => read(name, *paren.expr, sig),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            label::check(name, &text)?;
            Ok(Label::Literal(text))
        }
        Expr::Lit(literal) => {
            let message =
                format!("the label `{name}` must be a string, a constant, or a value of a type that is a `Label`");
            Err(Error::new_spanned(literal, message))
        }
        Expr::Path(path) => Ok(match parameter_type(&path, sig) {
            Some(ty) if is_unbounded(ty) => {
                let message = format!(
                    "the label `{name}` is taken from a `{}`, whose values are unbounded: take an enum that derives \
                     `Label`, or record the value on the span with `fields(..)`",
                    ty.to_token_stream()
                );
                return Err(Error::new_spanned(path, message));
            }
            Some(ty) => Label::Brought { value: Expr::Path(path), ty: nameable(ty, sig).then(|| Box::new(ty.clone())) },
            None if path.path.is_ident("self") => Label::Brought { value: Expr::Path(path), ty: None },
            None if path.path.segments.first().is_some_and(|first| first.ident == "Self") => {
                let message = format!("the label `{name}` cannot say `Self`: write the type's name");
                return Err(Error::new_spanned(path, message));
            }
            None => Label::Constant(Expr::Path(path)),
        }),
        // One that names no argument makes a constant, as `concat!` does.
        Expr::Macro(made) if !names_argument(made.mac.tokens.clone(), sig) => Ok(Label::Constant(Expr::Macro(made))),
        value => Ok(Label::Brought { value, ty: None }),
    }
}

/// Whether an argument, or `self`, stands somewhere in the tokens.
fn names_argument(tokens: TokenStream, sig: &Signature) -> bool {
    !all_idents(tokens, &|ident| ident != "self" && !is_parameter(ident, sig))
}

/// The type of the parameter that the path names.
fn parameter_type<'a>(path: &ExprPath, sig: &'a Signature) -> Option<&'a Type> {
    let ident = path.path.get_ident()?;
    sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(parameter) => match &*parameter.pat {
            Pat::Ident(pattern) if pattern.ident == *ident => Some(&*parameter.ty),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

/// Whether the type is one of those of the language that are never a label: so that the mistake is told once, and here.
fn is_unbounded(ty: &Type) -> bool {
    const NAMES: [&str; 20] = [
        "String", "str", "Cow", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64", "Vec", "Uuid",
    ];
    match ty {
        Type::Reference(ty) => is_unbounded(&ty.elem),
        Type::Path(ty) => ty.path.segments.last().is_some_and(|last| NAMES.iter().any(|name| last.ident == name)),
        _ => false,
    }
}

/// Whether a `static` may name the type: it knows nothing of the function's generics nor of the `impl` block's, whose
/// parameters are told by being single capital letters.
fn nameable(ty: &Type, sig: &Signature) -> bool {
    let generics: BTreeSet<String> = sig
        .generics
        .params
        .iter()
        .map(|parameter| match parameter {
            GenericParam::Type(parameter) => parameter.ident.to_string(),
            GenericParam::Const(parameter) => parameter.ident.to_string(),
            GenericParam::Lifetime(parameter) => parameter.lifetime.ident.to_string(),
        })
        .collect();
    all_idents(ty.to_token_stream(), &|ident| {
        let text = ident.to_string();
        let single_capital = text.len() == 1 && text.chars().all(char::is_uppercase);
        !generics.contains(&text) && !single_capital && !matches!(text.as_str(), "Self" | "impl" | "_")
    })
}

fn all_idents(tokens: TokenStream, good: &impl Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().all(|token| match token {
        TokenTree::Ident(ident) => good(&ident),
        TokenTree::Group(group) => all_idents(group.stream(), good),
        _ => true,
    })
}

pub(crate) fn unraw(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}
