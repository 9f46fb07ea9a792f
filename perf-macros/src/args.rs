//! The content of the attribute's parentheses, as data.

use crate::suggest::nearest;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprArray, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Path, Result, Token, parenthesized};

/// The names of all options, as errors list them.
const OPTIONS: &[&str] = &[
    "budget",
    "buckets",
    "cancel",
    "crate",
    "err",
    "error_if",
    "fields",
    "item_error",
    "labels",
    "level",
    "max_series",
    "name",
    "objective",
    "ok_if",
    "operation",
    "profile",
    "slow",
    "span",
    "target",
    "units",
    "usage",
    "waits",
];

/// Those that take a list in parentheses.
const LISTS: &[&str] = &["fields", "labels", "objective"];

/// Those that take no value.
const FLAGS: &[&str] = &["err", "profile", "waits"];

/// The value of `budget`.
const BUDGET: &str = "limits of a run, such as `budget = \"$0.50\"`";

/// The value of `cancel`.
pub(crate) const CANCEL: &str = "\"expected\": that calls are cancelled is part of the plan";

/// The value of `item_error`.
pub(crate) const ITEM_ERROR: &str =
    "\"last\" (the call fails where the last item is an error), \"any\" (where any is) or \"ignored\"";

/// The arguments of an attribute, read but not yet checked against each other.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Expr>,
    pub(crate) budget: Option<LitStr>,
    pub(crate) buckets: Option<ExprArray>,
    pub(crate) cancel: Option<LitStr>,
    pub(crate) krate: Option<Path>,
    pub(crate) err: Option<ErrOption>,
    /// Whether the attribute was put on the method by one on its `impl` block.
    pub(crate) in_block: bool,
    pub(crate) ok_if: Option<Predicate>,
    pub(crate) error_if: Option<Predicate>,
    pub(crate) fields: Option<Vec<Field>>,
    pub(crate) item_error: Option<LitStr>,
    pub(crate) labels: Option<Vec<NamedLabel>>,
    pub(crate) max_series: Option<LitInt>,
    pub(crate) level: Option<LitStr>,
    pub(crate) name: Option<Expr>,
    pub(crate) objective: Option<Vec<ObjectivePart>>,
    pub(crate) operation: Option<Expr>,
    pub(crate) profile: Option<Ident>,
    pub(crate) slow: Option<LitStr>,
    pub(crate) span: Option<LitBool>,
    pub(crate) target: Option<Expr>,
    pub(crate) units: Option<Expr>,
    pub(crate) usage: Option<Predicate>,
    pub(crate) waits: Option<Ident>,
}

/// `err`, or `err = "warn"` for an event of that level as well.
pub(crate) struct ErrOption {
    pub(crate) option: Ident,
    pub(crate) level: Option<LitStr>,
}

/// The flag by which an `impl` block marks the attribute that it puts on a method.
pub(crate) const IN_BLOCK: &str = "__perf_in_block";

/// `ok_if = path`, `error_if = path` or `usage = path`.
pub(crate) struct Predicate {
    pub(crate) option: Ident,
    pub(crate) function: Expr,
}

/// A part of `objective(latency = "250ms", percentile = 99.0, success = 99.9)`.
pub(crate) struct ObjectivePart {
    pub(crate) name: Ident,
    pub(crate) value: Lit,
}

