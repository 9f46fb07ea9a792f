//! The promises of a function: `buckets`, `slow`, `objective`.

use crate::args::{ObjectivePart, combine};
use crate::plan::Plan;
use crate::profile::Profile;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Expr, ExprArray, ExprLit, Lit, LitStr, Result};

/// Bounds nearer than this to one another would fall into one bucket of the runtime's, which are at most 1/16 wide.
const NEAREST: f64 = 1.0 + 1.0 / 16.0;
/// Longer than the runtime tells apart, 78 hours, in nanoseconds.
const TOO_LONG: f64 = (1_u64 << 48) as f64;
const NANOS_PER_SECOND: f64 = 1e9;
const UNITS: [(&str, f64); 6] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9)];

pub(crate) struct Targets {
    /// Seconds, ascending.
    buckets: Option<Vec<f64>>,
    slow: Option<Limit>,
    objective: Option<Objective>,
}

/// A duration at which something is judged.
#[derive(Clone, Copy)]
struct Limit {
    nanos: u64,
    span: Span,
}

/// Shares are 0 to 1.
struct Objective {
    latency: Option<(Limit, f64)>,
    success: Option<f64>,
}

impl Targets {
    pub(crate) fn new(
        buckets: Option<&ExprArray>,
        slow: Option<&LitStr>,
        objective: Option<&[ObjectivePart]>,
    ) -> Result<Self> {
        let mut errors = None;
        let buckets = keep(buckets.map(bounds), &mut errors);
        let slow = keep(slow.map(limit), &mut errors);
        let objective = keep(objective.map(read_objective), &mut errors);
        let targets = Self { buckets, slow, objective };
        match errors {
            Some(errors) => Err(errors),
            None => targets.check_distances().map(|()| targets),
        }
    }

    /// Durations that are judged become bounds: each may equal another bound, but not come too near to it.
    fn check_distances(&self) -> Result<()> {
        let latency = self.objective.as_ref().and_then(|objective| objective.latency).map(|(limit, _)| limit);
        let mut others = self.buckets.clone().unwrap_or_default();
        for Limit { nanos, span } in [self.slow, latency].into_iter().flatten() {
            let seconds = nanos as f64 / NANOS_PER_SECOND;
            if let Some(near) = others.iter().find(|&&other| too_near(other, seconds)) {
                let message = format!(
                    "{seconds} s is too near to another bound, {near} s: make them equal or at least 6.25 % apart"
                );
                return Err(Error::new(span, message));
            }
            others.push(seconds);
        }
        Ok(())
    }

