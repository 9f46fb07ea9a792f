//! Where a sync body stands while it is measured.

use crate::function::Function;
use crate::shape::{cannot_fail, returns_closure};
use proc_macro2::{TokenStream, TokenTree};
use syn::{FnArg, ReceiverKind, Signature, Type};

/// How the end of a sync body is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The body is a block in its function, which ends with a value. So it sees its caller's place as it did.
    Block,
    /// The body stays in its function and may leave it early: its call ends with the scope, and its value is not looked at.
    Scope,
    /// The body is a closure: what leaves it early leaves the closure.
    Closure,
}

/// Macros of the standard library, none of which leaves the function that it is called in.
const STAYING: [&str; 33] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "cfg",
    "column",
    "compile_error",
    "concat",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "env",
    "eprint",
    "eprintln",
    "file",
    "format",
    "format_args",
    "include_bytes",
    "include_str",
    "line",
    "matches",
    "module_path",
    "option_env",
    "panic",
    "print",
    "println",
    "stringify",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

impl Guard {
    /// `looks_at_value`: an option asks for the value that the body returns.
    pub(crate) fn of(function: &Function, looks_at_value: bool) -> Self {
        let sig = &function.sig;
        // A closure that is returned as `impl Fn(..)` takes the types of its parameters from there, which it would not see
        // from within a `let` or a closure of ours.
        if !looks_at_value && returns_closure(sig) {
            return Self::Scope;
        }
        let tracks_caller = function.tracks_caller();
        if takes_self_whole(sig) && !tracks_caller {
            return Self::Closure;
        }
        if !may_leave_early(function.body.clone()) {
            return Self::Block;
        }
        if tracks_caller && !looks_at_value && cannot_fail(sig) { Self::Scope } else { Self::Closure }
    }
}

impl Function {
    /// Whether the function is known to see its caller's place: as the methods of `Index` and `IndexMut` do.
    pub(crate) fn tracks_caller(&self) -> bool {
        let index = self.sig.receiver().is_some() && (self.sig.ident == "index" || self.sig.ident == "index_mut");
        index || self.track_caller().is_some()
    }
}

/// Whether `self` is given away: a block cannot bind it anew, so what is left of it would be dropped after the call has ended.
fn takes_self_whole(sig: &Signature) -> bool {
    sig.inputs.iter().any(|input| match input {
        FnArg::Receiver(receiver) => match &receiver.kind {
            ReceiverKind::Reference(..) => false,
            ReceiverKind::Typed(_, ty) => !matches!(**ty, Type::Reference(_)),
            _ => true,
        },
        FnArg::Typed(_) => false,
    })
}

/// Whether a body may leave its function before its end: by a word, or by a macro that nobody knows here.
fn may_leave_early(body: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    tokens.iter().enumerate().any(|(place, token)| match token {
        TokenTree::Punct(mark) => mark.as_char() == '?',
        TokenTree::Ident(word) if word == "return" || word == "yield" || word == "become" => true,
        TokenTree::Ident(name) => {
            is_macro(&tokens[place + 1..])
                && !(STAYING.iter().any(|staying| name == staying) && is_of_standard_library(&tokens[..place]))
        }
        TokenTree::Group(group) => may_leave_early(group.stream()),
        TokenTree::Literal(_) => false,
    })
}

/// Whether the tokens after a name make it the name of a macro that is called.
fn is_macro(after: &[TokenTree]) -> bool {
    matches!(after, [TokenTree::Punct(mark), TokenTree::Group(_), ..] if mark.as_char() == '!')
}

/// Whether the tokens before a name let it be one of the standard library's: no path, or one that begins there.
fn is_of_standard_library(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(root), TokenTree::Punct(first), TokenTree::Punct(second)]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            ["alloc", "core", "std"].iter().any(|library| root == library)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn guard(item: TokenStream) -> Guard {
        Guard::of(&Function::read(item, "monitor").expect("a function"), false)
    }

    #[test]
    fn a_body_that_ends_with_its_value_stays_a_block() {
        for item in [
            quote!(
                fn f(&self) -> Result<u8, E> {
                    self.g(vec![1]).map(|n| n != 1)
                }
            ),
            quote!(
                fn f(n: u8) {
                    assert!(n > 1, "{}", ::std::format!("{n}"));
                    let rows = Rows { all: &vec![n] };
                    loop {
                        break;
                    }
                }
            ),
            quote!(
                #[track_caller]
                fn f(self) -> u8 {
                    self.0
                }
            ),
        ] {
            assert_eq!(guard(item.clone()), Guard::Block, "{item}");
        }
    }

    #[test]
    fn a_body_that_may_leave_early_is_a_closure() {
        for item in [
            quote!(
                fn f() -> Result<u8, E> {
                    Ok(g()?)
                }
            ),
            quote!(
                fn f() -> Result<u8, E> {
                    if true {
                        return Ok(1);
                    }
                    h()
                }
            ),
            quote!(
                fn f() -> Result<u8, E> {
                    {
                        ensure!(true);
                    }
                    h()
                }
            ),
            quote!(
                fn f() -> Result<u8, E> {
                    checks::assert!(true);
                    h()
                }
            ),
            quote!(
                fn f(&self) {
                    if self.0 {
                        return;
                    }
                }
            ),
            quote!(
                fn f(self) {}
            ),
            quote!(
                fn f(self: Box<Self>) {}
            ),
        ] {
            assert_eq!(guard(item.clone()), Guard::Closure, "{item}");
        }
    }

    #[test]
    fn a_body_that_leaves_early_keeps_its_callers_place_where_it_cannot_fail() {
        for item in [
            quote!(
                fn index(&self, at: usize) -> &u8 {
                    if at == 0 {
                        return &self.0;
                    }
                    fail!()
                }
            ),
            quote!(
                #[track_caller]
                fn f() {
                    if g() {
                        return;
                    }
                }
            ),
            quote!(
                fn f() -> impl Fn(u8) -> u8 {
                    |n| n
                }
            ),
        ] {
            assert_eq!(guard(item.clone()), Guard::Scope, "{item}");
        }
        assert_eq!(
            guard(quote!(
                #[track_caller]
                fn f() -> Answer {
                    g()?
                }
            )),
            Guard::Closure
        );
    }
}