/// A label beyond the kind's own: `region = Region::Eu`.
pub(crate) struct NamedLabel {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// A field that the user adds to the span: `user_id = %id`, or `rows` for one to be recorded later.
pub(crate) struct Field {
    pub(crate) name: FieldName,
    pub(crate) value: FieldValue,
}

pub(crate) enum FieldName {
    /// `http.method`
    Path(Punctuated<Ident, Token![.]>),
    /// `"http.method"`
    Text(LitStr),
}

pub(crate) enum FieldValue {
    Later,
    Display(Expr),
    Debug(Expr),
    Value(Expr),
}

impl Args {
    /// Reads the arguments. Mistakes are collected, so that all of them are told at once.
    pub(crate) fn read(tokens: TokenStream) -> (Self, Option<Error>) {
        let mut args = Self::default();
        let mut errors: Option<Error> = None;
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.read_one(input) {
                    combine(&mut errors, error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = syn::parse::Parser::parse2(read, tokens) {
            combine(&mut errors, error);
        }
        (args, errors)
    }

    fn read_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let ahead = input.fork();
        let Ok(option) = ahead.call(Ident::parse_any) else { return self.read_positional(input) };
        let assigned = ahead.peek(Token![=]) && !ahead.peek(Token![==]);
        let list = LISTS.iter().any(|list| option == list) && ahead.peek(syn::token::Paren);
        let flag =
            FLAGS.iter().chain([&IN_BLOCK]).any(|flag| option == flag) && (ahead.is_empty() || ahead.peek(Token![,]));
        let misspelt_list = ahead.peek(syn::token::Paren) && nearest(&option.to_string(), LISTS).is_some();
        if assigned || list || flag || misspelt_list {
            input.call(Ident::parse_any)?;
            return self.read_option(&option, input);
        }
        self.read_positional(input)
    }

    fn read_positional(&mut self, input: ParseStream<'_>) -> Result<()> {
        self.positional.push(input.parse()?);
        Ok(())
    }

    fn read_option(&mut self, option: &Ident, input: ParseStream<'_>) -> Result<()> {
        match option.to_string().as_str() {
            "budget" => set(&mut self.budget, option, || value(option, input, BUDGET)),
            "buckets" => set(&mut self.buckets, option, || {
                value(option, input, "bounds in seconds, such as `buckets = [0.1, 0.5]`")
            }),
            "cancel" => set(&mut self.cancel, option, || value(option, input, CANCEL)),
            "crate" => {
                set(&mut self.krate, option, || value(option, input, "a path, such as `crate = my_crate::perf`"))
            }
            "err" => set(&mut self.err, option, || err(option, input)),
            IN_BLOCK => {
                self.in_block = true;
                Ok(())
            }
            "ok_if" => set(&mut self.ok_if, option, || predicate(option, input)),
            "error_if" => set(&mut self.error_if, option, || predicate(option, input)),
            "fields" => set(&mut self.fields, option, || list(option, input, "fields(user_id = %id)")),
            "item_error" => set(&mut self.item_error, option, || value(option, input, ITEM_ERROR)),
            "labels" => set(&mut self.labels, option, || list(option, input, "labels(region = Region::Eu)")),
            "max_series" => {
                set(&mut self.max_series, option, || value(option, input, "a number, such as `max_series = 5_000`"))
            }
            "level" => set(&mut self.level, option, || value(option, input, "a string, such as `level = \"debug\"`")),
            "name" => set(&mut self.name, option, || text(option, input, "name = \"find user\"")),
            "objective" => set(&mut self.objective, option, || list(option, input, "objective(latency = \"250ms\")")),
            "operation" => set(&mut self.operation, option, || text(option, input, "operation = \"scan\"")),
            "profile" => {
                flag(option, input)?;
                set(&mut self.profile, option, || Ok(option.clone()))
            }
            "slow" => set(&mut self.slow, option, || value(option, input, "a duration, such as `slow = \"250ms\"`")),
            "span" => set(&mut self.span, option, || value(option, input, "`true` or `false`")),
            "target" => set(&mut self.target, option, || text(option, input, "target = \"db\"")),
            "units" => set(&mut self.units, option, || {
                value(
                    option,
                    input,
                    "a number over the arguments, such as `units = rows.len()`, or a function of what is returned",
                )
            }),
            "usage" => set(&mut self.usage, option, || predicate(option, input)),
            "waits" => {
                flag(option, input)?;
                set(&mut self.waits, option, || Ok(option.clone()))
            }
            unknown => Err(Error::new(option.span(), unknown_option(unknown))),
        }
    }
}

fn unknown_option(written: &str) -> String {
    let list = OPTIONS.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ");
    let near = nearest(written, OPTIONS).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("unknown option `{written}`{near} (valid options are {list})")
}

/// Sets an option once.
fn set<T>(place: &mut Option<T>, option: &Ident, read: impl FnOnce() -> Result<T>) -> Result<()> {
    if place.is_some() {
        return Err(Error::new(option.span(), format!("the option `{option}` is given twice; keep one")));
    }
    *place = Some(read()?);
    Ok(())
}

/// Reads `= value`.
fn value<T: Parse>(option: &Ident, input: ParseStream<'_>, expected: &str) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse().map_err(|error| Error::new(error.span(), format!("the option `{option}` takes {expected}")))
}

/// Reads `= "text"`, `= CONSTANT` or `= concat!(..)`.
fn text(option: &Ident, input: ParseStream<'_>, example: &str) -> Result<Expr> {
    let expected = format!("a string or a constant, such as `{example}`");
    let mut text: Expr = value(option, input, &expected)?;
    while let Expr::Group(group) = text {
        text = *group.expr;
    }
    match text {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) | Expr::Path(_) | Expr::Macro(_) => Ok(text),
        other => Err(Error::new_spanned(other, format!("the option `{option}` takes {expected}"))),
    }
}

/// Reads what follows `err`.
fn err(option: &Ident, input: ParseStream<'_>) -> Result<ErrOption> {
    let level = if input.is_empty() || input.peek(Token![,]) {
        None
    } else {
        let level: LitStr = value(option, input, "no value, or the level of an event, such as `err = \"warn\"`")?;
        check_level(&level)?;
        Some(level)
    };
    Ok(ErrOption { option: option.clone(), level })
}

const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

/// Checks that a text is a level's name.
pub(crate) fn check_level(level: &LitStr) -> Result<()> {
    if LEVELS.contains(&level.value().as_str()) {
        return Ok(());
    }
    let list = LEVELS.map(|level| format!("`{level}`")).join(", ");
    Err(Error::new(level.span(), format!("unknown level {:?}; levels are {list}", level.value())))
}

/// Checks that nothing follows an option that takes no value.
fn flag(option: &Ident, input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(Error::new(option.span(), format!("the option `{option}` takes no value; write `{option}` alone")))
}

fn predicate(option: &Ident, input: ParseStream<'_>) -> Result<Predicate> {
    let example = if option == "usage" { "|answer| &answer.usage" } else { "Option::is_none" };
    let expected = format!("a path to a function, such as `{option} = {example}`");
    let function: Expr = value(option, input, &expected)?;
    if !matches!(function, Expr::Path(_) | Expr::Closure(_)) {
        let message = format!("the option `{option}` takes {expected}");
        return Err(Error::new_spanned(function, message));
    }
    Ok(Predicate { option: option.clone(), function })
}

/// Reads `(one, another)`.
fn list<T: Parse>(option: &Ident, input: ParseStream<'_>, example: &str) -> Result<Vec<T>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(option.span(), format!("the option `{option}` takes a list, such as `{example}`")));
    }
    let list;
    parenthesized!(list in input);
    let read = Punctuated::<T, Token![,]>::parse_terminated(&list);
    if read.is_err() {
        // The rest of the list is not an error of its own.
        list.parse::<TokenStream>()?;
    }
    Ok(read?.into_iter().collect())
}

