//! What is to be measured, checked: whatever is here can be expanded.

use crate::args::{Args, Field, FieldValue, Predicate, combine};
use crate::function::Function;
use crate::kind::Kind;
use crate::label;
use crate::shape::Shape;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, ExprPath, FnArg, Ident, Lit, LitStr, Pat, Path, Result, Signature, parse_quote};

/// The fields that every span has, beside its labels.
const OWN_FIELDS: [&str; 3] = ["kind", "outcome", "error"];
/// As many fields as a `tracing` callsite is sure to take, less our own and the labels.
const MAX_FIELDS: usize = 24;
const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) labels: Vec<Label>,
    pub(crate) span: SpanModel,
    pub(crate) outcome: OutcomeRule,
    /// The place of the option `err`.
    pub(crate) err: Option<Span>,
    pub(crate) runtime: Path,
    pub(crate) shape: Shape,
}

/// A label's value, known when the program is compiled.
pub(crate) enum Label {
    Literal(LitStr),
    Constant(ExprPath),
}

pub(crate) struct SpanModel {
    pub(crate) name: LitStr,
    pub(crate) target: Option<LitStr>,
    pub(crate) level: SpanLevel,
    pub(crate) fields: Vec<Field>,
}

pub(crate) enum SpanLevel {
    /// No span.
    Off,
    /// The runtime's default.
    Default,
    /// A constant of `tracing::Level`.
    Given(Ident),
}

pub(crate) enum OutcomeRule {
    /// An `Err` is an error.
    ByType,
    OkIf(Expr),
    ErrorIf(Expr),
}

impl Model {
    /// Checks the arguments against the function. All mistakes are told at once.
    pub(crate) fn new(kind: Kind, args: Args, function: &Function) -> Result<Self> {
        let mut errors = None;
        let mut keep = |error| combine(&mut errors, error);
        check_function(kind, function).unwrap_or_else(&mut keep);
        let shape = Shape::of(&function.sig).map_err(&mut keep);
        let Args { positional, krate, err, ok_if, error_if, fields, level, name, operation, span, target } = args;
        let labels = labels(kind, positional, operation, &function.sig).map_err(&mut keep);
        let outcome = outcome(ok_if, error_if).map_err(&mut keep);
        let level = span_level(level, span.as_ref()).map_err(&mut keep);
        let fields = fields.unwrap_or_default();
        check_fields(kind, &fields).unwrap_or_else(&mut keep);
        let (Ok(shape), Ok(labels), Ok(outcome), Ok(level), None) = (shape, labels, outcome, level, &errors) else {
            return Err(errors.unwrap_or_else(|| Error::new(Span::call_site(), "invalid attribute")));
        };
        let ident = &function.sig.ident;
        let name = name.unwrap_or_else(|| LitStr::new(&unraw(ident), ident.span()));
        Ok(Self {
            kind,
            labels,
            span: SpanModel { name, target, level, fields },
            outcome,
            err: err.map(|option| option.span()),
            runtime: krate.unwrap_or_else(|| parse_quote!(::perf_runtime)),
            shape,
        })
    }
}

fn check_function(kind: Kind, function: &Function) -> Result<()> {
    let attribute = kind.attribute();
    if let Some(constness) = &function.sig.constness {
        let message = "a `const fn` can run while compiling, where there is no clock: it cannot be measured";
        return Err(Error::new(constness.span(), message));
    }
    for attr in &function.attrs {
        let last = attr.path().segments.last().map(|segment| &segment.ident);
        if last.is_some_and(|last| last == "track_caller") && function.sig.asyncness.is_none() {
            let message = "the body runs inside a call of perf's, so `#[track_caller]` would name that line instead of \
                           the caller's: measure a function that this one calls";
            return Err(Error::new_spanned(attr.path(), message));
        }
        if last.is_some_and(|last| last == attribute) {
            let message = format!("`#[{attribute}]` stands on this function twice; each call would count twice");
            return Err(Error::new_spanned(attr.path(), message));
        }
    }
    Ok(())
}

