//! The function's measurement, checked: everything that is held here can be expanded.

use crate::args::{Args, ErrOption, Field, FieldName, FieldValue, NamedLabel, Predicate, check_level, combine};
use crate::budget::Budget;
use crate::function::Function;
use crate::guard::Guard;
use crate::kind::Kind;
use crate::labels::{LabelSet, unraw};
use crate::params::is_parameter;
use crate::place::shown_at;
use crate::plan::Plan;
use crate::profile::{Profile, Units};
use crate::shape::{Shape, cannot_fail};
use crate::stream::ItemErrors;
use crate::target::Targets;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, LitStr, Path, Result, ReturnType, Signature, Type, parse_quote};

/// The fields that every span has, beside its labels.
const OWN_FIELDS: [&str; 4] = ["kind", "outcome", "error", "error_type"];
/// As many fields as a `tracing` callsite is sure to take, less our own and the labels.
const MAX_FIELDS: usize = 24;

pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) labels: LabelSet,
    pub(crate) targets: Targets,
    pub(crate) plan: Plan,
    pub(crate) span: SpanModel,
    pub(crate) outcome: OutcomeRule,
    /// Which items of a stream that are errors make its call one.
    pub(crate) item_errors: ItemErrors,
    pub(crate) err: Option<ErrText>,
    pub(crate) profile: Option<Profile>,
    /// The limits of each run of an agent.
    pub(crate) budget: Option<Budget>,
    /// The function that gives the usage in what was returned.
    pub(crate) usage: Option<Expr>,
    pub(crate) runtime: Path,
    pub(crate) shape: Shape,
    /// Of a sync body.
    pub(crate) guard: Guard,
}

/// The text of an error, as it is shown.
pub(crate) struct ErrText {
    /// The place where a wrong type is told: the option or, of a method of a block, the method's name.
    pub(crate) at: Span,
    /// The level of an event, as a constant of `tracing::Level`.
    pub(crate) event: Option<Ident>,
    /// Whether a function that cannot fail is left alone, as one among others of a block.
    pub(crate) may_be_missing: bool,
}

pub(crate) struct SpanModel {
    /// A string, or the path of a constant.
    pub(crate) name: Expr,
    pub(crate) target: Option<Expr>,
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
        let Args {
            positional,
            buckets,
            budget,
            cancel,
            krate,
            err,
            in_block,
            ok_if,
            error_if,
            mut fields,
            item_error,
            labels,
            level,
            max_series,
            name,
            objective,
            operation,
            profile,
            slow,
            span,
            target,
            units,
            usage,
            waits,
        } = args;
        let operation = with_operation(kind, operation, &mut fields);
        let mut fields = fields.unwrap_or_default();
        for field in &mut fields {
            take_parameter(field, &function.sig);
        }
        check_fields(kind, &fields, labels.as_deref().unwrap_or_default()).unwrap_or_else(&mut keep);
        let more = labels.unwrap_or_default();
        let labels = LabelSet::new(kind, positional, operation, more, max_series, &function.sig).map_err(&mut keep);
        let targets = Targets::new(buckets.as_ref(), slow.as_ref(), objective.as_deref()).map_err(&mut keep);
        let plan = Plan::new(cancel.as_ref(), waits.as_ref(), slow.as_ref(), objective.as_deref()).map_err(&mut keep);
        let outcome = outcome(ok_if, error_if).map_err(&mut keep);
        let level = span_level(level, span.as_ref()).map_err(&mut keep);
        let profile = Profile::new(profile.as_ref(), units, &function.sig).map_err(&mut keep);
        check_usage(usage.as_ref(), &function.sig).unwrap_or_else(&mut keep);
        let budget = Budget::new(budget.as_ref(), kind).map_err(&mut keep);
        let items = ItemErrors::new(item_error.as_ref(), shape.as_ref().ok(), in_block).map_err(&mut keep);
        let (Ok(shape), Ok(labels), Ok(targets), Ok(plan), Ok(outcome), Ok(level)) =
            (shape, labels, targets, plan, outcome, level)
        else {
            return Err(errors.unwrap_or_else(|| Error::new(Span::call_site(), "invalid attribute")));
        };
        let (Ok(profile), Ok(budget), Ok(item_errors), None) = (profile, budget, items, &errors) else {
            return Err(errors.unwrap_or_else(|| Error::new(Span::call_site(), "invalid attribute")));
        };
        // Of a block `err` is for the methods that can fail.
        let err = err.filter(|_| !(in_block && cannot_fail(&function.sig)));
        let has_units = profile.as_ref().is_some_and(|profile| profile.units.is_some());
        let looks_at_value = !matches!(outcome, OutcomeRule::ByType) || err.is_some() || has_units || usage.is_some();
        let guard = Guard::of(function, looks_at_value);
        check_units(profile.as_ref(), &shape)?;
        check_caller(function, &shape, guard)?;
        check_err(err.as_ref(), &level)?;
        let ident = &function.sig.ident;
        // An operation's span is named as its series is, so that the span needs no field for it.
        let own_name = || LitStr::new(&unraw(ident), ident.span());
        let name = name.unwrap_or_else(|| {
            let name = labels.only_literal(kind).cloned().unwrap_or_else(own_name);
            parse_quote!(#name)
        });
        Ok(Self {
            kind,
            labels,
            targets,
            plan,
            span: SpanModel { name, target, level, fields },
            outcome,
            item_errors,
            err: err.map(|ErrOption { option, level }| ErrText {
                at: if in_block { ident.span() } else { option.span() },
                event: level.map(|level| level_constant(&level)),
                may_be_missing: in_block,
            }),
            profile,
            budget,
            usage: usage.map(|usage| usage.function),
            runtime: krate.unwrap_or_else(|| parse_quote!(::perf_runtime)),
            shape,
            guard,
        })
    }
}

