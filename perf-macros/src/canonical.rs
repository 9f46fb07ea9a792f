//! Bodies that clippy wants to find word for word: inside ours it would miss them.

use crate::function::Function;
use proc_macro2::{TokenStream, TokenTree};

/// Whether the body is one that `clippy::non_canonical_clone_impl` or `clippy::non_canonical_partial_ord_impl` asks for.
pub(crate) fn is_canonical(function: &Function) -> bool {
    let body = words(function.body.clone());
    let body: Vec<&str> = body.iter().map(String::as_str).collect();
    match (function.sig.ident.to_string().as_str(), body.as_slice()) {
        ("clone", body) => body == ["*", "self"],
        ("partial_cmp", ["Some", "(", ..] | [.., ".", "into", "(", ")"]) => {
            body.contains(&"cmp") && !body.iter().any(|&word| word == ";" || word == "{")
        }
        _ => false,
    }
}

/// The tokens as words, without what stands between them.
fn words(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let text = group.to_string();
                words.extend(text.chars().next().map(String::from));
                words.extend(self::words(group.stream()));
                words.extend(text.chars().last().map(String::from));
            }
            other => words.push(other.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn bodies_are_canonical_word_for_word() {
        let is = |item: TokenStream| is_canonical(&Function::read(item, "monitor").expect("a function"));
        assert!(is(quote!(
            fn clone(&self) -> Self {
                *self
            }
        )));
        assert!(is(quote!(
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        )));
        assert!(is(quote!(
            fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
                Ord::cmp(self, o).into()
            }
        )));
        assert!(!is(quote!(
            fn clone(&self) -> Self {
                Self(self.0)
            }
        )));
        assert!(!is(quote!(
            fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
                self.0.partial_cmp(&o.0)
            }
        )));
        assert!(!is(quote!(
            fn other(&self) -> Self {
                *self
            }
        )));
    }
}
