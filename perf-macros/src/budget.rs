//! The option `budget` of an agent: limits for each of its runs, read while compiling.

use crate::kind::Kind;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, LitStr, Result};

/// The most dollars, as in budgets of the settings.
const MOST_DOLLARS: u64 = 9_000_000;
/// Parts of a dollar.
const PICOS: u64 = 1_000_000_000_000;
/// Places behind the point.
const PLACES: usize = 12;

const EXPECTED: &str =
    "limits of a run, such as `budget = \"$0.50\"`, `\"20_000 tokens\"`, `\"12 calls\"`, or several with commas";

/// The limits, by the names of the runtime's variants.
pub(crate) struct Budget(Vec<(&'static str, u64)>);

impl Budget {
    /// Reads the option's text.
    pub(crate) fn new(text: Option<&LitStr>, kind: Kind) -> Result<Option<Self>> {
        let Some(text) = text else { return Ok(None) };
        if kind != Kind::Agent {
            let message = "a budget is of the runs of an agent: `budget` stands on `monitor_agent`; \
                 others are in `[[llm.budgets]]` of the settings";
            return Err(Error::new_spanned(text, message));
        }
        let refused = |why: &str| Error::new_spanned(text, format!("the option `budget` takes {EXPECTED}; {why}"));
        let mut limits: Vec<(&'static str, u64)> = Vec::new();
        for part in text.value().split(',') {
            let limit = limit(part.trim()).map_err(|why| refused(&why))?;
            if limits.iter().any(|(measure, _)| *measure == limit.0) {
                return Err(refused(&format!("{part:?} limits the same once more")));
            }
            limits.push(limit);
        }
        Ok(Some(Self(limits)))
    }

    pub(crate) fn tokens(&self, runtime: &TokenStream) -> TokenStream {
        let limits = self.0.iter().map(|(measure, amount)| {
            let measure = Ident::new(measure, proc_macro2::Span::call_site());
            quote!(#runtime::RunBudget::#measure(#amount))
        });
        quote!(&[#(#limits),*])
    }
}

fn limit(part: &str) -> core::result::Result<(&'static str, u64), String> {
    if let Some(dollars) = part.strip_prefix('$') {
        return picos(dollars.trim()).map(|picos| ("Picos", picos));
    }
    let Some((amount, unit)) = part.split_once(char::is_whitespace) else {
        return Err(format!("{part:?} has no unit: `$`, `tokens` or `calls`"));
    };
    let count = || digits(amount).and_then(|digits| digits.parse().ok());
    match unit.trim() {
        "dollar" | "dollars" => picos(amount).map(|picos| ("Picos", picos)),
        "token" | "tokens" => count().map(|count| ("Tokens", count)).ok_or_else(|| format!("{amount:?} is no count")),
        "call" | "calls" => count().map(|count| ("Calls", count)).ok_or_else(|| format!("{amount:?} is no count")),
        other => Err(format!("{other:?} is no unit: `$`, `tokens` or `calls`")),
    }
}

/// The digits of a count, without underscores; `None` where there is anything else.
fn digits(text: &str) -> Option<String> {
    let digits = text.replace('_', "");
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn picos(text: &str) -> core::result::Result<u64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let read = || {
        let whole: u64 = digits(whole)?.parse().ok().filter(|whole| *whole <= MOST_DOLLARS)?;
        let part = digits(part).filter(|part| part.len() <= PLACES)?;
        let part: u64 = format!("{part:0<PLACES$}").parse().ok()?;
        whole.checked_mul(PICOS)?.checked_add(part).filter(|picos| *picos <= MOST_DOLLARS * PICOS)
    };
    read().ok_or_else(|| format!("{text:?} is no amount of dollars: 0 to 9 million, with at most {PLACES} places"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> core::result::Result<Vec<(&'static str, u64)>, String> {
        let text = LitStr::new(text, proc_macro2::Span::call_site());
        Budget::new(Some(&text), Kind::Agent).map(|budget| budget.unwrap().0).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_read() {
        assert_eq!(read("$0.50"), Ok(vec![("Picos", 500_000_000_000)]));
        assert_eq!(read("0.000000000001 dollars"), Ok(vec![("Picos", 1)]));
        assert_eq!(read("$9000000"), Ok(vec![("Picos", 9_000_000_000_000_000_000)]));
        assert_eq!(read("$ 2, 20_000 tokens, 12 calls").unwrap()[1..], [("Tokens", 20_000), ("Calls", 12)]);
        assert_eq!(read("0 calls"), Ok(vec![("Calls", 0)]));
    }

    #[test]
    fn what_is_no_limit_says_why() {
        for (text, why) in [
            ("", "\"\" has no unit"),
            ("5", "\"5\" has no unit"),
            ("5 euros", "\"euros\" is no unit"),
            ("$-1", "\"-1\" is no amount"),
            ("$9000000.01", "0 to 9 million"),
            ("$0.0000000000001", "at most 12 places"),
            ("$1e3", "is no amount"),
            ("1.5 calls", "\"1.5\" is no count"),
            ("99999999999999999999 tokens", "is no count"),
            ("$1, $2", "\" $2\" limits the same once more"),
            ("$1,", "\"\" has no unit"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why) && error.contains("budget = \"$0.50\""), "{text}: {error}");
        }
        let text = LitStr::new("$1", proc_macro2::Span::call_site());
        assert!(Budget::new(Some(&text), Kind::Tool).err().unwrap().to_string().contains("monitor_agent"));
    }
}
