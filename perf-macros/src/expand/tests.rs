//! The expansions of the attributes, as text: a change of them shows here, without a compiler.

use super::{SECTION, attribute};
use crate::kind::Kind;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ItemFn, Stmt};

mod arguments;
mod around;
mod futures;
mod plan;
mod profile;
mod streams;
mod sync;
mod usage;

fn pretty(file: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(file).expect("an expansion is Rust"))
}

/// The function that `#[monitor(args)]` makes, its site left out: that is the same for all.
fn monitored(args: TokenStream, item: &TokenStream) -> String {
    let mut function: ItemFn = syn::parse2(attribute(Kind::Operation, args, item)).expect("a function");
    assert!(matches!(function.block.stmts.remove(0), Stmt::Item(_)), "the site comes first");
    pretty(function.into_token_stream())
}

#[track_caller]
fn assert_written(written: &str, expected: TokenStream) {
    assert_eq!(written, pretty(expected), "what is written has changed");
}
