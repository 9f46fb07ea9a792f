//! Where tokens of ours are shown, when the compiler speaks of them.

use proc_macro2::{Group, Span, TokenStream, TokenTree};

/// The tokens, shown at `place`. Their names mean the same as before.
///
/// An expression is shown from its first token on: so a path of ours must stand where the rest does.
pub(crate) fn shown_at(place: Span, tokens: &TokenStream) -> TokenStream {
    tokens.clone().into_iter().map(|token| move_token(place, token)).collect()
}

fn move_token(place: Span, mut token: TokenTree) -> TokenTree {
    if let TokenTree::Group(group) = &token {
        let mut moved = Group::new(group.delimiter(), shown_at(place, &group.stream()));
        moved.set_span(group.span());
        token = TokenTree::Group(moved);
    }
    token.set_span(token.span().located_at(place));
    token
}