impl Parse for ObjectivePart {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

impl Parse for NamedLabel {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Err(input.error("a label's name is written without quotes, such as `labels(region = region)`"));
        }
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        if !input.peek(Token![=]) {
            return Ok(Self { name, value: FieldValue::Later });
        }
        input.parse::<Token![=]>()?;
        let value = if input.peek(Token![%]) {
            input.parse::<Token![%]>()?;
            FieldValue::Display(input.parse()?)
        } else if input.peek(Token![?]) {
            input.parse::<Token![?]>()?;
            FieldValue::Debug(input.parse()?)
        } else {
            FieldValue::Value(input.parse()?)
        };
        Ok(Self { name, value })
    }
}

impl Parse for FieldName {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            let name: LitStr = input.parse()?;
            if name.value().is_empty() {
                return Err(Error::new(
                    name.span(),
                    "a field's name is not empty, such as `fields(\"http.method\" = method)`",
                ));
            }
            return Ok(Self::Text(name));
        }
        if input.peek(syn::token::Brace) {
            let message =
                "a field's name is written out, such as `fields(http.method = method)`: it cannot be a constant";
            return Err(input.error(message));
        }
        let mut name = Punctuated::new();
        loop {
            name.push_value(input.call(Ident::parse_any)?);
            if !input.peek(Token![.]) {
                return Ok(Self::Path(name));
            }
            name.push_punct(input.parse()?);
        }
    }
}

impl Field {
    /// The name as it is shown: `http.method`.
    pub(crate) fn text(&self) -> String {
        match &self.name {
            FieldName::Path(name) => {
                name.iter().map(Ident::unraw).map(|part| part.to_string()).collect::<Vec<_>>().join(".")
            }
            FieldName::Text(name) => name.value(),
        }
    }

    /// The name, where it is a single word.
    pub(crate) fn word(&self) -> Option<&Ident> {
        match &self.name {
            FieldName::Path(name) if name.len() == 1 => name.first(),
            _ => None,
        }
    }
}

impl ToTokens for Field {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.name {
            FieldName::Path(name) => name.to_tokens(tokens),
            FieldName::Text(name) => name.to_tokens(tokens),
        }
    }
}

/// Adds an error to those there are.
pub(crate) fn combine(errors: &mut Option<Error>, error: Error) {
    match errors {
        Some(errors) => errors.combine(error),
        None => *errors = Some(error),
    }
}

/// Leaves out the rest of an argument that could not be read.
fn skip_to_comma(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}