impl Model {
    /// Whether the call's usage of language models is asked for: of each call of a model, of each run of an agent, to which the calls inside it
    /// belong, and wherever the option `usage` says where it stands.
    pub(crate) fn is_metered(&self) -> bool {
        matches!(self.kind, Kind::LlmCall | Kind::Agent) || self.usage.is_some()
    }

    /// Whether a call is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.shape, Shape::Stream(_))
    }

    /// The expression over the arguments that says how much a call does.
    pub(crate) fn units_of_arguments(&self) -> Option<&Expr> {
        match self.profile.as_ref()?.units.as_ref()? {
            Units::OfArguments(units) => Some(units),
            Units::OfReturned(_) => None,
        }
    }

    /// All names that the attribute's labels and fields take from the function's arguments, and others.
    pub(crate) fn names_in_arguments(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let fields = self.span.fields.iter().filter_map(|field| match &field.value {
            FieldValue::Later => None,
            FieldValue::Display(value) | FieldValue::Debug(value) | FieldValue::Value(value) => Some(value),
        });
        for value in self.labels.brought().chain(fields).chain(self.units_of_arguments()) {
            collect_names(value.to_token_stream(), &mut names);
        }
        names
    }
}

fn collect_names(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                names.insert(name.to_string());
            }
            TokenTree::Group(group) => collect_names(group.stream(), names),
            _ => {}
        }
    }
}

/// The field in which the span of a call to a language model tells its operation, as OpenTelemetry names it.
const OPERATION_FIELD: &str = "gen_ai.operation.name";
/// The operation of such a call, unless said otherwise.
const OPERATION: &str = "chat";

/// Adds the operation of a call to a language model to its span's fields: it is no label. Of other kinds the option is left.
fn with_operation(kind: Kind, operation: Option<Expr>, fields: &mut Option<Vec<Field>>) -> Option<Expr> {
    if kind != Kind::LlmCall {
        return operation;
    }
    let fields = fields.get_or_insert_default();
    if operation.is_some() || !fields.iter().any(|field| field.text() == OPERATION_FIELD) {
        let name = FieldName::Text(LitStr::new(OPERATION_FIELD, Span::call_site()));
        let value = operation.unwrap_or_else(|| {
            let chat = OPERATION;
            parse_quote!(#chat)
        });
        fields.insert(0, Field { name, value: FieldValue::Value(value) });
    }
    None
}

fn check_usage(usage: Option<&Predicate>, sig: &Signature) -> Result<()> {
    match usage {
        Some(usage) if matches!(&sig.output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_))) => {
            let message = "this function never returns, so it tells no usage";
            Err(Error::new_spanned(&usage.function, message))
        }
        _ => Ok(()),
    }
}