fn labels(kind: Kind, mut given: Vec<Expr>, verb: Option<LitStr>, sig: &Signature) -> Result<Vec<Label>> {
    let names = kind.labels();
    let own_verb = verb.is_some();
    if let Some(verb) = verb {
        if kind != Kind::DbOperation {
            let message = format!("the option `operation` is for `#[{}]` only", Kind::DbOperation.attribute());
            return Err(Error::new(verb.span(), message));
        }
        given.insert(0, parse_quote!(#verb));
    }
    if given.is_empty() && kind == Kind::Operation {
        let name = LitStr::new(&unraw(&sig.ident), sig.ident.span());
        given.push(parse_quote!(#name));
    }
    if let Some(extra) = given.get(names.len()) {
        let message = format!("one label too many: {} takes {}", kind.example(), list(names));
        return Err(Error::new_spanned(extra, message));
    }
    if given.len() < names.len() {
        let message = format!("the label `{}` is missing: write {}", names[given.len()], kind.example());
        let at = given.last().map_or_else(Span::call_site, Spanned::span);
        return Err(Error::new(at, message));
    }
    let mut errors = None;
    let mut labels = Vec::with_capacity(names.len());
    for (place, (name, expr)) in names.iter().zip(given).enumerate() {
        match label(name, expr, sig) {
            Ok(label) => labels.push(label),
            Err(error) => combine(&mut errors, error),
        }
        if let (Kind::DbOperation, 0, false, Some(Label::Literal(verb))) = (kind, place, own_verb, labels.first()) {
            label::check_verb(verb).unwrap_or_else(|error| combine(&mut errors, error));
        }
    }
    errors.map_or(Ok(labels), Err)
}

fn label(name: &str, expr: Expr, sig: &Signature) -> Result<Label> {
    let message = match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            label::check(name, &text)?;
            return Ok(Label::Literal(text));
        }
        Expr::Path(ref path) if path.path.segments.first().is_some_and(|first| first.ident == "Self") => {
            format!("the label `{name}` cannot say `Self`: write the type's name")
        }
        Expr::Path(ref path) if path.path.get_ident().is_some_and(|ident| is_parameter(ident, sig)) => format!(
            "the label `{name}` is taken from an argument, whose values are unbounded: record it on the span with \
             `fields({} = ..)` instead",
            path.path.to_token_stream()
        ),
        Expr::Path(path) => return Ok(Label::Constant(path)),
        _ => format!("the label `{name}` must be a string literal or the path of a `&'static str` constant"),
    };
    Err(Error::new_spanned(expr, message))
}

fn is_parameter(ident: &Ident, sig: &Signature) -> bool {
    sig.inputs.iter().any(|input| match input {
        FnArg::Typed(parameter) => matches!(&*parameter.pat, Pat::Ident(pattern) if pattern.ident == *ident),
        FnArg::Receiver(_) => ident == "self",
    })
}

fn outcome(ok_if: Option<Predicate>, error_if: Option<Predicate>) -> Result<OutcomeRule> {
    Ok(match (ok_if, error_if) {
        (None, None) => OutcomeRule::ByType,
        (Some(ok), None) => OutcomeRule::OkIf(ok.function),
        (None, Some(error)) => OutcomeRule::ErrorIf(error.function),
        (Some(_), Some(error)) => {
            let message = "`ok_if` and `error_if` contradict each other: what one calls ok, the other may call an \
                           error; keep one";
            return Err(Error::new(error.option.span(), message));
        }
    })
}

fn span_level(level: Option<LitStr>, span: Option<&syn::LitBool>) -> Result<SpanLevel> {
    if span.is_some_and(|span| !span.value) {
        return match level {
            None => Ok(SpanLevel::Off),
            Some(level) => Err(Error::new(level.span(), "with `span = false` there is no span to have a level")),
        };
    }
    let Some(level) = level else { return Ok(SpanLevel::Default) };
    if !LEVELS.contains(&level.value().as_str()) {
        let message = format!("unknown level {:?}; levels are {}", level.value(), list(&LEVELS));
        return Err(Error::new(level.span(), message));
    }
    Ok(SpanLevel::Given(Ident::new(&level.value().to_uppercase(), level.span())))
}

fn check_fields(kind: Kind, fields: &[Field]) -> Result<()> {
    let mut seen: BTreeSet<String> = OWN_FIELDS.iter().chain(kind.labels()).map(|&name| name.to_owned()).collect();
    for field in fields {
        if !seen.insert(field.text()) {
            return Err(Error::new_spanned(field, format!("the span has a field `{}` already", field.text())));
        }
    }
    match fields.get(MAX_FIELDS) {
        Some(extra) => Err(Error::new_spanned(extra, format!("a span has at most {MAX_FIELDS} fields of its user's"))),
        None => Ok(()),
    }
}

impl ToTokens for Label {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Literal(text) => text.to_tokens(tokens),
            Self::Constant(path) => path.to_tokens(tokens),
        }
    }
}

impl FieldValue {
    /// The value as `&dyn tracing::Value`.
    pub(crate) fn tokens(&self, runtime: &TokenStream) -> TokenStream {
        match self {
            Self::Later => quote!(&#runtime::Empty),
            Self::Display(expr) => quote!(&#runtime::display(&(#expr))),
            Self::Debug(expr) => quote!(&#runtime::debug(&(#expr))),
            Self::Value(expr) => quote!(&(#expr)),
        }
    }
}

fn unraw(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