    /// The targets for the site; `None` where there are none.
    pub(crate) fn tokens(
        &self,
        runtime: &TokenStream,
        name: &Expr,
        profile: Option<&Profile>,
        plan: Plan,
        streams: bool,
    ) -> Option<TokenStream> {
        let promises = self.buckets.is_some() || self.slow.is_some() || self.objective.is_some();
        if !promises && profile.is_none() && plan.is_plain() && !streams {
            return None;
        }
        let buckets = self.buckets.as_ref().map(|bounds| quote!(.buckets(&[#(#bounds),*])));
        let slow = self.slow.map(|Limit { nanos, .. }| quote!(.slow(#nanos)));
        let objective = self.objective.as_ref().map(|Objective { latency, success }| {
            let latency = option(latency.map(|(Limit { nanos, .. }, share)| quote!((#nanos, #share))));
            let success = option(success.map(|share| quote!(#share)));
            quote!(.objective(#runtime::Objective { latency: #latency, success: #success }))
        });
        let (profile, plan) = (profile.map(Profile::target), plan.target());
        let streams = streams.then(|| quote!(.streams()));
        Some(quote!(const { #runtime::Targets::new(#name) #buckets #slow #objective #profile #plan #streams }))
    }
}

/// A value as it was read; where that failed, the error is kept.
fn keep<T>(read: Option<Result<T>>, errors: &mut Option<Error>) -> Option<T> {
    read?.map_err(|error| combine(errors, error)).ok()
}

fn option(tokens: Option<TokenStream>) -> TokenStream {
    tokens.map_or_else(|| quote!(::core::option::Option::None), |tokens| quote!(::core::option::Option::Some(#tokens)))
}

fn too_near(one: f64, other: f64) -> bool {
    let (small, large) = if one < other { (one, other) } else { (other, one) };
    small < large && large < small * NEAREST
}

fn bounds(array: &ExprArray) -> Result<Vec<f64>> {
    if array.elems.is_empty() {
        return Err(Error::new_spanned(array, "`buckets` is empty: give at least one bound, in seconds"));
    }
    let mut bounds: Vec<f64> = Vec::with_capacity(array.elems.len());
    for elem in &array.elems {
        let bound = number(elem)?;
        let problem = if !bound.is_finite() || bound <= 0.0 {
            "a bound is a positive, finite number of seconds; the bucket without a bound is there by itself".to_owned()
        } else if bound * NANOS_PER_SECOND < 1.0 || bound * NANOS_PER_SECOND >= TOO_LONG {
            "a bound is from 1 nanosecond to 78 hours, in seconds".to_owned()
        } else if bounds.last().is_some_and(|&last| bound <= last) {
            "bounds are ascending: each is larger than the one before".to_owned()
        } else if let Some(last) = bounds.last().filter(|&&last| too_near(last, bound)) {
            format!("this bound is too near to {last}: bounds are at least 6.25 % apart")
        } else {
            bounds.push(bound);
            continue;
        };
        return Err(Error::new_spanned(elem, problem));
    }
    Ok(bounds)
}

fn number(expr: &Expr) -> Result<f64> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => number_of(lit),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => Ok(-number(&unary.expr)?),
        Expr::Group(group) => number(&group.expr),
        _ => Err(Error::new_spanned(expr, "a number is needed here, such as `0.25`")),
    }
}

fn number_of(lit: &Lit) -> Result<f64> {
    let parsed = match lit {
        Lit::Float(float) => float.base10_parse().ok(),
        Lit::Int(int) => int.base10_parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| Error::new(lit.span(), "a number is needed here, such as `0.25`"))
}

/// Reads `"250ms"`.
fn limit(text: &LitStr) -> Result<Limit> {
    let value = text.value();
    let digits = value.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(value.len());
    let number = value[..digits].parse::<f64>().ok();
    let factor = UNITS.iter().find(|(name, _)| *name == value[digits..].trim()).map(|&(_, factor)| factor);
    match number.zip(factor).map(|(number, factor)| (number * factor).round()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        Some(nanos) if (1.0..TOO_LONG).contains(&nanos) => Ok(Limit { nanos: nanos as u64, span: text.span() }),
        Some(_) => Err(Error::new(text.span(), format!("{value:?} is out of range: from 1 nanosecond to 78 hours"))),
        None => {
            let message = format!(
                "{value:?} is not a duration: write a number and one of the units ns, us, ms, s, m, h, such as \"250ms\""
            );
            Err(Error::new(text.span(), message))
        }
    }
}

fn read_objective(parts: &[ObjectivePart]) -> Result<Objective> {
    let (mut latency, mut percentile, mut success) = (None, None, None);
    for ObjectivePart { name, value } in parts {
        let place = match name.to_string().as_str() {
            "latency" => &mut latency,
            "percentile" => &mut percentile,
            "success" => &mut success,
            unknown => {
                let message =
                    format!("unknown part `{unknown}` of an objective; it has `latency`, `percentile` and `success`");
                return Err(Error::new(name.span(), message));
            }
        };
        if place.replace(value).is_some() {
            return Err(Error::new(name.span(), format!("the objective has two parts `{name}`; keep one")));
        }
    }
    let latency = match (latency, percentile) {
        (Some(Lit::Str(text)), Some(percentile)) => Some((limit(text)?, share(percentile)?)),
        (Some(Lit::Str(text)), None) => {
            return Err(Error::new(text.span(), "of which share of calls? Add `percentile = 99.0`"));
        }
        (Some(other), _) => return Err(Error::new(other.span(), "`latency` is a duration, such as \"250ms\"")),
        (None, Some(percentile)) => {
            return Err(Error::new(percentile.span(), "a percentile of which latency? Add `latency = \"250ms\"`"));
        }
        (None, None) => None,
    };
    let success = success.map(share).transpose()?;
    if latency.is_none() && success.is_none() {
        let message = "an empty objective: give `latency` and `percentile`, or `success`, or all three";
        return Err(Error::new(Span::call_site(), message));
    }
    Ok(Objective { latency, success })
}

/// Reads per cent as a share.
fn share(lit: &Lit) -> Result<f64> {
    let percent = number_of(lit)?;
    if percent > 0.0 && percent <= 1.0 {
        let message = format!(
            "per cent are meant, and {percent} would be hardly any call: write {} for this share",
            tidy(percent)
        );
        return Err(Error::new(lit.span(), message));
    }
    if percent > 1.0 && percent < 100.0 {
        return Ok(percent / 100.0);
    }
    Err(Error::new(lit.span(), "out of range: per cent, above 0 and below 100, such as 99.9"))
}

/// A share in per cent, without the dust of binary fractions.
fn tidy(share: f64) -> f64 {
    if share < 1.0 { (share * 1e10).round() / 1e8 } else { 99.9 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn message<T>(result: Result<T>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn literal(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let nanos = |text: &str| limit(&literal(text)).map(|limit| limit.nanos);
        assert_eq!(nanos("250ms").unwrap(), 250_000_000);
        assert_eq!(nanos("1.5 s").unwrap(), 1_500_000_000);
        assert_eq!(nanos("2h").unwrap(), 7_200_000_000_000);
        for bad in ["", "250", "ms", "250 parsecs", "-3s", "1..2s"] {
            assert!(message(nanos(bad)).contains("is not a duration"), "{bad}");
        }
        assert!(message(nanos("0s")).contains("out of range"));
        assert!(message(nanos("1000h")).contains("out of range"));
    }

    #[test]
    fn buckets_are_positive_finite_ascending_and_apart() {
        assert_eq!(bounds(&parse_quote!([0.1, 1, 2.5])).unwrap(), [0.1, 1.0, 2.5]);
        let refused = |array: ExprArray| message(bounds(&array));
        assert!(refused(parse_quote!([])).contains("is empty"));
        assert!(refused(parse_quote!([1.0, 0.5])).contains("ascending"));
        assert!(refused(parse_quote!([1.0, 1.0])).contains("ascending"));
        assert!(refused(parse_quote!([-1.0])).contains("positive"));
        assert!(refused(parse_quote!([1e999])).contains("finite"));
        assert!(refused(parse_quote!([f64::NAN])).contains("a number"));
        assert!(refused(parse_quote!([1.0, 1.05])).contains("too near to 1"));
    }

    #[test]
    fn a_share_that_was_meant_as_a_fraction_is_told_in_per_cent() {
        let read = |lit: Lit| message(share(&lit));
        assert!(read(parse_quote!(0.999)).contains("write 99.9"), "{}", read(parse_quote!(0.999)));
        assert!(read(parse_quote!(1)).contains("per cent are meant"));
        assert!((share(&parse_quote!(99.9)).unwrap() - 0.999).abs() < 1e-12);
    }

    #[test]
    fn what_is_judged_is_a_bound_or_apart_from_all() {
        let with = |slow: &str| Targets::new(Some(&parse_quote!([0.1, 0.5])), Some(&literal(slow)), None);
        assert!(with("500ms").is_ok() && with("250ms").is_ok());
        assert!(message(with("510ms")).contains("too near to another bound, 0.5 s"));
    }
}