fn check_function(kind: Kind, function: &Function) -> Result<()> {
    let attribute = kind.attribute();
    if let Some(constness) = &function.sig.constness {
        let message = "a `const fn` can run while compiling, where there is no clock: it cannot be measured";
        return Err(Error::new(constness.span, message));
    }
    for attr in &function.attrs {
        let last = attr.path().segments.last().map(|segment| &segment.ident);
        if last.is_some_and(|last| last == attribute) {
            let message = format!("`#[{attribute}]` stands on this function twice; each call would count twice");
            return Err(Error::new_spanned(attr.path(), message));
        }
    }
    Ok(())
}

/// Refuses `units` of a stream, which has its items.
fn check_units(profile: Option<&Profile>, shape: &Shape) -> Result<()> {
    let units = profile.and_then(|profile| profile.units.as_ref());
    match (units, shape) {
        (Some(Units::OfArguments(units) | Units::OfReturned(units)), Shape::Stream(_)) => {
            let message = "the items of a stream are counted in any case, and are its units: leave `units` out";
            Err(Error::new_spanned(units, message))
        }
        _ => Ok(()),
    }
}

/// Refuses `#[track_caller]` where the body would see another place than its caller's.
fn check_caller(function: &Function, shape: &Shape, guard: Guard) -> Result<()> {
    let Some(attr) = function.track_caller() else { return Ok(()) };
    let message = match shape {
        Shape::Async => return Ok(()),
        Shape::Sync if guard != Guard::Closure => return Ok(()),
        Shape::Sync => {
            "the body may leave the function early (by `return`, `?` or a macro), so it runs inside a closure of perf's, and \
             `#[track_caller]` would name that line instead of the caller's: let it end with its value, or measure a function \
             that this one calls; in a `#[monitor]` block, `#[monitor(skip)]` leaves it out"
        }
        Shape::Future { .. } | Shape::Stream(_) => {
            "the body runs inside a call of perf's, so `#[track_caller]` would name that line instead of the caller's: \
             measure a function that this one calls; in a `#[monitor]` block, `#[monitor(skip)]` leaves it out"
        }
    };
    Err(Error::new_spanned(attr.path(), message))
}

/// Refuses an `err` that would show the text nowhere.
fn check_err(err: Option<&ErrOption>, level: &SpanLevel) -> Result<()> {
    match (err, level) {
        (Some(ErrOption { option, level: None }), SpanLevel::Off) => {
            let message =
                "with `span = false` there is no span to show the error on: write `err = \"warn\"` for an event";
            Err(Error::new(option.span(), message))
        }
        _ => Ok(()),
    }
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
    check_level(&level)?;
    Ok(SpanLevel::Given(level_constant(&level)))
}

fn level_constant(level: &LitStr) -> Ident {
    Ident::new(&level.value().to_uppercase(), level.span())
}

/// A field without a value that has a parameter's name is that parameter, as in `tracing`; else it is recorded later.
fn take_parameter(field: &mut Field, sig: &Signature) {
    if let (FieldValue::Later, Some(name)) = (&field.value, field.word())
        && is_parameter(name, sig)
    {
        field.value = FieldValue::Value(parse_quote!(#name));
    }
}

fn check_fields(kind: Kind, fields: &[Field], labels: &[NamedLabel]) -> Result<()> {
    let mut seen: BTreeSet<String> = OWN_FIELDS.iter().chain(kind.labels()).map(|&name| name.to_owned()).collect();
    seen.extend(labels.iter().map(|label| label.name.to_string()));
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

impl FieldValue {
    /// The value as `&dyn tracing::Value`.
    pub(crate) fn tokens(&self, runtime: &TokenStream) -> TokenStream {
        let (Self::Display(expr) | Self::Debug(expr) | Self::Value(expr)) = self else {
            return quote!(&#runtime::Empty);
        };
        // A value of a wrong type is told at the value.
        let at = Span::call_site().located_at(expr.span());
        let runtime = shown_at(at, runtime);
        match self {
            Self::Display(_) => quote_spanned!(at=> &#runtime::display(&(#expr))),
            Self::Debug(_) => quote_spanned!(at=> &#runtime::debug(&(#expr))),
            _ => quote_spanned!(at=> &(#expr)),
        }
    }
}
